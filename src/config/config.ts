/**
 * From texts to a `Config`: the file, the environment and the flags are laid over each other, validated, and turned
 * into what the program works with. Everything that is wrong is reported at once, each as `file:line:column: message`.
 *
 * Invariant: a `Config` exists only when nothing is wrong with it; nothing here starts or changes anything.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Binding } from '../ports.ts'
import { inAnyPrefix, inPrefix, type IpAddress, parseIp, parsePrefix, type Prefix } from '../dns/address.ts'
import { foldName, type Name } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import { suggest } from '../presentation/suggest.ts'
import { parseName } from '../presentation/text.ts'
import type { DnssecRules } from '../dnssec/rules.ts'
import type { NegativeAnchor } from '../dnssec/trust-anchors.ts'
import { errorText, type Problem } from '../events.ts'
import { defaultLimits, limitsWith, type Limits } from '../limits.ts'
import type { Identity } from '../policy/chaos.ts'
import type { EngineSettings } from '../resolver/env.ts'
import type { ClientPrivacy } from '../server/query-log.ts'
import { isObject, type JsonDocument, type JsonPath, type Place, readJson } from './json.ts'
import { readRecords } from './records.ts'
import { specialUses } from '../zone/special-use.ts'
import {
  configJsonSchema,
  schemasAt,
  settingsOf,
  validateConfig,
  type LogLevel,
  type RawConfig,
  type SchemaIssue,
  type Setting,
} from './schema.ts'
import { BUILT_IN, parseBinding, parseBytes, parseDisallowed, parseInstant } from './values.ts'

export interface Config {
  /** The file it was read from; null when there was none. */
  readonly file: string | null
  readonly listen: readonly Binding[]
  /** How datagrams are moved, and in how many threads. */
  readonly udp: { readonly mode: 'auto' | 'batch' | 'plain'; readonly threads: number }
  readonly allow: readonly Prefix[]
  readonly zones: readonly ZoneSource[]
  readonly records: readonly LocatedRecord[]
  /** PTR records for the addresses in `records`. */
  readonly reverse: boolean
  /** Special-use names that are not answered here. */
  readonly specialUseOff: 'all' | readonly Name[]
  /** Absolute path; null means the built-in ones. */
  readonly rootHints: string | null
  readonly engine: EngineSettings
  readonly dnssec: DnssecConfig
  readonly limits: Limits
  readonly identity: Identity
  /** Does `serve` warm the engine up? */
  readonly warmUp: boolean
  readonly log: { readonly level: LogLevel; readonly form: 'auto' | 'pretty' | 'json' }
  readonly queryLog: { readonly file: string; readonly clients: ClientPrivacy } | null
  /** As it was written, defaults filled in: to show, and to tell what changed. */
  readonly raw: RawConfig
}

/** What is validated and against what. */
export interface DnssecConfig {
  readonly validate: boolean
  readonly anchors: readonly AnchorSource[]
  readonly negative: readonly NegativeAnchor[]
  readonly rules: DnssecRules
  /** Absolute path of the file with the state of the keys; null follows no roll-over. */
  readonly managedAnchors: string | null
  readonly aggressive: boolean
  readonly rootKeySentinel: boolean
  readonly trustAnchorSignal: boolean
}

/** `file` is an absolute path. */
export type AnchorSource = { readonly kind: 'built-in' } | { readonly kind: 'file'; readonly file: string }

/** Files that hold zones: an absolute path that may have `*` and `?` in it. */
interface ZoneSource {
  readonly pattern: string
  readonly origin: Name | null
}

