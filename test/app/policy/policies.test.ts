/** Policies in a server: in threads and in its own, what hostile programs cost, and new versions of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { unfitFile } from '../../../src/app/policy/load-policy.ts'
import { Policies, type PoliciesParts } from '../../../src/app/policy/policies.ts'
import { readDigWords } from '../../../src/cli/query/dig-args.ts'
import { runQuery } from '../../../src/cli/query/query.ts'
import type { Event } from '../../../src/events.ts'
import { defaultLimits } from '../../../src/limits.ts'
import type { Call, LookUp, Verdict } from '../../../src/policy/code/run.ts'
import { problemText } from '../../../src/render/problem.ts'
import { systemClock } from '../../../src/system/system.ts'
import { buildForServing } from '../../e2e/rootwalk.ts'
import { PATIENT } from '../../patience.mjs'
import { root } from '../../testing/command.ts'
import { type Inside, startInside } from '../inside.ts'

const thread = pathToFileURL(join(root, 'dist/app/policy/policy-thread.js'))
const place = { directory: '' }
const open: { close(): void }[] = []
const running: Inside[] = []

beforeAll(() => buildForServing())
beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-'))
})
afterEach(async () => {
  for (const one of open.splice(0)) one.close()
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(place.directory, { recursive: true, force: true })
})

const quiet = { clock: systemClock(), limits: defaultLimits, events: () => {}, onChange: () => {} }
const write = (file: string, text: string): string => {
  writeFileSync(join(place.directory, file), text)
  return join(place.directory, file)
}

const call: Call = {
  side: 'question',
  client: { address: '192.0.2.1', port: 53_000, transport: 'udp', tlsName: null, id: null },
  question: {
    name: 'www.example',
    type: 'A',
    view: null,
    recursionDesired: true,
    checkingDisabled: false,
    dnssecOk: false,
  },
  isCached: null,
  answer: null,
  now: 0,
}
const about = (name: string): Call => ({ ...call, question: { ...call.question, name } })
const lookUp: LookUp = name => Promise.resolve({ kind: 'nxdomain', records: [], secure: false, name })

interface Held {
  readonly policies: Policies
  readonly events: Event[]
  readonly ask: (name: string) => Promise<Verdict>
}

async function hold(text: string, isolated = true, code: Partial<PoliciesParts['limits']['code']> = {}): Promise<Held> {
  const file = write('office.policy.mjs', text)
  const events: Event[] = []
  const policies = new Policies({
    clock: systemClock(),
    limits: { ...defaultLimits, code: { ...defaultLimits.code, ...code } },
    events: event => events.push(event),
    onChange: () => {},
    thread,
  })
  open.push(policies)
  expect(await policies.configure([{ file, isolated }])).toEqual([])
  const ask = (name: string): Promise<Verdict> => {
    const [program] = policies.programs()
    if (program === undefined) throw new Error('no program')
    return program.ask(about(name), lookUp)
  }
  return { policies, events, ask }
}

const denied = { kind: 'ruled', hook: 'query', answer: { kind: 'nxdomain' }, until: null }
const passed = { kind: 'ruled', hook: 'query', answer: { kind: 'pass' }, until: null }
/** Blocks `ads.`; does something else for `bad.`. */
const hostile = (bad: string): string => `export default { async query(query, { lookup }) {
  if (query.name === 'ads') return { kind: 'nxdomain' }
  if (query.name === 'bad') { ${bad} }
} }`

/** What else could end it first is far away. */
const BOUNDS: Readonly<Record<string, Partial<PoliciesParts['limits']['code']>>> = {
  'timed-out': { callMs: 600 },
  memory: { stuckMs: 20_000, callMs: 60_000 },
}

