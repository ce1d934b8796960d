/** The octets of a query of `rootwalk query`: header, question, EDNS options, padding, the SOA of IXFR. */
import type { DigEdns, DigQuery } from './dig-query.ts'
import { putU32 } from '../../dns/bytes.ts'
import { optOctets } from '../../dns/edns.ts'
import { encodeMessage } from '../../dns/encode.ts'
import { type Edns, type EdnsOption, MAX_MESSAGE_OCTETS, type Message } from '../../dns/message.ts'
import type { Rr } from '../../dns/rrset.ts'
import { EdnsOptionCode, RrClass, RrType } from '../../dns/types.ts'
import type { Random } from '../../ports.ts'
import { COOKIE_OCTETS } from './dig-options.ts'

/** What an earlier reply taught: the version of EDNS that the server speaks, the cookie it gave. */
export interface Learnt {
  readonly version: number | null
  readonly cookie: Uint8Array | null
}

/** The reserved bit of the header (RFC 1035 section 4.1.1). */
const Z = 0x40
/** Code and length of an option (RFC 6891 section 6.1.2). */
const OPTION_HEAD = 4

export function queryBytes(query: DigQuery, random: Random, learnt: Learnt): Uint8Array {
  const { question, cased, header } = query
  const id = header.id ?? random.below(0x1_0000)
  const message: Message = {
    id,
    response: false,
    opcode: header.opcode,
    authoritative: header.authoritative,
    truncated: header.truncated,
    recursionDesired: query.recursionDesired,
    recursionAvailable: header.recursionAvailable,
    authenticData: query.authenticData,
    checkingDisabled: query.checkingDisabled,
    rcode: 0,
    question: header.only ? null : { ...question, cased },
    answer: [],
    authority: query.serial === null ? [] : [startOfAuthority(query, query.serial)],
    additional: [],
    edns: query.edns === null || header.only ? null : ednsOf(query.edns, random, learnt),
  }
  const encoded = encodeMessage(padded(message, query.edns?.padding ?? 0), { maxBytes: MAX_MESSAGE_OCTETS }).bytes
  if (header.truncated) encoded[2] = (encoded[2] ?? 0) | 0x02
  if (header.reserved) encoded[3] = (encoded[3] ?? 0) | Z
  return encoded
}

/** RFC 1995 section 3: the SOA of the version that is here; only its serial number counts. */
function startOfAuthority({ cased }: DigQuery, serial: number): Rr {
  const rdata = new Uint8Array(22)
  putU32(rdata, 2, serial)
  return { owner: cased, type: RrType.SOA, class: RrClass.IN, ttl: 0, rdata }
}

function ednsOf(edns: DigEdns, random: Random, learnt: Learnt): Edns {
  const { payloadSize, version, flags, dnssecOk, nsid, cookie } = edns
  const own = (code: number, data: Uint8Array): EdnsOption => ({ code, data })
  const options = [
    ...(nsid ? [own(EdnsOptionCode.NSID, new Uint8Array(0))] : []),
    ...edns.options,
    ...(cookie === null
      ? []
      : [own(EdnsOptionCode.COOKIE, learnt.cookie ?? (cookie === 'random' ? randomCookie(random) : cookie))]),
  ]
  return { payloadSize, version: learnt.version ?? version, dnssecOk, flags, options }
}

function randomCookie(random: Random): Uint8Array {
  const octets = new Uint8Array(COOKIE_OCTETS)
  random.bytes(octets)
  return octets
}

/** RFC 7830 and RFC 8467 section 4: to a multiple of `block` octets. */
function padded(message: Message, block: number): Message {
  const { edns } = message
  if (edns === null || block === 0) return message
  const octets =
    encodeMessage({ ...message, edns: null }, { maxBytes: MAX_MESSAGE_OCTETS }).bytes.length +
    optOctets(edns) +
    OPTION_HEAD
  const data = new Uint8Array((block - (octets % block)) % block)
  return { ...message, edns: { ...edns, options: [...edns.options, { code: EdnsOptionCode.PADDING, data }] } }
}
