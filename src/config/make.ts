/**
 * From a configuration that is well formed to what the program works with: names, prefixes and records are read, paths
 * made absolute, and what contradicts itself or is a likely slip is reported.
 */
import { join, resolve } from 'node:path'
import { isLoopback, parseIp, parsePrefix, type Prefix } from '../dns/address.ts'
import { foldName, type Name } from '../dns/name.ts'
import type { Problem } from '../events.ts'
import { defaultLimits, limitsWith } from '../limits.ts'
import { parseName } from '../presentation/text.ts'
import type { ServerEncryption } from '../resolver/env.ts'
import { specialUses } from '../zone/special-use.ts'
import { bindingsOf, readAdminAddress } from './bindings.ts'
import { certificateSource, checkListen } from './check-listen.ts'
import type { JsonPath } from './json.ts'
import { forwardSources } from './make/forward.ts'
import { listSources } from './make/lists.ts'
import { policySources } from './make/policies.ts'
import { sharedCacheConfig } from './make/shared-cache.ts'
import { rateSettings } from './make/limits.ts'
import { isSecondary, rpzSettings, secondarySettings } from './make/transfers.ts'
import { accessRules, viewConfigs } from './make/views.ts'
import { didYouMean, pathText, type Locate } from './problems.ts'
import { dnstapConfig, historyConfig } from './make/history.ts'
import { shapingOf, zoneTtls } from './make/shaping.ts'
import type { RawConfig } from './raw.ts'
import { readRecords } from './records.ts'
import type { AdminConfig, Config, DnssecConfig, ZoneSource } from './types.ts'
import { BUILT_IN, parseBytes, parseDisallowed, parseInstant } from './values.ts'

export interface Made {
  readonly config: Config
  readonly problems: readonly Problem[]
}

/** Where a value comes from. */
export interface ValueOrigin {
  /** The file; null when there is none. */
  readonly file: string | null
  readonly locate: Locate
  /** What a relative path in the setting at `at` is relative to. */
  readonly directoryOf: (at: readonly string[]) => string
  /** Seconds since 1970, to say what is over; default: now. */
  readonly wall?: number | undefined
}

/** What a configuration was before something wrong was taken out of it. */
export interface TakenOut {
  /** The path of a setting as it was before others of its list were taken out. */
  readonly written: (path: JsonPath) => JsonPath
  /** Was something taken out of the setting at this path, as written, or the setting itself? */
  readonly lacks: (path: JsonPath) => boolean
}

const WHOLE: TakenOut = { written: path => path, lacks: () => false }

