/**
 * From texts, or from a value of the same form, to a `Config`. Everything that is wrong is reported at once. Reads no
 * file and no environment.
 */
import { dirname } from 'node:path'
import { configJsonSchema, schemasAt } from './schema/json-schema.ts'
import { isObject, MAX_JSON_DEPTH, readJson, type JsonDocument, type JsonPath, type Place } from './json.ts'
import { makeConfig, type TakenOut, type ValueOrigin } from './make.ts'
import { didYouMean, pathText, problem, type Locate } from './problems.ts'
import type { Problem } from '../events.ts'
import type { RawConfig } from './raw.ts'
import { validateConfig, type SchemaIssue } from './schema/schema.ts'
import type { Config, ConfigResult, ConfigTexts, Override, SettingOrigin } from './types.ts'

/** A configuration from its texts. */
export function readConfig(texts: ConfigTexts): ConfigResult {
  const { file, overrides, directory, wall } = texts
  const path = file?.path ?? null
  const json = readJson(file?.text ?? '{}')
  if (json.kind === 'syntax-error')
    return { kind: 'invalid', file: path, problems: [problem(path ?? '', json.place, json.message)], rest: null }
  const value = overrides.reduce<unknown>(
    (into, { path: at, value: text }) => withValue(into, at, coerce(text, at)),
    json.value,
  )
  const overridden = (at: readonly string[]): boolean =>
    overrides.some(override => pathText(override.path) === pathText(at))
  const result = readConfigValue(value, {
    file: path,
    locate: locator(path ?? '', json, overrides),
    directoryOf: at => (file === null || overridden(at) ? directory : dirname(file.path)),
    wall,
  })
  const repeated = json.repeated.map(({ path: at, place }) =>
    problem(path ?? '', place, `${pathText(at)} is set twice`),
  )
  if (repeated.length === 0)
    return result.kind === 'config' ? { ...result, originOf: originIn(json, overrides) } : result
  return result.kind === 'config'
    ? { kind: 'invalid', file: path, problems: sorted(repeated), rest: result.config }
    : { ...result, problems: sorted([...repeated, ...result.problems]) }
}

/** The override that counts is the last one. */
const originIn =
  (json: JsonDocument, overrides: readonly Override[]) =>
  (path: readonly string[]): SettingOrigin => {
    const label = overrides.findLast(one => pathText(one.path) === pathText(path))?.label
    if (label !== undefined)
      return { kind: label.startsWith('--') ? 'flag' : label.startsWith('api:') ? 'api' : 'environment', label }
    const place = json.valueAt(path)
    return place === null ? { kind: 'default' } : { kind: 'file', ...place }
  }

/** A configuration from a value of the form of the file. What is wrong with it is where `from.locate` says. */
export function readConfigValue(value: unknown, from: ValueOrigin): ConfigResult {
  const validated = validateConfig(value)
  if (validated.kind === 'invalid') {
    const problems = validated.issues.flatMap(({ path, message, unknownKeys }) =>
      unknownKeys.length === 0
        ? [from.locate(path, `${pathText(path)}: ${message}`)]
        : unknownKeys.map(key => from.locate([...path, key], unknownKey(path, key), true)),
    )
    const rest = restOf(value, validated.issues)
    // The defaults in place of what is wrong fit every value of the others, so that no complaint is about them.
    const more = rest === null ? null : makeConfig(rest.raw, from, rest.takenOut)
    const others = (more?.problems ?? []).filter(isError)
    return {
      kind: 'invalid',
      file: from.file,
      problems: sorted([...problems, ...others]),
      rest: more?.config ?? null,
    }
  }
  const { config, problems } = makeConfig(validated.config, from)
  const errors = problems.filter(isError)
  return errors.length > 0
    ? { kind: 'invalid', file: from.file, problems: sorted(errors), rest: config }
    : { kind: 'config', config, warnings: problems }
}

const isError = ({ severity }: Problem): boolean => severity === 'error'

/**
 * What is left of a configuration when all that is wrong is taken out: the defaults hold for it. An entry that cannot
 * be without what was wrong in it (`{ "zone": "corp.example", "to": 5 }`) goes as a whole, its neighbours stay.
 */
