/**
 * How a simulated zone is signed, as data and as a line of words, in any order:
 *
 *     ""                              ECDSAP256SHA256, a key for the zone and one for the keys, NSEC
 *     "ed25519 csk"                   another algorithm, one key for both
 *     "rsasha256 ecdsap256sha256"     two algorithms, both whole
 *     "nsec3(5) salt(beef) optOut"    NSEC3 (with that many iterations)
 *     "doubleDs"                      a moment of a key roll-over
 *     "noDs"                          signed, and proven to be without DS record at the parent
 *     "unsupportedAlgorithm"          an algorithm or digest that no validator supports
 *     "expired", "keyTrap(20)"        broken in a way of `zone-flaws.ts`
 *     "no"                            not signed
 *
 * The words are the same in `zones/internet/internet.json`, in scenarios and in `createInternet`.
 */
import { suggest } from '../presentation/suggest.ts'
import { isZoneFlaw, type ZoneFlaw, type ZoneFlaws, zoneFlaws } from './zone-flaws.ts'
import { type SigningAlgorithm, signingAlgorithms } from './zone-keys.ts'

export type Denial =
  | { readonly kind: 'nsec' }
  /** `optOut`: unsigned delegations have no record (RFC 5155 section 6). */
  | { readonly kind: 'nsec3'; readonly iterations: number; readonly salt: Uint8Array; readonly optOut: boolean }

/** The honest moments of a key roll-over (RFC 7583), each of which must validate. */
const rollovers = {
  doubleDs: 'two DS records, of the key in use and of one that is not published yet',
  doubleKey: 'two keys that sign the keys, the DS record of the older one',
  doubleSignature: 'two keys of each kind, all of them sign; both DS records',
  prePublished: 'the next key of the zone is published and signs nothing yet',
} as const
export type Rollover = keyof typeof rollovers

export interface SigningPlan {
  /** The line that it was read from: equal lines are equal plans. */
  readonly words: string
  readonly algorithms: readonly SigningAlgorithm[]
  /** One key for everything, instead of one for the keys and one for the rest. */
  readonly csk: boolean
  readonly denial: Denial
  /** Digest types of the DS records. */
  readonly digests: readonly number[]
  readonly rollover: Rollover | null
  /** All keys, or all DS digests, are of an unsupported kind. */
  readonly unsupported: 'algorithm' | 'digest' | null
  /** False: no DS at the parent. */
  readonly ds: boolean
  readonly flaws: ZoneFlaws
}

/** RFC 8624 section 3.3: SHA-256. */
const SHA256_DIGEST = 2

const algorithmsByWord: ReadonlyMap<string, SigningAlgorithm> = new Map(
  (
    [
      'RSASHA1',
      'RSASHA1-NSEC3-SHA1',
      'RSASHA256',
      'RSASHA512',
      'ECDSAP256SHA256',
      'ECDSAP384SHA384',
      'ED25519',
      'ED448',
    ] as const satisfies readonly SigningAlgorithm[]
  ).map(name => [name.toLowerCase(), name]),
)
const isRollover = (text: string): text is Rollover => Object.hasOwn(rollovers, text)
const OTHER_WORDS = [
  'csk',
  'nsec',
  'nsec3',
  'salt',
  'optOut',
  'sha1Ds',
  'sha384Ds',
  'unsupportedAlgorithm',
  'unsupportedDigest',
  'noDs',
  'no',
] as const

/** All words that `readPlan` knows. */
export const planWords: readonly string[] = [
  ...Object.keys(signingAlgorithms).map(name => name.toLowerCase()),
  ...OTHER_WORDS,
  ...Object.keys(rollovers),
  ...Object.keys(zoneFlaws),
]

/** Reads the line of words; null for "no". What it cannot read is an `error` that says what it could have been. */
export function readPlan(text: string): SigningPlan | null | { readonly error: string } {
  const words = text
    .trim()
    .split(/\s+/)
    .filter(word => word !== '')
  const algorithms: SigningAlgorithm[] = []
  const flaws = new Map<ZoneFlaw, number | null>()
  const digests: number[] = []
  const seen = new Map<string, string | null>()
  let rollover: Rollover | null = null
  for (const word of words) {
    const [, name = '', argument] = /^([\w-]+)(?:\(([0-9a-fA-F]*)\))?$/.exec(word) ?? []
    const algorithm = algorithmsByWord.get(name.toLowerCase())
    if (algorithm !== undefined) algorithms.push(algorithm)
    else if (isZoneFlaw(name)) flaws.set(name, argument === undefined || argument === '' ? null : Number(argument))
    else if (isRollover(name)) rollover = name
    else if (OTHER_WORDS.some(known => known === name)) seen.set(name, argument ?? null)
    else {
      const near = suggest(name, planWords)
      return {
        error:
          `"${word}" says nothing about signing${near === null ? '' : ` (did you mean "${near}"?)`}; there are ` +
          `${planWords.join(', ')}`,
      }
    }
    const takesNumber = isZoneFlaw(name) ? zoneFlaws[name].startsWith('(n)') : name === 'nsec3' || name === 'salt'
    if (argument !== undefined && (!takesNumber || (name !== 'salt' && !/^\d+$/.test(argument))))
      return {
        error: `"${word}": ${takesNumber ? 'a number is expected in the parentheses' : `${name} takes no number`}`,
      }
  }
  if (seen.has('no'))
    return words.length === 1 ? null : { error: `"${text}": a zone that is not signed is signed in no way` }
  if (seen.has('sha1Ds')) digests.push(1)
  if (seen.has('sha384Ds')) digests.push(4)
  const salt = new Uint8Array(Buffer.from(seen.get('salt') ?? '', 'hex'))
  const nsec3 = seen.has('nsec3') || seen.has('optOut') || seen.has('salt') || flaws.has('wrongNsec3')
  return {
    words: words.join(' '),
    // Colliding tags are quickly made for RSA only.
    algorithms: algorithms.length > 0 ? algorithms : [flaws.has('keyTrap') ? 'RSASHA256' : 'ECDSAP256SHA256'],
    csk: seen.has('csk'),
    denial: nsec3
      ? { kind: 'nsec3', iterations: Number(seen.get('nsec3') ?? 0), salt, optOut: seen.has('optOut') }
      : { kind: 'nsec' },
    digests: digests.length === 0 ? [SHA256_DIGEST] : digests,
    rollover,
    unsupported: seen.has('unsupportedAlgorithm') ? 'algorithm' : seen.has('unsupportedDigest') ? 'digest' : null,
    ds: !seen.has('noDs'),
    flaws,
  }
}

/** The same for our own data and tests: what cannot be read throws. */
export function planOf(text: string): SigningPlan | null {
  const plan = readPlan(text)
  if (plan !== null && 'error' in plan) throw new Error(plan.error)
  return plan
}
