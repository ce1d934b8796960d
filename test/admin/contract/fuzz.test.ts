/**
 * Every operation with what no client means to send: names at their bounds, members of every type, numbers beyond all,
 * JSON as deep as a body may be. Whatever comes, there is an answer, it is no fault of the server, and when it is a
 * refusal it is a problem of RFC 9457. `ROOTWALK_SEED` has another run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRandom } from '../../../src/system/system.ts'
import type { Random } from '../../../src/ports.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import { type Reply, type Served, startServed } from '../served.ts'
import { type Operation, operationsIn } from './described.ts'

const SEED = Number(process.env.ROOTWALK_SEED ?? 20_261)
const BODIES_EACH = 24
const QUERIES_EACH = 12

let served: Served
let operations: readonly Operation[]
// biome-ignore lint/suspicious/noExplicitAny: the description, as it is served
let described: any
beforeAll(async () => {
  served = await startServed({ records: { 'a.lan': { A: '10.0.0.1' } } })
  described = (await served.ask('/openapi.json')).body
  // Streams go on until a client leaves.
  const streams = ['/api/v1/events', '/api/v1/walk', '/api/v1/live']
  operations = operationsIn(described).filter(({ template }) => !streams.includes(template))
})
afterAll(() => served.stop())

/** Names that are hard to carry. */
const NAMES: readonly string[] = [
  ...['__proto__', 'constructor', 'toString', '\\000', '\\000.example', 'a\\000b.example', 'a/b', '%2F', '%00', '..'],
  ...['.', '', ' ', '\u0000', 'a..b', '\\', '\\2', '\\256', '\\255.example', '*.example', '-', '*', '\ud800', '\u202e'],
  ...['x'.repeat(63), 'x'.repeat(64), Array(63).fill('x').join('.'), `${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(61)],
  ...[`${'x'.repeat(63)}.`.repeat(4), '\\255'.repeat(63), Array(128).fill('x').join('.'), 'x'.repeat(2_000)],
  ...['bücher.example', 'xn--bcher-kva.example', 'xn--', '127.0.0.1', '::1', '<img src=x onerror=alert(1)>', '{{7*7}}'],
  ...["'; DROP TABLE queries; --", '../../../etc/passwd', 'file:///etc/passwd', 'http://a/', 'null', 'true', '1e400'],
]
const NUMBERS: readonly number[] = [0, -0, -1, 1, 0.5, 255, 65_536, 2 ** 31, 2 ** 53, 1e21, 1e308, -1e308, 5e-324]

const pick = <T>(random: Random, list: readonly T[]): T | undefined => list[random.below(list.length)]

function anything(random: Random, depth = 0): unknown {
  switch (random.below(depth > 3 ? 5 : 8)) {
    case 0:
      return null
    case 1:
      return random.below(2) === 0
    case 2:
      return pick(random, NUMBERS)
    case 3:
    case 4:
      return pick(random, NAMES)
    case 5:
      return Array.from({ length: random.below(4) }, () => anything(random, depth + 1))
    case 6:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [pick(random, NAMES), anything(random, depth + 1)]),
      )
    default:
      return JSON.parse('{"__proto__": {"dryRun": true, "scope": "admin"}, "constructor": {"prototype": {}}}')
  }
}

/** Names of all members anywhere in the description of bodies: some fit, and what is in them is looked at. */
let members: readonly string[] = []
function memberNames(): readonly string[] {
  if (members.length > 0) return members
  const found = new Set<string>()
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('properties' in value && typeof value.properties === 'object')
      for (const name of Object.keys(value.properties ?? {})) found.add(name)
    for (const member of Object.values(value)) look(member)
  }
  look(described.components.schemas)
  look(described.paths)
  members = [...found]
  return members
}

function body(random: Random): string {
  switch (random.below(10)) {
    case 0:
      return (
        pick(random, ['', '{', 'nul', '"', '[1,]', '{"a":1,"a":2}', '\ufeff{}', '{"a":\u0000}', '1e999', '-']) ?? ''
      )
    case 1:
      return (
        pick(random, [
          `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
          `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
        ]) ?? ''
      )
    case 2:
      return JSON.stringify(anything(random))
    default: {
      const names = memberNames()
      const made = Object.fromEntries(
        Array.from({ length: 1 + random.below(6) }, () => [pick(random, names), anything(random)]),
      )
      return JSON.stringify(made)
    }
  }
}

/** Deep values of members that take any. */
const deep = (name: string, depth: number): string => `{"${name}":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`
const DEPTHS = [10, 63, 64, 1_000, 5_000, 100_000]

function pathOf(random: Random, { template, method, key }: Operation, withQuery: boolean): string {
  const path = template.replaceAll(/\{\w+\}/g, () => segment(pick(random, NAMES) ?? ''))
  const query = new URLSearchParams()
  // What would end the server, or goes far beyond a test, is only judged.
  if (key === 'POST /api/v1/stop' || key === 'POST /api/v1/visits') query.set('dryRun', 'true')
  if (withQuery)
    for (let left = 1 + random.below(3); left > 0; left--) {
      const name = pick(random, [
        'limit',
        'cursor',
        'filter',
        'from',
        'to',
        'type',
        'name',
        'view',
        'below',
        'under',
        '__proto__',
      ])
      query.append(
        name ?? '',
        String(pick(random, [...NAMES, ...NUMBERS.map(String), 'rcode=', '((((', 'not '.repeat(200)])),
      )
    }
  const text = query.toString()
  return text === '' ? path : `${path}?${text}${method === 'GET' && random.below(4) === 0 ? '&%zz&%' : ''}`
}

/** Dots alone are no segment of a path (WHATWG URL, section 4.5): they lead elsewhere. */
const segment = (name: string): string => (/^\.{0,2}$/.test(name) ? 'a' : encodeURIComponent(wellFormed(name)))

const wellFormed = (text: string): string => text.replaceAll(/[\ud800-\udfff]/g, '\ufffd').slice(0, 4_000)

/** Null: as it should be. */
function fault({ status, headers, body: read }: Reply): string | null {
  if (!/^[\w.:-]{1,64}$/.test(String(headers['x-request-id']))) return 'no X-Request-Id'
  if (status < 400) return null
  if (status >= 500 && status !== 503 && status !== 504) return `status ${status}`
  if (!String(headers['content-type']).startsWith('application/problem+json')) return `type ${headers['content-type']}`
  const isWhole = read?.status === status && [read.type, read.title, read.detail].every(one => typeof one === 'string')
  if (!isWhole) return `the problem ${JSON.stringify(read)}`
  const places: readonly { pointer?: unknown; detail?: unknown }[] = read.errors ?? []
  const isPlaced = places.every(one => /^(?:\/.*)?$/s.test(String(one.pointer)) && typeof one.detail === 'string')
  return isPlaced ? null : `places ${JSON.stringify(places)}`
}

async function allOf(
  make: (operation: Operation) => readonly (readonly [path: string, body?: string])[],
): Promise<string[]> {
  const wrong: string[] = []
  for (const operation of operations)
    for (const [path, text] of make(operation)) {
      const reply = await served.ask(path, { method: operation.method, body: text })
      const found = fault(reply)
      const isNamed = operation.codes.includes(reply.status)
      if (found !== null || !isNamed)
        wrong.push(`${operation.key}: ${found ?? `${reply.status} is not named`}; ${path} ${text?.slice(0, 200) ?? ''}`)
    }
  expect(served.events.filter(({ kind }) => kind === 'bug')).toEqual([])
  return wrong
}

describe(`every operation answers, and refuses with a problem (seed ${SEED})`, () => {
  it('whatever its body is', async () => {
    const random = new SimRandom(SEED)
    const bodies = (operation: Operation) =>
      operation.takesBody
        ? Array.from({ length: BODIES_EACH }, () => [pathOf(random, operation, false), body(random)] as const)
        : []
    expect(await allOf(bodies)).toEqual([])
  })

  it('whatever its path and its query are', async () => {
    const random = new SimRandom(SEED + 1)
    const queries = (operation: Operation) =>
      Array.from({ length: QUERIES_EACH }, () => [pathOf(random, operation, true)] as const)
    expect(await allOf(queries)).toEqual([])
  })

  it('however deep a member is', async () => {
    const random = new SimRandom(SEED + 2)
    const bodies = (operation: Operation) =>
      operation.takesBody
        ? DEPTHS.map(
            depth => [pathOf(random, operation, false), deep(pick(random, memberNames()) ?? '', depth)] as const,
          )
        : []
    expect(await allOf(bodies)).toEqual([])
  })

  it('and nothing that came is anywhere a member of all objects', () => {
    expect(systemRandom()).not.toHaveProperty('scope')
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})
