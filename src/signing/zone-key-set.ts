/**
 * The keys of one simulated zone as its plan wants them: which are published, which sign, and which DS records the
 * parent has. Roll-overs and what is wrong with keys are decided here; signing is in `zone-signer.ts`.
 */
import type { Name } from '../dns/name.ts'
import { DnskeyFlag } from '../dns/rdata-dnssec.ts'
import { collidingRsaKeys, malformedKeys } from './crafted-keys.ts'
import type { SigningPlan } from './signing-plan.ts'
import { dsFor, type KeyRole, type SigningKey, makeSigningKey, makeUnknownKey, withFlags } from './zone-keys.ts'

export interface KeySet {
  /** RDATA of the DNSKEY set. */
  readonly published: readonly Uint8Array[]
  readonly keySigners: readonly SigningKey[]
  readonly zoneSigners: readonly SigningKey[]
  /** RDATA of the DS set at the parent; empty when there is none. */
  readonly ds: readonly Uint8Array[]
  /** RDATA of the keys that a trust anchor at this zone would hold. */
  readonly anchors: readonly Uint8Array[]
}

/** In the range reserved by the registry: no validator implements it. */
const UNKNOWN_ALGORITHM = 200
const UNKNOWN_DIGEST = 200

/** Keys by role, each role's in order of age. */
interface Generation {
  readonly ksks: readonly SigningKey[]
  readonly zsks: readonly SigningKey[]
}

export function makeKeySet(zone: Name, seed: number, plan: SigningPlan): KeySet {
  const { flaws, rollover } = plan
  const first = generationOf(zone, seed, plan, 0)
  const next =
    rollover !== null || flaws.has('brokenRollover') || flaws.has('wrongDs')
      ? generationOf(zone, seed, plan, 1)
      : { ksks: [], zsks: [] }
  const both = rollover === 'doubleKey' || rollover === 'doubleSignature'
  const current = flaws.has('brokenRollover') ? { ...first, ksks: next.ksks } : first
  const ksks = both ? [...first.ksks, ...next.ksks] : current.ksks
  const zsks = rollover === 'doubleSignature' ? [...first.zsks, ...next.zsks] : current.zsks
  const waiting = rollover === 'prePublished' ? next.zsks : []
  const downgrade = flaws.has('downgrade') ? [makeUnknownKey(UNKNOWN_ALGORITHM, { seed, zone, role: 'ksk' })] : []
  const promised =
    rollover === 'doubleDs' || rollover === 'doubleSignature'
      ? [...first.ksks, ...next.ksks]
      : flaws.has('wrongDs')
        ? next.ksks
        : first.ksks
  const digests = plan.unsupported === 'digest' ? [UNKNOWN_DIGEST] : plan.digests
  const ds = [...promised, ...downgrade].flatMap(key => digests.map(type => dsFor(zone, key, type)))
  return {
    published: flaws.has('missingKeys')
      ? []
      : distinctKeys([
          ...craftedFor(plan, zsks),
          ...[...ksks, ...zsks, ...waiting, ...downgrade].map(({ rdata }) => rdata),
        ]),
    keySigners: downgrade.length > 0 ? downgrade : ksks,
    zoneSigners: downgrade.length > 0 ? downgrade : zsks,
    ds: plan.ds ? ds.map(rdata => (flaws.has('wrongDigest') ? spoilt(rdata) : rdata)) : [],
    anchors: ksks.map(({ rdata }) => rdata),
  }
}

/** A key of this zone that it has never published. */
export const strangerTo = (zone: Name, seed: number, plan: SigningPlan): SigningKey =>
  makeSigningKey(plan.algorithms[0] ?? 'ECDSAP256SHA256', { seed, zone, role: 'zsk', generation: 2 })

function generationOf(zone: Name, seed: number, plan: SigningPlan, generation: number): Generation {
  const make = (role: KeyRole): readonly SigningKey[] =>
    plan.unsupported === 'algorithm'
      ? [makeUnknownKey(UNKNOWN_ALGORITHM, { seed, zone, role, generation })]
      : plan.algorithms.map(algorithm => makeSigningKey(algorithm, { seed, zone, role, generation }))
  const bent = (keys: readonly SigningKey[]): readonly SigningKey[] =>
    keys.map(key => withFlags(key, flagsOf(key.role, plan)))
  if (plan.csk) {
    const csks = bent(make('csk'))
    return { ksks: csks, zsks: csks }
  }
  return { ksks: bent(make('ksk')), zsks: bent(make('zsk')) }
}

function flagsOf(role: KeyRole, { flaws }: SigningPlan): number {
  const zone = flaws.has('noZoneKeyBit') ? 0 : DnskeyFlag.ZONE
  if (role === 'zsk') return zone
  return zone | DnskeyFlag.SEP | (flaws.has('revokedKey') ? DnskeyFlag.REVOKE : 0)
}

/** Keys of an attacker, which stand before the real ones. */
function craftedFor({ flaws }: SigningPlan, zsks: readonly SigningKey[]): readonly Uint8Array[] {
  const real = zsks[0]
  if (real === undefined) return []
  const trap = flaws.get('keyTrap')
  const malformed = flaws.get('malformedKeys')
  return [
    ...(trap === undefined ? [] : collidingRsaKeys(real.algorithm, real.tag, trap ?? DEFAULT_CRAFTED)),
    ...(malformed === undefined ? [] : malformedKeys(real.algorithm, real.tag, malformed ?? DEFAULT_CRAFTED)),
  ]
}

/** Keys and signatures of an attack that gives no number. */
export const DEFAULT_CRAFTED = 20

function distinctKeys(rdatas: readonly Uint8Array[]): readonly Uint8Array[] {
  return rdatas.filter((rdata, i) => rdatas.findIndex(other => Buffer.compare(other, rdata) === 0) === i)
}

/** Another last octet. */
export function spoilt(rdata: Uint8Array): Uint8Array {
  const bent = Uint8Array.from(rdata)
  const last = bent.length - 1
  bent[last] = (bent[last] ?? 0) ^ 0xff
  return bent
}
