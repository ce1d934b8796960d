/** Cache, servers and explanations through the API of a server that runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENT } from '../patience.mjs'
import { type Served, startServed } from './served.ts'

let served: Served
beforeAll(async () => {
  served = await startServed()
})
afterAll(() => served.stop())

const explain = (name: string, more: object = {}) =>
  served.ask('/api/v1/explain', { method: 'POST', body: { name, ...more } })

/** A failure is remembered for some seconds only. */
const failing = () => explain('www.slow', { deadlineMs: 30_000 })

describe('explain', () => {
  it('gives the walk and the records as data', async () => {
    const { status, body } = await explain('alias.shop')
    expect(status).toBe(200)
    expect(body).toMatchObject({ version: 1, status: 'NOERROR', rootCause: null, question: 'alias.shop. A' })
    expect(body.records.map(({ data }: { data: string }) => data)).toEqual(['www.shop.', '192.0.2.80'])
    expect(body.steps.filter(({ kind }: { kind: string }) => kind === 'exchange').length).toBeGreaterThan(1)
  })

  it('names one root cause of a failure: the zone, and what each of its servers did', async () => {
    const { status, body } = await explain('www.slow', { deadlineMs: 30_000 })
    expect(status).toBe(200)
    expect(body.status).toBe('SERVFAIL')
    expect(body.rootCause).toMatchObject({ kind: 'unreachable', zone: 'slow.', question: 'www.slow. A' })
    expect(body.rootCause.servers).toHaveLength(1)
    const { body: again } = await explain('www.slow')
    expect(again.rootCause.kind).toBe('cached')
  })

  it('begins at the root when it shall, and leaves the cache as it was', async () => {
    await explain('www.shop')
    const zones = ({ steps }: { steps: { kind: string; zone: string }[] }) =>
      steps.flatMap(({ kind, zone }) => (kind === 'exchange' ? [zone] : []))
    const { body: known } = await explain('www.shop')
    expect(zones(known)).toEqual([])
    const { body: whole } = await explain('www.shop', { fromRoot: true })
    expect(zones(whole)[0]).toBe('.')
    expect(whole.records).toHaveLength(known.records.length)
    const { body: failed } = await explain('far.slow', { fromRoot: true, deadlineMs: 30_000 })
    expect(failed.rootCause.kind).toBe('unreachable')
    expect((await served.ask('/api/v1/cache/names/far.slow')).body.entries).toEqual([])
  })

  it('ends with 504 at its deadline', async () => {
    const { status, body } = await explain('other.slow', { deadlineMs: 1 })
    expect(status).toBe(504)
    expect(body.detail).toMatch(/^other\.slow\. A was not resolved within 1 ms/)
  })

  it.each([
    ['a name that is none', { name: 'a..b' }, '/name'],
    ['a label of 64 octets', { name: 'a'.repeat(64) }, '/name'],
    ['a type that is none', { name: 'a', type: 'AAAAA' }, '/type'],
    ['a field that is unknown', { name: 'a', nmae: 'b' }, '/'],
    ['a deadline of an hour', { name: 'a', deadlineMs: 3_600_000 }, '/deadlineMs'],
  ])('refuses %s and says where it is', async (_what, body, pointer) => {
    const reply = await served.ask('/api/v1/explain', { method: 'POST', body })
    expect(reply.status).toBe(422)
    expect(reply.body.errors[0].pointer).toBe(pointer)
  })
})

describe('the cache of a name', () => {
  it('shows records with trust, security, and why the TTL is what it is', async () => {
    await explain('ns.shop')
    const { body } = await served.ask('/api/v1/cache/names/ns.shop')
    expect(body.entries).toHaveLength(1)
    expect(body.entries[0]).toMatchObject({
      kind: 'rrsets',
      name: 'ns.shop.',
      type: 'A',
      ttl: 3600,
      ttlOrigin: 'as the server sent it',
      trust: 'authoritative-answer',
      records: [{ data: '10.53.0.2' }],
    })
    expect(body.closestDelegation).toMatchObject({ name: 'shop.', servers: [{ name: 'ns.shop.' }] })
  })

  it('shows denials and failures', async () => {
    await explain('nothing.shop')
    await failing()
    const { body } = await served.ask('/api/v1/cache/names/nothing.shop')
    expect(body.entries).toMatchObject([
      { kind: 'nxdomain', type: '*', ttlOrigin: 'the MINIMUM of the SOA (RFC 2308)' },
    ])
    const { body: failed } = await served.ask('/api/v1/cache/names/www.slow')
    expect(failed.entries).toMatchObject([{ kind: 'failures', type: 'A', ttlOrigin: 'the first failure' }])
  })

  it.each([
    ['a\\000b.shop', 'a\\000b.shop.'],
    ['a%2Fb.shop', 'a/b.shop.'],
    ['%5C255.shop', '\\255.shop.'],
    ['__proto__', '__proto__.'],
    ['B%C3%BCcher.example', 'xn--bcher-kva.example.'],
  ])('takes the name %s', async (path, name) => {
    const { status, body } = await served.ask(`/api/v1/cache/names/${path.replaceAll('\\', '%5C')}`)
    expect(status).toBe(200)
    expect(body.name).toBe(name)
  })
})

