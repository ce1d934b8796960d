/** Settings changed through the API as a flat list of paths: taken apart, compared, and which may be changed at all. */
import type { Fault } from '../../admin/zone-controls.ts'
import { isObject } from '../../config/json.ts'
import { didYouMean } from '../../config/problems.ts'
import { configJsonSchema, type Setting, settingsOf } from '../../config/schema/json-schema.ts'
import type { Override, SettingOrigin } from '../../config/types.ts'

/** By path, `dnssec.validate`. */
export type Overlay = ReadonlyMap<string, unknown>

/** Of what a request says; null: as without the API. */
export interface Flat {
  readonly values: ReadonlyMap<string, unknown>
  readonly faults: readonly Fault[]
}

const keyOf = (path: readonly string[]): string => path.join('.')
const pointerOf = (path: readonly string[]): string =>
  path.map(step => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

export const allSettings = (): readonly Setting[] =>
  settingsOf(configJsonSchema()).filter(({ path }) => path[0] !== '$schema')

/** Members of the form of the file, down to single settings. */
export function flattened(settings: Readonly<Record<string, unknown>>): Flat {
  const known = allSettings().map(({ path }) => path)
  const values = new Map<string, unknown>()
  const faults: Fault[] = []
  const walk = (value: unknown, at: readonly string[]): void => {
    if (known.some(path => keyOf(path) === keyOf(at))) {
      values.set(keyOf(at), value)
      return
    }
    const below = known.filter(path => keyOf(path.slice(0, at.length)) === keyOf(at) && path.length > at.length)
    if (below.length === 0) {
      const siblings = known.filter(path => keyOf(path.slice(0, at.length - 1)) === keyOf(at.slice(0, -1)))
      const near = didYouMean(at.at(-1) ?? '', new Set(siblings.flatMap(path => path[at.length - 1] ?? [])))
      faults.push({ pointer: pointerOf(at), detail: `is no setting${near}` })
    } else if (value === null) for (const path of below) values.set(keyOf(path), null)
    else if (isObject(value)) for (const [key, member] of Object.entries(value)) walk(member, [...at, key])
    else faults.push({ pointer: pointerOf(at), detail: 'expected an object with settings' })
  }
  for (const [key, value] of Object.entries(settings)) walk(value, [key])
  return { values, faults }
}

export const overridesOf = (overlay: Overlay): readonly Override[] =>
  [...overlay].map(([key, value]) => {
    const path = key.split('.')
    return { label: `api:${pointerOf(path)}`, path, value }
  })

/**
 * They name files, which whoever may only use the API must not choose: what is read from them or written into them
 * would be the server's.
 */
const NAMES_FILES: ReadonlySet<string> = new Set([
  'zones',
  'rootHints',
  'dnssec.trustAnchors',
  'dnssec.managedAnchors',
  'queryLog.file',
  'state',
])

/** Why a setting cannot be changed through the API; null: it can. */
export function whyFixed({ path, schema }: Setting, origin: SettingOrigin): string | null {
  const key = keyOf(path)
  if (origin.kind === 'flag' || origin.kind === 'environment')
    return `${origin.label} sets it, and counts more than what is changed here`
  if (key === 'admin.tokens') return 'tokens are made and revoked under /api/v1/tokens'
  // Whoever may only use the API must not widen what it reaches.
  if (key === 'admin.visits.allow') return 'it says what the API may reach: change it in the file'
  if (schema['x-takes-effect'] === 'restart') return 'it takes effect at the next start only: change it in the file'
  return NAMES_FILES.has(key) ? 'it names files of this machine: change it in the file' : null
}

/** Hashes of tokens, and what else is not for eyes. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (SECRET.test(key) ? [] : [[key, withoutSecrets(member)]])),
  )
}

const SECRET = /^(?:sha256|secret|password|psk)$/i

/** The value at a path of a configuration as written. */
export function valueAt(raw: unknown, path: readonly string[]): unknown {
  let value = raw
  for (const step of path) value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
  return value
}

export function overlayFrom(value: unknown): Overlay | null {
  if (!isObject(value) || !isObject(value.set)) return null
  return new Map(Object.entries(value.set))
}
