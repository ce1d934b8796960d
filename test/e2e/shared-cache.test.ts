/** Instances that share a cache in Debian's redis-server, whatever becomes of that server. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Event } from '../../src/events.ts'
import type { Outcome } from '../../src/steps.ts'
import { startInside, type Inside } from '../app/inside.ts'
import { n } from '../cache/made.ts'
import { PATIENT, patientMs } from '../patience.mjs'
import { needs } from '../tools.ts'
import { newPlace, type Place, type RedisServer, startRedis } from './redis.ts'

let place: Place
const redis: RedisServer[] = []
const running: Inside[] = []

beforeEach(() => {
  place = newPlace()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  await Promise.all(redis.splice(0).map(server => server.stop()))
  place.remove()
})

async function startServer(settings: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(settings)
  redis.push(server)
  return server
}

async function start(url: string, settings: object = {}, shared: object = {}): Promise<Inside> {
  const sharedCache = { url, secretFile: place.secretFile, readDeadlineMs: 500, ...shared }
  const inside = await startInside({ sharedCache, ...settings }, { directory: place.directory })
  running.push(inside)
  return inside
}

const of = <K extends Event['kind']>({ events }: Inside, kind: K): Extract<Event, { kind: K }>[] =>
  events.filter((event): event is Extract<Event, { kind: K }> => event.kind === kind)
const isUsed = (inside: Inside): Promise<void> =>
  expect.poll(() => of(inside, 'shared-cache').length, PATIENT).toBeGreaterThan(0)

/** Some of the same settings that use one server. */
async function startAll(url: string, count: number, settings: object = {}): Promise<readonly Inside[]> {
  const all = await Promise.all(Array.from({ length: count }, () => start(url, settings)))
  await Promise.all(all.map(isUsed))
  // Each knows of all others.
  for (const { server } of all)
    await expect.poll(() => server.shared?.numbers.instances.length, PATIENT).toBe(count - 1)
  return all
}

const ask = ({ server }: Inside, name: string): Promise<Outcome> =>
  new Promise(
    done =>
      void server.resolver.resolve(
        { name: n(name), type: RrType.A, class: RrClass.IN },
        { recursionDesired: true, because: 'client' },
        done,
      ),
  )
const isShared = (outcome: Outcome): boolean => outcome.kind !== 'failure' && outcome.shared === true
const queriesOf = ({ server }: Inside): number =>
  Object.values(server.recursor.upstream.requests).reduce((sum, count) => sum + count, 0)
const keysOf = async (server: RedisServer): Promise<readonly string[]> =>
  (await server.client.keys('rw1:*:*')).filter(key => key.split(':').length > 2)
const written = (server: RedisServer, count = 1): Promise<void> =>
  expect.poll(async () => (await keysOf(server)).length, PATIENT).toBeGreaterThanOrEqual(count)