export function makeConfig(raw: RawConfig, from: ValueOrigin, { written, lacks }: TakenOut = WHOLE): Made {
  const problems: Problem[] = []
  const { locate } = from
  // What is only wrong for want of something else that is wrong, and reported, is no complaint of its own.
  const complain = (path: JsonPath, message: string, because?: JsonPath): void => {
    if (!lacks(written(path)) && (because === undefined || !lacks(because)))
      problems.push(locate(written(path), `${pathText(written(path))}: ${message}`))
  }
  const warn = (path: JsonPath, message: string): void =>
    void problems.push({ ...locate(path, `${pathText(path)}: ${message}`), severity: 'warning' })
  const prefixes = (list: readonly string[]): Prefix[] => list.flatMap(text => parsePrefix(text) ?? [])
  const { upstream, cache, budget, clients, tcp } = raw
  const path = (text: string, ...at: readonly string[]): string => resolve(from.directoryOf(at), text)
  const name = (text: string, at: JsonPath): Name | null => {
    const parsed = parseName(text, null)
    if (typeof parsed === 'string') return foldName(parsed)
    complain(at, parsed.error)
    return null
  }

  const read = readRecords(raw.records, defaultLimits.zone.recordTtl)
  for (const { path: at, message } of read.problems) complain(at, message)
  if (cache.minTtl > cache.maxTtl) complain(['cache', 'minTtl'], `is above maxTtl (${cache.maxTtl})`)
  if (!upstream.ipv4 && upstream.ipv6 === false)
    complain(['upstream'], 'ipv4 and ipv6 are both false: no server could be asked')
  const listen = bindingsOf(raw.listen)
  checkListen(raw, listen, complain, warn)
  warnAboutEnded(raw, from.wall ?? Math.floor(Date.now() / 1_000), warn)

  const views = viewConfigs(raw, { complain, warn, path, locate: (at, message) => locate(written(at), message) })

  const config: Config = {
    file: from.file,
    listen,
    udp: { mode: raw.udp, threads: raw.threads },
    allow: prefixes(raw.allow),
    access: accessRules(raw, { complain }),
    views,
    cookies: raw.cookies.enabled
      ? {
          secret: raw.cookies.secret === undefined ? null : path(raw.cookies.secret, 'cookies', 'secret'),
          require: raw.cookies.require,
        }
      : null,
    rateLimit: rateSettings(raw),
    tls: certificateSource(raw.tls, path),
    proxies: prefixes(raw.proxies),
    doh: raw.doh,
    ddr: raw.ddr,
    zones: raw.zones.flatMap((entry, index): ZoneSource[] => {
      if (typeof entry === 'string') return [{ pattern: path(entry, 'zones'), origin: null, editable: false }]
      if (isSecondary(entry)) return []
      const origin = entry.origin === undefined ? null : name(entry.origin, ['zones', index, 'origin'])
      return [{ pattern: path(entry.file, 'zones'), origin, editable: entry.editable === true }]
    }),
    secondaries: secondarySettings(raw, views, { complain, path }),
    rpz: rpzSettings(raw, { complain, path }),
    records: read.records.map(({ path: at, rr }) => {
      const { file, line, column } = locate(written(at), '')
      return { ...rr, file, line, column }
    }),
    reverse: raw.reverse,
    any: raw.any,
    shaping: shapingOf(raw, { name, warn }),
    ttls: zoneTtls(raw, { name, complain }),
    specialUseOff: specialUseOff(raw.specialUse, name, complain),
    rootHints: raw.rootHints === undefined ? null : path(raw.rootHints, 'rootHints'),
    forwarding: forwardSources(raw, { complain, warn, path }),
    lists: listSources(raw, { complain, warn, path }),
    policies: policySources(raw, { complain, path }),
    engine: {
      minimise: upstream.minimise,
      mixCase: upstream.mixCase,
      cookies: upstream.cookies,
      ipv4: upstream.ipv4,
      ipv6: upstream.ipv6,
      upstreamPort: upstream.port,
      doNotQuery: prefixes(upstream.doNotQuery),
      zoneQueriesPerSecond: upstream.zoneQueriesPerSecond,
      hardenGlue: upstream.hardenGlue,
      encryption: serverEncryption(upstream, name, complain),
    },
    dnssec: dnssecConfig(raw.dnssec, stateOf(raw, path), name, path),
    limits: limitsWith({
      budget,
      cache: {
        totalBytes: parseBytes(cache.bytes) ?? defaultLimits.cache.totalBytes,
        minTtl: cache.minTtl,
        maxTtl: cache.maxTtl,
        maxNegativeTtl: cache.maxNegativeTtl,
        rotate: cache.rotate,
        staleMs: raw.serveStale.enabled ? raw.serveStale.maxAgeS * 1_000 : 0,
      },
      stale: {
        answerTtl: raw.serveStale.answerTtlS,
        clientTimeoutMs: raw.serveStale.clientTimeoutMs,
        recheckMs: raw.serveStale.recheckS * 1_000,
      },
      server: {
        udpReplyBytes: clients.udpReplyBytes,
        waitingPerClient: clients.waiting,
        discardAfterMs: clients.discardAfterMs,
      },
      tcp,
      shared: { readDeadlineMs: raw.sharedCache.readDeadlineMs },
    }),
    identity: { version: shownOrHidden(raw.identity.version), id: shownOrHidden(raw.identity.id) },
    warmUp: raw.warmUp,
    drainS: raw.drainS,
    log: raw.log,
    queryLog:
      raw.queryLog.file === undefined
        ? null
        : { file: path(raw.queryLog.file, 'queryLog', 'file'), clients: raw.queryLog.clients },
    state: stateOf(raw, path),
    persistence: raw.persistence,
    sharedCache: sharedCacheConfig(raw, { complain, path }),
    history: historyConfig(raw, path),
    dnstap: dnstapConfig(raw, path),
    admin: adminConfig(raw, path, complain),
    raw,
  }
  return { config, problems }
}

function adminConfig(
  { admin: raw, tls }: Pick<RawConfig, 'admin' | 'tls'>,
  path: (text: string, ...at: readonly string[]) => string,
  complain: (path: JsonPath, message: string, because?: JsonPath) => void,
): AdminConfig {
  const texts = typeof raw.listen === 'string' ? [raw.listen] : raw.listen
  const listen = texts.flatMap(text => readAdminAddress(text) ?? [])
  for (const [index, binding] of listen.entries()) {
    if (binding.kind === 'unix') continue
    const at = typeof raw.listen === 'string' ? ['admin', 'listen'] : ['admin', 'listen', index]
    if (binding.tls && tls.certificate === undefined)
      complain(
        at,
        'https:// needs a certificate: set "tls": {"certificate": "cert.pem", "key": "key.pem"}, or ' +
          '"tls": {"certificate": "self-signed"} for trials',
        ['tls', 'certificate'],
      )
    if (isLoopback(parseIp(binding.address))) continue
    const lacking = [...(binding.tls ? [] : ['TLS (https://…)']), ...(raw.tokens.length > 0 ? [] : ['a token'])]
    if (lacking.length > 0)
      complain(
        at,
        `listens on more than loopback and needs ${lacking.join(' and ')}; \`rootwalk token create\` makes one`,
        ['admin', 'tokens'],
      )
  }
  return {
    listen: listen.map(one => (one.kind === 'unix' ? { ...one, path: path(one.path, 'admin', 'listen') } : one)),
    pathPrefix: raw.pathPrefix,
    tokens: raw.tokens.map(({ name, scope, sha256, expires }) => ({
      name,
      scope,
      sha256: sha256.toLowerCase(),
      expires: expires === undefined ? null : parseInstant(expires),
    })),
    dashboard: raw.dashboard,
    origins: raw.origins,
    visits: { allow: raw.visits.allow.flatMap(text => parsePrefix(text) ?? []) },
  }
}

