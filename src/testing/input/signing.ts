/**
 * What a test says of the signing of its internet (`dnssec`), read and checked: the line of words for each zone, as
 * `signing/signing-plan.ts` knows them. It signs nothing itself.
 */
import type { Name } from '../../dns/name.ts'
import { suggest } from '../../presentation/suggest.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import { parseAnchors } from '../../dnssec/trust-anchors.ts'
import { readPlan, type Rollover } from '../../signing/signing-plan.ts'
import { within } from '../../input/record-data.ts'
import { mistake } from '../../input/mistake.ts'
import { described, foldedName, knownFields, plainName } from '../../input/names.ts'
import type { ZoneFlaw } from '../../signing/zone-flaws.ts'
import type { SigningAlgorithm } from '../../signing/zone-keys.ts'

/** One word on how a zone is signed: an algorithm, a way of denial, a moment of a key roll-over, or what is wrong. */
export type SigningWord =
  | Lowercase<SigningAlgorithm>
  | 'csk'
  | 'nsec'
  | 'nsec3'
  | `nsec3(${number})`
  | `salt(${string})`
  | 'optOut'
  | 'sha1Ds'
  | 'sha384Ds'
  | 'noDs'
  | 'unsupportedAlgorithm'
  | 'unsupportedDigest'
  | Rollover
  | ZoneFlaw
  | `${ZoneFlaw}(${number})`

/** `true` is as usual (ECDSAP256SHA256, NSEC), `false` not at all; words in any order. */
export type ZoneSigning = boolean | SigningWord | readonly SigningWord[]

export interface DnssecOptions {
  /** How zones are signed that are not in `zones`. Default `true`. */
  readonly all?: ZoneSigning
  /** By the names of zones: `{ 'bad.test': 'expired', 'plain.test': false }`. */
  readonly zones?: Readonly<Record<string, ZoneSigning>>
}

/** Lines of words by zone; undefined: not signed. */
export interface Signs {
  readonly all: string | undefined
  readonly zones: ReadonlyMap<Name, string | undefined>
}

export const nothingSigned: Signs = { all: undefined, zones: new Map() }

/** Whether `zones` exist is asked by the tree that has them. */
export function readSigns(dnssec: unknown): Signs {
  if (dnssec === undefined || dnssec === false) return nothingSigned
  if (dnssec === true) return { all: '', zones: new Map() }
  if (typeof dnssec !== 'object' || dnssec === null || Array.isArray(dnssec))
    return mistake(
      `expected dnssec to be true or like { zones: { 'bad.test': 'expired' } }, found ${described(dnssec)}`,
    )
  knownFields(dnssec, ['all', 'zones'], 'dnssec')
  const all = 'all' in dnssec && dnssec.all !== undefined ? within('dnssec: ', () => readSigning(dnssec.all)) : ''
  const given = 'zones' in dnssec ? (dnssec.zones ?? {}) : {}
  if (typeof given !== 'object' || Array.isArray(given))
    return mistake(`expected dnssec.zones like { 'bad.test': 'expired' }, found ${described(given)}`)
  const zones = Object.entries(given).map(
    ([name, how]) =>
      [foldedName(name, 'the name of a zone'), within(`dnssec of ${name}: `, () => readSigning(how))] as const,
  )
  return { all, zones: new Map(zones) }
}

/** The line of words, undefined for "not at all". */
export function readSigning(how: unknown): string | undefined {
  if (how === true) return ''
  if (how === false) return undefined
  const words: readonly unknown[] = Array.isArray(how) ? how : [how]
  for (const word of words)
    if (typeof word !== 'string')
      mistake(`expected true, false or words like 'expired' or ['ed25519', 'nsec3'], found ${described(word)}`)
  const line = words.join(' ')
  const plan = readPlan(line)
  if (plan !== null && 'error' in plan) mistake(plan.error)
  return plan === null ? undefined : line
}

/** Complains of names in `signs` that are no zones. */
export function checkSigned(signs: Signs, zones: readonly Name[]): void {
  for (const name of signs.zones.keys()) {
    if (zones.includes(name)) continue
    const near = suggest(plainName(name), zones.map(plainName))
    mistake(
      `dnssec of ${plainName(name)}: there is no such ` +
        `zone${near === null ? '' : ` (did you mean "${near}"?)`}; there are ${zones.map(plainName).join(', ')}`,
    )
  }
}

/** Anchors as a test gives them: lines of DS or DNSKEY records. */
export function readAnchorLines(lines: unknown): readonly TrustAnchor[] {
  if (lines === undefined) return []
  if (!Array.isArray(lines) || lines.some(line => typeof line !== 'string'))
    return mistake(`expected anchors to be lines of DS or DNSKEY records like net.anchors, found ${described(lines)}`)
  if (lines.length === 0) return []
  const { anchors, problems } = parseAnchors(lines.join('\n'), 'anchors')
  if (problems.length > 0) mistake(problems.map(({ line, message }) => `anchors: line ${line}: ${message}`).join('\n'))
  return anchors
}
