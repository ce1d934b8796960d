/** Rule sets from texts, and what they say of names: for tests. */
import { domainToASCII } from 'node:url'
import { type IpAddress, parseIp } from '../../../src/dns/address.ts'
import { foldName, type Name } from '../../../src/dns/name.ts'
import { EdeCode, typeNumber } from '../../../src/dns/types.ts'
import { defaultLimits, type ListLimits } from '../../../src/limits.ts'
import { compileList, type CompiledList, type CompileResult } from '../../../src/policy/lists/compile.ts'
import { NameHasher } from '../../../src/policy/lists/hash.ts'
import type { Layer, ListAnswer, ListFormat } from '../../../src/policy/lists/rule.ts'
import { type Judgement, RuleSet } from '../../../src/policy/lists/rule-set.ts'
import { makeFilter } from '../../../src/policy/lists/table.ts'
import { parseName } from '../../../src/presentation/text.ts'

export const key = { k0: 0x0706_0504, k1: 0x0b0a_0908 }

export interface ListText {
  readonly text: string | Uint8Array
  readonly name?: string
  readonly format?: ListFormat
  readonly layer?: Layer
  readonly match?: 'exact' | 'suffix'
  readonly answer?: ListAnswer
  readonly limits?: Partial<ListLimits>
}

/** The result of a generator that is run to its end. */
export function finished<T>(steps: Generator<unknown, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}

export function compiledText({
  text,
  format = 'auto',
  layer = 'block',
  match = 'exact',
  limits,
}: ListText): CompileResult {
  const octets = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const options = { format, layer, match, limits: { ...defaultLimits.lists, ...limits }, toAscii: domainToASCII }
  return finished(compileList(octets, options, new NameHasher(key)))
}

export function compiledList(text: ListText): CompiledList {
  const result = compiledText(text)
  if (result.kind === 'rejected') throw new Error(result.reason)
  return result.list
}

export function ruleSet(...texts: readonly (string | ListText)[]): RuleSet {
  const lists = texts.map((one, index) => {
    const text: ListText = typeof one === 'string' ? { text: one } : one
    return {
      traits: {
        name: text.name ?? `list ${index + 1}`,
        layer: text.layer ?? ('block' as const),
        answer: text.answer ?? ({ kind: 'nxdomain' } as const),
        ttl: 30,
        ede: EdeCode.Blocked,
      },
      place: `/lists/${index + 1}.txt`,
      list: compiledList(text),
      tally: { hits: 0 },
    }
  })
  const filter = finished(
    makeFilter(
      lists.map(({ list }) => list.slots),
      16,
      1_000,
    ),
  )
  return new RuleSet(lists, filter, key)
}

export function name(text: string): Name {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(parsed.error)
  return foldName(parsed)
}

export function ip(text: string): IpAddress {
  const parsed = parseIp(text)
  if (parsed === null) throw new Error(`${text} is no address`)
  return parsed
}

interface Asking {
  readonly type?: string
  readonly client?: string
  readonly clientId?: string
  readonly enabled?: Uint8Array
}

const queryOf = ({ type = 'A', client = '192.0.2.1', clientId, enabled }: Asking) => ({
  type: typeNumber(type) ?? 1,
  client: { ip: ip(client), ...(clientId === undefined ? {} : { clientId }) },
  enabled: enabled ?? null,
})

export const judged = (set: RuleSet, text: string, asking: Asking = {}): Judgement =>
  set.ofName(name(text), queryOf(asking))
export const judgedAddress = (set: RuleSet, text: string, asking: Asking = {}): Judgement =>
  set.ofAddress(ip(text), queryOf(asking))

/** `block`, `allow`, or `-` when no rule decides. */
export const said = (set: RuleSet, text: string, asking: Asking = {}): string =>
  judged(set, text, asking).verdict?.action ?? '-'
