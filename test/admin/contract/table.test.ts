/**
 * The description of the API against servers that run: each code that an operation names is provoked, and no other one
 * is ever given. What is the same for all is done here by the form of the operation; the rest is in `rows.ts`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Operation, operationsIn, VALUES } from './described.ts'
import { askHead, askRaw, type Kit, SETS, startKit, TOKENS } from './kit.ts'
import { LONG_TEST_MS } from '../../patience.mjs'
import { type Answered, ROWS, UNPROVOKED } from './rows.ts'

let kit: Kit
let operations: readonly Operation[]
beforeAll(async () => {
  kit = await startKit()
  operations = operationsIn((await kit.main.ask('/openapi.json')).body)
})
afterAll(() => kit.stop())

type Provoke = (operation: Operation) => Promise<Answered> | null

const bearer = { authorization: `Bearer ${TOKENS.admin}` }
const json = { 'content-type': 'application/json' }
const line = ({ method, path }: Operation): string => `${method} ${path} HTTP/1.1\r\n`

/** How a parameter is wrong. */
const WRONG: Readonly<Record<string, string>> = {
  dryRun: 'maybe',
  limit: '-1',
  after: 'x',
  from: 'x',
  type: 'x'.repeat(40),
  name: 'a..b',
  zone: 'a..b',
  number: 'x',
}

function wrongPath({ method, path, parameters, key }: Operation): string | null {
  const [wrong] = parameters.filter(one => one.in !== 'header' && WRONG[one.name] !== undefined && method !== '')
  if (wrong === undefined) return null
  const value = encodeURIComponent(WRONG[wrong.name] ?? '')
  if (wrong.in === 'query') return `${path}?${wrong.name}=${value}`
  return (
    key
      .split(' ')[1]
      ?.replaceAll(/\{(\w+)\}/g, (_all, name: string) => (name === wrong.name ? value : (VALUES[name] ?? 'missing'))) ??
    null
  )
}