function restOf(value: unknown, issues: readonly SchemaIssue[]): Rest | null {
  let removed = outermost(issues.flatMap(pathsOf))
  // Each turn takes out at least one step more of some path.
  for (let turn = 0; turn < MAX_JSON_DEPTH; turn++) {
    const without = removed
    const left = validateConfig(without.reduceRight<unknown>((into, at) => withoutValue(into, at), value))
    if (left.kind === 'valid') return { raw: left.config, takenOut: takenOut(without) }
    const around = left.issues.flatMap(pathsOf).map(at => asWritten(at, without).slice(0, -1))
    if (around.some(at => at.length === 0)) return null
    removed = outermost([...without, ...around])
  }
  return null
}

const pathsOf = ({ path: at, unknownKeys }: SchemaIssue): JsonPath[] =>
  unknownKeys.length === 0 ? [at] : unknownKeys.map(key => [...at, key])

/** Without those inside of others, in the order in which they are in the value. */
const outermost = (paths: readonly JsonPath[]): JsonPath[] =>
  [...paths].sort(inOrder).reduce<JsonPath[]>((kept, at) => {
    const last = kept.at(-1)
    if (last === undefined || !startsWith(at, last)) kept.push(at)
    return kept
  }, [])

function inOrder(a: JsonPath, b: JsonPath): number {
  for (const [index, step] of a.entries()) {
    const other = b[index]
    if (other === undefined) return 1
    if (step === other) continue
    return typeof step === 'number' && typeof other === 'number' ? step - other : String(step) < String(other) ? -1 : 1
  }
  return a.length - b.length
}

interface Rest {
  readonly raw: RawConfig
  readonly takenOut: TakenOut
}

const takenOut = (removed: readonly JsonPath[]): TakenOut => ({
  written: path => asWritten(path, removed),
  lacks: path => removed.some(at => startsWith(at, path) || startsWith(path, at)),
})

const startsWith = (path: JsonPath, start: JsonPath): boolean => start.every((step, index) => step === path[index])

/** `removed` in their order: each that is put back moves those after it. */
function asWritten(path: JsonPath, removed: readonly JsonPath[]): JsonPath {
  const found = [...path]
  for (const item of removed) {
    const depth = item.length - 1
    const at = item[depth]
    const mine = found[depth]
    if (typeof at === 'number' && typeof mine === 'number' && mine >= at && startsWith(found, item.slice(0, depth)))
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

const sorted = (problems: readonly Problem[]): Problem[] =>
  [...problems].sort((a, b) => a.line - b.line || a.column - b.column)

function unknownKey(path: JsonPath, key: string): string {
  const known = schemasAt(configJsonSchema(), path).flatMap(schema => Object.keys(schema.properties ?? {}))
  // Of another form of the same place it may be the key itself.
  const others = known.filter(one => one !== key)
  return `unknown key "${key}"${path.length === 0 ? '' : ` in ${pathText(path)}`}${didYouMean(key, others)}`
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

/** Settings that a running server cannot take over. */
const needRestart = [
  'listen',
  'tls',
  'proxies',
  'doh',
  'udp',
  'threads',
  'cache',
  'serveStale',
  'ttl',
  'budget',
  'clients',
  'tcp',
  'warmUp',
  'state',
  'persistence',
  'sharedCache',
  'dnstap',
] as const
/** Settings inside of `admin`, whose others can be taken over. */
const adminNeedsRestart = ['listen', 'pathPrefix'] as const

/** Which changes between two configurations wait for a restart; `log.form` too, since the stream is open. */
export function restartKeys(before: Config, after: Config): readonly string[] {
  const changed: string[] = needRestart.filter(
    key => JSON.stringify(before.raw[key]) !== JSON.stringify(after.raw[key]),
  )
  const admin = adminNeedsRestart
    .filter(key => JSON.stringify(before.raw.admin[key]) !== JSON.stringify(after.raw.admin[key]))
    .map(key => `admin.${key}`)
  const history = before.raw.history.directory === after.raw.history.directory ? [] : ['history.directory']
  return [...changed, ...history, ...(before.log.form === after.log.form ? [] : ['log.form']), ...admin]
}
