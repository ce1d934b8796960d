/**
 * What a cache depends on, as digests that are compared between the process that stored it and the one that has it now:
 * entries are used only where what they depend on is the same.
 */
import { createHash } from 'node:crypto'
import type { Delegation } from '../../cache/delegations.ts'
import type { Subject } from '../../cache/snapshot/section.ts'
import type { Config } from '../../config/types.ts'

export interface FingerprintParts {
  readonly config: Config
  readonly hints: Delegation
  /** See `TrustAnchorManager.judgedBy`. */
  readonly judgedBy: string
  /** Zones that are served from here, as `ZoneStore.identity` has them. */
  readonly zones: readonly string[]
}

export type Fingerprint = Readonly<Record<Subject, string>>

export function fingerprintOf({ config, hints, judgedBy, zones: served }: FingerprintParts): Fingerprint {
  const { forward, stub, upstream, cache, ttl, serveStale, zones, records, reverse, specialUse } = config.raw
  return {
    // Who is asked, what of their replies is used, and the TTLs that were raised.
    data: digest([
      forward,
      stub,
      upstream.port,
      upstream.hardenGlue,
      [cache.minTtl, ...ttl.flatMap(({ zone, minS }) => (minS === undefined ? [] : [[zone, minS]]))],
      hints.servers.map(({ name, addresses }) => [name, addresses.map(({ text }) => text)]),
    ]),
    trust: digest([judgedBy]),
    // Which names are ours: a failure may have been about an alias into them.
    local: digest([zones, records, reverse, specialUse, served]),
    // Without it the ends of delegations are not noted, and nothing may be given after its TTL.
    stale: digest([serveStale.enabled]),
  }
}

/** Subjects that are the same in both. */
export const sameSubjects = (before: Readonly<Record<string, string>>, now: Fingerprint): ReadonlySet<Subject> =>
  new Set(SUBJECTS.filter(subject => before[subject] === now[subject]))

const SUBJECTS: readonly Subject[] = ['data', 'trust', 'local', 'stale']

/** 128 bits: nobody gains by two that are equal. */
export const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
