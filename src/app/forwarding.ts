/**
 * Forward and stub zones on this machine: certificates read from their files, servers that are this one, zones that a
 * local zone hides, and what is found out by asking when they are new.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ForwardSource } from '../config/types.ts'
import { isWithin, ROOT } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { TrustPoints } from '../dnssec/trust-anchors.ts'
import { errorText, type Problem } from '../events.ts'
import { localAddresses, wildcardFamily } from '../net/local-addresses.ts'
import type { Binding, EventSink } from '../ports.ts'
import { formatName } from '../presentation/text.ts'
import { ForwardZones, type Upstream } from '../zone/forward-zones.ts'
import type { LocalZones } from '../zone/local-zones.ts'
import { parseUpstream } from '../zone/upstream-text.ts'
import type { Recursor } from './recursor.ts'

export type LoadedForwarding =
  | { readonly kind: 'forwarding'; readonly zones: ForwardZones }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export function loadForwarding(sources: readonly ForwardSource[]): LoadedForwarding {
  const problems: Problem[] = []
  const zones = sources.map(({ kind, zone, upstreams, recurseOnFailure, authorities }) => {
    const certificates = authorities.flatMap(file => readCertificates(file, problems))
    return {
      kind,
      zone,
      recurseOnFailure,
      upstreams: upstreams.map(upstream => withAuthorities(upstream, certificates)),
    }
  })
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'forwarding', zones: new ForwardZones(zones) }
}

/** The key of a server has them in it, so that connections are not shared between those of two zones. */
function withAuthorities(upstream: Upstream, certificates: readonly string[]): Upstream {
  if (certificates.length === 0) return upstream
  const again = parseUpstream(upstream.text, certificates)
  return 'error' in again ? upstream : again
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

export function readCertificates(file: string, problems: Problem[]): readonly string[] {
  const complain = (message: string): readonly string[] => {
    problems.push({ file, line: 0, column: 0, severity: 'error', message })
    return []
  }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return complain(`cannot be read: ${errorText(error)}`)
  }
  const found = text.match(CERTIFICATE) ?? []
  if (found.length === 0) return complain('holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")')
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem)
    } catch (error) {
      return complain(`certificate ${index + 1} cannot be read: ${errorText(error)}`)
    }
  }
  return found
}

/** Servers at addresses that are listened on: what is sent there comes back. `local` are all addresses of this host. */
export function ownServers(
  { zones }: ForwardZones,
  listening: readonly Binding[],
  file: string,
  local: readonly string[] = localAddresses(),
): readonly Problem[] {
  const ours = new Set(
    listening.flatMap(({ address, port }) => {
      const family = wildcardFamily(address)
      const addresses = family === null ? [address] : local.filter(text => text.includes(':') === (family === 6))
      return addresses.map(text => `${text} ${port}`)
    }),
  )
  return zones.flatMap(({ zone, kind, upstreams }) =>
    upstreams.flatMap((upstream): Problem[] => {
      if (upstream.kind !== 'address' || upstream.server.secure !== undefined) return []
      const { ip, port } = upstream.server
      if (!ours.has(`${ip.text} ${port}`)) return []
      return [
        {
          file,
          line: 0,
          column: 0,
          severity: 'error',
          message: `${kind}: "${upstream.text}" for ${formatName(zone)} is this server itself, which listens there`,
        },
      ]
    }),
  )
}

/** Local zones answer for all their names, so that a configured zone at or below one is never asked. */
export function hiddenZones({ zones }: ForwardZones, local: LocalZones, file: string): readonly Problem[] {
  return zones.flatMap(({ zone, kind }): Problem[] => {
    const question = { name: zone, type: RrType.NS, class: RrClass.IN }
    const hiding = local.zones.find(
      one =>
        !one.recordsOnly &&
        !local.isBuiltIn(one) &&
        isWithin(zone, one.origin) &&
        one.answer(question).kind !== 'referral',
    )
    if (hiding === undefined) return []
    return [
      {
        file,
        line: 0,
        column: 0,
        severity: 'warning',
        message:
          `the ${kind} zone ${formatName(zone)} has no effect: ` +
          `the local zone ${formatName(hiding.origin)} answers for it`,
      },
    ]
  })
}

/**
 * Asks whether what is forwarded comes back, and whether a signed zone above proves that a zone does not exist, so that
 * none of its answers will validate.
 */
export function lookAfterForwarding(
  { resolver, caches, clock }: Pick<Recursor, 'resolver' | 'caches' | 'clock'>,
  forwardZones: ForwardZones,
  points: () => TrustPoints,
  events: EventSink,
): void {
  resolver.probeForwarders()
  for (const { zone, kind } of forwardZones.zones) {
    if (zone === ROOT) continue
    const question = { name: zone, type: RrType.DS, class: RrClass.IN }
    resolver.resolve(question, { because: 'ds', recursionDesired: true }, outcome => {
      if (outcome.kind === 'failure' || outcome.security.kind !== 'secure') return
      // The DS set belongs to the zone above, which is validated; what is below is not.
      if (points().negative(zone, clock.wall()) !== undefined) return
      const isDenied =
        outcome.kind === 'nxdomain' || caches.zoneStates.delegationStatus(zone, clock.now())?.kind === 'no-cut'
      if (isDenied) events({ kind: 'forward-zone-undelegated', zone: formatName(zone), zoneKind: kind })
    })
  }
}