describe('the pages of the cache', () => {
  it('have every entry once, whatever their size', async () => {
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await served.ask(`/api/v1/cache?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.entries.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`))
      cursor = body.next ?? ''
    } while (cursor !== '')
    const { body: all } = await served.ask('/api/v1/cache?limit=1000')
    expect(seen).toEqual(all.entries.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`))
    expect(seen).toContain('www.shop. A')
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('can be of one kind and below one name', async () => {
    const { body } = await served.ask('/api/v1/cache?kind=delegations&under=shop')
    expect(body.entries).toMatchObject([{ kind: 'delegations', name: 'shop.' }])
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'kind=all', 'cursor=*', 'under=a..b'])('refuse %s', async query => {
    const { status } = await served.ask(`/api/v1/cache?${query}`)
    expect(status).toBe(400)
  })
})

describe('a flush', () => {
  const remove = async (path: string) => (await served.ask(path, { method: 'DELETE' })).body
  const entriesOf = async (name: string) => (await served.ask(`/api/v1/cache/names/${name}`)).body.entries

  it('only counts with dryRun, then removes a name, and the second time finds nothing', async () => {
    await explain('www.shop')
    const path = '/api/v1/cache/names/www.shop'
    expect((await remove(`${path}?dryRun=true`)).removed.rrsets).toBe(1)
    expect(await entriesOf('www.shop')).toHaveLength(1)
    expect(await remove(path)).toMatchObject({ name: 'www.shop.', removed: { rrsets: 1 } })
    expect(await entriesOf('www.shop')).toEqual([])
    expect((await remove(path)).removed.rrsets).toBe(0)
  })

  it('of a subtree takes denials and delegations along, and leaves what is elsewhere', async () => {
    await failing()
    await explain('www.shop')
    await explain('absent.shop')
    const { removed } = await remove('/api/v1/cache/names/shop?below=true')
    expect(removed).toMatchObject({ delegations: 1 })
    expect(removed.rrsets).toBeGreaterThan(0)
    expect(removed.negatives).toBeGreaterThan(0)
    expect(await entriesOf('www.slow')).toHaveLength(1)
  })

  it('of everything can leave what is known of servers, or not', async () => {
    await explain('www.shop')
    await remove('/api/v1/cache')
    expect(await entriesOf('www.shop')).toEqual([])
    const { body } = await served.ask('/api/v1/servers')
    expect(body.servers.length).toBeGreaterThan(0)
    await remove('/api/v1/cache?servers=true')
    expect((await served.ask('/api/v1/servers')).body.servers).toEqual([])
  })

  it('is in the audit log, a dry run is not', () => {
    const audited = served.events.flatMap(event => (event.kind === 'admin-audit' ? [event.what] : []))
    expect(audited.slice(0, 2)).toEqual(['flush www.shop.', 'flush www.shop.'])
  })
})

it('servers are listed with their round trips, those in trouble alone when wanted', async () => {
  await explain('www.shop')
  const { body } = await served.ask('/api/v1/servers')
  const one = body.servers.find(({ server }: { server: string }) => server.startsWith('10.53.0.2'))
  expect(one).toMatchObject({ edns: 'ok', timeoutsInRow: 0, throttled: [] })
  expect((await served.ask('/api/v1/servers?troubled=true')).body.servers).not.toContainEqual(one)
})

it('questions in flight are listed', async () => {
  const asked = explain('third.slow', { deadlineMs: 500 })
  const questions = async (): Promise<string[]> => (await served.ask('/api/v1/resolutions')).body.questions
  let seen: string[] = []
  for (let left = 100; left > 0 && !seen.includes('third.slow. A'); left--) seen = await questions()
  expect(seen).toContain('third.slow. A')
  expect((await asked).status).toBe(504)
})

it.each([
  ['text/plain', 415],
  ['application/json-seq', 415],
  ['application/problem+json; charset=utf-8', 200],
])('a body of type %s gets %i', async (type, status) => {
  const body = JSON.stringify({ name: 'www.shop' })
  const reply = await served.ask('/api/v1/explain', { method: 'POST', body, headers: { 'content-type': type } })
  expect(reply.status).toBe(status)
})

it('JSON that is broken is a problem with 400, not a bug', async () => {
  const { status, body } = await served.ask('/api/v1/explain', { method: 'POST', body: '{"name":' })
  expect(status).toBe(400)
  expect(body.title).toBe('Bad Request')
  expect(served.events.filter(({ kind }) => kind === 'bug')).toEqual([])
})

describe('what was flushed', () => {
  it('is not in the state directory either, a second later', async () => {
    const saved = (): number => served.events.filter(({ kind }) => kind === 'cache-saved').length
    const before = saved()
    const { status } = await served.ask('/api/v1/cache/names/shop?below=true', { method: 'DELETE' })
    expect(status).toBe(200)
    await expect.poll(saved, PATIENT).toBeGreaterThan(before)
  })
})
