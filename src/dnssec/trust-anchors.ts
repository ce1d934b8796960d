/**
 * Where trust begins (RFC 4033 section 5): the anchors of zones, as DS or DNSKEY data, and the names below which
 * nothing is validated for a while (negative trust anchors, RFC 7646). Values that never change; what rolls and what is
 * configured makes new ones. Not here: the roll itself (`managed-anchors.ts`) and files.
 *
 * Invariant: a text with any error in it yields its problems, all at once, and whoever reads them takes none of its
 * anchors.
 */
import { foldName, isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import { DNSKEY_PROTOCOL, DnskeyFlag, readDnskey } from '../dns/rdata-dnssec.ts'
import { parseRdata } from '../presentation/rdata-text.ts'
import { parseHead } from '../presentation/rr-text.ts'
import { sameBytes } from '../dns/rrset.ts'
import { parseName, shown } from '../presentation/text.ts'
import { EntryReader, type Entry, type Token } from '../presentation/tokens.ts'
import { className, RrClass, RrType, typeName } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import { defaultLimits } from '../limits.ts'

/** RDATA of DS and DNSKEY records that are trusted without further proof. */
export interface TrustAnchor {
  readonly name: Name
  readonly ds: readonly Uint8Array[]
  readonly keys: readonly Uint8Array[]
}

/** `until` in seconds since 1970. */
export interface NegativeAnchor {
  readonly name: Name
  readonly until: number
}

export interface TrustPoints {
  readonly isEmpty: boolean
  at(name: Name): TrustAnchor | undefined
  /** The deepest anchor at or above a name. */
  closest(name: Name): TrustAnchor | undefined
  /** The negative anchor that covers a name at `wall`, unless a positive one lies between (RFC 7646 section 2). */
  negative(name: Name, wall: number): NegativeAnchor | undefined
}

/** Several anchors of one name count together. */
export function makeTrustPoints(anchors: readonly TrustAnchor[], negative: readonly NegativeAnchor[]): TrustPoints {
  const positive = new Map(mergeAnchors(anchors).map(anchor => [anchor.name, anchor]))
  // Nearly always the root alone: asked for every RRset that is validated.
  const [only] = positive.size === 1 ? positive.values() : []
  const closest = (name: Name): TrustAnchor | undefined => {
    if (only !== undefined) return isWithin(name, only.name) ? only : undefined
    for (let at = name; ; at = parentOf(at)) {
      const anchor = positive.get(at)
      if (anchor !== undefined || at === ROOT) return anchor
    }
  }
  return {
    isEmpty: positive.size === 0,
    at: name => positive.get(name),
    closest,
    negative(name, wall) {
      if (negative.length === 0) return undefined
      const anchor = closest(name)
      return negative.find(
        entry =>
          entry.until > wall &&
          isWithin(name, entry.name) &&
          (anchor === undefined || isWithin(entry.name, anchor.name)),
      )
    },
  }
}

/**
 * One anchor for each name, in the order in which the names first come, every RDATA once; those without any data are
 * left out.
 */
export function mergeAnchors(anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  const merged = new Map<Name, { readonly name: Name; readonly ds: Uint8Array[]; readonly keys: Uint8Array[] }>()
  const add = (into: Uint8Array[], rdatas: readonly Uint8Array[]): void => {
    for (const rdata of rdatas) if (!into.some(known => sameBytes(known, rdata))) into.push(rdata)
  }
  for (const { name, ds, keys } of anchors) {
    if (ds.length + keys.length === 0) continue
    const anchor = merged.get(name) ?? { name, ds: [], keys: [] }
    add(anchor.ds, ds)
    add(anchor.keys, keys)
    merged.set(name, anchor)
  }
  return [...merged.values()]
}

/** The key signing keys of the root, KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718). */
const ROOT_ANCHORS = `
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

/** What holds when nothing is configured. */
export function builtInAnchors(): readonly TrustAnchor[] {
  const { anchors, problems } = parseAnchors(ROOT_ANCHORS, 'the built-in anchors')
  if (problems.length > 0) throw new TypeError(problems.map(({ message }) => message).join('; '))
  return anchors
}

export interface ParsedAnchors {
  readonly anchors: readonly TrustAnchor[]
  readonly problems: readonly Problem[]
}

/**
 * Reads DS and DNSKEY records in master-file syntax, one anchor for each name; TTL and class may be left out. Of a file
 * in which Unbound keeps the state of keys (`auto-trust-anchor-file`) those are taken that it trusts. Never throws.
 */
export function parseAnchors(text: string, file: string): ParsedAnchors {
  const reader = new AnchorReader(text, file)
  const problems = reader.read()
  return { anchors: mergeAnchors(reader.anchors), problems }
}

const EXAMPLE = 'such as ". IN DS 20326 8 2 E06D44B8…" or "example. IN DNSKEY 257 3 13 …"'
const OTHER_FORMS: ReadonlyMap<string, string> = new Map([
  ['trust-anchors', "BIND's"],
  ['managed-keys', "BIND's"],
  ['trusted-keys', "BIND's"],
  ['trust-anchor:', "Unbound's"],
  ['server:', "Unbound's"],
])

class AnchorReader {
  readonly anchors: TrustAnchor[] = []
  readonly #problems: Problem[] = []
  readonly #lines: readonly string[]
  readonly #text: string
  readonly #file: string
  /** Of the record before; null when it could not be read, and then records that inherit it are not blamed for it. */
  #owner: Name | null | 'none' = 'none'

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
    this.#lines = text.split(/\r\n|\r|\n/)
  }

  read(): readonly Problem[] {
    const reader = new EntryReader(this.#text)
    for (let entry = reader.next(); entry !== null; entry = reader.next()) {
      if (this.#problems.length >= defaultLimits.zone.errorsListed) return this.#problems
      if (this.#foreign(entry)) return this.#problems
      if (entry.fault !== null) this.#tell(entry.fault, entry.fault.error)
      else this.#entry(entry)
    }
    if (this.anchors.length === 0 && !this.#problems.some(({ severity }) => severity === 'error'))
      this.#tell({ line: 0, column: 0 }, `holds no trust anchor: expected DS or DNSKEY records, ${EXAMPLE}`)
    return this.#problems
  }

  /** A file in the language of another program would give a complaint for each of its lines. */
  #foreign({ tokens: [first] }: Entry): boolean {
    if (first === undefined || first.quoted) return false
    const owner = OTHER_FORMS.get(first.text.toLowerCase())
    if (owner !== undefined)
      this.#tell(
        first,
        `${shown(first.text)} is ${owner} way to write trust anchors: write them as records, ${EXAMPLE}`,
      )
    else if (first.text.startsWith('<'))
      this.#tell(first, `this is XML: write the trust anchors in it as records, ${EXAMPLE}`)
    return owner !== undefined || first.text.startsWith('<')
  }

  #entry({ indented, tokens }: Entry): void {
    const [first] = tokens
    if (first === undefined) return
    if (!indented && first.text.startsWith('$') && !first.quoted) {
      this.#tell(first, `${shown(first.text)} means nothing here: write every name in full and remove this line`)
      return
    }
    if (!indented) this.#owner = this.#readOwner(first)
    else if (this.#owner === 'none') {
      this.#tell(
        first,
        'the line begins with white space, so its record would belong to the zone above it, and there is ' +
          'none: remove the white space',
      )
      this.#owner = null
      return
    }
    const head = parseHead(tokens, indented ? 0 : 1)
    if ('error' in head) {
      this.#tellToken(tokens, head.index, head.error)
      return
    }
    const { type, next } = head
    if (type !== RrType.DS && type !== RrType.DNSKEY) {
      this.#tellToken(
        tokens,
        next - 1,
        `expected DS or DNSKEY, found ${typeName(type)}: only these can be trust anchors`,
      )
      return
    }
    if (head.class !== null && head.class !== RrClass.IN) {
      this.#tellToken(tokens, next - 1, `only class IN is validated, found ${className(head.class)}`)
      return
    }
    const rdata = parseRdata(type, tokens, null, next)
    if ('error' in rdata) this.#tellToken(tokens, rdata.index, rdata.error)
    else if (typeof this.#owner === 'string' && this.#owner !== 'none')
      this.#take(this.#owner, type, rdata, tokens[next - 1] ?? first)
  }

  #readOwner(token: Token): Name | null {
    const name = token.quoted
      ? { error: 'expected the name of a zone, found a quoted string' }
      : parseName(token.text, null)
    if (typeof name === 'string') return foldName(name)
    this.#tell(token, name.error)
    return null
  }

  #take(name: Name, type: number, rdata: Uint8Array, at: Token): void {
    if (type === RrType.DS) {
      this.anchors.push({ name, ds: [rdata], keys: [] })
      return
    }
    const { flags, protocol } = readDnskey(rdata) ?? { flags: 0, protocol: 0 }
    const distrusted = unboundDistrust(this.#lines[at.line - 1] ?? '')
    if ((flags & DnskeyFlag.ZONE) === 0)
      this.#tell(at, `a trust anchor needs the zone key bit: expected flags 257 or 256, found ${flags}`)
    else if (protocol !== DNSKEY_PROTOCOL)
      this.#tell(at, `expected protocol ${DNSKEY_PROTOCOL} after the flags, found ${protocol}`)
    else if ((flags & DnskeyFlag.REVOKE) !== 0)
      this.#tell(at, 'this key is revoked (RFC 5011) and is not used: remove the line', 'warning')
    else if (distrusted !== null) this.#tell(at, `this key is not used: its state is ${distrusted}`, 'warning')
    else this.anchors.push({ name, ds: [], keys: [rdata] })
  }

  #tellToken(tokens: readonly Token[], index: number, message: string): void {
    const token = tokens[index]
    const last = tokens.at(-1)
    if (token !== undefined) this.#tell(token, message)
    else if (last !== undefined)
      this.#tell({ line: last.line, column: last.column + last.text.length + (last.quoted ? 2 : 0) }, message)
  }

  #tell(
    { line, column }: { readonly line: number; readonly column: number },
    message: string,
    severity: Problem['severity'] = 'error',
  ): void {
    this.#problems.push({ file: this.#file, line, column, severity, message })
  }
}

const UNBOUND_STATES: ReadonlyMap<string, string> = new Map([
  ['0', 'START'],
  ['1', 'ADDPEND'],
  ['4', 'REVOKED'],
  ['5', 'REMOVED'],
])

/**
 * Unbound writes the state of a key after it; a key whose hold-down still runs would be trusted too early (RFC 5011
 * section 2.2).
 */
function unboundDistrust(line: string): string | null {
  const [, state] = /;;state=(\d)/.exec(line) ?? []
  return state === undefined ? null : (UNBOUND_STATES.get(state) ?? null)
}
