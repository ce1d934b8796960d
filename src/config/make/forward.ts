/**
 * Forward and stub zones of a configuration: names and servers read, zones that are there twice and servers that are
 * this one reported, and what is likely to surprise.
 */
import { isLoopback, parseIp } from '../../dns/address.ts'
import { foldName, isWithin, ROOT, type Name } from '../../dns/name.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { specialUses } from '../../zone/special-use.ts'
import { parseUpstream } from '../../zone/upstream-text.ts'
import { bindingsOf } from '../bindings.ts'
import type { JsonPath } from '../json.ts'
import type { RawConfig } from '../raw.ts'
import type { ForwardSource } from '../types.ts'

/** Where problems go; the paths are those of the settings. */
export interface ForwardReports {
  readonly complain: (path: JsonPath, message: string) => void
  readonly warn: (path: JsonPath, message: string) => void
  /** An absolute path. */
  readonly path: (text: string, ...at: readonly string[]) => string
}

export function forwardSources(raw: RawConfig, reports: ForwardReports): readonly ForwardSource[] {
  const first = new Map<Name, string>()
  const read = (kind: 'forward' | 'stub', index: number): readonly ForwardSource[] => {
    const entry = raw[kind][index]
    if (entry === undefined) return []
    const at = [kind, index]
    const parsed = parseName(entry.zone, null)
    if (typeof parsed !== 'string') {
      reports.complain([...at, 'zone'], parsed.error)
      return []
    }
    const zone = foldName(parsed)
    const before = first.get(zone)
    if (before !== undefined)
      reports.complain([...at, 'zone'], `${formatName(zone)} is there already, as ${before}: put all servers into one`)
    first.set(zone, before ?? `${kind}[${index}]`)
    const texts = typeof entry.to === 'string' ? [entry.to] : entry.to
    const upstreams = texts.flatMap(text => {
      const upstream = parseUpstream(text)
      return 'error' in upstream ? [] : [upstream]
    })
    refuseOurselves(raw, upstreams, typeof entry.to === 'string' ? [...at, 'to'] : null, [...at, 'to'], reports)
    const authorities = 'authorities' in entry ? entry.authorities : []
    if (authorities.length > 0 && !upstreams.some(upstream => isSecure(upstream)))
      reports.warn([...at, 'authorities'], 'has no effect: none of the servers is asked over TLS or HTTPS')
    warnOfUndelegated(raw, zone, kind, [...at, 'zone'], reports)
    return [
      {
        kind,
        zone,
        upstreams,
        recurseOnFailure: 'recurseOnFailure' in entry && entry.recurseOnFailure,
        authorities: authorities.map(file => reports.path(file, kind)),
      },
    ]
  }
  return [
    ...raw.forward.flatMap((_, index) => read('forward', index)),
    ...raw.stub.flatMap((_, index) => read('stub', index)),
  ]
}

type Upstreams = ForwardSource['upstreams']

const isSecure = (upstream: Upstreams[number]): boolean =>
  upstream.kind === 'name' || upstream.server.secure !== undefined

/** What is sent to ourselves comes back, and again. Which addresses 0.0.0.0 means here is seen at the start. */
function refuseOurselves(
  raw: RawConfig,
  upstreams: Upstreams,
  only: JsonPath | null,
  list: JsonPath,
  { complain }: ForwardReports,
): void {
  upstreams.forEach((upstream, index) => {
    if (upstream.kind !== 'address' || upstream.server.secure !== undefined) return
    const { ip, port } = upstream.server
    const ours = raw.listen.find(text => {
      const [binding] = bindingsOf([text])
      if (binding === undefined || binding.service !== undefined) return false
      const own = parseIp(binding.address)
      if (own === null || binding.port !== port || own.family !== ip.family) return false
      return own.text === ip.text || (own.bytes.every(octet => octet === 0) && isLoopback(ip))
    })
    if (ours !== undefined)
      complain(only ?? [...list, index], `"${upstream.text}" is this server itself, which listens on ${ours}`)
  })
}

/** Names that networks use for themselves and the public root does not have (RFC 6762 appendix G, and `internal`). */
const PRIVATE_TOPS = ['internal', 'intranet', 'private', 'corp', 'home', 'lan', 'localdomain']

/**
 * The signed root proves that such a name does not exist, so that every answer of its servers is bogus unless the
 * operator says otherwise (RFC 7646).
 */
function warnOfUndelegated(
  raw: RawConfig,
  zone: Name,
  kind: 'forward' | 'stub',
  at: JsonPath,
  { warn }: ForwardReports,
): void {
  if (!raw.dnssec.validate || zone === ROOT || specialUses.some(({ name }) => isWithin(zone, name))) return
  const text = formatName(zone).replace(/\.$/, '')
  if (!PRIVATE_TOPS.some(top => text === top || text.endsWith(`.${top}`))) return
  const isNamed = (name: string): boolean => {
    const parsed = parseName(name, null)
    return typeof parsed === 'string' && isWithin(zone, foldName(parsed))
  }
  // Anchors of one's own are in files, which are read later.
  if (raw.dnssec.negativeTrustAnchors.some(({ name }) => isNamed(name)) || raw.dnssec.trustAnchors !== undefined) return
  warn(
    at,
    `the signed root proves that ${formatName(zone)} does not exist, so answers of its ` +
      `${kind === 'forward' ? 'forwarders' : 'servers'} will not validate: ` +
      `add {"name": "${text}", "until": …} to dnssec.negativeTrustAnchors`,
  )
}
