/**
 * The forward and stub zones that a configuration names, with the certificates that are trusted for them read from
 * their files.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ForwardSource } from '../config/types.ts'
import { errorText, type Problem } from '../events.ts'
import { ForwardZones, type Upstream } from '../zone/forward-zones.ts'
import { parseUpstream } from '../zone/upstream-text.ts'

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

function readCertificates(file: string, problems: Problem[]): readonly string[] {
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
