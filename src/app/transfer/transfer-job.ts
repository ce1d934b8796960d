/**
 * One zone fetched from one primary, kept as a copy on disk and handed over flat: in whatever thread. Small zones are
 * fetched next to serving, others by the program of `transfer-thread.ts`.
 */
import type { Name } from '../../dns/name.ts'
import type { TransferLimits } from '../../limits.ts'
import type { ServerAddress } from '../../ports.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import type { TsigKey } from '../../transfer/key.ts'
import type { FlatZone } from '../../zone/flat-zone.ts'
import { saveCopy } from './copies.ts'
import { type Fetched, fetchZone } from './fetch.ts'

export interface TransferJob {
  readonly zone: Name
  /** What changes would apply to; null: nothing is here. */
  readonly here: { readonly zone: FlatZone; readonly serial: number } | null
  readonly server: ServerAddress
  readonly key: TsigKey | null
  readonly limits: TransferLimits
  /** Where the copy goes; null: nowhere. */
  readonly file: string | null
}

export interface TransferDone extends Fetched {
  /** The changes were of no use, and why; the whole zone was asked for. */
  readonly fellBack: string | null
  /** Why there is no copy on the disk. */
  readonly unsaved: string | null
}

/** Changes that are of no use are followed by the whole zone. */
export async function runTransfer(
  { zone, here, server, key, limits, file }: TransferJob,
  onProgress: (records: number) => void,
  mostOctets?: number,
): Promise<TransferDone> {
  const asker = { clock: systemClock(), random: systemRandom(), limits }
  const options = mostOctets === undefined ? { onProgress } : { onProgress, mostOctets }
  let fetched = await fetchZone(zone, here, { server, key }, asker, options)
  let fellBack: string | null = null
  const { end } = fetched
  if (here !== null && (end.kind === 'misfit' || (end.kind === 'failed' && end.asWhole))) {
    fellBack = end.why
    fetched = await fetchZone(zone, null, { server, key }, asker, options)
  }
  const unsaved = file === null || fetched.end.kind !== 'zone' ? null : saveCopy(file, fetched.end.zone)
  return { ...fetched, fellBack, unsaved }
}

/**
 * Its arrays in memory that threads share: the next changes are applied in a thread, which gets them without a copy.
 */
export function shared(zone: FlatZone): FlatZone {
  const octets = new Uint8Array(new SharedArrayBuffer(zone.octets.byteLength))
  octets.set(zone.octets)
  const slots = new Uint32Array(new SharedArrayBuffer(zone.slots.byteLength))
  slots.set(zone.slots)
  return { ...zone, octets, slots }
}

// Both sides are of one version; these distinguish the kinds of messages, not valid ones from invalid ones.
const has = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.every(key => key in value)
export const isTransferJob = (value: unknown): value is TransferJob => has(value, 'zone', 'here', 'server', 'limits')
export const isTransferDone = (value: unknown): value is TransferDone => has(value, 'end', 'fellBack', 'unsaved')
/** Load the copy instead. */
interface LoadJob {
  readonly file: string
  readonly origin: Name
}
export const isLoadJob = (value: unknown): value is LoadJob => has(value, 'file', 'origin')
