// @ts-check
/**
 * What `node:dgram` itself costs: every datagram goes back as it came with QR set, and nothing else is done. Uses the
 * socket that the server uses.
 */
import { datagram, limits } from './built.mjs'

const { datagramSocket } = await datagram()
const { defaultLimits } = await limits()
const [address, port] = process.argv.slice(2)
const socket = datagramSocket(4)
socket.on('message', (bytes, from) => {
  bytes[2] = (bytes[2] ?? 0) | 0x80
  socket.send(bytes, from.port, from.address)
})
socket.bind(Number(port), address, () => socket.setRecvBufferSize(defaultLimits.server.udpReceiveBufferBytes))
process.once('SIGTERM', () => process.exit(0))