interface LocatedRecord extends Rr {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type ConfigResult =
  | { readonly kind: 'config'; readonly config: Config; readonly warnings: readonly Problem[] }
  | {
      readonly kind: 'invalid'
      readonly file: string | null
      readonly problems: readonly Problem[]
      /**
       * What is left without the settings that are wrong: only to look for more problems in what it names. Null:
       * nothing could be read.
       */
      readonly rest: Config | null
    }

/**
 * A setting given outside the file. `label` names it in complaints: a flag or a variable. Texts are read as the schema
 * allows.
 */
export interface Override {
  readonly label: string
  readonly path: readonly string[]
  readonly value: string | readonly string[]
}

export interface ConfigSources {
  /** `--config`. */
  readonly file: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: readonly Override[]
  readonly directory: string
}

const APP = 'rootwalk'
const FILE_NAME = 'resolver.config.json'
const PREFIX = 'ROOTWALK_'
const CONFIG_VARIABLE = 'ROOTWALK_CONFIG'

/** Reads everything anew; flags override the environment, which overrides the file, which overrides the defaults. */
export function loadConfig(sources: ConfigSources): ConfigResult {
  const found = findConfig(sources)
  if (found.kind === 'unreadable')
    return { kind: 'invalid', file: found.path, problems: [problem(found.path, null, found.message)], rest: null }
  const variables = overridesFrom(sources.environment)
  const result = readConfig({
    file: found.kind === 'none' ? null : found,
    overrides: [...variables.overrides, ...sources.flags],
    directory: sources.directory,
  })
  const warnings = [
    ...(found.kind === 'none' ? [] : found.others.map(other => notRead(found.path, other))),
    ...variables.warnings,
  ]
  return result.kind === 'config' ? { ...result, warnings: [...warnings, ...result.warnings] } : result
}

type Found =
  /** `others` were found too, and are not read. */
  | { readonly kind: 'found'; readonly path: string; readonly text: string; readonly others: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string }

/** Where a configuration is looked for when no file is named, in this order. */
export function searchPaths(environment: ConfigSources['environment'], directory: string): readonly string[] {
  const home = environment.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  return [join(directory, FILE_NAME), join(home, APP, FILE_NAME), join('/etc', APP, FILE_NAME)]
}

function findConfig({ file, environment, directory }: ConfigSources): Found {
  const named = file ?? environment[CONFIG_VARIABLE]
  if (named !== undefined && named !== '') return readFile(resolve(directory, named))
  const paths = searchPaths(environment, directory)
  for (const [index, path] of paths.entries()) {
    const found = readFile(path)
    if (found.kind === 'found')
      return { ...found, others: paths.slice(index + 1).filter(other => other !== path && existsSync(other)) }
    if (!found.missing) return found
  }
  return { kind: 'none' }
}

/** A file in the folder where root happens to stand wins over that of /etc: that has to be seen. */
const notRead = (path: string, other: string): Problem => ({
  ...problem(
    path,
    null,
    `is the configuration; ${other} is there too and is not read (--config names the one to take)`,
  ),
  severity: 'warning',
})

function readFile(path: string): Exclude<Found, { kind: 'none' }> & { readonly missing: boolean } {
  try {
    return { kind: 'found', path, text: readFileSync(path, 'utf8'), others: [], missing: false }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    return {
      kind: 'unreadable',
      path,
      message: missing ? 'there is no such file' : `cannot be read: ${errorText(error)}`,
      missing,
    }
  }
}

/** `ROOTWALK_UPSTREAM_PORT` for `upstream.port`. */
export const variableName = (path: readonly string[]): string =>
  PREFIX + path.map(key => key.replace(/[A-Z]/g, c => `_${c}`).toUpperCase()).join('_')

/** `upstream-port` for `upstream.port`. */
export const flagName = (path: readonly string[]): string =>
  path.map(key => key.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`)).join('-')

/** Settings that can be given as a flag or variable: those whose value is a word, a number or a list of words. */
export const overridable = (): readonly Setting[] =>
  settingsOf(configJsonSchema()).filter(
    ({ path }) => path[0] !== '$schema' && path[0] !== 'records' && path[1] !== 'negativeTrustAnchors',
  )

export const takesList = ({ schema }: Setting): boolean =>
  schema.type === 'array' || (schema.anyOf ?? []).some(branch => branch.type === 'array')

function overridesFrom(environment: ConfigSources['environment']): { overrides: Override[]; warnings: Problem[] } {
  const overrides: Override[] = []
  const warnings: Problem[] = []
  const ours = Object.entries(environment).filter(
    ([label, value]) => label.startsWith(PREFIX) && label !== CONFIG_VARIABLE && value !== undefined,
  )
  // The list of settings costs time, and hardly anybody has such a variable.
  if (ours.length === 0) return { overrides, warnings }
  const settings = new Map(overridable().map(setting => [variableName(setting.path), setting]))
  for (const [label, value = ''] of ours) {
    const setting = settings.get(label)
    if (setting !== undefined)
      overrides.push({
        label,
        path: setting.path,
        value: takesList(setting)
          ? value
              .split(',')
              .map(item => item.trim())
              .filter(item => item !== '')
          : value,
      })
    else
      warnings.push({
        ...problem(label, null, `means nothing here${didYouMean(label, settings.keys())}`),
        severity: 'warning',
      })
  }
  return { overrides, warnings }
}

export interface ConfigTexts {
  readonly file: { readonly path: string; readonly text: string } | null
  /** Later ones win. */
  readonly overrides: readonly Override[]
  /** What relative paths of overrides (and of everything, without a file) are relative to. */
  readonly directory: string
  /** Seconds since 1970, to say what is over; default: now. */
  readonly wall?: number
}

/** A configuration from its texts. Reads no file. */
export function readConfig(texts: ConfigTexts): ConfigResult {
  const path = texts.file?.path ?? null
  const json = readJson(texts.file?.text ?? '{}')
  if (json.kind === 'syntax-error')
    return { kind: 'invalid', file: path, problems: [problem(path ?? '', json.place, json.message)], rest: null }
  const locate = locator(path ?? '', json, texts.overrides)
  const repeated = json.repeated.map(({ path: at, place }) =>
    problem(path ?? '', place, `${pathText(at)} is set twice`),
  )
  const value = texts.overrides.reduce<unknown>(
    (into, { path: at, value: text }) => withValue(into, at, coerce(text, at)),
    json.value,
  )
  const validated = validateConfig(value)
  if (validated.kind === 'invalid') {
    const problems = validated.issues.flatMap(({ path: at, message, unknownKeys }) =>
      unknownKeys.length === 0
        ? [locate(at, `${pathText(at)}: ${message}`)]
        : unknownKeys.map(key => locate([...at, key], unknownKey(at, key), true)),
    )
    const rest = restOf(value, validated.issues)
    // The defaults in place of what is wrong fit every value of the others, so that no complaint is about them.
    const more = rest === null ? null : makeConfig(rest.raw, texts, locate, rest.asWritten)
    const others = (more?.problems ?? []).filter(({ severity }) => severity === 'error')
    return {
      kind: 'invalid',
      file: path,
      problems: sorted([...repeated, ...problems, ...others]),
      rest: more?.config ?? null,
    }
  }
  const made = makeConfig(validated.config, texts, locate)
  const errors = [...repeated, ...made.problems.filter(p => p.severity === 'error')]
  if (errors.length > 0) return { kind: 'invalid', file: path, problems: sorted(errors), rest: made.config }
  return { kind: 'config', config: made.config, warnings: made.problems }
}

/** What is left of a configuration when all that is wrong is taken out: the defaults hold for it. */
function restOf(value: unknown, issues: readonly SchemaIssue[]): Rest | null {
  const paths = issues.flatMap(({ path: at, unknownKeys }) =>
    unknownKeys.length === 0 ? [at] : unknownKeys.map(key => [...at, key]),
  )
  // From the end, so that the places of items before stay the same.
  const items = [...paths].sort((a, b) => Number(b.at(-1)) - Number(a.at(-1)) || 0)
  const settings = [...new Set(paths.map(at => at.slice(0, 1)))]
  for (const without of [items, settings]) {
    const left = validateConfig(without.reduce<unknown>((into, at) => withoutValue(into, at), value))
    if (left.kind === 'valid') return { raw: left.config, asWritten: path => asWritten(path, without) }
  }
  return null
}

interface Rest {
  readonly raw: RawConfig
  /** The path of what is left as it was before other items of lists were taken out. */
  readonly asWritten: (path: JsonPath) => JsonPath
}

function asWritten(path: JsonPath, removed: readonly JsonPath[]): JsonPath {
  const found = [...path]
  // The first items first: each that is put back moves those after it.
  for (const item of [...removed].sort((a, b) => Number(a.at(-1)) - Number(b.at(-1)) || 0)) {
    const depth = item.length - 1
    const at = item[depth]
    const mine = found[depth]
    if (
      typeof at === 'number' &&
      typeof mine === 'number' &&
      mine >= at &&
      item.slice(0, depth).every((step, index) => step === found[index])
    )
      found[depth] = mine + 1
  }
  return found
}

/** A copy without the value at a path. */
function withoutValue(from: unknown, path: JsonPath): unknown {
  const [step, ...rest] = path
  if (step === undefined) return {}
  if (Array.isArray(from)) {
    const left = from.flatMap((item: unknown, index) =>
      index !== step ? [item] : rest.length === 0 ? [] : [withoutValue(item, rest)],
    )
    // A list that may not be empty.
    return left.length === 0 ? undefined : left
  }
  if (!isObject(from)) return from
  return Object.fromEntries(
    Object.entries(from).flatMap(([key, value]) =>
      key !== step ? [[key, value]] : rest.length === 0 ? [] : [[key, withoutValue(value, rest)]],
    ),
  )
}

type Locate = (path: JsonPath, message: string, key?: boolean) => Problem

/** Where a complaint about a path belongs: a flag, a variable, or the nearest place in the file. */
function locator(file: string, json: JsonDocument, overrides: readonly Override[]): Locate {
  return (path, message, key = false) => {
    const override = overrides.findLast(o => o.path.every((step, index) => path[index] === step))
    if (override !== undefined) return problem(override.label, null, message)
    let place: Place | null = key ? json.keyAt(path) : json.valueAt(path)
    for (let above = path.length - 1; place === null && above >= 0; above--) place = json.valueAt(path.slice(0, above))
    return problem(file, file === '' ? null : place, message)
  }
}

const problem = (file: string, place: Place | null, message: string): Problem => ({
  file,
  line: place?.line ?? 0,
  column: place?.column ?? 0,
  severity: 'error',
  message,
})

const sorted = (problems: readonly Problem[]): Problem[] =>
  [...problems].sort((a, b) => a.line - b.line || a.column - b.column)

const pathText = (path: JsonPath): string =>
  path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}${text === '' ? '' : '.'}${step}`),
    '',
  ) || 'the configuration'