describe('a program in a thread', () => {
  test.each<[string, string, string, RegExp]>([
    ['a throw', 'throw new Error("no luck")', 'threw', /^query: \S+office\.policy\.mjs:3:37: no luck$/],
    ['an endless loop', 'for (;;);', 'endless', /^did not come back within 250 ms$/],
    ['an endless loop after a look-up', 'await lookup("x"); for (;;);', 'endless', /^did not come back/],
    ['a promise that is never settled', 'await new Promise(() => {})', 'timed-out', /^did not answer within 600 ms$/],
    ['heap without end', 'const a = []; for (;;) a.push(new Array(1000).fill({}))', 'memory', /heap|memory/],
    ['an end of its thread', 'process.exit(3)', 'ended', /^ended its own thread$/],
    ['a change of the query', 'query.name = "x"', 'threw', /Cannot assign to read only property/],
    ['no answer', 'return 3', 'bad-answer', /^query: number is no answer/],
  ])('%s costs the query that caused it, and no other one', async (_what, bad, fault, text) => {
    const { ask, policies } = await hold(hostile(bad), true, BOUNDS[fault] ?? {})
    const answers = await Promise.all(['ads', 'www', 'bad', 'ads', 'www'].map(ask))
    expect(answers).toEqual([denied, passed, expect.objectContaining({ kind: 'fault', fault }), denied, passed])
    expect(answers[2]).toMatchObject({ text: expect.stringMatching(text) })
    expect(await ask('ads')).toEqual(denied)
    expect(policies.status()).toMatchObject([{ calls: 6, faults: { [fault]: 1 }, problem: null }])
  })

  test('buffers without end end the thread, in one call or over many', async () => {
    const all = hostile('const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))')
    const one = await hold(all, true, { growthBytes: 64 << 20, stuckMs: 20_000, callMs: 60_000 })
    expect(await one.ask('bad')).toMatchObject({ kind: 'fault', fault: 'memory' })
    expect(await one.ask('ads')).toEqual(denied)
    const kept = hostile('(globalThis.a ??= []).push(Buffer.alloc(1 << 20, 1))')
    const many = await hold(kept, true, { bufferBytes: 8 << 20, lookMs: 1 })
    for (let i = 0; i < 40 && many.policies.status()[0]?.restarts === 0; i++) await many.ask('bad')
    expect(many.policies.status()).toMatchObject([{ restarts: 1 }])
    expect(await many.ask('ads')).toEqual(denied)
  })

  test('an error that no call waits for is counted and ends nothing', async () => {
    const { ask, policies } = await hold(hostile('setTimeout(() => { throw new Error("later") }); Promise.reject(1)'))
    expect(await ask('bad')).toEqual(passed)
    await vi.waitFor(() => expect(policies.status()).toMatchObject([{ faults: { threw: 2 }, restarts: 0 }]))
    expect(await ask('ads')).toEqual(denied)
  })

  test('too many calls at once are refused at once', async () => {
    const { ask } = await hold(hostile('await new Promise(() => {})'), true, { waiting: 2, callMs: 300 })
    const [, , third] = await Promise.all(['bad', 'bad', 'ads'].map(ask))
    expect(third).toMatchObject({ kind: 'fault', fault: 'overload' })
  })

  test('a thread that ends again and again is started after longer and longer pauses', async () => {
    const { ask, events } = await hold(hostile('process.exit(1)'), true, { stuckMs: 60 })
    const pauses = (): number[] => events.flatMap(e => (e.kind === 'policy-restarting' ? [e.pauseMs] : []))
    for (let i = 0; i < 3; i++) {
      const before = pauses().length
      await ask('bad')
      if (pauses().length === before) break
    }
    expect(pauses().slice(0, 2)).toEqual([50, 100])
    expect(await ask('ads')).toMatchObject({ kind: 'fault', fault: 'restarting' })
    await vi.waitFor(async () => expect(await ask('ads')).toEqual(denied), PATIENT)
  })
})

describe('a program in the thread of the server', () => {
  test('answers, and its throws and promises cost one query', async () => {
    const { ask, policies, events } = await hold(hostile('await new Promise(() => {})'), false, { callMs: 50 })
    expect(await Promise.all(['ads', 'bad', 'www'].map(ask))).toEqual([
      denied,
      expect.objectContaining({ kind: 'fault', fault: 'timed-out' }),
      passed,
    ])
    const source = { file: join(place.directory, 'office.policy.mjs'), isolated: false }
    write('office.policy.mjs', 'export default { query: () => ({ kind: "drop" }) }')
    await policies.configure([source])
    expect(await ask('ads')).toMatchObject({ answer: { kind: 'drop' } })
    expect(events).toContainEqual({ kind: 'policy-versions', policy: 'office.policy.mjs', versions: 2 })
  })
})