needs('redis-server')('a cache that instances share', () => {
  it('what one instance found out the next one has without asking a server', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    expect(isShared(await ask(a, 'www.shop.'))).toBe(false)
    await written(server)
    const before = queriesOf(b)
    const outcome = await ask(b, 'www.shop.')
    expect(outcome).toMatchObject({ kind: 'answer', shared: true })
    expect(queriesOf(b)).toBe(before)
    // And then from its own cache.
    expect(isShared(await ask(b, 'www.shop.'))).toBe(false)
    expect(queriesOf(b)).toBe(before)
  })

  it('an alias and a denial are shared like data', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    await ask(a, 'alias.shop.')
    await ask(a, 'nothing.shop.')
    await written(server, 2)
    const before = queriesOf(b)
    expect(await ask(b, 'alias.shop.')).toMatchObject({ kind: 'answer', shared: true, rrsets: [{}, {}] })
    expect(await ask(b, 'nothing.shop.')).toMatchObject({ kind: 'nxdomain', shared: true })
    expect(queriesOf(b)).toBe(before)
  })

  it('instances with other settings share nothing', async () => {
    const server = await startServer()
    const [a, b] = [await start(server.url), await start(server.url, { cache: { minTtl: 5 } })]
    await Promise.all([a, b].map(isUsed))
    await ask(a, 'www.shop.')
    await written(server)
    expect(isShared(await ask(b, 'www.shop.'))).toBe(false)
  })

  it.each([
    ['cut', (value: Buffer) => value.subarray(0, 20)],
    ['changed in one bit', (value: Buffer) => Buffer.from(value.map((octet, i) => (i === 40 ? octet ^ 1 : octet)))],
    ['of another version', (value: Buffer) => Buffer.from(value.map((octet, i) => (i === 0 ? 2 : octet)))],
    ['as large as a server may keep', () => Buffer.alloc(8 * 1024 * 1024, 1)],
  ])('a value that is %s is not used', async (_, change) => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    await ask(a, 'www.shop.')
    await written(server)
    for (const key of await keysOf(server)) {
      const value = await server.client.getBuffer(key)
      await server.client.set(key, change(value ?? Buffer.alloc(0)))
    }
    const outcome = await ask(b, 'www.shop.')
    expect(outcome.kind).toBe('answer')
    expect(isShared(outcome)).toBe(false)
  })

  it('a value under the key of another question, and a list in the place of a value, are not used', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    await ask(a, 'www.shop.')
    await written(server)
    const [key = ''] = await keysOf(server)
    const value = (await server.client.getBuffer(key)) ?? Buffer.alloc(0)
    await server.client.set(key.replace('www.shop.', 'nothing.shop.'), value)
    await server.client.del(key)
    await server.client.lpush(key, 'x')
    expect(await ask(b, 'nothing.shop.')).toMatchObject({ kind: 'nxdomain' })
    const outcome = await ask(b, 'www.shop.')
    expect([outcome.kind, isShared(outcome)]).toEqual(['answer', false])
  })

  it('a full server is read and not written, and what could not be written is counted', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    await ask(a, 'www.shop.')
    await written(server)
    await server.client.config('SET', 'maxmemory', '1')
    expect(isShared(await ask(b, 'www.shop.'))).toBe(true)
    expect(await ask(a, 'alias.shop.')).toMatchObject({ kind: 'answer' })
    await expect.poll(() => a.server.shared?.numbers.writes.failed, PATIENT).toBeGreaterThan(0)
    expect(a.server.shared?.numbers.state).toBe('closed')
  })

  it('one that is gone, and empty when it comes back, is done without and used again', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    server.signal('SIGKILL')
    await expect.poll(() => of(a, 'shared-cache-lost').length, PATIENT).toBe(1)
    expect(await ask(a, 'www.shop.')).toMatchObject({ kind: 'answer' })
    await server.restart()
    await expect.poll(() => of(a, 'shared-cache').length, PATIENT).toBe(2)
    await expect.poll(() => of(b, 'shared-cache').length, PATIENT).toBe(2)
    await ask(a, 'nothing.shop.')
    await written(server)
    expect(isShared(await ask(b, 'nothing.shop.'))).toBe(true)
    // Not taken up while one of its two connections was there, and lost again.
    for (const each of [a, b]) expect(of(each, 'shared-cache-lost')).toHaveLength(1)
  })

  it('without a server at the start everything is answered, and it is said once', async () => {
    const a = await start('redis://127.0.0.1:1')
    expect(await ask(a, 'www.shop.')).toMatchObject({ kind: 'answer' })
    await expect.poll(() => of(a, 'shared-cache-lost').length, PATIENT).toBe(1)
    expect(of(a, 'shared-cache-lost')[0]?.message).toContain('ECONNREFUSED')
  })
})

const CLIENT = { name: n('www.shop.'), below: false, servers: false, dryRun: false }

