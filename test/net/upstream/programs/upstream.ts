/**
 * A process that asks a server over bare descriptors, as told by its argument, and then has nothing to do. Bundled and
 * run by a test.
 */
import { parseIp } from '../../../../src/dns/address.ts'
import { limitsWith } from '../../../../src/limits.ts'
import { loadLibc } from '../../../../src/net/linux/libc.ts'
import { systemClock, systemRandom } from '../../../../src/system/system.ts'
import { createNetwork } from '../../../../src/net/upstream/network.ts'
import { serverAddress } from '../../../../src/ports.ts'

const [mode = '', port = '0'] = process.argv.slice(2)
const found = loadLibc()
const ip = parseIp('127.0.0.1')
if (found.kind !== 'libc' || ip === null) throw new Error('no libc')
// Only the process that waits for its sockets to be too old has a short age: on a busy machine a reply takes longer.
const limits = limitsWith(mode === 'idle' ? { upstream: { socketAgeMs: 50 } } : {})
const network = createNetwork({
  clock: systemClock(),
  random: systemRandom(),
  limits,
  events: () => {},
  libc: found.libc,
})
const query = Uint8Array.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1])
if (mode !== 'none') {
  network.exchange(serverAddress(ip, Number(port)), 'udp', query, 20_000, result => {
    console.log(result.kind)
    if (mode === 'close') network.close()
    if (mode === 'exit') process.exit(7)
    if (mode === 'throw') throw new Error('a bug of the caller')
  })
}
process.on('exit', () => console.log(`at the end ${network.usage().udpSockets}`))
