/**
 * Zones signed by the tools of others, and what the tests of the judges need: rules, purses of work, keys of our own.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foldName, type Name } from '../../src/dns/name.ts'
import { groupRRsets, type RRset } from '../../src/dns/rrset.ts'
import { parseName } from '../../src/presentation/text.ts'
import { RrType } from '../../src/dns/types.ts'
import { parseTime } from '../../src/presentation/time-text.ts'
import { defaultLimits, type DnssecLimits } from '../../src/limits.ts'
import type { DnssecRules, Work } from '../../src/dnssec/rules.ts'
import type { Steps } from '../../src/steps.ts'
import { parseZoneText } from '../../src/zone/zone-file.ts'

export function n(text: string): Name {
  const name = parseName(text.endsWith('.') ? text : `${text}.`, null)
  if (typeof name !== 'string') throw new Error(`${text}: ${name.error}`)
  return foldName(name)
}

/** Seconds since 1970 of YYYYMMDDHHmmSS. */
export function at(text: string): number {
  const time = parseTime(text)
  if (time === null) throw new Error(`no time: ${text}`)
  return time
}

/** Signatures of the zones made here hold through January 2026. */
export const NOW = at('20260115000000')
const INCEPTION = '20260101000000'
const EXPIRATION = '20260201000000'

export const rulesWith = (
  changes: Partial<Omit<DnssecRules, 'limits'>> & { readonly limits?: Partial<DnssecLimits> } = {},
): DnssecRules => ({
  nsec3MaxIterations: 50,
  disallowedAlgorithms: new Set(),
  disallowedDigests: new Set(),
  ...changes,
  limits: { ...defaultLimits.dnssec, ...changes.limits },
})

export interface Purse extends Work {
  readonly verifications: number
  readonly hashes: number
}

/** Work without end unless told otherwise; counts what is taken. */
export function purse(verifications = Number.POSITIVE_INFINITY, hashes = Number.POSITIVE_INFINITY): Purse {
  const taken = { verifications: 0, hashes: 0 }
  return {
    get verifications() {
      return taken.verifications
    },
    get hashes() {
      return taken.hashes
    },
    takeVerification() {
      if (taken.verifications === verifications) return 'no verifications left'
      taken.verifications++
      return null
    },
    takeNsec3Hash() {
      if (taken.hashes === hashes) return 'no hashes left'
      taken.hashes++
      return null
    },
  }
}

/** Runs steps that yield nothing but pauses. */
export function run<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (step.value.kind !== 'pause') throw new Error(`unexpected ${step.value.kind}`)
  }
}

/** How often steps pause until they are done. */
export function pausesOf(steps: Steps<unknown>): number {
  let count = 0
  while (steps.next().done !== true) count++
  return count
}

export interface SignedZone {
  readonly origin: Name
  /** Sets with their signatures; NSEC and NSEC3 sets among them. */
  readonly sets: readonly RRset[]
  readonly dnskeys: RRset
  /** RDATA of DS records (SHA-256) for all keys. */
  readonly ds: readonly Uint8Array[]
}

export interface Signing {
  readonly tool: 'ldns' | 'bind'
  readonly algorithms: readonly string[]
  readonly nsec3?: { readonly iterations: number; readonly salt: string; readonly optOut: boolean }
}

/** Signs a zone with one key of each algorithm that signs everything. */
export function signWith(origin: string, text: string, signing: Signing): SignedZone {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-signing-'))
  const tool = (name: string, ...args: string[]): string =>
    execFileSync(name, args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  try {
    const signed =
      signing.tool === 'ldns'
        ? signByLdns(tool, directory, origin, text, signing)
        : signByBind(tool, directory, origin, text, signing)
    const sets = setsOf(origin, readFileSync(join(directory, 'signed'), 'utf8'))
    const dnskeys = sets.find(set => set.type === RrType.DNSKEY)
    if (dnskeys === undefined) throw new Error('no DNSKEY set in the signed zone')
    return { origin: n(origin), sets, dnskeys, ds: setsOf(origin, signed).flatMap(set => set.rdatas) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

type Tool = (name: string, ...args: string[]) => string

/** The text of the DS records. */
function signByLdns(
  tool: Tool,
  directory: string,
  origin: string,
  text: string,
  { algorithms, nsec3 }: Signing,
): string {
  const keys = algorithms.map(algorithm =>
    tool(
      'ldns-keygen',
      '-r',
      '/dev/urandom',
      '-k',
      '-a',
      algorithm,
      ...(algorithm.startsWith('RSA') ? ['-b', '1024'] : []),
      origin,
    ),
  )
  writeFileSync(join(directory, 'zone'), text)
  const denial =
    nsec3 === undefined
      ? []
      : [
          '-n',
          ...(nsec3.optOut ? ['-p'] : []),
          '-t',
          String(nsec3.iterations),
          ...(nsec3.salt === '' ? [] : ['-s', nsec3.salt]),
        ]
  tool('ldns-signzone', '-o', origin, '-i', INCEPTION, '-e', EXPIRATION, ...denial, '-f', 'signed', 'zone', ...keys)
  return keys.map(key => tool('ldns-key2ds', '-n', '-2', `${key}.key`)).join('\n')
}

function signByBind(
  tool: Tool,
  directory: string,
  origin: string,
  text: string,
  { algorithms, nsec3 }: Signing,
): string {
  const keys = algorithms.map(algorithm =>
    tool(
      'dnssec-keygen',
      '-q',
      '-a',
      algorithm,
      '-f',
      'KSK',
      ...(algorithm.startsWith('RSA') ? ['-b', '1024'] : []),
      origin,
    ),
  )
  writeFileSync(
    join(directory, 'zone'),
    `${text}\n${keys.map(key => readFileSync(join(directory, `${key}.key`), 'utf8')).join('\n')}\n`,
  )
  const denial =
    nsec3 === undefined
      ? []
      : ['-3', nsec3.salt === '' ? '-' : nsec3.salt, '-H', String(nsec3.iterations), ...(nsec3.optOut ? ['-A'] : [])]
  tool(
    'dnssec-signzone',
    '-z',
    '-P',
    '-o',
    origin,
    '-s',
    INCEPTION,
    '-e',
    EXPIRATION,
    '-O',
    'full',
    ...denial,
    '-f',
    'signed',
    'zone',
    ...keys,
  )
  return keys.map(key => tool('dnssec-dsfromkey', '-2', `${key}.key`)).join('\n')
}

export function setsOf(origin: string, text: string): RRset[] {
  const parsed = parseZoneText(text, {
    file: 'signed',
    origin: n(origin),
    limits: defaultLimits.zone,
    defaultTtl: 3_600,
    include: () => ({ error: 'nothing to include' }),
  })
  const [problem] = parsed.problems.filter(one => one.severity === 'error')
  if (problem !== undefined) throw new Error(`${problem.line}: ${problem.message}`)
  return groupRRsets(parsed.records)
}
