/** The dashboard's files as they are served, its login by a code, and what its first screen asks for. */
import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { brotliDecompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../testing/command.ts'
import { type Served, startServed } from './served.ts'

const hash = (token: string): string => createHash('sha256').update(token).digest('hex')
const tokens = [{ name: 'me', scope: 'operate', sha256: hash('rw_me') }]
let served: Served
let script = ''
beforeAll(async () => {
  served = await startServed({ admin: { pathPrefix: '/dns/', tokens } })
  script = /src="\.\/(?<path>assets\/[\w.-]+\.js)"/.exec((await served.ask('/dns/')).text)?.groups?.path ?? ''
})
afterAll(() => served.stop())

describe('the page', () => {
  it('needs no token, and is looked for each time', async () => {
    const page = await served.ask('/dns/', { tcp: true })
    expect(page.status).toBe(200)
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
    expect(page.headers['content-security-policy']).toContain("style-src 'self';")
    const again = await served.ask('/dns/', { tcp: true, headers: { 'if-none-match': String(page.headers.etag) } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('has no script and no style of its own', async () => {
    const { text } = await served.ask('/dns/')
    expect(text).not.toMatch(/<style|style=|<script(?![^>]* src=)|https?:/)
  })

  it('is there under the root of a proxy that takes the prefix away, and without the last slash', async () => {
    expect((await served.ask('/')).status).toBe(200)
    const { status, headers } = await served.ask('/dns')
    expect([status, headers.location]).toEqual([308, '/dns/'])
  })

  it('may be led to by a link elsewhere; what it asks for may not come from there', async () => {
    const fromElsewhere = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect((await served.ask('/dns/', { tcp: true, headers: fromElsewhere })).status).toBe(200)
    expect((await served.ask('/dns/api/v1/status', { tcp: true, headers: fromElsewhere })).status).toBe(403)
  })
})

describe('a file with its hash in its name', () => {
  it('is kept for ever, and comes compressed to those who take it', async () => {
    const plain = await served.ask(`/dns/${script}`, { tcp: true })
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
    })
    expect(plain.headers['content-encoding']).toBeUndefined()
    const small = await served.ask(`/dns/${script}`, { tcp: true, headers: { 'accept-encoding': 'gzip, br' } })
    expect(small.headers['content-encoding']).toBe('br')
    const file = readFileSync(join(root, 'dist/ui', script))
    expect(Number(small.headers['content-length'])).toBeLessThan(file.length / 2)
    expect(brotliDecompressSync(readFileSync(join(root, 'dist/ui', `${script}.br`))).equals(file)).toBe(true)
  })

  it.each(['assets/../index.html.br', 'assets/nothing.js', 'assets/', 'index.html.br', '%2e%2e/cli.js'])(
    'is none of %s',
    async path => {
      expect((await served.ask(`/dns/${path}`)).status).toBe(404)
    },
  )
})

it('the script that is there before a screen is chosen is at most 60 kB compressed', () => {
  const page = readFileSync(join(root, 'dist/ui/index.html'), 'utf8')
  const files = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, file = '']) => file)
  const octets = files.map(file => gzipSync(readFileSync(join(root, 'dist/ui', file))).length)
  expect(octets.length).toBeGreaterThan(0)
  expect(octets.reduce((all, size) => all + size, 0)).toBeLessThan(60_000)
})

it('there are no pages when the setting says so', async () => {
  const without = await startServed({ admin: { dashboard: false } })
  try {
    expect((await without.ask('/')).status).toBe(404)
    expect((await without.ask('/api/v1/status')).status).toBe(200)
  } finally {
    await without.stop()
  }
})

describe('a code', () => {
  const make = async (body: object = {}): Promise<{ code: string; expires: number }> => {
    const { status, body: made } = await served.ask('/dns/api/v1/session/codes', {
      method: 'POST',
      token: 'rw_me',
      body,
    })
    expect(status).toBe(201)
    return made
  }
  const use = (code: string) => served.ask('/dns/api/v1/session', { method: 'POST', tcp: true, body: { code } })

  it('opens one session with the scope of who had it made, and no second', async () => {
    const { code, expires } = await make({ seconds: 60 })
    expect(expires - Date.now() / 1_000).toBeLessThan(61)
    const { status, body, headers } = await use(code)
    expect(status).toBe(201)
    expect(body).toMatchObject({ name: 'me', scope: 'operate' })
    const cookie = String(headers['set-cookie']).split(';')[0] ?? ''
    expect((await served.ask('/dns/api/v1/now', { tcp: true, headers: { cookie } })).status).toBe(200)
    expect((await use(code)).status).toBe(401)
  })

  it('of the unix socket speaks for whoever may open that', async () => {
    const { body } = await served.ask('/dns/api/v1/session/codes', { method: 'POST', body: {} })
    expect((await use(body.code)).body).toMatchObject({ name: 'local', scope: 'admin' })
  })

  it.each([
    ['no code', { code: '' }, 422],
    ['one that nobody made', { code: 'x'.repeat(43) }, 401],
    ['a code and a token', { code: 'x', token: 'y' }, 422],
    ['nothing', {}, 422],
  ])('is not %s', async (_what, body, status) => {
    expect((await served.ask('/dns/api/v1/session', { method: 'POST', tcp: true, body })).status).toBe(status)
  })

  it('may not last for ever, and needs a token to be made', async () => {
    const long = await served.ask('/dns/api/v1/session/codes', {
      method: 'POST',
      token: 'rw_me',
      body: { seconds: 1e9 },
    })
    expect(long.status).toBe(422)
    expect((await served.ask('/dns/api/v1/session/codes', { method: 'POST', tcp: true, body: {} })).status).toBe(401)
  })
})

it('the first screen gets curves, limits and lists', async () => {
  const { status, body } = await served.ask('/dns/api/v1/now')
  expect(status).toBe(200)
  expect(Object.keys(body.series)).toContain('cache')
  expect(body.limits.map(({ limit }: { limit: string }) => limit)).toContain('cache.totalBytes')
  expect((await served.ask('/dns/api/v1/top')).body).toMatchObject({ names: [], clients: [] })
  expect((await served.ask('/dns/api/v1/now?after=-1')).status).toBe(400)
})
