// @ts-check
/** What `node:dgram` itself costs: every datagram goes back with QR set and nothing else done. Uses the socket that the server uses. */
import { datagram, limits } from './built.mjs'

const { datagramSocket } = await datagram()
const { defaultLimits } = await limits()
const [address, port] = process.argv.slice(2)
const socket = datagramSocket(4)
const out = Buffer.alloc(1_232)
socket.on('message', (bytes, from) => {
  out.set(bytes)
  out[2] = (out[2] ?? 0) | 0x80
  socket.send(out, 0, bytes.length, from.port, from.address)
})
socket.bind(Number(port), address, () => socket.setRecvBufferSize(defaultLimits.server.udpReceiveBufferBytes))
process.once('SIGTERM', () => process.exit(0))
