/** Lists in a server: from files, rules and URLs, with the cache, reloads and what fails. */
import { mkdtempSync, rmSync, writeFileSync, readFileSync, existsSync } from 'node:fs'
import { createServer as createHttpsServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runQuery } from '../../../src/cli/query/query.ts'
import { readDigWords } from '../../../src/cli/query/dig-args.ts'
import type { ServerOptions } from '../../../src/app/server.ts'
import type { Event } from '../../../src/events.ts'
import type { QueryLogEntry } from '../../../src/server/query-log.ts'
import { checkLists } from '../../../src/app/lists/check.ts'
import { listText } from '../../../src/cli/admin/list-texts.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { problemText } from '../../../src/render/problem.ts'
import { type WhyReport, whyText } from '../../../src/render/why.ts'
import { configOf, startInside, type Inside } from '../inside.ts'
import { PATIENT } from '../../patience.mjs'
import { testAuthority, testCertificate } from '../../net/tls-support.ts'

const running: Inside[] = []
const servers: Server[] = []
const place = { directory: '' }

beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-lists-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  await Promise.all(servers.splice(0).map(server => new Promise(done => server.close(done).closeAllConnections())))
  rmSync(place.directory, { recursive: true, force: true })
})

async function start(settings: object, options: ServerOptions = {}): Promise<Inside> {
  const inside = await startInside(settings, { directory: place.directory, ...options })
  running.push(inside)
  return inside
}

async function ask({ port }: Inside, words: string): Promise<string> {
  const read = readDigWords([...words.split(' '), '@127.0.0.1'], { port, json: true })
  if (read.kind === 'usage') throw new Error(read.message)
  const printed: string[] = []
  await runQuery(
    { ...read.query, tries: 1 },
    { address: '127.0.0.1', port },
    { out: text => printed.push(text), err: () => {} },
  )
  const { status, answer } = JSON.parse(printed.join(''))
  return [status, ...answer.map(({ data }: { data: string }) => data)].join(' ')
}

const POSITION = { name: 'lists', does: '', state: 'decided', text: '' } as const
const NO_REPORT: WhyReport = {
  version: 1,
  question: 'a. A',
  client: { address: '::1', transport: 'udp', listener: null, clientId: null, serverName: null },
  view: 'default',
  positions: [],
  answer: null,
  tookMs: 0,
}
const eventsOf = (inside: Inside, kind: Event['kind']): Event[] => inside.events.filter(event => event.kind === kind)
const write = (file: string, text: string): void => writeFileSync(join(place.directory, file), text)

