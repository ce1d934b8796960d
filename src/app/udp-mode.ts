/**
 * Whether datagrams can be moved in batches here, and if not, why. Decided once, at the start: the result is logged and
 * does not change while the server runs.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadLibc, type Libc } from '../net/linux/libc.ts'

export type UdpMode =
  | { readonly kind: 'batch'; readonly libc: Libc; readonly entry: URL }
  | { readonly kind: 'plain'; readonly why: string }
  /** It was asked for and cannot be had. */
  | { readonly kind: 'impossible'; readonly why: string }

/** The program of the listener threads is next to this file in the build. */
const BUILT = new URL('listener-thread.js', import.meta.url)

export function chooseUdpMode(wanted: 'auto' | 'batch' | 'plain', entry: URL = BUILT): UdpMode {
  if (wanted === 'plain') return { kind: 'plain', why: 'so configured' }
  const found = existsSync(fileURLToPath(entry))
    ? loadLibc()
    : { kind: 'unavailable' as const, reason: 'the program runs from its sources' }
  if (found.kind === 'libc') return { kind: 'batch', libc: found.libc, entry }
  return wanted === 'auto' ? { kind: 'plain', why: found.reason } : { kind: 'impossible', why: found.reason }
}
