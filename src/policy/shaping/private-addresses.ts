/**
 * Which addresses are of no use outside of a network, also when they are inside of others: mapped, translated (NAT64)
 * or tunnelled (6to4) ones. Pure; what is done about answers with them is the business of `rebinding.ts`.
 */
import { formatIp, parsePrefix, type Prefix } from '../../dns/address.ts'
import { extract, isUnder, LOCAL_USE_PREFIX, parseIpv6Block, WELL_KNOWN_PREFIX } from './nat64.ts'

/** The blocks that a word of the setting means; `loopback` apart, since block lists answer with 127.0.0.2. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  private: [
    // This network (RFC 1122 section 3.2.1.3): Linux and macOS deliver 0.0.0.0 to themselves.
    '0.0.0.0/8',
    // RFC 1918.
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    // Shared address space (RFC 6598).
    '100.64.0.0/10',
    // Link-local (RFC 3927), with the metadata services of clouds.
    '169.254.0.0/16',
    // Unspecified, loopback (RFC 4291 section 2.5).
    '::/128',
    '::1/128',
    // Unique local (RFC 4193), link-local (RFC 4291 section 2.5.6), and site-local as it was (RFC 3879).
    'fc00::/7',
    'fe80::/10',
    'fec0::/10',
  ],
  loopback: ['127.0.0.0/8'],
}

export const RANGE_WORDS: readonly string[] = Object.keys(WORDS)

export interface AddressRanges {
  readonly ipv4: readonly Prefix[]
  readonly ipv6: readonly Prefix[]
  /** Prefixes of translated addresses. */
  readonly nat64: readonly Prefix[]
}

/** A block, or a word of `RANGE_WORDS`; null when it is neither. */
export function parseRange(text: string): readonly Prefix[] | null {
  const word = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined
  if (word !== undefined) return word.flatMap(block => parseRange(block) ?? [])
  const block = text.includes(':') ? parseIpv6Block(text) : parsePrefix(text)
  return block === null ? null : [block]
}

/** `own`: the prefix of the NAT64 of this network. */
export function addressRanges(blocks: readonly Prefix[], own: Prefix | null): AddressRanges {
  return {
    ipv4: blocks.filter(({ family }) => family === 4),
    ipv6: blocks.filter(({ family }) => family === 6),
    nat64: [WELL_KNOWN_PREFIX, LOCAL_USE_PREFIX, ...(own === null ? [] : [own])],
  }
}

const MAPPED = parseIpv6Block('::ffff:0:0/96')
/** RFC 4291 section 2.5.5.1: out of use, and still understood by some. */
const COMPATIBLE = parseIpv6Block('::/96')
/** RFC 3056. */
const SIX_TO_FOUR = parseIpv6Block('2002::/16')

/**
 * What makes an address (4 or 16 octets) one of the ranges, for a person: the address, with the one inside of it when
 * that is it. Null: it is none of them.
 */
export function rangeFinding(ranges: AddressRanges, bytes: Uint8Array): string | null {
  const inRanges = (ipv4: Uint8Array): boolean => ranges.ipv4.some(block => isUnder(block, ipv4))
  if (bytes.length === 4) return inRanges(bytes) ? formatIp(bytes) : null
  if (ranges.ipv6.some(block => isUnder(block, bytes))) return formatIp(bytes)
  const inner = innerAddresses(ranges, bytes).find(inRanges)
  return inner === undefined ? null : `${formatIp(bytes)} with ${formatIp(inner)} inside`
}

function innerAddresses({ nat64 }: AddressRanges, bytes: Uint8Array): readonly Uint8Array[] {
  const found = nat64.flatMap(prefix => extract(prefix, bytes) ?? [])
  for (const block of [MAPPED, COMPATIBLE]) if (block !== null && isUnder(block, bytes)) found.push(bytes.slice(12))
  if (SIX_TO_FOUR !== null && isUnder(SIX_TO_FOUR, bytes)) found.push(bytes.slice(2, 6))
  return found
}
