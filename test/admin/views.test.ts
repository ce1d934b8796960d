/** What views that ask something else have cached, looked at, flushed and explained each by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { buildForServing } from '../e2e/rootwalk.ts'
import { type Served, startServed } from './served.ts'

let served: Served

beforeAll(async () => {
  await buildForServing()
  served = await startServed({
    views: [
      { name: 'kids', clients: ['10.1.0.0/16'], records: { 'own.lan': { A: '10.9.9.9' } } },
      { name: 'guests', clients: ['10.2.0.0/16'], lists: [] },
    ],
  })
})
afterAll(() => served.stop())

const get = async (path: string) => (await served.ask(`/api/v1/${path}`)).body
const explain = (body: object) => served.ask('/api/v1/explain', { method: 'POST', body: { name: 'www.shop', ...body } })
const cached = async (view: string): Promise<number> => (await get(`cache/names/www.shop?view=${view}`)).entries.length
const flush = (query: string) => served.ask(`/api/v1/cache${query}`, { method: 'DELETE' })

describe('a view with an engine of its own', () => {
  it('has what its clients asked, and no other view has it', async () => {
    expect((await explain({ client: '10.1.0.7' })).body.policy.view).toBe('kids')
    expect([await cached('kids'), await cached('default'), await cached('guests')]).toEqual([1, 0, 0])
    const names = async (view: string): Promise<string[]> =>
      (await get(`cache?view=${view}`)).entries.map(({ name }: { name: string }) => name)
    expect(await names('kids')).toContain('www.shop.')
    expect(await names('default')).not.toContain('www.shop.')
    expect((await get('servers?view=kids')).servers.map((one: { server: string }) => one.server)).toContain(
      '10.53.0.2#53',
    )
  })

  it('is flushed by itself, a name or all of it, and with the others where none is named', async () => {
    for (const client of ['10.1.0.7', '192.0.2.1']) await explain({ client })
    expect((await flush('/names/www.shop?view=kids&dryRun=true')).body.removed.rrsets).toBe(1)
    expect([await cached('kids'), await cached('default')]).toEqual([1, 1])
    expect((await flush('/names/www.shop?view=kids')).body.removed.rrsets).toBe(1)
    expect([await cached('kids'), await cached('default')]).toEqual([0, 1])
    await explain({ view: 'kids' })
    await flush('?view=default')
    expect([await cached('kids'), await cached('default')]).toEqual([1, 0])
    await explain({ client: '10.2.0.7' })
    // Guests ask the same as all others.
    expect(await cached('default')).toBe(1)
    expect((await flush('')).body.removed.rrsets).toBeGreaterThan(2)
    expect([await cached('kids'), await cached('default')]).toEqual([0, 0])
  })

  it('is walked for from the root on with its own zones, and nothing of it is kept', async () => {
    const { body } = await explain({ name: 'own.lan', view: 'kids', fromRoot: true })
    expect(body).toMatchObject({ status: 'NOERROR', policy: null })
    expect(body.records).toMatchObject([{ data: '10.9.9.9' }])
    expect((await explain({ name: 'own.lan', fromRoot: true })).body.status).toBe('NXDOMAIN')
    await flush('')
    await explain({ view: 'kids', fromRoot: true })
    expect(await cached('kids')).toBe(0)
  })

  it('that is not there is a 404 wherever it is named, and instances are flushed whole', async () => {
    for (const path of ['cache', 'cache/names/www.shop', 'servers'])
      expect((await served.ask(`/api/v1/${path}?view=nope`)).status, path).toBe(404)
    expect((await flush('?view=nope')).status).toBe(404)
    expect((await explain({ view: 'nope' })).status).toBe(404)
    expect((await explain({ view: 'kids', client: '10.1.0.7' })).status).toBe(422)
    expect((await explain({ client: 'somebody' })).body.errors).toEqual([
      { pointer: '/client', detail: 'expected an address' },
    ])
    expect((await flush('?view=kids&allInstances=true')).status).toBe(400)
  })
})

describe('the command line', () => {
  async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    const printed = { out: '', err: '' }
    const code = await main([...words, '--admin', `unix:${served.socket}`], {
      out(text) {
        printed.out += text
      },
      err(text) {
        printed.err += text
      },
      environment: {},
      directory: '/',
      terminal: false,
    })
    return { code, ...printed }
  }

  it('shows a walk of the running server for a client, and what a view has cached', async () => {
    await flush('')
    const walk = await run('explain', 'own.lan', '--running', '--client', '10.1.0.7')
    expect(walk).toMatchObject({ code: 0, out: expect.stringContaining('own.lan. A: NOERROR') })
    expect((await run('explain', 'own.lan', '--view', 'default')).out).toContain('NXDOMAIN')
    expect((await run('explain', 'n1.slow', '--view', 'kids')).code).toBe(1)
    expect((await run('explain', 'own.lan', '--view', 'kids', '--client', '10.1.0.7')).code).toBe(64)
    await run('explain', 'www.shop', '--view', 'kids')
    expect((await run('cache', 'www.shop', '--view', 'kids')).out).toContain('192.0.2.80')
    expect((await run('cache', 'www.shop')).out).toContain('nothing is cached')
    expect((await run('cache', '--view', 'kids')).out).toContain('www.shop.')
    expect((await run('servers', '--view', 'kids')).out).toContain('10.53.0.2#53')
    expect((await run('flush', 'www.shop', '--view', 'kids')).out).toContain('1 rrset')
    expect((await run('flush', '--all', '--view', 'nope')).code).toBe(1)
  })
})
