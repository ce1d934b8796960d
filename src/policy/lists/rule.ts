/**
 * What a rule of a list is. The many that name a domain and nothing else are a hash and a word of flags in a table
 * (`table.ts`); those with modifiers or patterns are objects.
 */
import type { Prefix } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import type { Pattern } from './pattern.ts'

/**
 * How lines are read. `auto`: each for what it looks like. `hosts`: address and names. `domains`: a name. `wildcard`: a
 * name or `*.name`. `adblock`: the DNS part of AdGuard's syntax.
 */
export type ListFormat = 'auto' | 'hosts' | 'domains' | 'wildcard' | 'adblock'

/** Own rules come before allow lists, and these before block lists, whatever stands in them. */
export type Layer = 'own' | 'allow' | 'block'

/** What the rules of the configuration itself are called, as a list. */
export const OWN_RULES = 'rules'

/** What is answered instead. `refused` makes stub resolvers ask their next server. */
export type ListAnswer =
  | { readonly kind: 'nxdomain' | 'nodata' | 'null' | 'refused' }
  | { readonly kind: 'addresses'; readonly ipv4: readonly Uint8Array[]; readonly ipv6: readonly Uint8Array[] }

/**
 * The low 8 bits of a rule in a table; the 24 above are its line, or its place among the complex ones of its list plus
 * one.
 */
export const Flag = {
  /** The name and all below it. Without this and `Below`: the name alone. */
  Suffix: 1,
  /** All below the name. */
  Below: 2,
  Exception: 4,
  Important: 8,
  /** How it was written, to show it: 3 bits. */
  SyntaxShift: 4,
  Complex: 128,
} as const
const SYNTAX_BITS = 7
/** Rules of equal bits of these at one name say the same. */
export const MEANING_BITS: number = Flag.Suffix | Flag.Below | Flag.Exception | Flag.Important

/** How a rule was written. `whole`: `|name^`. */
export const Syntax = { Plain: 0, Hosts: 1, Wildcard: 2, Adblock: 3, Whole: 4, Address: 5 } as const

export type MatchKind = 'exact' | 'suffix' | 'below'

export const matchOf = (flags: number): MatchKind =>
  (flags & Flag.Suffix) !== 0 ? 'suffix' : (flags & Flag.Below) !== 0 ? 'below' : 'exact'

/** A rule for a name as it would be written: `||ads.example^$important`. */
export function showRule(name: string, flags: number): string {
  const exception = (flags & Flag.Exception) !== 0 ? '@@' : ''
  const important = (flags & Flag.Important) !== 0 ? '$important' : ''
  const isBelow = (flags & Flag.Below) !== 0
  switch ((flags >> Flag.SyntaxShift) & SYNTAX_BITS) {
    case Syntax.Hosts:
      return `0.0.0.0 ${name}`
    case Syntax.Wildcard:
      return `*.${name}`
    case Syntax.Adblock:
      return `${exception}||${isBelow ? '*.' : ''}${name}^${important}`
    case Syntax.Whole:
      return `${exception}|${name}^${important}`
    default:
      return `${exception}${name}${important}`
  }
}

/** `$dnstype=A|~CNAME`: types of questions that the rule is for, or is not for. */
export interface TypeCondition {
  readonly types: readonly number[]
  readonly isExcluded: boolean
}

/** `$client=`: addresses, blocks, and names that clients of encrypted listeners give themselves. */
export interface ClientCondition {
  readonly only: ClientList
  readonly except: ClientList
}
interface ClientList {
  readonly prefixes: readonly Prefix[]
  readonly ids: readonly string[]
}

/** A rule that is more than a name. Plain data: it is handed from thread to thread. */
export interface ComplexRule {
  readonly line: number
  /** As written. */
  readonly text: string
  /** The text without `$badfilter`, modifiers in order: two of the same are one rule. */
  readonly identity: string
  readonly match: MatchKind
  readonly isException: boolean
  readonly isImportant: boolean
  /** Takes the rule of this identity away, and says nothing itself. */
  readonly isBadFilter: boolean
  /** Null: the name that it is found under decides. */
  readonly pattern: Pattern | null
  readonly types: TypeCondition | null
  readonly clients: ClientCondition | null
  /** `$denyallow`: the rule is not for these names and what is below them. */
  readonly except: readonly Name[]
  /** `$dnsrewrite`, or an address in a hosts file of one's own. Null: that of the list. */
  readonly answer: ListAnswer | null
  /** The more, the more specific. */
  readonly conditions: number
}

/** Why a line makes no rule. `bad` ones count towards the share above which a list is rejected. */
export const skipReasons = {
  'not-a-rule': { isBad: true, text: 'neither a name nor a rule' },
  'bad-name': { isBad: true, text: 'not a domain name' },
  'long-line': { isBad: true, text: 'longer than a line may be' },
  'other-format': { isBad: true, text: 'not of the format that is set for the list' },
  'local-name': { isBad: false, text: 'a name of the machine itself, such as localhost' },
  'address-as-name': { isBad: false, text: 'an address in the place of a name' },
  'own-address': { isBad: false, text: 'sends a name to an address, which only own rules may' },
  'one-label': { isBad: false, text: 'a single label: write ||label^, or set the format' },
  cosmetic: { isBad: false, text: 'about parts of web pages' },
  url: { isBad: false, text: 'about parts of URLs (path, port, scheme)' },
  modifier: { isBad: false, text: 'a modifier that means nothing in DNS, or is not supported' },
  pattern: { isBad: false, text: 'a pattern that is not supported' },
  'short-pattern': { isBad: false, text: 'a pattern with less than 3 characters of fixed text' },
  'too-many': { isBad: false, text: 'more rules than a list may have' },
} as const
export type SkipReason = keyof typeof skipReasons
