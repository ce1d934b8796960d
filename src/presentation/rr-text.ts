/**
 * Whole records in presentation format: the head (TTL and class in any order, then the type) and the RDATA. The owner,
 * directives and what is inherited from line to line belong to the zone file reader.
 */
import { type RdataError, type RdataToken, unknownType } from './field-parse.ts'
import { formatRdata, parseRdata } from './rdata-text.ts'
import type { Rr } from '../dns/rrset.ts'
import { formatName, parseName, parseTtl, shown, type TextError } from './text.ts'
import { parseIpv4, parseIpv6 } from '../dns/address.ts'
import { EntryReader } from './tokens.ts'
import { className, classNumber, isMetaType, RrClass, typeName, typeNumber } from '../dns/types.ts'

/** One line with tabs: owner, TTL, class, type, RDATA. */
export const formatRr = (rr: Rr): string =>
  `${formatName(rr.owner)}\t${rr.ttl}\t${className(rr.class)}\t${typeName(rr.type)}\t${formatRdata(rr.type, rr.rdata)}`

/** RFC 2181 section 8: a TTL has 31 bits. */
export const MAX_TTL = 0x7fff_ffff

export interface RrHead {
  /** Null when not given. */
  readonly ttl: number | null
  readonly class: number | null
  readonly type: number
  /** Index of the first token of the RDATA. */
  readonly next: number
}

/** The number of a class that records can have: QCLASSes (ANY, NONE) are types or names in this place. */
function dataClass(text: string): number | null {
  const klass = classNumber(text)
  return klass === RrClass.ANY || klass === RrClass.NONE ? null : klass
}

/** `[ttl] [class] type` or `[class] [ttl] type` from token `first` on (RFC 1035 section 5.1). */
export function parseHead(tokens: readonly RdataToken[], first: number): RrHead | RdataError {
  let ttl: number | null = null
  let klass: number | null = null
  for (let index = first; ; index++) {
    const token = tokens[index]
    if (token === undefined) return { index, error: 'expected a type like A or MX, found the end of the record' }
    if (token.quoted)
      return {
        index,
        error: `expected a type like A or MX, found the quoted string "${shown(token.text).slice(1, -1)}"`,
      }
    const type = typeNumber(token.text)
    if (type !== null) {
      if (isMetaType(type) || type === 0)
        return { index, error: `${typeName(type)} is asked for or signals something, it can not be a record` }
      return { ttl, class: klass, type, next: index + 1 }
    }
    const seconds: number | null = ttl === null ? parseTtl(token.text) : null
    const found: number | null = klass === null ? dataClass(token.text) : null
    if (seconds !== null) ttl = seconds
    else if (found !== null) klass = found
    else return { index, error: notAType(tokens, index, first, ttl !== null) }
  }
}

function notAType(tokens: readonly RdataToken[], index: number, first: number, hasTtl: boolean): string {
  const text = tokens[index]?.text ?? ''
  if (parseIpv4(text) !== null) return `expected a type, found the address ${text}: write A before it`
  if (parseIpv6(text) !== null) return `expected a type, found the address ${text}: write AAAA before it`
  if (/^\d/.test(text))
    return hasTtl
      ? `expected a type, found ${shown(text)} after the TTL`
      : `expected a TTL below 2^32 seconds (or like 1h30m) or a type, found ${shown(text)}`
  const following = tokens[index + 1]
  if (index === first && following !== undefined && !following.quoted && parseHeadStart(following.text)) {
    return `unknown type ${unknownType(text)}; if it is the owner, remove the white space before it`
  }
  return (
    'unknown type ' +
    `${unknownType(text)}${/^type/i.test(text) ? ': TYPE is followed by a number from 1 to 65535' : ''}`
  )
}

const parseHeadStart = (text: string): boolean =>
  typeNumber(text) !== null || dataClass(text) !== null || parseTtl(text) !== null

/**
 * One record in zone-file syntax with absolute names (a missing trailing dot is forgiven). Class IN when none is given;
 * `defaultTtl` (seconds) is for a record without TTL, which is an error without it.
 */
export function parseRr(text: string, defaultTtl: number | null = null): Rr | TextError {
  const reader = new EntryReader(text)
  const entry = reader.next()
  if (entry === null) return { error: 'expected a record, found nothing' }
  if (entry.fault !== null) return { error: entry.fault.error }
  if (reader.next() !== null) return { error: 'expected one record, found more than one line' }
  const { tokens } = entry
  const first = tokens[0]
  if (first === undefined || first.quoted)
    return { error: 'expected a record that begins with its owner, found a quoted string' }
  const owner = parseName(first.text, null)
  if (typeof owner !== 'string') return owner
  const head = parseHead(tokens, 1)
  if ('error' in head) return { error: head.error }
  const ttl = head.ttl ?? defaultTtl
  if (ttl === null) return { error: `expected a TTL in seconds after the owner ${formatName(owner)}` }
  if (ttl > MAX_TTL) return { error: `the TTL ${ttl} is above ${MAX_TTL} (RFC 2181 section 8)` }
  const rdata = parseRdata(head.type, tokens, null, head.next)
  if ('error' in rdata) return { error: rdata.error }
  return { owner, type: head.type, class: head.class ?? RrClass.IN, ttl, rdata }
}