const stateOf = ({ state }: RawConfig, path: (text: string, ...at: readonly string[]) => string): string | null =>
  state === undefined ? null : path(state, 'state')

/** In the state directory, unless a file is named or it is off. */
const ANCHORS_FILE = 'anchors'

function dnssecConfig(
  raw: RawConfig['dnssec'],
  state: string | null,
  name: (text: string, at: JsonPath) => Name | null,
  path: (text: string, ...at: readonly string[]) => string,
): DnssecConfig {
  const files =
    raw.trustAnchors === undefined
      ? [BUILT_IN]
      : typeof raw.trustAnchors === 'string'
        ? [raw.trustAnchors]
        : raw.trustAnchors
  const disallowed = raw.disallow.flatMap(entry => parseDisallowed(entry) ?? [])
  const numbers = (what: 'algorithm' | 'digest'): ReadonlySet<number> =>
    new Set(disallowed.filter(entry => entry.what === what).map(({ number }) => number))
  return {
    validate: raw.validate,
    anchors: files.map(text =>
      text === BUILT_IN ? { kind: 'built-in' } : { kind: 'file', file: path(text, 'dnssec', 'trustAnchors') },
    ),
    negative: raw.negativeTrustAnchors.flatMap((entry, index) => {
      const folded = name(entry.name, ['dnssec', 'negativeTrustAnchors', index, 'name'])
      return folded === null ? [] : [{ name: folded, until: parseInstant(entry.until) ?? 0 }]
    }),
    rules: {
      limits: defaultLimits.dnssec,
      nsec3MaxIterations: raw.nsec3MaxIterations,
      disallowedAlgorithms: numbers('algorithm'),
      disallowedDigests: numbers('digest'),
    },
    managedAnchors: managedAnchors(raw.managedAnchors, state, path),
    aggressive: raw.aggressiveUse,
    rootKeySentinel: raw.rootKeySentinel,
    trustAnchorSignal: raw.trustAnchorSignal,
  }
}

function managedAnchors(
  written: RawConfig['dnssec']['managedAnchors'],
  state: string | null,
  path: (text: string, ...at: readonly string[]) => string,
): string | null {
  if (written === false) return null
  if (written !== undefined) return path(written, 'dnssec', 'managedAnchors')
  return state === null ? null : join(state, ANCHORS_FILE)
}

/**
 * RFC 7646 section 2: a negative anchor is for a while; one that has ended is a leftover, or was meant to be in force.
 */
function warnAboutEnded(raw: RawConfig, wall: number, warn: (path: JsonPath, message: string) => void): void {
  raw.dnssec.negativeTrustAnchors.forEach(({ name, until }, index) => {
    if ((parseInstant(until) ?? 0) <= wall)
      warn(
        ['dnssec', 'negativeTrustAnchors', index, 'until'],
        `is over: ${name} is validated again; remove the entry, or set a later time`,
      )
  })
}

const shownOrHidden = (text: string): string | null => (text === 'hidden' ? null : text)

function specialUseOff(
  raw: RawConfig['specialUse'],
  name: (text: string, at: JsonPath) => Name | null,
  complain: (at: JsonPath, message: string) => void,
): 'all' | readonly Name[] {
  if (typeof raw === 'boolean') return raw ? [] : 'all'
  return Object.entries(raw).flatMap(([text, on]) => {
    const folded = name(text, ['specialUse', text])
    if (folded === null) return []
    if (!specialUses.some(use => use.name === folded)) {
      complain(
        ['specialUse', text],
        `is no special-use name${didYouMean(
          text.replace(/\.$/, ''),
          specialUses.map(use => use.text),
        )}`,
      )
    }
    return on ? [] : [folded]
  })
}

/** The settings of TLS with servers of zones; undefined: there is none. */
function serverEncryption(
  { opportunisticTls, alwaysTls, tlsPort }: RawConfig['upstream'],
  name: (text: string, at: JsonPath) => Name | null,
  complain: (path: JsonPath, message: string) => void,
): ServerEncryption | undefined {
  if (!opportunisticTls && alwaysTls.length === 0) return undefined
  const zones: Name[] = []
  const addresses: Prefix[] = []
  alwaysTls.forEach((text, index) => {
    const at = ['upstream', 'alwaysTls', index]
    const prefix = parsePrefix(text)
    if (prefix !== null) addresses.push(prefix)
    else if (LIKE_AN_ADDRESS.test(text))
      complain(at, `"${text}" is no address, and no block such as 192.0.2.0/24 without bits after the prefix`)
    else {
      const zone = name(text, at)
      if (zone !== null) zones.push(zone)
    }
  })
  return { port: tlsPort, probes: opportunisticTls, always: { zones, addresses } }
}

/** No zone that anybody has is called like this. */
const LIKE_AN_ADDRESS = /^[\d.]+\d(?:\/.*)?$|:/
