/** Policies written as programs: what their hooks get and answer, who else is given it, and what their faults cost. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { checkAnswer, checkPolicy } from '../../../src/policy/code/check.ts'
import {
  address,
  allow,
  cname,
  definePolicy,
  drop,
  nodata,
  nxdomain,
  pass,
  type PolicyAnswer,
  records,
  refuse,
  testPolicy,
  ttl,
} from '../../../src/policy/code/index.ts'
import { placeIn } from '../../../src/policy/code/place.ts'

const world = {
  'www.example': { A: '192.0.2.1', AAAA: '2001:db8::1' },
  'alias.example': { CNAME: 'www.example.' },
  'text.example': { TXT: '"a b"' },
}
const options = { records: world, now: new Date('2026-03-02T12:00:00Z') }

describe('what a hook answers', () => {
  test.each<[string, PolicyAnswer | undefined | null, string, string | null, readonly string[], number | null]>([
    ['pass', pass(), 'A', 'NOERROR', ['A 192.0.2.1'], 300],
    ['undefined', undefined, 'A', 'NOERROR', ['A 192.0.2.1'], 300],
    ['null', null, 'A', 'NOERROR', ['A 192.0.2.1'], 300],
    ['allow', allow(), 'A', 'NOERROR', ['A 192.0.2.1'], 300],
    ['nxdomain', nxdomain(), 'A', 'NXDOMAIN', [], 30],
    ['nxdomain with a TTL', nxdomain({ ttl: 7 }), 'A', 'NXDOMAIN', [], 7],
    ['nodata', nodata(), 'A', 'NOERROR', [], 30],
    ['refuse', refuse(), 'A', 'REFUSED', [], null],
    ['drop', drop(), 'A', null, [], null],
    ['address of the family', address(['192.0.2.9', '2001:db8::9']), 'AAAA', 'NOERROR', ['AAAA 2001:db8::9'], 30],
    ['address of the other family', address('192.0.2.9'), 'AAAA', 'NOERROR', [], 30],
    ['address to another type', address('192.0.2.9'), 'HTTPS', 'NOERROR', [], 30],
    ['address to ANY', address('192.0.2.9'), 'ANY', 'NOERROR', ['A 192.0.2.9'], 30],
    ['cname', cname('www.example'), 'A', 'NOERROR', ['CNAME www.example.', 'A 192.0.2.1'], 30],
    ['cname to who asks for it', cname('www.example', { ttl: 9 }), 'CNAME', 'NOERROR', ['CNAME www.example.'], 9],
    ['cname to nowhere', cname('no.example'), 'A', 'NXDOMAIN', ['CNAME no.example.'], 30],
    ['records', records(['"x"', '"y"'], { ttl: 5 }), 'TXT', 'NOERROR', ['TXT "x"', 'TXT "y"'], 5],
    ['ttl below', ttl({ max: 60 }), 'A', 'NOERROR', ['A 192.0.2.1'], 60],
    ['ttl above', ttl({ min: 900 }), 'A', 'NOERROR', ['A 192.0.2.1'], 900],
  ])('%s', async (_what, answer, type, rcode, data, seconds) => {
    const asked = await testPolicy(definePolicy({ reads: 'pure', query: () => answer }), options).ask('www.example', {
      type,
    })
    expect(asked).toMatchObject({ rcode, records: data, ttl: seconds, faults: [] })
    const later = testPolicy(definePolicy({ reads: 'pure', query: () => Promise.resolve(answer) }), options)
    expect(await later.ask('www.example', { type })).toEqual(asked)
  })

  test('the first hook that does not pass decides, in the order client, query, upstream, answer', async () => {
    const called: string[] = []
    const hook = (name: string) => (): undefined => void called.push(name)
    const policy = { client: hook('client'), query: hook('query'), upstream: hook('upstream'), answer: hook('answer') }
    await testPolicy(policy, options).ask('www.example')
    expect(called.splice(0)).toEqual(['client', 'query', 'upstream', 'answer'])
    await testPolicy({ ...policy, query: () => nxdomain() }, options).ask('www.example')
    expect(called.splice(0)).toEqual(['client'])
    await testPolicy(policy, options).ask('www.example', { cached: true })
    expect(called.splice(0)).toEqual(['client', 'query', 'answer'])
    await testPolicy({ ...policy, query: () => allow() }, options).ask('www.example')
    expect(called).toEqual(['client'])
  })

  test('hooks see the question, the client and what came, frozen', async () => {
    const seen: unknown[] = []
    const policy = definePolicy({
      client(client) {
        seen.push(client, Object.isFrozen(client))
      },
      query(query) {
        seen.push({ ...query }, Object.isFrozen(query), Object.isFrozen(query.client))
      },
      answer(_query, answer) {
        seen.push(
          answer,
          Object.isFrozen(answer),
          answer.records.every(Object.isFrozen),
          Object.isFrozen(answer.records),
        )
      },
    })
    const client = { address: '2001:db8:0::7', transport: 'tls', tlsName: 'kid.dns.example', id: 'kid' } as const
    await testPolicy(policy, options).ask('Alias.Example.', { client, view: 'kids' })
    const shown = { ...client, address: '2001:db8::7', port: 53_000 }
    const question = { name: 'alias.example', type: 'A', view: 'kids', client: shown }
    expect(seen).toEqual([
      shown,
      true,
      { ...question, recursionDesired: true, checkingDisabled: false, dnssecOk: false },
      true,
      true,
      {
        kind: 'answer',
        secure: false,
        records: [
          { name: 'alias.example', type: 'CNAME', ttl: 300, data: 'www.example.' },
          { name: 'www.example', type: 'A', ttl: 300, data: '192.0.2.1' },
        ],
      },
      true,
      true,
      true,
    ])
  })
})

describe('who else is given an answer', () => {
  const noon = options.now.getTime()
  test.each<[string, Parameters<typeof checkPolicy>[0] & object, { shared: boolean; ttl: number | null }]>([
    ['pure, made', { reads: 'pure', query: () => nxdomain() }, { shared: true, ttl: 30 }],
    ['pure, passed', { reads: 'pure', query: () => pass() }, { shared: true, ttl: 300 }],
    [
      'pure, with an Extended DNS Error',
      { reads: 'pure', query: () => nxdomain({ text: 'no' }) },
      { shared: false, ttl: 30 },
    ],
    ['pure, refused', { reads: 'pure', query: () => refuse() }, { shared: false, ttl: null }],
    ['pure, upstream', { reads: 'pure', upstream: () => nodata() }, { shared: false, ttl: 30 }],
    ['pure, upstream passed', { reads: 'pure', upstream: () => pass() }, { shared: true, ttl: 300 }],
    ['pure, of the answer', { reads: 'pure', answer: () => nodata() }, { shared: true, ttl: 30 }],
    ['not said, made', { query: () => nxdomain() }, { shared: false, ttl: 30 }],
    ['not said, passed', { query: () => pass() }, { shared: false, ttl: 300 }],
    ['not said, answer passed', { answer: () => pass() }, { shared: false, ttl: 300 }],
    ['per client', { reads: 'perClient', query: () => pass() }, { shared: false, ttl: 300 }],
    ['time without a change', { reads: 'time', query: () => nxdomain() }, { shared: false, ttl: 30 }],
    [
      'time with a later change',
      { reads: 'time', query: (_: unknown, { until }: Until) => until(new Date(noon + 20_500)) },
      { shared: true, ttl: 20 },
    ],
    [
      'time with the nearest of several changes',
      {
        reads: 'time',
        query(_: unknown, { until }: Until) {
          until(new Date(noon + 90_000))
          until(new Date(noon + 9_000))
          until(new Date(noon + 60_000))
          return nxdomain()
        },
      },
      { shared: true, ttl: 9 },
    ],
    [
      'time with a change that is over',
      { reads: 'time', query: (_: unknown, { until }: Until) => until(new Date(noon - 1)) },
      { shared: false, ttl: 300 },
    ],
    ['a fault', { reads: 'pure', query: () => missing.thing }, { shared: false, ttl: 300 }],
  ])('%s', async (_what, policy, expected) => {
    expect(await testPolicy(policy, options).ask('www.example')).toMatchObject(expected)
  })
  interface Until {
    readonly until: (when: Date) => undefined
  }
  const missing: { thing: PolicyAnswer } = JSON.parse('null')

  test('what was looked up bounds the TTL of an answer that is shared', async () => {
    const policy = definePolicy({
      reads: 'pure',
      async query(_query, { lookup }) {
        const found = await lookup('www.example')
        return address(
          found.records.map(({ data }) => data),
          { ttl: 86_400 },
        )
      },
    })
    expect(await testPolicy(policy, options).ask('other.example')).toMatchObject({
      records: ['A 192.0.2.1'],
      ttl: 300,
      shared: true,
    })
  })

  test('a policy that says that it does not look at clients cannot', async () => {
    const nosy = (reads: 'pure' | 'time') => ({
      reads,
      query: (query: object) => ('client' in query && query.client === 'x' ? nxdomain() : pass()),
    })
    for (const reads of ['pure', 'time'] as const) {
      const { faults, shared, rcode } = await testPolicy(nosy(reads), options).ask('www.example')
      expect(faults).toEqual([`query: looks at the client, which a policy with reads: "${reads}" must not do`])
      expect([shared, rcode]).toEqual([false, 'NOERROR'])
    }
  })

  test('the types of hooks have what `reads` lets them look at', () => {
    definePolicy({
      reads: 'pure',
      query(query, context) {
        expectTypeOf(query).not.toHaveProperty('client')
        expectTypeOf(context).not.toHaveProperty('now')
        expectTypeOf(context).toHaveProperty('lookup')
      },
    })
    definePolicy({
      reads: 'time',
      query(query, context) {
        expectTypeOf(query).not.toHaveProperty('client')
        expectTypeOf(context).toHaveProperty('until')
      },
    })
    definePolicy({
      query(query) {
        expectTypeOf(query).toHaveProperty('client')
      },
    })
    expect(checkPolicy({ reads: 'pure', client: pass }).kind).toBe('invalid')
  })
})

describe('faults', () => {
  test.each<[string, (query: object, context: { lookup: (name: string) => Promise<unknown> }) => unknown, RegExp]>([
    ['a throw', () => JSON.parse('{'), /^query: .*JSON/],
    ['a rejection', () => Promise.reject(new Error('no luck')), /^query: no luck$/],
    ['a throw of no error', () => Promise.reject('plain'), /^query: plain$/],
    ['a change of the query', query => Object.assign(query, { name: 'x' }), /^query: Cannot (?:assign|add)/],
    ['no answer', () => 'nxdomain', /^query: "nxdomain" is no answer/],
    ['no kind', () => ({ kind: 'nxdomian' }), /^query: kind "nxdomian" is none of pass,/],
    ['a field of another kind', () => ({ kind: 'pass', ttl: 3 }), /^query: pass: unknown field "ttl"/],
    ['no address', () => address('192.0.2.300'), /^query: address\.addresses: "192\.0\.2\.300" is not an IP address/],
    ['no name', () => cname('a..b'), /^query: cname\.target/],
    ['no TTL', () => nxdomain({ ttl: -1 }), /^query: nxdomain\.ttl: expected seconds from 0/],
    ['bounds upside down', () => ttl({ min: 9, max: 3 }), /^query: ttl: min 9 is above max 3/],
    ['no data of the type', () => records('x.y.z'), /^records: "x\.y\.z" is no data of type A/],
    ['no name to look up', (_query, { lookup }) => lookup('a..b'), /^query: lookup\(a\.\.b, A\): no name/],
    [
      'look-ups without end',
      async (_query, { lookup }) => {
        for (;;) await lookup('www.example')
      },
      /^query: more than 8 look-ups for one query$/,
    ],
  ])('%s costs one query, by the rule of the policy', async (_what, query, text) => {
    const open: object = { query }
    const asked = await testPolicy(open, options).ask('www.example')
    expect(asked).toMatchObject({ rcode: 'NOERROR', records: ['A 192.0.2.1'], shared: false })
    expect(asked.faults).toEqual([expect.stringMatching(text)])
    const closed: object = { query, onFault: 'closed', name: 'strict' }
    expect(await testPolicy(closed, options).ask('www.example')).toMatchObject({
      rcode: 'SERVFAIL',
      records: [],
      shared: false,
      ede: 'Other: the policy "strict" failed',
      faults: [expect.stringMatching(text)],
    })
  })
})

test('all that is wrong with a policy is said at once', () => {
  const bad = { name: 'a b', reads: 'all', onFault: 'retry', qurey: pass, answer: 3, client: pass }
  expect(checkPolicy(bad)).toEqual({
    kind: 'invalid',
    problems: [
      expect.stringMatching(/^unknown key "qurey" \(did you mean "query"\?\)/),
      'answer: expected a function',
      'reads: "all" is none of "pure", "perClient", "time"',
      'onFault: "retry" is none of "open", "closed"',
      'name: expected letters, digits, ".", "-" and "_"',
    ],
  })
  for (const none of [undefined, null, 3, 'x', [], () => pass()])
    expect(checkPolicy(none)).toMatchObject({ kind: 'invalid', problems: [expect.stringContaining('export default')] })
  expect(checkPolicy({})).toMatchObject({ problems: [expect.stringContaining('at least one of the hooks')] })
  expect(() => testPolicy({})).toThrow('at least one of the hooks')
})

test('a text for clients is cut, and lists have an end', () => {
  const bounds = { records: 2, textCharacters: 4 }
  expect(checkAnswer(nxdomain({ text: 'too long' }), bounds)).toEqual({ kind: 'nxdomain', text: 'too ' })
  expect(checkAnswer(records(['a', 'b', 'c']), bounds)).toBe('records.data: has 3 items, more than 2')
})

describe('the place of an error in a file', () => {
  const file = '/etc/dns/office policy.mjs'
  test.each<[string, string, object | null]>([
    [
      'of a frame',
      'Error: x\n    at query (file:///etc/dns/office%20policy.mjs:3:9)\n    at run',
      { line: 3, column: 9 },
    ],
    [
      'of a frame without a function',
      'Error: x\n    at file:///etc/dns/office%20policy.mjs:12:1',
      { line: 12, column: 1 },
    ],
    ['of a version', 'Error: x\n    at file:///etc/dns/office%20policy.mjs?v=2:12:1', { line: 12, column: 1 }],
    ['of a path', `Error: x\n    at query (${file}:3:9)`, { line: 3, column: 9 }],
    [
      'of text that is no program',
      `${'file:///etc/dns/office%20policy.mjs'}:2\n  const = 3\n        ^\n\nSyntaxError: x`,
      { line: 2, column: 9 },
    ],
    ['of another file', 'Error: x\n    at file:///etc/dns/other.mjs:3:9', null],
  ])('%s', (_what, stack, place) => expect(placeIn(stack, file)).toEqual(place))
})