function unknownKey(path: JsonPath, key: string): string {
  const known = schemasAt(configJsonSchema(), path).flatMap(schema => Object.keys(schema.properties ?? {}))
  return `unknown key "${key}"${path.length === 0 ? '' : ` in ${pathText(path)}`}${didYouMean(key, known)}`
}

function didYouMean(word: string, known: Iterable<string>): string {
  const near = suggest(word, known)
  return near === null ? '' : ` (did you mean "${near}"?)`
}

/** A copy with the value at a path replaced; objects on the way are made. */
function withValue(into: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  const members = isObject(into) ? into : {}
  return { ...members, [step]: withValue(members[step], rest, value) }
}

/** Flags and variables are text; `true`, `false` and digits are what they look like where the schema takes that. */
function coerce(value: Override['value'], path: readonly string[]): unknown {
  if (typeof value !== 'string') return value
  const types = new Set(schemasAt(configJsonSchema(), path).map(schema => schema.type))
  if (types.has('boolean') && (value === 'true' || value === 'false')) return value === 'true'
  if (types.has('integer') && /^-?\d{1,15}$/.test(value)) return Number(value)
  return value
}

interface Made {
  readonly config: Config
  readonly problems: readonly Problem[]
}

function makeConfig(
  raw: RawConfig,
  texts: ConfigTexts,
  locate: Locate,
  written: Rest['asWritten'] = path => path,
): Made {
  const problems: Problem[] = []
  const complain = (path: JsonPath, message: string): void =>
    void problems.push(locate(written(path), `${pathText(written(path))}: ${message}`))
  const warn = (path: JsonPath, message: string): void =>
    void problems.push({ ...locate(path, `${pathText(path)}: ${message}`), severity: 'warning' })
  const prefixes = (list: readonly string[]): Prefix[] => list.flatMap(text => parsePrefix(text) ?? [])
  const { upstream, cache, budget, clients, tcp } = raw
  const overridden = (at: readonly string[]): boolean =>
    texts.overrides.some(override => pathText(override.path) === pathText(at))
  const path = (text: string, ...at: readonly string[]): string =>
    resolve(texts.file === null || overridden(at) ? texts.directory : dirname(texts.file.path), text)
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
  warnAboutAccess(raw, warn)
  warnAboutEnded(raw, texts.wall ?? Math.floor(Date.now() / 1_000), warn)

  const config: Config = {
    file: texts.file?.path ?? null,
    listen: raw.listen.flatMap(text => parseBinding(text) ?? []),
    udp: { mode: raw.udp, threads: raw.threads },
    allow: prefixes(raw.allow),
    zones: raw.zones.map(
      (entry, index): ZoneSource =>
        typeof entry === 'string'
          ? { pattern: path(entry, 'zones'), origin: null }
          : {
              pattern: path(entry.file, 'zones'),
              origin: entry.origin === undefined ? null : name(entry.origin, ['zones', index, 'origin']),
            },
    ),
    records: read.records.map(({ path: at, rr }) => {
      const { file, line, column } = locate(written(at), '')
      return { ...rr, file, line, column }
    }),
    reverse: raw.reverse,
    specialUseOff: specialUseOff(raw.specialUse, name, complain),
    rootHints: raw.rootHints === undefined ? null : path(raw.rootHints, 'rootHints'),
    engine: {
      minimise: upstream.minimise,
      mixCase: upstream.mixCase,
      ipv4: upstream.ipv4,
      ipv6: upstream.ipv6,
      upstreamPort: upstream.port,
      doNotQuery: prefixes(upstream.doNotQuery),
      hardenGlue: upstream.hardenGlue,
    },
    dnssec: dnssecConfig(raw.dnssec, name, path),
    limits: limitsWith({
      budget,
      cache: {
        totalBytes: parseBytes(cache.bytes) ?? defaultLimits.cache.totalBytes,
        minTtl: cache.minTtl,
        maxTtl: cache.maxTtl,
        maxNegativeTtl: cache.maxNegativeTtl,
        rotate: cache.rotate,
      },
      server: {
        udpReplyBytes: clients.udpReplyBytes,
        waitingPerClient: clients.waiting,
        discardAfterMs: clients.discardAfterMs,
      },
      tcp,
    }),
    identity: { version: shownOrHidden(raw.identity.version), id: shownOrHidden(raw.identity.id) },
    warmUp: raw.warmUp,
    log: raw.log,
    queryLog:
      raw.queryLog.file === undefined
        ? null
        : { file: path(raw.queryLog.file, 'queryLog', 'file'), clients: raw.queryLog.clients },
    raw,
  }
  return { config, problems }
}