describe('a file', () => {
  test.each<[string, string, string, RegExp]>([
    ['is no program', 'a.mjs', 'export default {\n  query: () => const,\n}', /a\.mjs:2:16: .*Unexpected token/],
    ['throws', 'b.mjs', '\nnull.x', /b\.mjs:2:6: .*Cannot read prop/],
    ['exports nothing', 'c.mjs', 'export const x = 1', /c\.mjs: .*expected `export default definePolicy/],
    ['has slips', 'd.mjs', 'export default { quer() {} }', /d\.mjs: .*unknown key "quer" \(did you mean "query"\?\)/],
    ['imports what is not there', 'e.mjs', 'import "./no.mjs"', /e\.mjs: .*Cannot find module .*no\.mjs/],
    ['has no form that is known', 'f.json', '{}', /f\.json: .*expected a file that ends with/],
  ])('that %s is refused with its place', async (_what, file, text, problem) => {
    const path = write(file, text)
    const policies = new Policies({ ...quiet, thread })
    open.push(policies)
    const problems = await policies.configure([{ file: path, isolated: true }])
    expect(problems.map(problemText)).toEqual([expect.stringMatching(problem)])
  })

  test('in TypeScript needs a Node.js that strips types', () => {
    const path = write('a.policy.ts', '')
    expect(unfitFile(path, true)).toBeNull()
    expect(unfitFile(path, false)).toMatch(/need Node\.js 22\.18 or later, and this is v.*: write .*a\.policy\.js or/)
    expect(unfitFile(join(place.directory, 'none.mjs'))).toBe('there is no such file')
  })

  test('may import rootwalk/policy wherever it is', async () => {
    const text = `import { definePolicy, nxdomain } from 'rootwalk/policy'
      export default definePolicy({ query: query => (query.name === 'ads' ? nxdomain() : undefined) })`
    const { ask } = await hold(text)
    expect(await Promise.all(['ads', 'www'].map(ask))).toEqual([denied, passed])
  })
})

async function start(settings: object): Promise<Inside> {
  const inside = await startInside(settings, { directory: place.directory, policyEntry: thread })
  running.push(inside)
  return inside
}

async function ask({ port }: Inside, words: string): Promise<string> {
  const read = readDigWords([...words.split(' '), '@127.0.0.1'], { port, json: true })
  if (read.kind === 'usage') throw new Error(read.message)
  const printed: string[] = []
  const to = { out: (text: string) => printed.push(text), err: () => {} }
  await runQuery({ ...read.query, tries: 1 }, { address: '127.0.0.1', port }, to)
  const { status, answer } = JSON.parse(printed.join(''))
  return [status, ...answer.map(({ data }: { data: string }) => data)].join(' ')
}

describe('a server', () => {
  const counting = (reads: string): string => `let asked = 0
    export default { ${reads}
      query: query => query.name.endsWith('.count') ? { kind: 'records', data: ['"' + ++asked + '"'], ttl: 60 } : undefined }`

  test('gives answers of a pure program to others, and of no other one', async () => {
    write('pure.mjs', counting(`reads: 'pure',`))
    write('any.mjs', counting('').replaceAll('.count', '.each'))
    const inside = await start({ policy: ['pure.mjs', 'any.mjs'] })
    expect(await ask(inside, 'a.each TXT')).toBe('NOERROR "1"')
    expect(await ask(inside, 'a.each TXT')).toBe('NOERROR "2"')
    await inside.server.stop()
    const alone = await start({ policy: ['pure.mjs'] })
    expect(await ask(alone, 'a.count TXT')).toBe('NOERROR "1"')
    expect(await ask(alone, 'a.count TXT')).toBe('NOERROR "1"')
    expect(await ask(alone, 'www.shop A')).toBe('NOERROR 192.0.2.80')
  })

  test('takes over a new version at once, for what is cached too, and keeps the old one when the new one is bad', async () => {
    write(
      'office.mjs',
      `export default { reads: 'pure', query: () => ({ kind: 'address', addresses: ['192.0.2.1'], ttl: 600 }) }`,
    )
    const inside = await start({ policy: ['office.mjs'] })
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.1')
    write(
      'office.mjs',
      `export default { reads: 'pure', query: () => ({ kind: 'address', addresses: ['192.0.2.2'], ttl: 600 }) }`,
    )
    await vi.waitFor(async () => expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.2'), PATIENT)
    write('office.mjs', 'export default { reads: 3 }')
    await vi.waitFor(
      () => expect(inside.events).toContainEqual(expect.objectContaining({ kind: 'policy-rejected', kept: true })),
      PATIENT,
    )
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.2')
  })

  test('does not start with a program that cannot be used', async () => {
    write('bad.mjs', '\nexport default 3')
    await expect(start({ policy: ['bad.mjs'] })).rejects.toThrow(/bad\.mjs: expected `export default definePolicy/)
  })

  test('asks lists first, and local data before both; a view is a part of the question', async () => {
    write(
      'office.mjs',
      `export default { reads: 'pure', query(query) {
      if (query.view === 'all') return { kind: 'address', addresses: ['192.0.2.7'] } } }`,
    )
    const inside = await start({
      policy: ['office.mjs'],
      rules: ['||listed.shop^'],
      records: { 'own.shop': { A: '192.0.2.9' } },
      views: [{ name: 'all', clients: ['127.0.0.0/8'] }],
    })
    expect(await ask(inside, 'listed.shop A')).toBe('NXDOMAIN')
    expect(await ask(inside, 'own.shop A')).toBe('NOERROR 192.0.2.9')
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.7')
  })

  test('follows an alias of a program, and resolves what it looks up', async () => {
    write(
      'office.mjs',
      `export default { reads: 'pure', async query(query, { lookup }) {
      if (query.name === 'search.test') return { kind: 'cname', target: 'www.shop' }
      if (query.name === 'copy.test') { const { records } = await lookup('alias.shop')
        return { kind: 'address', addresses: records.filter(r => r.type === 'A').map(r => r.data) } } } }`,
    )
    const inside = await start({ policy: ['office.mjs'], specialUse: false })
    expect(await ask(inside, 'search.test A')).toBe('NOERROR www.shop. 192.0.2.80')
    expect(await ask(inside, 'copy.test A')).toBe('NOERROR 192.0.2.80')
  })
})
