/** Visits to URLs through the API of a running server: ordered, followed, read, forgotten, and kept away from us. */
import { createServer, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { adminLimits } from '../../src/admin/limits.ts'
import { visitBody } from '../../src/admin/visits/form.ts'
import { TOKENS } from './contract/kit.ts'
import { type Reply, type Served, startServed } from './served.ts'
import { createHash } from 'node:crypto'

const PATH = '/api/v1/visits'
const closing: (() => void)[] = []
let served: Served
/** Requests that arrived anywhere, by the address that was asked. */
const arrived: string[] = []
let site: number
let allowed: readonly string[] = ['127.0.0.1/32', '127.0.0.3/32']

/** The port, of 127.0.0.1 and .2 and .3. */
async function startSite(answer: RequestListener): Promise<number> {
  let port = 0
  for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    const server = createServer({ keepAlive: true }, (incoming, response) => {
      arrived.push(`${address} ${incoming.url}`)
      answer(incoming, response)
    })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
    closing.push(() => server.close().closeAllConnections())
    port = (server.address() as AddressInfo).port
  }
  return port
}

beforeAll(async () => {
  site = await startSite((incoming, response) => {
    const path = incoming.url ?? '/'
    if (path === '/slow') return
    if (path.startsWith('/to/')) response.writeHead(302, { location: decodeURIComponent(path.slice(4)) }).end()
    else response.end('hello')
  })
  const tokens = (['read', 'operate'] as const).map(scope => ({
    ...{ name: scope, scope },
    sha256: createHash('sha256').update(TOKENS[scope]).digest('hex'),
  }))
  const settings = () => ({
    admin: { tokens, visits: { allow: allowed } },
    records: {
      'good.test': { A: '127.0.0.1' },
      'bad.test': { A: '127.0.0.2' },
      'mapped.test': { AAAA: '::ffff:127.0.0.2' },
      'both.test': { A: ['127.0.0.1', '127.0.0.2', '10.0.0.1'], AAAA: ['::1', 'fe80::1'] },
    },
  })
  served = await startServed(settings(), {
    readConfig: overrides =>
      readConfig({ file: { path: '/r.json', text: JSON.stringify(settings()) }, overrides, directory: '/' }),
  })
})
afterAll(async () => {
  for (const close of closing) close()
  await served.stop()
})

const order = (url: string, more: object = {}, query = ''): Promise<Reply> =>
  served.ask(`${PATH}${query}`, { method: 'POST', body: { url, ...more } })

/** What is there once it has ended. */
async function ended(id: string): Promise<Reply> {
  // Ends when the visit does.
  await stream(`${PATH}/${id}/events`)
  return served.ask(`${PATH}/${id}`)
}

function stream(path: string, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: served.socket, path, headers }, incoming => {
      let text = ''
      incoming.on('data', chunk => {
        text += chunk
      })
      incoming.on('end', () => resolve(text))
    })
    outgoing.on('error', reject).end()
  })
}

/** The result of one that could be begun. */
async function opened(url: string, more: object = {}): Promise<Reply['body']> {
  const ordered = await order(url, more)
  expect(ordered.status, ordered.text).toBe(201)
  const { body } = await ended(ordered.body.id)
  return body
}