function dnssecConfig(
  raw: RawConfig['dnssec'],
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
    managedAnchors: raw.managedAnchors === false ? null : path(raw.managedAnchors, 'dnssec', 'managedAnchors'),
    aggressive: raw.aggressiveUse,
    rootKeySentinel: raw.rootKeySentinel,
    trustAnchorSignal: raw.trustAnchorSignal,
  }
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

/** The slips that make a resolver a weapon, or deaf. */
function warnAboutAccess(raw: RawConfig, warn: (path: JsonPath, message: string) => void): void {
  raw.allow.forEach((text, index) => {
    if (parsePrefix(text)?.length === 0)
      warn(
        ['allow', index],
        'lets the whole Internet ask; open resolvers are abused to flood others, keep it behind a firewall',
      )
  })
  const onlyLoopback = raw.allow.every(text => isLoopback(parsePrefix(text)?.bytes))
  const outside = raw.listen.findIndex(text => !isLoopback(parseIp(parseBinding(text)?.address ?? '')?.bytes))
  if (outside >= 0 && onlyLoopback)
    warn(['listen', outside], 'can be reached from other hosts, but "allow" lets only this one ask; others are refused')
  warnAboutLoopback(raw, warn)
}

function isAllowed(raw: RawConfig, ip: IpAddress): boolean {
  return inAnyPrefix(
    ip,
    raw.allow.flatMap(text => parsePrefix(text) ?? []),
  )
}

