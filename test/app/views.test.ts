/**
 * Views of a running server: three with forwarders of their own, so that one name has a different answer in each, asked
 * at the same time by clients at 127.0.0.1, .2 and .3.
 */
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { RunningServer, ServerOptions } from '../../src/app/server.ts'
import { defaultLimits } from '../../src/limits.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { formatName } from '../../src/presentation/text.ts'
import { Rcode, RrType } from '../../src/dns/types.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { buildInternet, type InternetSource } from '../../src/simulation/internet.ts'
import { embeddedNetwork } from '../../src/simulation/network.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { needsBatch, threadEntry } from '../net/batch/support.ts'
import { asked, bytesOf } from '../server/make.ts'
import { configOf, startInside } from './inside.ts'

const soa = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
/** In view "three" there is no address of `gone.shop.`; the server of view "two" fails for `bad.shop.`. */
const shop = (host: number) => ({
  origin: 'shop.',
  at: [`10.53.0.${host}`],
  text: `${soa}@ 3600 NS ns\nns 3600 A 10.53.0.${host}\n* 300 A 192.0.2.${host}\n${host === 13 ? 'gone 300 TXT here\n' : ''}`,
})
/** 10.53.0.11 answers for all, .12 and .13 are those that views 1 and 2 ask. */
const internet: InternetSource = {
  zones: [
    {
      origin: '.',
      at: ['10.53.0.1'],
      text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 10.53.0.1\nshop. 3600 NS ns.shop.\nns.shop. 3600 A 10.53.0.11\n`,
    },
    shop(11),
    shop(12),
    shop(13),
  ],
  servers: [1, 11, 12, 13].map(host => ({
    at: [`10.53.0.${host}`],
    latencyMs: 5,
    ...(host === 12 ? { does: ['servfails for bad.shop.'] } : {}),
  })),
}
const VIEWS = [
  { name: 'two', clients: ['127.0.0.2'], stub: [{ zone: 'shop', to: '10.53.0.12' }] },
  { name: 'three', clients: ['127.0.0.3'], stub: [{ zone: 'shop', to: '10.53.0.13' }], queryLog: false },
]
/** The last octet of a client's address, and of the answers it has to get. */
const EXPECTED: Readonly<Record<number, number>> = { 1: 11, 2: 12, 3: 13 }

const open: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})

async function start(settings: object, options: ServerOptions = {}): Promise<{ server: RunningServer; port: number }> {
  const random = systemRandom()
  const { hosts, hints } = buildInternet(internet, random)
  const network = embeddedNetwork(systemClock(), random, defaultLimits.upstream, hosts)
  const { server, port } = await startInside({ views: VIEWS, ...settings }, { network, hints, ...options })
  open.push({ close: () => server.stop() })
  return { server, port }
}

interface Asker {
  /** Asks again, as clients do, until there is an answer; a machine that is busy loses datagrams. */
  ask(name: string, type?: number): Promise<Seen>
  /** The same, but for failures, which are given back. */
  askOnce(name: string, type?: number): Promise<Seen>
}

interface Seen {
  readonly rcode: number
  readonly last: number | undefined
  readonly ttl: number | undefined
}

/** How long a client waits before it sends its query again. */
const AGAIN_MS = 1_000
/** For all of a test: what a machine with ten times as many programs as cores needs. */
const timeout = 120_000

function askerAt(host: number, port: number): Promise<Asker> {
  const socket: Socket = createSocket('udp4')
  open.push({ close: () => socket.close() })
  const waiting = new Map<number, (reply: Buffer) => void>()
  socket.on('message', reply => {
    const id = reply.readUInt16BE(0)
    waiting.get(id)?.(reply)
    waiting.delete(id)
  })
  let next = 0
  const timers = new Set<NodeJS.Timeout>()
  open.push({ close: () => timers.forEach(clearInterval) })
  const askOnce = (name: string, type: number = RrType.A): Promise<Seen> =>
    new Promise(settle => {
      const id = ++next & 0xffff
      const send = (): void => socket.send(bytesOf({ id, question: asked(name, type) }), port, '127.0.0.1')
      const timer = setInterval(send, AGAIN_MS)
      timers.add(timer)
      waiting.set(id, reply => {
        clearInterval(timer)
        timers.delete(timer)
        const decoded = decodeMessage(reply)
        if (decoded.kind !== 'message') throw new Error(decoded.why)
        const [first] = decoded.message.answer
        settle({ rcode: decoded.message.rcode, last: first?.rdata.at(-1), ttl: first?.ttl })
      })
      send()
    })
  const ask: Asker['ask'] = async (name, type = RrType.A) => {
    let seen = await askOnce(name, type)
    // Servers that seem to be silent because this process had no turn: nothing that one view has of another.
    while (seen.rcode === Rcode.SERVFAIL) seen = await askOnce(name, type)
    return seen
  }
  return new Promise(settle => socket.bind(0, `127.0.0.${host}`, () => settle({ ask, askOnce })))
}

/** Twenty at a time of each: what the kernel's buffers hold in any case. */
async function interleaved(pair: readonly number[], port: number, round: string): Promise<void> {
  const askers = await Promise.all(pair.map(host => askerAt(host, port)))
  const seen = new Map<number, Set<number | undefined>>(pair.map(host => [host, new Set()]))
  for (let from = 0; from < 500; from += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => `n${(from + i) % 100}.${round}.shop.`).flatMap(name =>
        askers.map(async (asker, index) => seen.get(pair[index] ?? 0)?.add((await asker.ask(name)).last)),
      ),
    )
  }
  for (const host of pair) expect([...(seen.get(host) ?? [])], `client ${host} of ${pair}`).toEqual([EXPECTED[host]])
}

/** Who gets no address gets none, however often others have just been given one; who gets one has no failure. */
async function refused(port: number): Promise<void> {
  const [one, two, three] = await Promise.all([1, 2, 3].map(host => askerAt(host, port)))
  const seen = new Set<string>()
  for (let round = 0; round < 40; round++)
    await Promise.all(
      [one, two, three].flatMap((asker, index) =>
        ['bad.shop.', 'gone.shop.'].map(async name => {
          if (asker === undefined) return
          const isFailing = index === 1 && name === 'bad.shop.'
          const { rcode, last } = isFailing ? await asker.askOnce(name) : await asker.ask(name)
          seen.add(`${index + 1} ${name} ${rcode} ${last}`)
        }),
      ),
    )
  expect([...seen].sort()).toEqual([
    '1 bad.shop. 0 11',
    '1 gone.shop. 0 11',
    '2 bad.shop. 2 undefined',
    '2 gone.shop. 0 12',
    '3 bad.shop. 0 13',
    '3 gone.shop. 0 undefined',
  ])
}

const PAIRS = [
  [1, 2],
  [1, 3],
  [2, 3],
]

/** Names are asked for five times: at first cold and in flight together, then from the cache. */
test('no view gets an answer of another: cold, in flight and warm', { timeout }, async () => {
  const { port, server } = await start({ udp: 'plain' })
  for (const pair of PAIRS) await interleaved(pair, port, pair.join(''))
  await refused(port)
  expect(server.stats().queries.answeredFromCache).toBeGreaterThan(1_500)
})

needsBatch('listener threads', () => {
  test('give no view an answer of another', { timeout }, async () => {
    const { port, server } = await start({ udp: 'batch', threads: 2 }, { threadEntry: await threadEntry() })
    for (const pair of PAIRS) await interleaved(pair, port, pair.join(''))
    await refused(port)
    expect(server.stats().queries.answeredFromCache).toBeGreaterThan(1_500)
  })
})

test('a reload takes views over: who was in another gets its answers, at once', { timeout }, async () => {
  let views: readonly object[] = VIEWS
  const readConfig: ServerOptions['readConfig'] = () => ({ kind: 'config', config: configOf({ views }), warnings: [] })
  const { port, server } = await start({}, { readConfig })
  const two = await askerAt(2, port)
  expect((await two.ask('www.shop.')).last).toBe(12)
  views = [{ ...VIEWS[1], clients: ['127.0.0.2'] }]
  server.reload()
  expect((await two.ask('www.shop.')).last).toBe(13)
  views = []
  server.reload()
  expect((await two.ask('www.shop.')).last).toBe(11)
  views = [{ name: 'own', clients: ['127.0.0.0/8'], records: { 'www.shop': { A: '192.0.2.99' } } }]
  server.reload()
  await expect.poll(async () => (await two.ask('www.shop.')).last, { timeout }).toBe(99)
  expect((await two.ask('else.shop.')).last).toBe(11)
})

test('bounds of TTLs hold in the cache of a view as in that of all', { timeout }, async () => {
  const { port } = await start({ ttl: [{ zone: 'shop', maxS: 60 }] })
  const [one, two] = await Promise.all([1, 2].map(host => askerAt(host, port)))
  for (const asker of [one, two]) expect((await asker?.ask('www.shop.'))?.ttl).toBeLessThanOrEqual(60)
})

test('each view has DNS64 and the rebinding guard of its own', { timeout }, async () => {
  const views = [
    { name: 'six', clients: ['127.0.0.2'], dns64: { prefix: '2001:db8:64::/96', exclude: [] } },
    { name: 'open', clients: ['127.0.0.3'], rebinding: false },
    // Of a zone whose servers the operator names, private addresses are what is asked for.
    { name: 'corp', clients: ['127.0.0.4'], stub: [{ zone: 'shop', to: '10.53.0.12' }] },
  ]
  const { port } = await start({ views, rebinding: { ranges: ['192.0.2.0/24'] } })
  const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(host => askerAt(host, port)))
  const answers = async (asker: Asker | undefined, type: number): Promise<number | undefined> =>
    (await asker?.ask('www.shop.', type))?.last
  const round = (): Promise<readonly (number | undefined)[]> =>
    Promise.all([one, two, three, four].flatMap(asker => [RrType.A, RrType.AAAA].map(type => answers(asker, type))))
  const expected = [undefined, undefined, undefined, undefined, 11, undefined, 12, undefined]
  expect(await round()).toEqual(expected)
  expect(await round()).toEqual(expected)
  const made = await start({ views: [{ ...views[0], rebinding: false }], rebinding: { ranges: ['192.0.2.0/24'] } })
  const [all, six] = await Promise.all([1, 2].map(host => askerAt(host, made.port)))
  for (let i = 0; i < 2; i++) {
    expect(await answers(six, RrType.AAAA)).toBe(11)
    expect(await answers(all, RrType.AAAA)).toBeUndefined()
  }
})

test('access rules hold for views too, and what a view does not log is not logged', { timeout }, async () => {
  const log: QueryLogEntry[] = []
  const access = [
    { clients: ['127.0.0.4'], action: 'local' },
    { clients: ['127.0.0.5'], action: 'refuse' },
  ]
  const records = { 'printer.lan': { A: '192.0.2.7' } }
  const { port } = await start({ access, records }, { onQuery: entry => log.push(entry) })
  const [one, two, three, four, five] = await Promise.all([1, 2, 3, 4, 5].map(host => askerAt(host, port)))
  for (const asker of [one, two, three, four]) expect((await asker?.ask('printer.lan.'))?.last).toBe(7)
  expect((await four?.ask('www.shop.'))?.rcode).toBe(Rcode.REFUSED)
  expect((await five?.ask('printer.lan.'))?.rcode).toBe(Rcode.REFUSED)
  // As a set: a query that was sent again is logged again.
  const logged = new Set(log.map(({ client, view, name }) => `${client.ip.text} ${view} ${formatName(name)}`))
  expect([...logged]).toEqual([
    '127.0.0.1 0 printer.lan.',
    '127.0.0.2 1 printer.lan.',
    '127.0.0.4 0 printer.lan.',
    '127.0.0.4 0 www.shop.',
  ])
})

/** `dark.shop.` has a name server of its own, which rules are about. */
const withDelegation: InternetSource = {
  zones: [
    ...internet.zones.slice(0, 1),
    {
      origin: 'shop.',
      at: ['10.53.0.11'],
      text: `${soa}@ 3600 NS ns\nns 3600 A 10.53.0.11\ndark 3600 NS ns.dark\nns.dark 3600 A 10.53.0.14\n`,
    },
    {
      origin: 'dark.shop.',
      at: ['10.53.0.14'],
      text: `${soa}@ 3600 NS ns\nns 3600 A 10.53.0.14\n* 300 A 192.0.2.14\n`,
    },
  ],
  servers: [1, 11, 14].map(host => ({ at: [`10.53.0.${host}`], latencyMs: 0 })),
}

test.each([
  ['the name of a name server', 'ns.dark.shop.rpz-nsdname CNAME .'],
  ['its address', '32.14.0.53.10.rpz-nsip CNAME .'],
])('a policy rule for %s holds in a view that asks for itself, which alone knows it', async (_what, rule) => {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-views-'))
  open.push({ close: () => rmSync(directory, { recursive: true, force: true }) })
  writeFileSync(join(directory, 'own.zone'), `$TTL 60\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n${rule}\n`)
  const random = systemRandom()
  const { hosts, hints } = buildInternet(withDelegation, random)
  const network = embeddedNetwork(systemClock(), random, defaultLimits.upstream, hosts)
  const views = [{ name: 'two', clients: ['127.0.0.2'], records: { 'own.example': { A: '192.0.2.2' } } }]
  const rpz = [{ zone: 'own.rpz', file: join(directory, 'own.zone') }]
  const { port } = await start({ views, rpz, udp: 'plain' }, { network, hints })
  const inView = await askerAt(2, port)
  expect((await inView.ask('www.dark.shop.')).rcode).toBe(Rcode.NXDOMAIN)
  expect((await (await askerAt(1, port)).ask('www.dark.shop.')).rcode).toBe(Rcode.NXDOMAIN)
})
