/**
 * Is a message a query that may go to the policy chain? A pure function from a decoded message to a verdict. What is
 * refused here is refused for what it is, whoever asks: replies, other opcodes, broken or odd messages, meta types.
 *
 * Invariant: a message with QR=1 is never answered, whatever is wrong with it; two servers that answer each other's
 * errors would never stop (Loop DoS, CVE-2024-2169).
 */
import type { Decoded } from '../dns/decode.ts'
import type { AskedQuestion, Edns, Header, Message } from '../dns/message.ts'
import { EdeCode, isMetaType, opcodeName, Opcode, Rcode, RrType, typeName } from '../dns/types.ts'
import type { Transport } from '../ports.ts'

/** What a reply takes over from the message that it answers. */
export interface Asked {
  readonly header: Header
  readonly question: AskedQuestion | null
  readonly edns: Edns | null
  readonly transport: Transport
  /** The cookie of the reply; absent: it has none. */
  readonly cookie?: Uint8Array | undefined
}

export interface AskedQuery extends Asked {
  readonly question: AskedQuestion
}

export type Checked =
  | { readonly kind: 'query'; readonly asked: AskedQuery }
  | {
      readonly kind: 'error'
      readonly asked: Asked
      readonly rcode: number
      readonly ede: EdeCode | null
      readonly text: string
    }
  | { readonly kind: 'drop'; readonly why: 'short' | 'response' }

export function checkQuery(decoded: Decoded, transport: Transport): Checked {
  const header = decoded.kind === 'message' ? decoded.message : decoded.header
  if (header === null) return { kind: 'drop', why: 'short' }
  if (header.response) return { kind: 'drop', why: 'response' }
  const message = decoded.kind === 'message' ? decoded.message : null
  const asked: Asked = {
    header,
    question: message?.question ?? (decoded.kind === 'format-error' ? decoded.question : null),
    edns: message?.edns ?? null,
    transport,
  }
  const error = (rcode: number, text: string, ede: EdeCode | null = null): Checked => ({
    kind: 'error',
    asked,
    rcode,
    ede,
    text,
  })

  // RFC 6891 section 6.1.3: the version is looked at before what may have changed with it.
  if (asked.edns !== null && asked.edns.version > 0) return error(Rcode.BADVERS, `EDNS version ${asked.edns.version}`)
  // RFC 1035 section 4.1.1. NOTIFY and UPDATE have no business at a resolver.
  if (header.opcode !== Opcode.QUERY)
    return error(Rcode.NOTIMP, `opcode ${opcodeName(header.opcode)}`, EdeCode.NotSupported)
  if (decoded.kind === 'format-error') return error(Rcode.FORMERR, `${decoded.why} at octet ${decoded.offset}`)
  const { question } = decoded.message
  // RFC 9619: QDCOUNT is 1. A cookie-only query without a question (RFC 7873 section 5.4) is an error too, without
  // cookies.
  if (question === null) return error(Rcode.FORMERR, 'not exactly one question')
  const refusal = refuseType(question.type)
  if (refusal !== null) return error(refusal.rcode, refusal.text, EdeCode.InvalidQueryType)
  if (hasForeignSections(decoded.message)) return error(Rcode.FORMERR, 'a query with records')
  return { kind: 'query', asked: { ...asked, question } }
}

/**
 * RFC 6895 section 3.1. Transfers are for those who serve a zone to secondaries; RFC 9824 section 3.1 wants FORMERR for
 * NXNAME.
 */
function refuseType(type: number): { readonly rcode: number; readonly text: string } | null {
  if (type === RrType.AXFR || type === RrType.IXFR)
    return { rcode: Rcode.REFUSED, text: 'zone transfers are not offered' }
  if (type === RrType.ANY || (type !== 0 && !isMetaType(type) && !isQtypeRange(type))) return null
  return { rcode: Rcode.FORMERR, text: `${typeName(type)} cannot be asked` }
}

/** RFC 6895 section 3.1: 128 to 255 are QTYPEs and meta-TYPEs. */
const isQtypeRange = (type: number): boolean => type >= RrType.NXNAME && type <= RrType.ANY

/**
 * Records that a query does not have; an answer section or a signature (TSIG) would be taken for something it is not.
 */
const hasForeignSections = (message: Message): boolean =>
  message.truncated || message.answer.length > 0 || message.authority.length > 0 || message.additional.length > 0
