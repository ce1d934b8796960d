/** Settings as a person looks for them, reads them and types them. Pure. */

/** As the API has it. */
export interface Setting {
  /** `dnssec.validate`. */
  readonly path: string
  /** What holds now, without secrets. */
  readonly value: unknown
  readonly default: unknown
  readonly source: 'default' | 'file' | 'environment' | 'flag' | 'api'
  readonly where: string | null
  readonly takesEffect: 'reload' | 'restart'
  readonly isPending: boolean
  /** Why it cannot be changed here; null: it can. */
  readonly fixed: string | null
  readonly description: string
}

export const SHOWN = ['all', 'set', 'pending', 'open'] as const
/** `set`: not as by default. `pending`: read, and not taken over yet. `open`: those that can be changed here. */
export type Shown = (typeof SHOWN)[number]

export const isShown = (setting: Setting, shown: Shown): boolean => {
  switch (shown) {
    case 'all':
      return true
    case 'set':
      return setting.source !== 'default'
    case 'pending':
      return setting.isPending
    case 'open':
      return setting.fixed === null
    default:
      return shown satisfies never
  }
}

/** All words that were typed are somewhere in the path, the value or the description. */
export function isFound({ path, value, description }: Setting, typed: string): boolean {
  return hasAll(`${path} ${valueText(value)} ${description}`, typed)
}

const hasAll = (text: string, typed: string): boolean =>
  typed
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.toLowerCase().includes(word))

/**
 * By the first step of the path; what has none of its own comes first. Groups whose paths have what was typed come
 * before those that have it only in their words.
 */
export function grouped(settings: readonly Setting[], typed = ''): readonly (readonly [string, readonly Setting[]])[] {
  const groups = new Map<string, Setting[]>([[GENERAL, []]])
  for (const setting of settings) {
    const [first = '', second] = setting.path.split('.')
    const title = second === undefined ? GENERAL : first
    const group = groups.get(title)
    if (group === undefined) groups.set(title, [setting])
    else group.push(setting)
  }
  const rank = (members: readonly Setting[]): number => (members.some(({ path }) => hasAll(path, typed)) ? 0 : 1)
  return [...groups].filter(([, members]) => members.length > 0).sort(([, one], [, other]) => rank(one) - rank(other))
}

const GENERAL = 'general'

/** As it would stand in the file; a text without its quotation marks. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `lines`: a list or an object, as JSON over several lines. */
export type Field = 'choice' | 'line' | 'lines'

export function fieldOf({ value, default: usual }: Setting): Field {
  const example = value ?? usual
  if (typeof example === 'boolean') return 'choice'
  return typeof example === 'object' && example !== null ? 'lines' : 'line'
}

/** What to begin with when it is changed. */
export function typedText(setting: Setting): string {
  const { value } = setting
  if (value === null || value === undefined) return ''
  if (fieldOf(setting) === 'lines') return JSON.stringify(value, null, 2)
  return typeof value === 'string' && isJson(value) ? JSON.stringify(value) : valueText(value)
}

export type Typed =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'faulty'; readonly why: string }

/**
 * `true`, `53`, `"53"`, `["a"]` and `{ "a": 1 }` are what they are in JSON; all else is a text as it stands, but where
 * a list or an object is wanted.
 */
export function readTyped(setting: Setting, text: string): Typed {
  const typed = text.trim()
  try {
    const value: unknown = JSON.parse(typed)
    return { kind: 'value', value }
  } catch (error) {
    const isMeantAsJson = fieldOf(setting) === 'lines' || /^[[{"]/.test(typed)
    if (!isMeantAsJson) return { kind: 'value', value: typed }
    return { kind: 'faulty', why: `is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** `{ "dnssec": { "validate": false } }` of `dnssec.validate`. */
export function nested(values: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  const root = new Map<string, unknown>()
  for (const [path, value] of values) {
    let at = root
    const steps = path.split('.')
    for (const step of steps.slice(0, -1)) {
      const known = at.get(step)
      const next = known instanceof Map ? known : new Map<string, unknown>()
      at.set(step, next)
      at = next
    }
    at.set(steps.at(-1) ?? path, value)
  }
  return plain(root)
}

const plain = (map: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> =>
  Object.fromEntries([...map].map(([key, value]) => [key, value instanceof Map ? plain(value) : value]))

/** The setting that a fault is of: `/policy/lists/0/url` is of `policy.lists`. Null: of none of them. */
export function settingAt(pointer: string, paths: Iterable<string>): string | null {
  const steps = pointer.slice(1).split('/').join('.')
  for (const path of paths) if (steps === path || steps.startsWith(`${path}.`)) return path
  return null
}
