/** What a simulated server makes of the cookie of a query (RFC 7873), and of its reply because of it. */
import { CLIENT_COOKIE_OCTETS } from '../dns/cookies/form.ts'
import { SipHash } from '../dns/cookies/siphash.ts'
import type { IpAddress } from '../dns/address.ts'
import { findOption } from '../dns/edns.ts'
import type { Message } from '../dns/message.ts'
import { sameBytes } from '../dns/rrset.ts'
import { EdnsOptionCode, Rcode } from '../dns/types.ts'
import type { Transport } from '../ports.ts'
import type { Misbehaviour, MisbehaviourName } from './misbehaviour.ts'

const SECRET = new SipHash(new Uint8Array(16).fill(7))
const HASH_OCTETS = 8

type Active = ReadonlyMap<MisbehaviourName, Misbehaviour>

export const cookieOf = ({ edns }: Message): Uint8Array | null =>
  edns === null ? null : (findOption(edns, EdnsOptionCode.COOKIE)?.data ?? null)

/** The rcode with which it refuses the cookie; null: it answers. */
export function cookieRefusal(asked: Message, active: Active, transport: Transport, at: IpAddress): number | null {
  const came = cookieOf(asked)
  if (came === null) return null
  if (active.has('formerrOnCookies')) return Rcode.FORMERR
  if (active.has('noGoodCookies')) return Rcode.BADCOOKIE
  const isKnown = sameBytes(came, given(came, at))
  return active.has('wantsCookies') && transport === 'udp' && !isKnown ? Rcode.BADCOOKIE : null
}

/** The reply with the cookie that goes with it. */
export function withCookie(reply: Message, asked: Message, active: Active, at: IpAddress): Message {
  const came = cookieOf(asked)
  const { edns } = reply
  if (came === null || edns === null) return reply
  const knows = active.has('cookies') || active.has('wantsCookies') || active.has('noGoodCookies')
  const data = active.has('echoesCookies')
    ? came
    : active.has('othersCookies')
      ? given(
          came.map(octet => octet ^ 1),
          at,
        )
      : knows
        ? given(came, at)
        : null
  if (data === null) return reply
  return { ...reply, edns: { ...edns, options: [...edns.options, { code: EdnsOptionCode.COOKIE, data }] } }
}

/** The client's part of the cookie that came, and the server's. */
function given(came: Uint8Array, at: IpAddress): Uint8Array {
  const cookie = new Uint8Array(CLIENT_COOKIE_OCTETS + HASH_OCTETS)
  cookie.set(came.subarray(0, CLIENT_COOKIE_OCTETS))
  const hashed = new Uint8Array(CLIENT_COOKIE_OCTETS + at.bytes.length)
  hashed.set(cookie.subarray(0, CLIENT_COOKIE_OCTETS))
  hashed.set(at.bytes, CLIENT_COOKIE_OCTETS)
  SECRET.write(hashed, hashed.length, cookie, CLIENT_COOKIE_OCTETS)
  return cookie
}