needs('redis-server')('removals on all instances of a shared cache', () => {
  it('what is flushed on one of three is gone on all within 100 ms, and each confirms it', async () => {
    const server = await startServer()
    const all = await startAll(server.url, 3)
    const [a] = all
    if (a === undefined) throw new Error('three were started')
    await Promise.all(all.map(each => expect.poll(() => each.server.shared?.numbers.instances.length, PATIENT).toBe(2)))
    for (const each of all) await ask(each, 'www.shop.')
    await written(server)
    const { removed, instances } = await a.server.changes.flush(CLIENT, true)
    expect(removed.rrsets).toBe(1)
    if (instances?.kind !== 'published') throw new Error('it was published')
    expect(instances.others).toHaveLength(2)
    for (const { ms } of instances.others) expect(ms).toBeLessThan(patientMs(100))
    console.log(
      `flush on one of three: confirmed after ${instances.others.map(({ ms }) => ms?.toFixed(1)).join(', ')} ms`,
    )
    for (const each of all) {
      const before = queriesOf(each)
      // Neither from a cache here, nor what was stored in the shared one before: the first of them asks again.
      if (each === a) {
        expect(isShared(await ask(each, 'www.shop.'))).toBe(false)
        expect(queriesOf(each)).toBeGreaterThan(before)
      } else expect(each.server.recursor.caches.rrsets.get(n('www.shop.'), RrType.A, RrClass.IN, 1)).toBeUndefined()
    }
  })

  it('a flush of one instance does not come back from the shared cache, and the others keep theirs', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    for (const each of [a, b]) await ask(each, 'www.shop.')
    await written(server)
    await a.server.changes.flush(CLIENT, false)
    const [before, of] = [queriesOf(a), queriesOf(b)]
    expect(isShared(await ask(a, 'www.shop.'))).toBe(false)
    expect(queriesOf(a)).toBeGreaterThan(before)
    await ask(b, 'www.shop.')
    expect(queriesOf(b)).toBe(of)
  })

  it('what was flushed while an instance was cut off is gone there when it is back', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    for (const each of [a, b]) await ask(each, 'www.shop.')
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const cut = await a.server.changes.flush(CLIENT, true)
    expect(cut.instances?.kind).toBe('unreachable')
    const isGone = (each: Inside): boolean => each.server.recursor.caches.rrsets.at(n('www.shop.'), 1).length === 0
    expect(isGone(a)).toBe(true)
    await expect.poll(() => isGone(b), PATIENT).toBe(true)
  })

  it('a negative anchor of one instance holds on all, until it is removed on all', async () => {
    const server = await startServer()
    const [a, b] = await startAll(server.url, 2)
    if (a === undefined || b === undefined) throw new Error('two were started')
    await expect.poll(() => a.server.shared?.numbers.instances.length, PATIENT).toBe(1)
    const until = Math.floor(Date.now() / 1_000) + 3_600
    const anchor = { name: n('broken.example.'), until, dryRun: false, allInstances: true }
    const set = await a.server.changes.setNegativeAnchor(anchor)
    expect(set).toMatchObject({ kind: 'added', instances: { kind: 'published', others: [{ ms: expect.any(Number) }] } })
    expect(b.server.changes.anchors.added).toEqual([{ name: n('broken.example.'), until }])
    await b.server.changes.removeNegativeAnchor(anchor.name, false, true)
    expect(a.server.changes.anchors.added).toEqual([])
  })

  it('messages that an instance did not write are passed over and counted', async () => {
    const server = await startServer()
    const [a] = await startAll(server.url, 1)
    if (a === undefined) throw new Error('one was started')
    await ask(a, 'www.shop.')
    const text = '{"kind":"flush","name":null,"below":true,"servers":false,"everywhere":true,"by":"x","once":"y"}'
    await server.client.xadd('rw1:removals', '*', 'm', text, 's', '00'.repeat(16))
    await expect.poll(() => a.server.shared?.numbers.refusedMessages, PATIENT).toBeGreaterThan(0)
    expect(a.server.recursor.caches.rrsets.at(n('www.shop.'), 1)).toHaveLength(1)
  })
})

