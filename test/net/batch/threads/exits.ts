/** Opens listener threads and ends the process in the way its argument says, while they sleep. A test program. */
import { openListeners } from '../../../../src/net/listen/listeners.ts'
import { loadLibc } from '../../../../src/net/linux/libc.ts'
import { systemClock } from '../../../../src/system/system.ts'
import { limitsWith } from '../../../../src/limits.ts'

const [, , way = '', entry = ''] = process.argv
const found = loadLibc()
if (found.kind === 'libc') {
  const listeners = await openListeners({
    bindings: [
      { address: '127.0.0.1', port: 0 },
      { address: '127.0.0.1', port: 0 },
    ],
    onMessage: () => {},
    clock: systemClock(),
    limits: limitsWith({}),
    events: () => {},
    batch: {
      libc: found.libc,
      entry: new URL(entry),
      program: () => null,
      threads: 1,
      onNote: () => {},
      onLost: () => {},
    },
  })
  // Long enough for the threads to be asleep in the kernel.
  setTimeout(() => {
    process.stdout.write('listening\n')
    if (way === 'exit') process.exit(0)
    else if (way === 'throw') throw new Error('on purpose')
    else void listeners.close()
  }, 150)
}
