/**
 * Requests that others sign (TSIG, RFC 8945 section 5): what the signature is worth, and the signature of the reply.
 */
import type { TsigKey } from './key.ts'
import {
  bareOf,
  FUDGE_S,
  findTsig,
  isSame,
  macOf,
  NOTHING,
  sized,
  timers,
  variables,
  withRecord,
} from './tsig-record.ts'

/** RFC 8945 section 3. */
const TsigError = { BADSIG: 16, BADKEY: 17, BADTIME: 18 } as const

/** What a request with or without a signature is worth. `mac` is what the reply's is made over as well. */
export type SignedRequest =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'signed'; readonly key: TsigKey; readonly bytes: Uint8Array; readonly mac: Uint8Array }
  | {
      readonly kind: 'wrong'
      readonly key: TsigKey
      readonly error: (typeof TsigError)[keyof typeof TsigError]
      readonly time: number
      readonly mac: Uint8Array
    }

/** Judges a request that should be signed with `key` (RFC 8945 section 5.2: the key first, then MAC, then time). */
export function judgeRequest(message: Uint8Array, key: TsigKey, wall: number): SignedRequest {
  const found = findTsig(message)
  if (found === null) return { kind: 'unsigned' }
  const { time, fudge, error, other, mac } = found
  if (found.name !== key.name || found.algorithm !== key.algorithm)
    return {
      kind: 'wrong',
      key: { ...key, name: found.name, algorithm: found.algorithm },
      error: TsigError.BADKEY,
      time,
      mac,
    }
  const bare = bareOf(message, found)
  const wanted = macOf(key, [bare, variables(key, time, fudge, error, other)])
  if (!isSame(wanted, mac)) return { kind: 'wrong', key, error: TsigError.BADSIG, time, mac }
  if (Math.abs(wall - time) > fudge) return { kind: 'wrong', key, error: TsigError.BADTIME, time, mac }
  return { kind: 'signed', key, bytes: bare, mac }
}

/** The reply to a signed request (RFC 8945 section 5.3), with what the request was worth. */
export function signReply(
  reply: Uint8Array,
  request: Exclude<SignedRequest, { kind: 'unsigned' }>,
  wall: number,
): Uint8Array {
  const { key } = request
  if (request.kind === 'wrong' && request.error !== TsigError.BADTIME)
    // RFC 8945 section 5.3.2: who has another key could not check a signature.
    return withRecord(reply, key, { time: wall, mac: NOTHING, error: request.error, other: NOTHING })
  const isLate = request.kind === 'wrong'
  const other = isLate ? timers(wall, 0).subarray(0, 6) : NOTHING
  const error = isLate ? TsigError.BADTIME : 0
  // Its own time goes back to one whose clock is wrong, so that it can see by how much.
  const time = isLate ? request.time : wall
  const mac = macOf(key, [sized(request.mac), reply, variables(key, time, FUDGE_S, error, other)])
  return withRecord(reply, key, { time, mac, error, other })
}
