/**
 * What forward and stub zones change in what is remembered and in how a failure is reported: small rules that the walk
 * asks for, each with its reason.
 */
import type { Question } from '../dns/message.ts'
import { isWithin, ROOT } from '../dns/name.ts'
import type { Name } from '../dns/name.ts'
import { withTtl } from '../dns/rrset.ts'
import { EdeCode, RrType } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import { forwardZonesFor, type Env, type Task } from './env.ts'
import { INTERCEPTED, INTERCEPTION_CURE } from './interception.ts'
import type { Failure } from './outcome.ts'
import type { Judged } from './validation/judged.ts'

/**
 * Does the parent of a configured zone deny that zone's name? That is an answer about its DS set, and no denial of what
 * the servers of the zone have: remembered, it would hide the whole zone (RFC 8020, CVE-2026-44687).
 */
export const isOfParent = (env: Env, { name, type }: Question, { verdict }: Judged): boolean =>
  type === RrType.DS &&
  verdict.kind === 'nxdomain' &&
  verdict.name === name &&
  env.forwardZones().at(name) !== undefined

/** What others than its servers say of a configured zone, because these failed: a denial is for a moment only. */
export function asFallback(env: Env, zone: Name, question: Question, judged: Judged): Judged {
  const configured = env.forwardZones().of(question)
  const { verdict } = judged
  if (configured === undefined || isWithin(zone, configured.zone)) return judged
  if ((verdict.kind !== 'nodata' && verdict.kind !== 'nxdomain') || verdict.soa === null) return judged
  const { fallbackDenialTtl } = env.limits.cache
  const soa = verdict.soa.ttl > fallbackDenialTtl ? withTtl(verdict.soa, fallbackDenialTtl) : verdict.soa
  return { ...judged, verdict: { ...verdict, soa } }
}

export const isIntercepted = (env: Env): boolean => env.interception.isActive(env.clock.now())

/** A failure with what the operator can do about it. */
export function withCure(env: Env, task: Task, question: Question, failed: Failure): Failure {
  const configured = forwardZonesFor(env, task).of(question)
  if (configured === undefined)
    return isIntercepted(env) ? { ...failed, text: `${INTERCEPTED}; ${INTERCEPTION_CURE}: ${failed.text}` } : failed
  const { zone, kind } = configured
  if (failed.why !== 'bogus' || zone === ROOT || !UNSIGNED.has(failed.ede)) return failed
  const name = formatName(zone)
  const cure =
    `${name} is a ${kind} zone without signatures below a signed zone; if it is private, a negative trust anchor ` +
    `for "${name.replace(/\.$/, '')}" (dnssec.negativeTrustAnchors) cures it`
  return { ...failed, text: `${cure}: ${failed.text}` }
}

/** Signatures, proofs or keys that are not there at all: not broken ones, which no anchor should hide. */
const UNSIGNED: ReadonlySet<EdeCode> = new Set<EdeCode>([
  EdeCode.RrsigsMissing,
  EdeCode.NsecMissing,
  EdeCode.DnskeyMissing,
])
