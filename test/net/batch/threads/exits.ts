/** Opens listener threads and ends the process in the way its argument says, while they sleep. A test program. */
import { readdirSync, readFileSync } from 'node:fs'
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
      onHitReport: () => {},
      onLost: () => {},
    },
  })
  await allAsleep()
  process.stdout.write('listening\n')
  if (way === 'exit') process.exit(0)
  else if (way === 'throw') throw new Error('on purpose')
  else void listeners.close()
}

/** Waits until all threads but this one have been asleep in the kernel each time they were looked at for a while. */
async function allAsleep(): Promise<void> {
  const LOOKS = 200
  const others = (): string[] => readdirSync('/proc/self/task').filter(id => id !== String(process.pid))
  // proc(5): the state follows the name, which is in brackets.
  const isAsleep = (id: string): boolean => /\) S /.test(readFileSync(`/proc/self/task/${id}/stat`, 'latin1'))
  for (let looks = 0; looks < LOOKS; ) {
    await new Promise<void>(resolve => setImmediate(resolve))
    try {
      looks = others().every(isAsleep) ? looks + 1 : 0
    } catch {
      // A thread ended between the list and the look.
      looks = 0
    }
  }
}
