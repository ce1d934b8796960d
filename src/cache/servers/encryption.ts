/**
 * Whether a server of a zone can be asked over TLS, which only a try can show (RFC 9539): it is tried next to a
 * query in clear, used when that went well, and left alone for a day when it did not. Pure: what is known, what
 * happened and the time come in, what is known then comes out.
 *
 *   unknown ─ tried ─► probing ─ replied ─► encrypted ─ persistence over ─► unknown
 *                         │                     │
 *                         └──── did not ────► failed ─── damping over ────► unknown
 *
 * Invariant: nothing here makes a query wait; what is not known to work is not waited for.
 */
import type { CacheLimits } from '../../limits.ts'

/** Of one server address. Times in ms on the monotonic clock. */
export type Encryption =
  | { readonly kind: 'unknown' }
  /** A try is on its way; one that is lost counts as none. */
  | { readonly kind: 'probing'; readonly until: number }
  | { readonly kind: 'encrypted'; readonly repliedAt: number; readonly timeouts: number }
  | { readonly kind: 'failed'; readonly at: number }

/** What became of a query over TLS. */
export type EncryptionEvent =
  | 'tried'
  | 'replied'
  | 'timed-out'
  /** No connection, no handshake, or an end of it. */
  | 'broke'
  /** It refused what it answers in clear: something else is at this port. */
  | 'contradicted'
  /** For want of places here nothing was sent. */
  | 'not-sent'

export type EncryptionLimits = Pick<
  CacheLimits,
  'encryptionProbeMs' | 'encryptionDampingMs' | 'encryptionPersistenceMs' | 'encryptionTimeouts'
>

export const ENCRYPTION_UNKNOWN: Encryption = Object.freeze({ kind: 'unknown' })

/** What still counts of it. */
export function currentEncryption(known: Encryption, now: number, limits: EncryptionLimits): Encryption {
  switch (known.kind) {
    case 'unknown':
      return known
    case 'probing':
      return now < known.until ? known : ENCRYPTION_UNKNOWN
    case 'encrypted':
      return now - known.repliedAt < limits.encryptionPersistenceMs ? known : ENCRYPTION_UNKNOWN
    case 'failed':
      return now - known.at < limits.encryptionDampingMs ? known : ENCRYPTION_UNKNOWN
    default:
      return known satisfies never
  }
}

export function encryptionAfter(
  known: Encryption,
  event: EncryptionEvent,
  now: number,
  limits: EncryptionLimits,
): Encryption {
  switch (event) {
    case 'tried':
      return { kind: 'probing', until: now + limits.encryptionProbeMs }
    case 'replied':
      return { kind: 'encrypted', repliedAt: now, timeouts: 0 }
    case 'timed-out':
      // One may be a name that takes long, or a segment that was lost.
      return known.kind === 'encrypted' && known.timeouts + 1 < limits.encryptionTimeouts
        ? { ...known, timeouts: known.timeouts + 1 }
        : { kind: 'failed', at: now }
    case 'broke':
    case 'contradicted':
      return { kind: 'failed', at: now }
    case 'not-sent':
      return known.kind === 'probing' ? ENCRYPTION_UNKNOWN : known
    default:
      return event satisfies never
  }
}
