/**
 * Whether what a file exports is a policy, and whether what a hook gives back is an answer. What comes from programs of
 * users is of any form: each problem is a sentence.
 */
import { parseIp } from '../../dns/address.ts'
import { typeNumber } from '../../dns/types.ts'
import { parseName } from '../../presentation/text.ts'
import { suggest } from '../../presentation/suggest.ts'
import type { PolicyAnswer, Reads } from './language.ts'

const hooks = ['client', 'query', 'upstream', 'answer'] as const
export type Hook = (typeof hooks)[number]

/** What is known of a policy before it is asked anything: goes between threads. */
export interface Traits {
  /** Null: it has none of its own. */
  readonly name: string | null
  /** Null: it does not say. */
  readonly reads: Reads | null
  readonly onFault: 'open' | 'closed'
  readonly hooks: readonly Hook[]
}

type HookFunction = (...given: readonly unknown[]) => unknown

/** A policy whose form is known to be right. */
export interface CheckedPolicy {
  readonly traits: Traits
  /** Of a hook; undefined: it has none. */
  readonly hook: (name: Hook) => HookFunction | undefined
}

export type Checked =
  | { readonly kind: 'policy'; readonly policy: CheckedPolicy }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

const READS: readonly Reads[] = ['pure', 'perClient', 'time']
const FAULTS = ['open', 'closed'] as const
const KEYS: readonly string[] = ['name', 'reads', 'onFault', ...hooks]
const NAME = /^\w[\w.-]{0,63}$/

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isFunction = (value: unknown): value is HookFunction => typeof value === 'function'
const oneOf = <T extends string>(value: unknown, of: readonly T[]): T | undefined => of.find(one => one === value)
const quoted = (words: readonly string[]): string => words.map(word => `"${word}"`).join(', ')
const shown = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value.slice(0, 40))
    : Array.isArray(value)
      ? 'a list'
      : String(typeof value)

/** `value` is the default export of a module. */
export function checkPolicy(value: unknown): Checked {
  if (!isRecord(value))
    return { kind: 'invalid', problems: ['expected `export default definePolicy({ … })` with at least one hook'] }
  const problems: string[] = []
  for (const key of Object.keys(value))
    if (!KEYS.includes(key)) problems.push(`unknown key "${key}"${near(key)}; a policy has ${KEYS.join(', ')}`)
  const given = hooks.filter(hook => value[hook] !== undefined)
  for (const hook of given) if (!isFunction(value[hook])) problems.push(`${hook}: expected a function`)
  if (given.length === 0) problems.push(`expected at least one of the hooks ${hooks.join(', ')}`)
  const reads = value.reads === undefined ? null : oneOf(value.reads, READS)
  if (reads === undefined) problems.push(`reads: ${shown(value.reads)} is none of ${quoted(READS)}`)
  const onFault = value.onFault === undefined ? 'open' : oneOf(value.onFault, FAULTS)
  if (onFault === undefined) problems.push(`onFault: ${shown(value.onFault)} is none of ${quoted(FAULTS)}`)
  if ((reads === 'pure' || reads === 'time') && value.client !== undefined)
    problems.push(`client: a policy with reads: "${reads}" does not look at clients; set reads: "perClient"`)
  const name = value.name === undefined ? null : value.name
  const isName = name === null || (typeof name === 'string' && NAME.test(name))
  if (!isName) problems.push('name: expected letters, digits, ".", "-" and "_"')
  if (problems.length > 0 || reads === undefined || onFault === undefined || !isName)
    return { kind: 'invalid', problems }
  return {
    kind: 'policy',
    policy: {
      traits: { name, reads, onFault, hooks: given },
      hook: hook => {
        const found = value[hook]
        return isFunction(found) ? (...args) => Reflect.apply(found, value, [...args]) : undefined
      },
    },
  }
}

const near = (key: string): string => {
  const found = suggest(key, KEYS)
  return found === null ? '' : ` (did you mean "${found}"?)`
}

/** What an answer may hold, whatever its kind. */
export interface AnswerBounds {
  readonly records: number
  readonly textCharacters: number
}