/** A list of clients of a network, written without this host: what runs here asks from loopback, and is refused. */
function warnAboutLoopback(raw: RawConfig, warn: (path: JsonPath, message: string) => void): void {
  for (const [family, address, block] of [
    [4, '127.0.0.1', '127.0.0.0/8'],
    [6, '::1', '::1/128'],
  ] as const) {
    const ip = parseIp(address)
    const listens = raw.listen.some(text => {
      const bytes = parseIp(parseBinding(text)?.address ?? '')?.bytes
      return (
        bytes !== undefined &&
        (bytes.length === 4) === (family === 4) &&
        (isLoopback(bytes) || bytes.every(octet => octet === 0))
      )
    })
    if (ip === null || !listens || isAllowed(raw, ip)) continue
    warn(['allow'], `does not let this host itself ask over ${address}: add "${block}"`)
  }
}

const loopback = ['127.0.0.0/8', '::1/128'].flatMap(text => parsePrefix(text) ?? [])

const isLoopback = (bytes: Uint8Array | undefined): boolean =>
  bytes !== undefined &&
  loopback.some(block => inPrefix({ family: bytes.length === 4 ? 4 : 6, bytes, text: '' }, block))

/** Settings that a running server cannot take over. */
const needRestart = ['listen', 'udp', 'threads', 'cache', 'budget', 'clients', 'tcp', 'warmUp'] as const

/** Which changes between two configurations wait for a restart; `log.form` too, since the stream is open. */
export function restartKeys(before: Config, after: Config): readonly string[] {
  const changed: string[] = needRestart.filter(
    key => JSON.stringify(before.raw[key]) !== JSON.stringify(after.raw[key]),
  )
  return before.log.form === after.log.form ? changed : [...changed, 'log.form']
}