describe('lists in a server', () => {
  test('own rules, allow lists and block lists hold from the first query, in this order', async () => {
    write('block.txt', '||shop^\n')
    write('allow.txt', 'www.shop\nmany.shop\n')
    const inside = await start({
      rules: ['||many.shop^'],
      lists: [
        { name: 'block', source: 'block.txt', answer: 'null' },
        { name: 'allow', source: 'allow.txt', layer: 'allow' },
      ],
    })
    expect(await ask(inside, 'alias.shop A')).toBe('NOERROR 0.0.0.0')
    expect(await ask(inside, 'alias.shop HTTPS')).toBe('NOERROR')
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.80')
    expect(await ask(inside, 'many.shop TXT')).toBe('NXDOMAIN')
    expect(inside.server.lists.status().map(({ name, rules, hits }) => [name, rules, hits])).toEqual([
      ['rules', 1, 1],
      ['block', 1, 2],
      ['allow', 2, 1],
    ])
  })

  test('octets of a list that a terminal would obey are shown as escapes', async () => {
    write('block.txt', '||ok.shop^\n\x1b]0;owned\x07 a b\n/^ad\x1bs[0-9]+/\n/^\x9bads/\n')
    const inside = await start({ lists: [{ name: 'block', source: 'block.txt' }] })
    const lists = inside.server.lists.status()
    const checked = checkLists(configOf({ lists: ['block.txt'] }, place.directory).lists, defaultLimits.lists)
    const why = whyText({
      ...NO_REPORT,
      positions: [
        { ...POSITION, decisions: [{ rule: 'x', source: null, lost: [{ rule: '/\x1b[31m/', source: null }] }] },
      ],
    })
    const texts = [listText({ lists }), ...checked.warnings.map(problemText), why]
    for (const text of texts) expect(text).not.toMatch(/[^\n\P{Cc}]/u)
    expect(texts.join('')).toContain('\\027]0;owned\\007 a b')
  })

  test('own rules give addresses to names of built-in zones, and none to names of own zones', async () => {
    const lines = '192.168.1.10 nas.home.arpa\n192.168.1.11 own.home'
    write('block.txt', '||box.home.arpa^\n||127.in-addr.arpa^\n')
    const inside = await start({
      rules: lines.split('\n'),
      records: { 'own.home': { A: '192.0.2.9' } },
      lists: [{ name: 'block', source: 'block.txt', answer: '192.0.2.66' }],
    })
    expect(await ask(inside, 'nas.home.arpa A')).toBe('NOERROR 192.168.1.10')
    expect(await ask(inside, 'nas.home.arpa AAAA')).toBe('NOERROR')
    expect(await ask(inside, 'other.home.arpa A')).toBe('NXDOMAIN')
    expect(await ask(inside, 'own.home A')).toBe('NOERROR 192.0.2.9')
    // Block lists have no say in what is built in.
    expect(await ask(inside, 'box.home.arpa A')).toBe('NXDOMAIN')
    expect(await ask(inside, '1.0.0.127.in-addr.arpa PTR')).toBe('NOERROR localhost.')
    const why = await inside.server.why({ name: 'nas.home.arpa', type: 'A', client: '127.0.0.1' })
    expect(JSON.stringify(why)).toContain('"at":"rules[0]"')
  })

  test('the line of the rule that decided is in why, in the query log and in the Extended DNS Error', async () => {
    write('block.txt', '# ours\r\n\r\n192.0.2.80\n\n@@||many.shop^\n||many.shop^\n/^read[0-9]/\n||shop^$dnstype=MX\n')
    write('allow.txt', '\n||not.here^\n')
    const path = join(place.directory, 'block.txt')
    const log: QueryLogEntry[] = []
    const inside = await start(
      {
        rules: ['||first.shop^', '||second.shop^'],
        lists: [
          { name: 'allow', source: 'allow.txt', layer: 'allow' },
          { name: 'block', source: 'block.txt' },
        ],
      },
      { onQuery: entry => log.push(entry) },
    )
    expect(inside.server.lists.status().map(({ rules, problem }) => [rules, problem])).toEqual([
      [2, null],
      [1, null],
      [5, null],
    ])
    const decided = async (name: string, type: string): Promise<unknown> => {
      const why = await inside.server.why({ name, type, client: '127.0.0.1' })
      if (why.kind !== 'report') throw new Error(why.detail)
      const places = why.report.positions.flatMap(({ decisions }) =>
        decisions.map(({ at, lost }) => [at, ...lost.map(one => one.at)]),
      )
      await ask(inside, `${name} ${type}`)
      expect(log.at(-1)?.decisions?.map(({ at, lost }) => [at, ...lost.map(one => one.at)])).toEqual(places)
      return [places.flat(), why.report.answer?.ede?.text ?? null]
    }
    expect(await decided('second.shop', 'A')).toEqual([['rules[1]'], 'blocked by rules[1]'])
    expect(await decided('www.shop', 'A')).toEqual([[`${path}:3`], 'blocked by the list "block", line 3'])
    expect(await decided('many.shop', 'TXT')).toEqual([[`${path}:5`, `${path}:6`], null])
    expect(await decided('read7.shop', 'A')).toEqual([[`${path}:7`], 'blocked by the list "block", line 7'])
    expect(await decided('www.shop', 'MX')).toEqual([[`${path}:8`], 'blocked by the list "block", line 8'])
    // Of a file that changed the lines are those of now.
    write('block.txt', '||second.shop^\n||www.shop^\n')
    await expect.poll(() => ask(inside, 'www.shop TXT'), PATIENT).toBe('NXDOMAIN')
    expect(await decided('www.shop', 'TXT')).toEqual([[`${path}:2`], 'blocked by the list "block", line 2'])
  })

  test('a file that changes holds at once, for what is cached too', async () => {
    write('ads.txt', '# nothing yet\n')
    const inside = await start({ lists: [{ name: 'ads', source: 'ads.txt' }] })
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.80')
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.80')
    write('ads.txt', '||www.shop^\n')
    await expect.poll(() => ask(inside, 'www.shop A'), PATIENT).toBe('NXDOMAIN')
    expect(await ask(inside, 'alias.shop A')).toBe('NXDOMAIN www.shop.')
    write('ads.txt', '<!DOCTYPE html><p>Sorry</p>')
    await expect
      .poll(() => eventsOf(inside, 'list-rejected'), PATIENT)
      .toMatchObject([{ list: 'ads', reason: 'is a web page, not a list', kept: true }])
    expect(await ask(inside, 'www.shop A')).toBe('NXDOMAIN')
    expect(inside.server.lists.status()).toMatchObject([{ state: 'failed', rules: 1 }])
    write('ads.txt', '')
    await expect.poll(() => ask(inside, 'www.shop A'), PATIENT).toBe('NOERROR 192.0.2.80')
  })

  test('a reload adds and takes away lists and rules', async () => {
    const settings: { rules: string[] } = { rules: [] }
    const readConfig = () => ({ kind: 'config' as const, config: configOf(settings, place.directory), warnings: [] })
    const inside = await start(settings, { readConfig })
    expect(await ask(inside, 'www.shop A')).toBe('NOERROR 192.0.2.80')
    settings.rules.push('||www.shop^')
    inside.server.reload()
    await expect.poll(() => ask(inside, 'www.shop A'), PATIENT).toBe('NXDOMAIN')
    settings.rules.pop()
    inside.server.reload()
    await expect.poll(() => ask(inside, 'www.shop A'), PATIENT).toBe('NOERROR 192.0.2.80')
  })

  test('a view has the lists that it names, others those for all', async () => {
    write('kids.txt', '||www.shop^\n')
    const lists = [{ name: 'kids', source: 'kids.txt', forAll: false }]
    const kids = { name: 'kids', clients: ['127.0.0.0/8'], lists: ['kids'] }
    const others = await start({ lists, rules: ['||many.shop^'] })
    expect([await ask(others, 'www.shop A'), await ask(others, 'many.shop TXT')]).toEqual([
      'NOERROR 192.0.2.80',
      'NXDOMAIN',
    ])
    const inside = await start({ lists, rules: ['||many.shop^'], views: [kids] })
    expect(await ask(inside, 'www.shop A')).toBe('NXDOMAIN')
    expect(await ask(inside, 'many.shop TXT')).toContain('NOERROR')
  })

  test('a name that is blocked is not asked for', async () => {
    const inside = await start({ rules: ['||slow^'] })
    expect(await ask(inside, 'www.slow A')).toBe('NXDOMAIN')
    expect(inside.server.recursor.upstream.timeouts).toBe(0)
  })
})