const FIELDS: Readonly<Record<PolicyAnswer['kind'], readonly string[]>> = {
  pass: [],
  allow: [],
  drop: [],
  refuse: ['ede', 'text'],
  nxdomain: ['ttl', 'ede', 'text'],
  nodata: ['ttl', 'ede', 'text'],
  address: ['addresses', 'ttl', 'ede', 'text'],
  cname: ['target', 'ttl', 'ede', 'text'],
  records: ['data', 'ttl', 'ede', 'text'],
  ttl: ['min', 'max'],
}
const KINDS = ['pass', 'allow', 'drop', 'refuse', 'nxdomain', 'nodata', 'address', 'cname', 'records', 'ttl'] as const
const EDES = ['blocked', 'censored', 'filtered', 'forged'] as const
/** RFC 2181 section 8. */
const MAX_TTL_S = 0x7fff_ffff

/** A copy of what a hook gave back, or what is wrong with it. */
export function checkAnswer(value: unknown, bounds: AnswerBounds): PolicyAnswer | string {
  if (value === undefined || value === null) return { kind: 'pass' }
  if (!isRecord(value)) return `${shown(value)} is no answer; expected one such as pass() or nxdomain()`
  const kind = oneOf(value.kind, KINDS)
  if (kind === undefined) return `kind ${shown(value.kind)} is none of ${KINDS.join(', ')}`
  const unknown = Object.keys(value).find(key => key !== 'kind' && !FIELDS[kind].includes(key))
  if (unknown !== undefined) return `${kind}: unknown field "${unknown}"`
  const number = (key: string): number | undefined | string =>
    value[key] === undefined ? undefined : wholeSeconds(value[key], `${kind}.${key}`)
  const [ttl, min, max] = [number('ttl'), number('min'), number('max')]
  for (const one of [ttl, min, max]) if (typeof one === 'string') return one
  const ede = value.ede === undefined ? undefined : oneOf(value.ede, EDES)
  if (value.ede !== undefined && ede === undefined) return `${kind}.ede: ${shown(value.ede)} is none of ${quoted(EDES)}`
  if (value.text !== undefined && typeof value.text !== 'string') return `${kind}.text: expected a text`
  const options = {
    ...(typeof ttl === 'number' ? { ttl } : {}),
    ...(ede === undefined ? {} : { ede }),
    ...(typeof value.text === 'string' ? { text: value.text.slice(0, bounds.textCharacters) } : {}),
  }
  switch (kind) {
    case 'pass':
    case 'allow':
    case 'drop':
      return { kind }
    case 'refuse':
    case 'nxdomain':
    case 'nodata':
      return { ...options, kind }
    case 'address':
      return withTexts(
        value.addresses,
        'address.addresses',
        bounds,
        text => parseIp(text) !== null,
        'an IP address',
        addresses => ({ ...options, kind, addresses }),
      )
    case 'records':
      return withTexts(
        value.data,
        'records.data',
        bounds,
        () => true,
        'a text',
        data => ({ ...options, kind, data }),
      )
    case 'cname':
      return isName(value.target)
        ? { ...options, kind, target: value.target }
        : `cname.target: ${shown(value.target)} is no domain name`
    case 'ttl':
      if (typeof min === 'number' && typeof max === 'number' && min > max) return `ttl: min ${min} is above max ${max}`
      return { kind, ...(typeof min === 'number' ? { min } : {}), ...(typeof max === 'number' ? { max } : {}) }
    default:
      return kind satisfies never
  }
}

function withTexts(
  value: unknown,
  what: string,
  bounds: AnswerBounds,
  isRight: (text: string) => boolean,
  expected: string,
  made: (texts: readonly string[]) => PolicyAnswer,
): PolicyAnswer | string {
  if (!Array.isArray(value) || value.length === 0) return `${what}: expected a list with ${expected}`
  if (value.length > bounds.records) return `${what}: has ${value.length} items, more than ${bounds.records}`
  const texts = value.flatMap((text: unknown) => (typeof text === 'string' && isRight(text) ? [text] : []))
  const wrong = value.findIndex((text: unknown) => typeof text !== 'string' || !isRight(text))
  return wrong < 0 ? made(texts) : `${what}: ${shown(value[wrong])} is not ${expected}`
}

const wholeSeconds = (value: unknown, what: string): number | string =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TTL_S
    ? value
    : `${what}: expected seconds from 0 to ${MAX_TTL_S}`

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && typeof parseName(value, null) === 'string'

/** Of a look-up that a program asks for. */
export const isLookUp = (name: unknown, type: unknown): boolean =>
  isName(name) && typeof type === 'string' && typeNumber(type) !== null