describe('a visit', () => {
  it('is made, has a place, and shows what the command shows', async () => {
    const ordered = await order(`http://good.test:${site}/page?a=1#there`)
    expect(ordered.status).toBe(201)
    expect(ordered.headers.location).toBe(`${PATH}/${ordered.body.id}`)
    expect(ordered.body).toMatchObject({ state: 'running', method: 'GET', by: 'local', exitCode: null })
    const { body } = await ended(ordered.body.id)
    expect(visitBody.parse(body)).toMatchObject({
      state: 'done',
      exitCode: 0,
      url: `http://good.test:${site}/page?a=1`,
    })
    const [hop] = body.result.passes[0].hops
    expect(hop).toMatchObject({ end: { kind: 'done' }, response: { status: 200, contentBytes: 5 } })
    expect(hop.lookUps.map(({ type }: { type: string }) => type).sort()).toEqual(['A', 'AAAA', 'HTTPS'])
    expect(hop.lookUps.find(({ type }: { type: string }) => type === 'A')).toMatchObject({
      answer: { kind: 'answer', records: [{ data: '127.0.0.1' }] },
      source: { kind: 'walk' },
    })
  })

  it('shows its steps as they come, from the first, and ends', async () => {
    const { body } = await order(`http://good.test:${site}/to/%2Fnext`, { repeat: 2 })
    const text = await stream(`${PATH}/${body.id}/events`)
    const steps = text.split('\n\n').flatMap(one => /^event: (\w+)\nid: (\d+)\ndata: (.*)$/.exec(one) ?? [])
    const kinds = [...text.matchAll(/^data: \{"kind":"([\w-]+)"/gm)].map(([, kind]) => kind)
    expect(steps.length).toBeGreaterThan(10)
    expect(kinds.filter(kind => kind === 'pass')).toHaveLength(3)
    expect(kinds.filter(kind => kind === 'hop')).toHaveLength(6)
    expect(kinds.filter(kind => kind === 'hop-end')).toHaveLength(6)
    expect(kinds).toContain('look-up')
    expect(kinds).toContain('connected')
    expect(text).toMatch(/event: end\nid: \d+\ndata: \{"id":"[\w-]+",.*"state":"done".*"exitCode":0\}\n\n$/)
    // Whoever comes back goes on where it was.
    const rest = await stream(`${PATH}/${body.id}/events`, { 'last-event-id': '10' })
    expect(rest).not.toMatch(/^id: 10$/m)
    expect(rest).toMatch(/^id: 11$/m)
  })

  it('is listed without its result, the latest first, in pages', async () => {
    const first = (await order(`http://good.test:${site}/1`)).body.id
    const second = (await order(`http://good.test:${site}/2`)).body.id
    const page = (await served.ask(`${PATH}?limit=1`)).body
    expect(page.visits).toMatchObject([{ id: second }])
    expect(page.visits[0]).not.toHaveProperty('result')
    const next = (await served.ask(`${PATH}?limit=1&cursor=${page.next}`)).body
    expect(next.visits).toMatchObject([{ id: first }])
    for (const id of [first, second]) await ended(id)
  })

  it('that is removed ends, and is not known any more', async () => {
    const { body } = await order(`http://good.test:${site}/slow`)
    const following = stream(`${PATH}/${body.id}/events`)
    expect((await served.ask(`${PATH}/${body.id}`, { method: 'DELETE' })).status).toBe(204)
    await following
    expect((await served.ask(`${PATH}/${body.id}`, { method: 'DELETE' })).status).toBe(204)
    for (const path of [`${PATH}/${body.id}`, `${PATH}/${body.id}/events`])
      expect((await served.ask(path)).status).toBe(404)
  })

  it('with dryRun is judged and not made', async () => {
    const before = (await served.ask(PATH)).body
    const reply = await order(`http://good.test:${site}/dry`, {}, '?dryRun=true')
    expect(reply).toMatchObject({ status: 200, body: { url: `http://good.test:${site}/dry` } })
    expect((await served.ask(PATH)).body).toEqual(before)
    expect(arrived.filter(one => one.endsWith('/dry'))).toEqual([])
  })

  it('is one of a few at a time; the next is told to come again', async () => {
    const all = await Promise.all(
      Array.from({ length: adminLimits.visitsAtOnce + 1 }, () => order(`http://good.test:${site}/slow`)),
    )
    const refused = all.filter(({ status }) => status !== 201)
    expect(refused).toHaveLength(1)
    expect(refused[0]).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    for (const { body, status } of all) if (status === 201) await served.ask(`${PATH}/${body.id}`, { method: 'DELETE' })
    // The place of one that was removed is free once it has ended.
    let again = await order(`http://good.test:${site}/`)
    for (let left = 200; left > 0 && again.status === 503; left--) again = await order(`http://good.test:${site}/`)
    expect(again.status).toBe(201)
    await ended(again.body.id)
  })

  it('that takes longer than it may is ended by its deadline', async () => {
    const body = await opened(`http://good.test:${site}/slow`, { deadlineMs: 50 })
    expect(body).toMatchObject({ state: 'done', exitCode: 28 })
  })

  it('reads no more content than it may', async () => {
    const body = await opened(`http://good.test:${site}/`, { contentBytes: 2 })
    expect(body.result.passes[0].hops[0].end).toEqual({ kind: 'done', content: 'cut' })
  })

  it('needs the scope operate, and is in the log without what stands after the host', async () => {
    for (const [method, path] of [
      ['POST', PATH],
      ['GET', PATH],
      ['GET', `${PATH}/x`],
      ['GET', `${PATH}/x/events`],
      ['DELETE', `${PATH}/x`],
    ] as const)
      expect(
        (await served.ask(path, { method, token: TOKENS.read, body: method === 'POST' ? {} : undefined })).status,
      ).toBe(403)
    const url = `http://user:secret@good.test:${site}/private?key=secret`
    const reply = await served.ask(PATH, { method: 'POST', token: TOKENS.operate, body: { url } })
    expect(reply.body).toMatchObject({ by: 'operate', url: `http://good.test:${site}/private?key=secret` })
    await ended(reply.body.id)
    const audits = served.events.filter(({ kind }) => kind === 'admin-audit').map(event => JSON.stringify(event))
    expect(audits.at(-1)).toContain(`visit ${reply.body.id} to http://good.test:${site}`)
    expect(audits.join('')).not.toContain('secret')
  })

  test.each([
    [{ url: 'ftp://good.test/' }, '/url'],
    [{ url: 'http://[::1' }, '/url'],
    [{ url: 'javascript:alert(1)' }, '/url'],
    [{ url: `http://good.test/${'x'.repeat(9_000)}` }, '/url'],
    [{ url: 'http://good.test/', method: 'POST' }, '/method'],
    [{ url: 'http://good.test/', repeat: 100 }, '/repeat'],
    [{ url: 'http://good.test/', redirects: 11 }, '/redirects'],
    [{ url: 'http://good.test/', contentBytes: 1e9 }, '/contentBytes'],
    [{ url: 'http://good.test/', deadlineMs: 1e6 }, '/deadlineMs'],
    [{ url: 'http://good.test/', address: 'x' }, '/address'],
    [{ url: 'http://good.test/', headers: { host: 'x' } }, '/'],
  ])('%j is not what is expected', async (body, pointer) => {
    const reply = await served.ask(PATH, { method: 'POST', body })
    expect(reply.status).toBe(422)
    expect(reply.body.errors.map((one: { pointer: string }) => one.pointer)).toContain(pointer)
  })
})

describe('what is not allowed is not connected to', () => {
  test.each([
    ['an address in the URL', () => `http://127.0.0.2:${site}/`],
    ['another form of it', () => `http://0x7f.2:${site}/`],
    ['a mapped one', () => `http://[::ffff:127.0.0.2]:${site}/`],
  ])('%s is refused at once, before a visit is made', async (_what, url) => {
    const reply = await order(url())
    expect(reply.status).toBe(422)
    expect(reply.body).toMatchObject({ errors: [{ pointer: '/url', detail: 'is of the kind loopback' }] })
  })

  it('an address that is given is refused likewise', async () => {
    const reply = await order('http://good.test/', { address: '169.254.169.254' })
    expect(reply.body).toMatchObject({
      status: 422,
      errors: [{ pointer: '/address', detail: 'is of the kind metadata' }],
    })
  })

  test.each([
    ['a name', () => `http://bad.test:${site}/`, '127.0.0.2'],
    ['a name with a mapped address', () => `http://mapped.test:${site}/`, '127.0.0.2'],
    [
      'a redirect to an address',
      () => `http://good.test:${site}/to/${encodeURIComponent(`//127.0.0.2:${site}/`)}`,
      '127.0.0.2',
    ],
    [
      'a redirect to a name',
      () => `http://good.test:${site}/to/${encodeURIComponent(`http://bad.test:${site}/`)}`,
      '127.0.0.2',
    ],
    ['localhost', () => `http://localhost:${site}/`, ''],
  ])('%s leads nowhere', async (_what, url, address) => {
    arrived.length = 0
    const body = await opened(url())
    const failed = body.result.passes[0].hops.at(-1)
    // Of localhost 127.0.0.1 may be reached here, and nothing else.
    if (address !== '') {
      expect(failed.end).toMatchObject({ kind: 'failed', failure: 'refused-target', what: 'loopback' })
      expect(body.exitCode).toBe(9)
    }
    expect(arrived.filter(one => !one.startsWith('127.0.0.1 '))).toEqual([])
  })

  it('of the addresses of a name only those are tried that may be', async () => {
    const body = await opened(`http://both.test:${site}/`)
    const [hop] = body.result.passes[0].hops
    expect(hop.connection.remote).toBe('127.0.0.1')
    expect(hop.attempts.map((one: { address: string }) => one.address)).toEqual(['127.0.0.1'])
  })

  it('what is allowed is a setting that a reload changes', async () => {
    const change = async (...allow: readonly string[]): Promise<void> => {
      allowed = allow
      expect((await served.ask('/api/v1/reload', { method: 'POST' })).status).toBe(202)
    }
    await change('127.0.0.2/32')
    expect((await order(`http://127.0.0.1:${site}/`)).status).toBe(422)
    expect((await opened(`http://127.0.0.2:${site}/`)).exitCode).toBe(0)
    await change('127.0.0.1/32', '127.0.0.3/32')
  })

  it('who may only use the API cannot widen it', async () => {
    const body = { admin: { visits: { allow: ['10.0.0.0/8'] } } }
    const reply = await served.ask('/api/v1/configuration', { method: 'PATCH', body })
    expect(reply.status).toBe(409)
    expect(reply.text).toContain('it says what the API may reach')
  })
})
