/** Who may ask what, and how refusals look, through the API of a server that runs. */
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Asking, type Reply, type Served, startServed } from './served.ts'

const hash = (token: string): string => createHash('sha256').update(token).digest('hex')
const LISTED = 'https://dash.example'
let served: Served
beforeAll(async () => {
  served = await startServed({
    admin: {
      pathPrefix: '/dns/',
      origins: [LISTED],
      tokens: [
        { name: 'reader', scope: 'read', sha256: hash('rw_read') },
        { name: 'operator', scope: 'operate', sha256: hash('rw_operate') },
        { name: 'old', scope: 'admin', sha256: hash('rw_old'), expires: '2020-01-01' },
      ],
    },
  })
})
afterAll(() => served.stop())

const own = (): string => `http://127.0.0.1:${served.port}`

describe('a request is answered with', () => {
  const rows: readonly [string, string, Asking, number][] = [
    ['401 without a token', '/api/v1/status', { tcp: true }, 401],
    ['401 with one that has expired', '/api/v1/status', { token: 'rw_old' }, 401],
    ['200 with one', '/api/v1/status', { token: 'rw_read' }, 200],
    ['200 without one where nothing is secret', '/livez', { tcp: true }, 200],
    ['200 on the unix socket', '/api/v1/status', {}, 200],
    ['200 under the prefix', '/dns/api/v1/status', {}, 200],
    ['403 when the scope is too small', '/api/v1/cache', { method: 'DELETE', token: 'rw_read' }, 403],
    ['403 when the scope is too small for its end', '/api/v1/stop', { method: 'POST', token: 'rw_operate' }, 403],
    ['200 when the scope suffices', '/api/v1/cache', { method: 'DELETE', token: 'rw_operate' }, 200],
    ['404 where there is nothing', '/api/v1/nothing', {}, 404],
    ['405 for another method', '/api/v1/status', { method: 'DELETE' }, 405],
    ['405 for OPTIONS of no page', '/api/v1/status', { method: 'OPTIONS' }, 405],
    ['421 for another host', '/livez', { tcp: true, headers: { host: 'evil.example' } }, 421],
    ['403 for a page from elsewhere', '/livez', { tcp: true, headers: { origin: 'https://evil.example' } }, 403],
    ['403 for a page without origin', '/livez', { tcp: true, headers: { 'sec-fetch-site': 'cross-site' } }, 403],
    ['200 for a page that is allowed', '/livez', { tcp: true, headers: { origin: LISTED } }, 200],
    ['404 for a path with dots', '/api/v1/../../etc/passwd', {}, 404],
    ['404 for __proto__', '/__proto__', {}, 404],
  ]
  it.each(rows)('%s', async (_what, path, asking, status) => {
    const reply = await served.ask(path, asking)
    expect(reply.status).toBe(status)
    expect(reply.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
    expect(reply.headers['content-security-policy']).toContain("frame-ancestors 'none'")
    if (status >= 400) expect(reply.headers['content-type']).toBe('application/problem+json')
  })
})

it('405 says which methods there are', async () => {
  expect((await served.ask('/api/v1/status', { method: 'PUT' })).headers.allow).toBe('GET, HEAD')
  expect((await served.ask('/api/v1/cache', { method: 'POST' })).headers.allow).toBe('GET, HEAD, DELETE')
})

it('HEAD is GET without a body', async () => {
  const reply = await served.ask('/api/v1/status', { method: 'HEAD' })
  expect(reply).toMatchObject({ status: 200, text: '' })
})

describe('a page of an origin that is allowed', () => {
  it('learns by a preflight what it may send, and never with credentials', async () => {
    const headers = { origin: LISTED, 'access-control-request-method': 'DELETE' }
    const reply = await served.ask('/api/v1/cache', { method: 'OPTIONS', tcp: true, headers })
    expect(reply.status).toBe(204)
    expect(reply.headers['access-control-allow-origin']).toBe(LISTED)
    expect(reply.headers['access-control-allow-methods']).toContain('DELETE')
    expect(reply.headers['access-control-allow-headers']).toContain('If-Match')
    expect(reply.headers['access-control-allow-credentials']).toBeUndefined()
  })

  it('may read the answer, also that of a refusal', async () => {
    for (const token of ['rw_read', 'rw_old']) {
      const reply = await served.ask('/api/v1/status', { token, headers: { origin: LISTED } })
      expect(reply.headers['access-control-allow-origin']).toBe(LISTED)
      expect(reply.headers.vary).toBe('Origin')
    }
  })

  it('is no one else', async () => {
    const headers = { origin: 'https://dash.example.evil', 'access-control-request-method': 'GET' }
    const reply = await served.ask('/livez', { method: 'OPTIONS', tcp: true, headers })
    expect(reply.status).toBe(403)
    expect(reply.headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('a session', () => {
  const login = (token: string) =>
    served.ask('/api/v1/session', { method: 'POST', tcp: true, body: { token }, headers: { origin: own() } })
  const cookieOf = (reply: Reply): string => (reply.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? ''

  it('begins with a token, in a cookie that scripts cannot read', async () => {
    const reply = await login('rw_operate')
    expect(reply.status).toBe(201)
    expect(reply.headers.location).toBe('/dns/api/v1/session')
    expect(reply.body).toMatchObject({ name: 'operator', scope: 'operate' })
    expect(reply.headers['set-cookie']?.[0]).toMatch(
      /^rootwalk_session=[\w-]{43}; Path=\/dns\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    )
    expect(reply.text).not.toContain('rw_operate')
  })

  it('reads, and writes only for a page of ours', async () => {
    const cookie = cookieOf(await login('rw_operate'))
    const asked = (method: string, headers: Readonly<Record<string, string>>) =>
      served.ask('/api/v1/cache', { method, tcp: true, headers: { cookie, ...headers } })
    expect((await asked('GET', {})).status).toBe(200)
    expect((await asked('DELETE', {})).status).toBe(403)
    expect((await asked('DELETE', { origin: 'https://evil.example' })).status).toBe(403)
    expect((await asked('DELETE', { origin: own() })).status).toBe(200)
  })

  it('ends', async () => {
    const cookie = cookieOf(await login('rw_read'))
    const headers = { cookie, origin: own() }
    expect((await served.ask('/api/v1/session', { tcp: true, headers })).body.name).toBe('reader')
    const ended = await served.ask('/api/v1/session', { method: 'DELETE', tcp: true, headers })
    expect(ended.status).toBe(204)
    expect(ended.headers['set-cookie']?.[0]).toContain('Max-Age=0')
    expect((await served.ask('/api/v1/session', { tcp: true, headers })).status).toBe(401)
  })
})

it('limited responses say how much is left', async () => {
  const { headers } = await served.ask('/api/v1/status', { token: 'rw_read' })
  expect(headers['ratelimit-policy']).toMatch(/^"token";q=\d+;w=\d+$/)
  expect(headers.ratelimit).toMatch(/^"token";r=\d+;t=\d+$/)
})

describe('a body', () => {
  it.each([
    ['and says so', 'Content-Length: 2000000\r\n', 0],
    ['and does not say so', 'Transfer-Encoding: chunked\r\n', 20],
  ])('that is too large %s is refused with 413', async (_what, header, chunks) => {
    const socket = connect(served.socket)
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString()
    })
    // The server closes while we write.
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.write('POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
    socket.write(`${header}Connection: close\r\n\r\n`)
    for (let left = chunks; left > 0; left--) socket.write(`10000\r\n${' '.repeat(0x1_0000)}\r\n`)
    await closed
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
  })

  it.each([
    ['{"__proto__":{"scope":"admin"},"name":"a"}', 422],
    ['{"name":"www.shop","constructor":{}}', 422],
    ['[]', 422],
    ['null', 422],
    ['"text"', 422],
    [nested(64), 422],
    ['\u0001', 400],
    ['{"name":"\\ud800"}', 422],
  ])('of the form %j is answered with %i', async (body, status) => {
    const reply = await served.ask('/api/v1/explain', { method: 'POST', body })
    expect(reply.status).toBe(status)
  })

  it.each([65, 5_000, 50_000])('with %i values in each other is answered with 400', async depth => {
    expect((await served.ask('/api/v1/explain', { method: 'POST', body: nested(depth) })).status).toBe(400)
  })
})

function nested(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`
}

it('after some wrong tokens an address has to wait', async () => {
  const statuses: number[] = []
  for (let left = 6; left > 0; left--) statuses.push((await served.ask('/api/v1/status', { token: 'no' })).status)
  expect(statuses.filter(status => status === 401).length).toBeGreaterThan(1)
  const reply = await served.ask('/api/v1/status', { token: 'no' })
  expect(reply.status).toBe(429)
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
  expect(served.events.some(event => event.kind === 'admin-audit' && event.what === 'unknown token')).toBe(true)
})

it('none of this was a bug', () => {
  expect(served.events.filter(({ kind }) => kind === 'bug')).toEqual([])
})
