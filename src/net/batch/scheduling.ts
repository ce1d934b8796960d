/**
 * Asks the scheduler to run this thread soon after it wakes: a listener thread works for microseconds, and must not
 * wait for the milliseconds of a resolution when both share one core. It asks for short slices (sched_setattr(2), which
 * Linux grants without privileges since 6.12 and earlier ones pass over); nothing is taken from other programs.
 */
import type { Libc } from '../linux/libc.ts'

/** The numbers of sched_setattr and sched_getattr. */
const CALLS: ReadonlyMap<string, readonly [set: number, get: number]> = new Map([
  ['x64', [314, 315]],
  ['arm64', [274, 275]],
])
/** struct sched_attr, first version: size, policy, flags, nice, priority, runtime, deadline, period. */
const ATTRIBUTE_OCTETS = 48
const POLICY = 4
const RUNTIME = 24
const SCHED_OTHER = 0

/** For the thread that calls. True when the kernel took it, which does not say that it heeds it. */
export function askForShortSlices(libc: Pick<Libc, 'addressOf' | 'syscall'>, sliceMicros: number): boolean {
  const numbers = CALLS.get(process.arch)
  if (numbers === undefined) return false
  const [set, get] = numbers
  const bytes = new Uint8Array(new ArrayBuffer(ATTRIBUTE_OCTETS))
  const view = new DataView(bytes.buffer)
  const at = libc.addressOf(bytes)
  // What else is set, niceness above all, stays; who was given another policy on purpose keeps that.
  if (libc.syscall(get, 0, at, ATTRIBUTE_OCTETS, 0) < 0 || view.getUint32(POLICY, true) !== SCHED_OTHER) return false
  view.setUint32(0, ATTRIBUTE_OCTETS, true)
  view.setBigUint64(RUNTIME, BigInt(sliceMicros) * 1_000n, true)
  return libc.syscall(set, 0, at, 0, 0) >= 0
}