describe('a list from a URL', () => {
  interface Served {
    readonly url: string
    readonly authorities: readonly string[]
    readonly requests: IncomingMessage[]
    respond: (request: IncomingMessage, response: ServerResponse) => void
  }

  async function serveLists(): Promise<Served> {
    const { cert, key } = testCertificate
    const requests: IncomingMessage[] = []
    const served: Served = {
      url: '',
      authorities: [testAuthority.cert],
      requests,
      respond: (_, response) => void response.end(),
    }
    const server = createHttpsServer({ cert, key }, (request, response) => {
      requests.push(request)
      served.respond(request, response)
    })
    servers.push(server)
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const { port }: AddressInfo = listening(server)
    return Object.assign(served, { url: `https://127.0.0.1:${port}/ads.txt` })
  }

  function listening(server: Server): AddressInfo {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address
  }

  const withList = (served: Served, settings: object = {}): Promise<Inside> =>
    start(
      { state: place.directory, lists: [{ name: 'ads', source: served.url }], ...settings },
      { lists: { authorities: served.authorities } },
    )
  const list = '||www.shop^\n'

  test('is fetched, kept on disk, and asked for by its ETag after the next start', async () => {
    const served = await serveLists()
    served.respond = (request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.writeHead(200, { etag: '"1"', 'content-encoding': 'gzip' }).end(gzipSync(list))
    }
    const first = await withList(served)
    await expect.poll(() => ask(first, 'www.shop A'), PATIENT).toBe('NXDOMAIN')
    const why = await first.server.why({ name: 'www.shop', type: 'A', client: '127.0.0.1' })
    expect(JSON.stringify(why)).toContain(`"at":"${served.url}:1"`)
    await expect.poll(() => existsSync(join(place.directory, 'lists/ads.json')), PATIENT).toBe(true)
    expect(readFileSync(join(place.directory, 'lists/ads.list'), 'utf8')).toBe(list)
    await running.pop()?.server.stop()
    const second = await withList(served)
    // Before any server was asked.
    expect(await ask(second, 'www.shop A')).toBe('NXDOMAIN')
    expect(served.requests).toHaveLength(1)
    expect(second.server.lists.refresh('ads')).toEqual(['ads'])
    await expect.poll(() => eventsOf(second, 'list-fetched'), PATIENT).toMatchObject([{ octets: null }])
    expect(await ask(second, 'www.shop A')).toBe('NXDOMAIN')
    expect(second.server.lists.refresh('other')).toBeNull()
  })

  test.each<[string, Served['respond'], string]>([
    ['a web page', (_, r) => void r.end('<!doctype html><p>Moved</p>'), 'is a web page, not a list'],
    ['no rules', (_, r) => void r.end('# empty\n'), 'has no rules'],
    ['an error', (_, r) => void r.writeHead(503).end(), 'HTTP 503'],
    ['too many octets', (_, r) => void r.end('||a.example^\n'.repeat(20)), 'has more octets than the limit of 200'],
    [
      'an archive that grows',
      (_, r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('\n'.repeat(1_000))),
      'has more octets than the limit of 200',
    ],
    ['silence', () => {}, 'the server sent nothing for 0.2 s'],
    [
      'less safety',
      (_, r) => void r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'was sent on to http://, which is not as safe as the URL of the list',
    ],
    ['itself for ever', (_, r) => void r.writeHead(302, { location: '/' }).end(), 'was sent on more than 5 times'],
  ])('whose server gives %s keeps its last rules', async (_, respond, reason) => {
    const served = await serveLists()
    served.respond = (_request, response) => void response.end(list)
    const inside = await start(
      { lists: [{ name: 'ads', source: served.url }] },
      {
        lists: {
          authorities: served.authorities,
          limits: { listBytes: 200, fetchIdleMs: reason.includes('0.2 s') ? 200 : 20_000 },
        },
      },
    )
    // On a machine that is busy 200 ms may go by before the first octet.
    const asked = (): Promise<string> => {
      inside.server.lists.refresh(null)
      return ask(inside, 'www.shop A')
    }
    await expect.poll(asked, PATIENT).toBe('NXDOMAIN')
    await expect.poll(() => inside.server.lists.status()[0]?.problem, PATIENT).toBeNull()
    const before = eventsOf(inside, 'list-fetch-failed').length
    served.respond = respond
    inside.server.lists.refresh(null)
    await expect
      .poll(() => eventsOf(inside, 'list-fetch-failed').slice(before), PATIENT)
      .toMatchObject([{ list: 'ads', reason, kept: true }])
    expect(await ask(inside, 'www.shop A')).toBe('NXDOMAIN')
    const [{ nextS, state } = { nextS: null, state: '' }] = inside.server.lists.status()
    expect([state, nextS !== null && nextS >= 55 && nextS <= 95]).toEqual(['failed', true])
  })

  test('whose certificate is not trusted is not taken', async () => {
    const served = await serveLists()
    const inside = await start({ lists: [{ name: 'ads', source: served.url }] })
    await expect
      .poll(() => eventsOf(inside, 'list-fetch-failed'), PATIENT)
      .toMatchObject([{ list: 'ads', kept: false, reason: expect.stringMatching(/certificate/) }])
    expect(served.requests).toEqual([])
  })

  test('whose name is resolved here is found here, also when it is blocked', async () => {
    const inside = await start({
      rules: ['||www.shop^'],
      lists: [{ name: 'ads', source: 'https://nothing.shop/ads.txt' }],
    })
    await expect
      .poll(() => eventsOf(inside, 'list-fetch-failed'), PATIENT)
      .toMatchObject([{ reason: 'nothing.shop: there is no such name' }])
  })
})