/** A server that takes a connection and does as it likes. */
function hostile(answer: (socket: Socket, request: string) => void): Promise<{ readonly url: string; close(): void }> {
  return new Promise(resolve => {
    const sockets = new Set<Socket>()
    const server: Server = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {}).on('data', octets => answer(socket, octets.toString('latin1')))
    }).listen(0, '127.0.0.1', () => {
      const at = server.address()
      resolve({
        url: `redis://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`,
        close() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      })
    })
  })
}

needs('redis-server')('a server of the shared cache that is hostile', () => {
  const silent: Record<string, (socket: Socket, request: string) => void> = {
    'says nothing': () => {},
    'says half of a reply': socket => void socket.write('*1\r\n$100\r\nabc'),
    'says what is no reply': socket => void socket.write('HTTP/1.1 200 OK\r\n\r\n'),
    'says errors only': (socket, request) => {
      for (const _ of request.matchAll(/\*\d+\r\n/g)) socket.write('-OOM command not allowed\r\n')
    },
    'says numbers only': (socket, request) => {
      for (const _ of request.matchAll(/\*\d+\r\n/g)) socket.write(':1\r\n')
    },
    'closes at once': socket => void socket.destroy(),
    'sends without end': socket => {
      socket.write('$1073741824\r\n')
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      }
      socket.on('drain', more)
      more()
    },
  }
  it.each(Object.keys(silent))('one that %s costs no answer', async what => {
    const server = await hostile(silent[what] ?? (() => {}))
    try {
      const a = await start(server.url)
      await expect.poll(() => of(a, 'shared-cache-lost').length, PATIENT).toBeGreaterThan(0)
      expect(await ask(a, 'www.shop.')).toMatchObject({ kind: 'answer' })
    } finally {
      server.close()
    }
  })
})

needs('redis-server', 'openssl')('a server of the shared cache over TLS', () => {
  it('is used with its own authority and a user with few rights, and not without the authority', async () => {
    const { directory } = place
    const at = (file: string): string => join(directory, file)
    const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
    const subject = ['-subj', '/CN=localhost', '-days', '2']
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', at('ca.key'), '-out', at('ca.pem'), ...subject)
    writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1')
    openssl(
      'req',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      at('key.pem'),
      '-out',
      at('csr.pem'),
      '-subj',
      '/CN=cache',
    )
    const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', at('csr.pem'), ...signer, '-extfile', at('names'), '-out', at('cert.pem'))
    const acl = readFileSync(new URL('../../contrib/valkey/users.acl', import.meta.url), 'utf8')
    writeFileSync(at('users.acl'), `user default on nopass ~* &* +@all\n${acl.replace('CHANGE-ME', 'pass')}`)
    const server = await startServer(['--aclfile', at('users.acl')])
    const port = String(server.port)
    const tls = ['--tls-cert-file', at('cert.pem'), '--tls-key-file', at('key.pem'), '--tls-ca-cert-file', at('ca.pem')]
    const secure = await startServer([
      '--aclfile',
      at('users.acl'),
      ...tls,
      '--tls-auth-clients',
      'no',
      '--tls-port',
      '0',
    ])
    await secure.client.config('SET', 'tls-port', String(Number(port) + 1))
    const url = `rediss://rootwalk:pass@127.0.0.1:${Number(port) + 1}`
    const authorities = [at('ca.pem')]
    const [a, b] = [await start(url, {}, { authorities }), await start(url, {}, { authorities })]
    await Promise.all([a, b].map(isUsed))
    await ask(a, 'www.shop.')
    await written(secure)
    expect(isShared(await ask(b, 'www.shop.'))).toBe(true)
    const stranger = await start(url)
    await expect.poll(() => of(stranger, 'shared-cache-lost').length, PATIENT).toBe(1)
    expect(of(stranger, 'shared-cache-lost')[0]?.message).toMatch(/certificate/i)
  })
})