const provokers: Readonly<Record<number, Provoke>> = {
  400: operation => {
    const path = wrongPath(operation)
    if (path === null || operation.key.includes('lists') || operation.key.includes('tokens/'))
      return askRaw(kit.main.port, `${line(operation)}Host: localhost\r\nno header\r\n\r\n`)
    return kit.main.ask(path, { method: operation.method, ...(operation.takesBody ? { body: {} } : {}) })
  },
  401: ({ method, path, needsToken }) => (needsToken ? kit.main.ask(path, { method, tcp: true }) : null),
  403: ({ method, path }) =>
    kit.main.ask(path, { method, tcp: true, headers: { origin: 'https://elsewhere.example', ...bearer } }),
  408: operation => {
    const body = 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{'
    const auth = `Authorization: ${bearer.authorization}\r\n`
    return askRaw(kit.hasty.port, `${line(operation)}Host: localhost\r\n${auth}${operation.takesBody ? body : ''}`)
  },
  413: ({ method, path }) =>
    askHead(kit.main.port, path, { method, headers: { ...bearer, ...json, 'content-length': '20000000' } }),
  415: ({ method, path }) =>
    kit.main.ask(path, { method, body: 'text', headers: { ...bearer, 'content-type': 'text/plain' } }),
  421: ({ method, path }) => kit.main.ask(path, { method, tcp: true, headers: { host: 'evil.example', ...bearer } }),
  422: ({ method, path, takesBody, key }) =>
    takesBody
      ? kit.main.ask(path, { method, body: { nonsense: 1, also: 2 } })
      : // The same key, and another request.
        kit.main
          .ask(`${path}?dryRun=true`, { method, headers: { 'idempotency-key': key.replaceAll(/\W/g, '') } })
          .then(() =>
            kit.main.ask(`${path}?dryRun=true&x`, {
              method,
              headers: { 'idempotency-key': key.replaceAll(/\W/g, '') },
            }),
          ),
  431: operation => askRaw(kit.main.port, `${line(operation)}Host: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
  500: ({ method, path, takesBody, key }) =>
    askHead(kit.broken.port, pathWithQuery(key, path), {
      method,
      headers: { ...bearer, ...(takesBody ? json : {}) },
      body: takesBody ? bodyFor(key) : undefined,
    }),
  503: ({ method, path, takesBody, key }) =>
    askHead(kit.stopping.port, pathWithQuery(key, path), {
      method,
      headers: { ...bearer, ...(takesBody ? json : {}) },
      body: takesBody ? bodyFor(key) : undefined,
    }),
}

/** A body that is good, where a wrong one would be refused before the server is asked. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /api/v1/session': { token: TOKENS.admin },
  'POST /api/v1/zones': { name: 'x', rrsets: [] },
  'PUT /api/v1/zones/{zone}': { rrsets: [] },
  'PUT /api/v1/zones/{zone}/rrsets/{name}/{type}': { data: ['192.0.2.1'] },
  'POST /api/v1/explain': { name: 'www.shop' },
  'PUT /api/v1/negative-anchors/{name}': { until: new Date(Date.now() + 3_600_000).toISOString() },
  'POST /api/v1/tokens': { name: 'x' },
  'POST /api/v1/policy/tests': { candidate: { patch: {} } },
  'POST /api/v1/visits': { url: 'http://www.shop/' },
}
const bodyFor = (key: string): object => BODIES[key] ?? {}

/** What must be in a query. */
const QUERIES: Readonly<Record<string, string>> = {
  'GET /api/v1/walk': '?name=www.shop',
  'GET /api/v1/policy/why': '?name=www.shop&client=127.0.0.1',
  'GET /api/v1/zones/{zone}/difference': '?from=0&to=1',
}
const pathWithQuery = (key: string, path: string): string => `${path}${QUERIES[key] ?? ''}`

function looksRight({ status, headers }: Answered, what: string): void {
  expect(headers['x-request-id'], `${what}: X-Request-Id`).toMatch(/^[\w.:-]{1,64}$/)
  if (status >= 400) expect(headers['content-type'], what).toMatch(/^application\/(?:problem\+)?json/)
}

describe('every code that is named', () => {
  it('is provoked by a row or by all operations of its form, or is listed with the reason why not', () => {
    const missing = operations.flatMap(({ key, codes, needsToken }) =>
      codes.flatMap(code => {
        const isGeneral = provokers[code] !== undefined && (code !== 401 || needsToken)
        // A row of its own, or what all of its form have.
        const isThere = ROWS[key]?.[code] !== undefined || isGeneral || code === 429
        return isThere || UNPROVOKED[`${key} ${code}`] !== undefined ? [] : [`${key} ${code}`]
      }),
    )
    expect(missing).toEqual([])
  })

  it('is named by the operation of its row', () => {
    const named = new Set(operations.flatMap(({ key, codes }) => codes.map(code => `${key} ${code}`)))
    const rows = Object.entries(ROWS).flatMap(([key, row]) => Object.keys(row).map(code => `${key} ${code}`))
    expect([...rows, ...Object.keys(UNPROVOKED)].filter(one => !named.has(one))).toEqual([])
  })

  it.each([200, 201, 202, 204, 304, 101, 400, 401, 403, 404, 409, 412, 413, 415, 421, 422, 426, 431, 500, 503, 504])(
    'is given where it is %i',
    async code => {
      const wrong: string[] = []
      for (const operation of operations.filter(({ codes }) => codes.includes(code))) {
        const { key } = operation
        if (UNPROVOKED[`${key} ${code}`] !== undefined) continue
        const row = ROWS[key]?.[code]
        const answered = await (row === undefined ? provokers[code]?.(operation) : row(kit))
        if (answered?.status !== code) wrong.push(`${key}: ${answered?.status} instead of ${code} ${answered?.text}`)
        else looksRight(answered, `${key} ${code}`)
      }
      expect(wrong).toEqual([])
    },
    // The zone that is too large is read again by each reload.
    LONG_TEST_MS,
  )

  it('is given where it is 408, for all operations at once', async () => {
    const slow = operations.filter(({ codes }) => codes.includes(408))
    const answered = await Promise.all(slow.map(operation => provokers[408]?.(operation)))
    expect(
      slow.flatMap(({ key }, at) => (answered[at]?.status === 408 ? [] : [`${key} ${answered[at]?.status}`])),
    ).toEqual([])
    expect(slow.length).toBeGreaterThan(40)
  })

  it('is given where it is 429, once an address came with too many wrong tokens', async () => {
    const wrong = { tcp: true, token: 'rw_wrong' }
    for (let left = 10; left > 0; left--) await kit.hasty.ask('/api/v1/status', wrong)
    const limited = operations.filter(({ codes }) => codes.includes(429))
    for (const { key, method, path } of limited) {
      const asking = key === 'POST /api/v1/session' ? { tcp: true, body: { token: 'rw_wrong' } } : wrong
      let answered = await kit.hasty.ask(path, { method, ...asking })
      // What it has to wait is over from time to time, and the next wrong one makes it longer.
      for (let left = 3; left > 0 && answered.status === 401; left--)
        answered = await kit.hasty.ask(path, { method, ...asking })
      const { status, headers } = answered
      // From loopback it may be looked at without.
      if (key === 'GET /metrics') continue
      expect(status, key).toBe(429)
      expect(Number(headers['retry-after']), key).toBeGreaterThan(0)
      expect(headers.ratelimit, key).toMatch(/^"address";r=0;t=\d+$/)
      expect(headers['ratelimit-policy'], key).toMatch(/^"address";q=\d+;w=\d+$/)
    }
    expect(limited.length).toBeGreaterThan(40)
  })
})

describe('by its method', () => {
  it('GET has HEAD: the same status and headers, without a body', async () => {
    // Of another moment.
    const changing = ['x-request-id', 'date', 'content-length', 'ratelimit', 'transfer-encoding', 'connection']
    const steady = (headers: Answered['headers']): object =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !changing.includes(name)))
    for (const { key, method, path } of operations.filter(one => one.method === 'GET')) {
      if (key === 'GET /api/v1/live') continue
      const asked = pathWithQuery(key, path)
      const got = await askHead(kit.main.port, asked, { method, headers: bearer })
      const head = await kit.main.ask(asked, { method: 'HEAD', tcp: true, headers: bearer })
      expect(head.text, key).toBe('')
      expect(head.status, key).toBe(got.status)
      expect(steady(head.headers), key).toEqual(steady(got.headers))
    }
  })
})

/** All that a write could change, as it is read. */
async function wholeState(): Promise<Readonly<Record<string, string>>> {
  const paths = [
    'zones',
    'zones/office.example',
    'zones/lan',
    'zones/lan/rrsets',
    'configuration',
    'tokens',
    'cache/names/www.shop',
    'visits',
  ]
  const all: Record<string, string> = {}
  for (const path of [...paths, 'negative-anchors', 'configuration/revisions', 'zones/lan/revisions']) {
    const text = (await kit.main.ask(`/api/v1/${path}`)).text.replaceAll(COUNTING, '')
    all[path] = path.startsWith('cache/') ? text.replaceAll(COUNTED_DOWN, '$1') : text
  }
  return all
}

/** How long things are there, and since when to the second. */
const COUNTING = /"(?:ttlLeft|storedAt|lastUsedAt)":[^,}]*/g

/** The TTL of a cached record, which is what is left of it. */
const COUNTED_DOWN = /"ttl":\d+(,"data")/g

/** Paths under which something else is read by now. */
const changedIn = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] =>
  Object.keys(before).filter(path => before[path] !== after[path])

describe('a write', () => {
  /** Good ones, of each operation that changes something. */
  const WRITES: Readonly<Record<string, readonly [path: string, body?: object]>> = {
    'POST /api/v1/session': ['session', { token: TOKENS.read }],
    'DELETE /api/v1/session': ['session'],
    'POST /api/v1/session/codes': ['session/codes', {}],
    'POST /api/v1/tokens': ['tokens', { name: 'tried' }],
    'DELETE /api/v1/tokens/{name}': ['tokens/there'],
    'POST /api/v1/reload': ['reload'],
    'POST /api/v1/stop': ['stop'],
    'PUT /api/v1/configuration': ['configuration', { any: 'resolve' }],
    'PATCH /api/v1/configuration': ['configuration', { any: 'resolve' }],
    'POST /api/v1/configuration/undo': ['configuration/undo'],
    'POST /api/v1/configuration/revisions/{number}/revert': ['configuration/revisions/0/revert'],
    'POST /api/v1/zones': [
      'zones',
      { name: 'tried', text: '@ SOA ns root 1 7200 900 2419200 300\n NS ns\nns A 192.0.2.1\n' },
    ],
    'PUT /api/v1/zones/{zone}': ['zones/lan', { rrsets: SETS }],
    'PATCH /api/v1/zones/{zone}': ['zones/lan', { add: [{ name: 'tried.lan', type: 'A', data: ['192.0.2.1'] }] }],
    'DELETE /api/v1/zones/{zone}': ['zones/lan'],
    'PUT /api/v1/zones/{zone}/rrsets/{name}/{type}': ['zones/lan/rrsets/a.lan/A', { data: ['192.0.2.7'] }],
    'DELETE /api/v1/zones/{zone}/rrsets/{name}/{type}': ['zones/lan/rrsets/b.lan/A'],
    'POST /api/v1/zones/{zone}/undo': ['zones/lan/undo'],
    'POST /api/v1/zones/{zone}/revisions/{number}/revert': ['zones/lan/revisions/1/revert'],
    'POST /api/v1/visits': ['visits', { url: 'http://www.shop/' }],
    'DELETE /api/v1/visits/{id}': ['visits/none'],
    'DELETE /api/v1/cache': ['cache'],
    'DELETE /api/v1/cache/names/{name}': ['cache/names/www.shop'],
    'PUT /api/v1/negative-anchors/{name}': [
      'negative-anchors/new.example',
      { until: new Date(Date.now() + 3_600_000).toISOString() },
    ],
    'DELETE /api/v1/negative-anchors/{name}': ['negative-anchors/old.example'],
    'POST /api/v1/transfers/{zone}/refresh': ['transfers/corp.example/refresh'],
    'POST /api/v1/transfers/{zone}/retransfer': ['transfers/corp.example/retransfer'],
    'POST /api/v1/lists/refresh': ['lists/refresh'],
    'POST /api/v1/lists/{name}/refresh': ['lists/ads/refresh'],
    'POST /api/v1/policy/tests': ['policy/tests', { candidate: { patch: { rules: ['||a.example^'] } } }],
    'DELETE /api/v1/policy/tests/{id}': ['policy/tests/absent'],
  }
  /** A POST that changes nothing: it asks. */
  const READS = ['POST /api/v1/explain']

  const prepare = async (): Promise<void> => {
    const ask = (path: string, method: string, body?: object) => kit.main.ask(`/api/v1/${path}`, { method, body })
    await ask('zones/lan', 'DELETE')
    await ask('zones', 'POST', { name: 'lan', rrsets: SETS })
    for (const one of ['a', 'b']) await ask(`zones/lan/rrsets/${one}.lan/A`, 'PUT', { data: ['192.0.2.2'] })
    await ask('tokens', 'POST', { name: 'there' })
    const until = new Date(Date.now() + 3_600_000).toISOString()
    await ask('negative-anchors/old.example', 'PUT', { until })
    await ask('configuration', 'PATCH', { any: 'minimal' })
    await ask('explain', 'POST', { name: 'www.shop' })
  }

  it('is any operation but GET, and each has dryRun', () => {
    const writes = operations.filter(({ key, method }) => method !== 'GET' && !READS.includes(key))
    const isDry = ({ parameters }: Operation): boolean => parameters.some(({ name }) => name === 'dryRun')
    expect(writes.filter(one => !isDry(one)).map(({ key }) => key)).toEqual([])
    expect(writes.map(({ key }) => key).filter(key => WRITES[key] === undefined)).toEqual([])
  })

  it('with dryRun=true is answered and changes nothing', async () => {
    await prepare()
    const before = await wholeState()
    for (const [key, [path, body]] of Object.entries(WRITES)) {
      const method = key.split(' ')[0] ?? ''
      const answered = await kit.main.ask(`/api/v1/${path}?dryRun=true`, { method, body })
      expect([200, 204], `${key}: ${answered.text}`).toContain(answered.status)
      expect(changedIn(before, await wholeState()), key).toEqual([])
    }
  })

  it('by PUT or DELETE leaves the same state when it comes twice', async () => {
    for (const [key, [path, body]] of Object.entries(WRITES)) {
      const method = key.split(' ')[0] ?? ''
      if (method !== 'PUT' && method !== 'DELETE') continue
      await prepare()
      await kit.main.ask(`/api/v1/${path}`, { method, body })
      const once = await wholeState()
      const again = await kit.main.ask(`/api/v1/${path}`, { method, body })
      expect(again.status, `${key}: ${again.text}`).toBeLessThan(300)
      expect(changedIn(once, await wholeState()), key).toEqual([])
    }
  })
})

describe('a POST with an Idempotency-Key', () => {
  const ask = (path: string, key: string, body: object, token?: string) =>
    kit.main.ask(`/api/v1/${path}`, {
      ...{ method: 'POST', body, headers: { 'idempotency-key': key } },
      ...(token === undefined ? {} : { token }),
    })

  it('is named by every operation that makes something or goes a step back', () => {
    const named = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'idempotency-key'))
    expect(named.map(({ key }) => key).sort()).toEqual(
      [
        'POST /api/v1/configuration/revisions/{number}/revert',
        'POST /api/v1/configuration/undo',
        'POST /api/v1/policy/tests',
        'POST /api/v1/session/codes',
        'POST /api/v1/tokens',
        'POST /api/v1/visits',
        'POST /api/v1/zones',
        'POST /api/v1/zones/{zone}/revisions/{number}/revert',
        'POST /api/v1/zones/{zone}/undo',
      ].sort(),
    )
  })

  it('that comes again gets the first answer, and nothing is done twice', async () => {
    const first = await ask('tokens', 'k1', { name: 'idempotent' })
    const again = await ask('tokens', '"k1"', { name: 'idempotent' })
    expect(first.status).toBe(201)
    expect(again).toMatchObject({ status: 201, text: first.text })
    expect(again.headers).toMatchObject({ location: first.headers.location, 'idempotency-replayed': 'true' })
    expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id'])
    // Without the key it is one too many.
    expect((await kit.main.ask('/api/v1/tokens', { method: 'POST', body: { name: 'idempotent' } })).status).toBe(409)
  })

  it('gets the first refusal again, and what another asks with the same key is another thing', async () => {
    expect((await ask('tokens', 'k2', { name: 'admin' })).status).toBe(409)
    expect((await ask('tokens', 'k2', { name: 'admin' })).headers['idempotency-replayed']).toBe('true')
    expect((await ask('tokens', 'k2', { name: 'other' })).status).toBe(422)
    expect((await ask('zones', 'k2', { name: 'other' })).status).toBe(422)
    expect((await ask('tokens', 'k2', { name: 'of-admin' }, TOKENS.admin)).status).toBe(201)
  })

  it('is done once when it comes twice at the same time', async () => {
    const both = await Promise.all([ask('tokens', 'k3', { name: 'both' }), ask('tokens', 'k3', { name: 'both' })])
    // The second finds the first under way, or over: which of the two is in the test of what keeps the answers.
    const made = both.filter(({ status, headers }) => status === 201 && headers['idempotency-replayed'] === undefined)
    const others = both.filter(one => !made.includes(one))
    expect([made.length, others.length]).toEqual([1, 1])
    const [{ status, text } = { status: 0, text: '' }] = others
    if (status !== 409) expect([status, text]).toEqual([201, made[0]?.text])
  })

  it('is refused when the key is none', async () => {
    expect((await ask('tokens', 'a b', { name: 'never' })).status).toBe(400)
    expect((await ask('tokens', 'x'.repeat(65), { name: 'never' })).status).toBe(400)
  })
})

it('no bug was met on the way', () => {
  for (const { events } of [kit.main, kit.bare, kit.hasty, kit.unwritable])
    expect(events.filter(({ kind }) => kind === 'bug')).toEqual([])
})
