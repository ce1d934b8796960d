/**
 * The recipes of docs/policy.md, run as they stand there. Changed is what a test cannot have: where they listen, and
 * the directory of state. Clients of other networks come through a proxy that names them (X-Forwarded-For), so that
 * every answer here went through a socket.
 */
import { createServer } from 'node:http'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { buildInternet, type InternetSource } from '../../src/simulation/internet.ts'
import { embeddedNetwork } from '../../src/simulation/network.ts'
import { defaultLimits } from '../../src/limits.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { startInside, type Inside } from '../app/inside.ts'

const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')

/** The configuration below a heading. */
function recipe(heading: string): { readonly [key: string]: unknown } {
  const block = new RegExp(`^### ${heading}\n[^#]*?\`\`\`json\n([^\`]*)\`\`\``, 'm').exec(text)?.[1]
  if (block === undefined) throw new Error(`there is no recipe "${heading}"`)
  return JSON.parse(block)
}

const soa = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
const zone = (origin: string, at: string, records: string): InternetSource['zones'][number] => ({
  origin,
  at: [at],
  text: `${soa}@ 3600 NS ns\nns 3600 A ${at}\n${records}`,
})
const internet: InternetSource = {
  zones: [
    {
      origin: '.',
      at: ['10.53.0.1'],
      text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 10.53.0.1\nexample. 3600 NS ns.example.\nns.example. 3600 A 10.53.0.2\nexample.com. 3600 NS ns.example.com.\nns.example.com. 3600 A 10.53.0.3\ndirect. 3600 NS ns.direct.\nns.direct. 3600 A 10.53.0.4\n`,
    },
    zone(
      'example.',
      '10.53.0.2',
      [
        ...['www', 'ads', 'shop', 'video', 'telemetry', 'malware', 'social', 'a.social'].map(
          (name, at) => `${name} 300 A 203.0.113.${at + 1}`,
        ),
        'tracker 300 CNAME ads',
        'router.evil 300 A 192.168.1.1',
        'corp 300 A 203.0.113.99',
        '',
      ].join('\n'),
    ),
    zone('example.com.', '10.53.0.3', 'www 300 A 192.0.2.80\nmail 300 A 192.0.2.25\n'),
    zone('direct.', '10.53.0.4', 'home.plex 300 A 192.168.1.20\n'),
    zone('corp.example.', '10.0.0.10', 'wiki 300 A 10.1.2.3\n'),
  ],
  servers: ['10.53.0.1', '10.53.0.2', '10.53.0.3', '10.53.0.4', '10.0.0.10'].map(at => ({
    at: [at],
    latencyMs: 0,
  })),
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Running extends Inside {
  readonly log: QueryLogEntry[]
  /** `NOERROR 192.0.2.1`, `NXDOMAIN`; or the status of HTTP. */
  ask(from: string, name: string, type?: string): Promise<string>
}

/** `files`: below the directory of the configuration, or of `state` where they begin with that. */
async function run(heading: string, files: Readonly<Record<string, string>>): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-recipes-'))
  closing.push(() => rmSync(directory, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  const written = recipe(heading)
  const random = systemRandom()
  const { hosts, hints } = buildInternet(internet, random)
  const log: QueryLogEntry[] = []
  const web = await freePort()
  const settings = {
    ...written,
    listen: ['127.0.0.1:0', `http://127.0.0.1:${web}`],
    proxies: ['127.0.0.1'],
    ...(written.state === undefined ? {} : { state: join(directory, 'state') }),
    warmUp: false,
  }
  const inside = await startInside(settings, {
    directory,
    hints,
    network: embeddedNetwork(systemClock(), random, defaultLimits.upstream, hosts),
    onQuery: entry => log.push(entry),
  })
  closing.push(() => inside.server.stop())
  const ask = async (from: string, name: string, type = 'A'): Promise<string> => {
    const reply = await fetch(`http://127.0.0.1:${web}/dns-query?name=${name}&type=${type}`, {
      headers: { accept: 'application/dns-json', 'x-forwarded-for': from },
    })
    if (reply.status !== 200) return `HTTP ${reply.status}`
    const { Status, Answer = [] }: { Status: number; Answer?: { data: string; type: number }[] } = JSON.parse(
      await reply.text(),
    )
    const status = { 0: 'NOERROR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED' }[Status] ?? String(Status)
    return [status, ...Answer.map(({ data }) => data)].join(' ')
  }
  return { ...inside, log, ask }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise(done => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** `client name [type]` → what it gets. */
async function gets(running: Running, rows: Readonly<Record<string, string>>): Promise<void> {
  const seen: Record<string, string> = {}
  for (const row of Object.keys(rows)) {
    const [from = '', name = '', type = 'A'] = row.split(' ')
    seen[row] = await running.ask(from, name, type)
  }
  expect(seen).toEqual(rows)
}

describe('the recipes of docs/policy.md', () => {
  test('a home network', async () => {
    const url = 'https://lists.example/ads.txt'
    const home = await run('A home network', {
      'lists/kids.txt': '||video.example^\n',
      // As a run before left it: no server of lists is asked before tomorrow.
      'state/lists/ads.list': '||ads.example^\n||shop.example^\n',
      'state/lists/ads.json': JSON.stringify({ url, fetchedAt: Math.floor(Date.now() / 1_000), etag: null }),
    })
    const everyone = {
      'ads.example': 'NXDOMAIN',
      'x.ads.example HTTPS': 'NXDOMAIN',
      'tracker.example': 'NXDOMAIN ads.example.',
      'shop.example': 'NOERROR 203.0.113.3',
      'telemetry.example': 'NXDOMAIN',
      'nas.home.arpa': 'NOERROR 192.168.1.10',
      'www.example': 'NOERROR 203.0.113.1',
      'router.evil.example': 'NOERROR',
      'home.plex.direct': 'NOERROR 192.168.1.20',
      'use-application-dns.net': 'NXDOMAIN',
    }
    for (const client of ['192.168.1.7', '192.168.1.30'])
      await gets(home, Object.fromEntries(Object.entries(everyone).map(([name, said]) => [`${client} ${name}`, said])))
    await gets(home, {
      '192.168.1.7 video.example': 'NOERROR 203.0.113.4',
      '192.168.1.31 video.example': 'NXDOMAIN',
      '192.168.1.7 video.example AAAA': 'NOERROR',
      '198.51.100.77 www.example': 'REFUSED',
    })
    const why = await home.server.why({ name: 'x.ads.example', type: 'A', client: '192.168.1.30' })
    expect(JSON.stringify(why)).toContain(`"at":"${url}:1"`)
  })

  test('a company', async () => {
    const company = await run('A company', {
      'lists/malware.txt': 'malware.example\n',
      'lists/guests.txt': 'social.example\n',
      'cookie.key': 'e5e973e5a6b2a43f48e7dc849e37bfcf\n',
    })
    await gets(company, {
      '10.1.1.1 wiki.corp.example': 'NOERROR 10.1.2.3',
      '10.99.1.1 wiki.corp.example': 'NXDOMAIN',
      // From the finished answer of the others as well.
      '10.1.1.2 wiki.corp.example': 'NOERROR 10.1.2.3',
      '10.99.1.2 wiki.corp.example': 'NXDOMAIN',
      '10.1.1.1 malware.example': 'NXDOMAIN',
      '10.99.1.1 malware.example': 'NXDOMAIN',
      '10.1.1.1 a.social.example': 'NOERROR 203.0.113.8',
      '10.99.1.1 a.social.example': 'NXDOMAIN',
      '10.1.1.1 router.evil.example': 'NOERROR',
      '10.1.1.1 printer.office.internal': 'NOERROR 10.0.0.20',
      '10.66.1.1 printer.office.internal': 'NOERROR 10.0.0.20',
      '10.66.1.1 www.example': 'REFUSED',
      '10.0.9.99 printer.office.internal': 'REFUSED',
      '203.0.113.1 www.example': 'REFUSED',
    })
    expect(company.log.some(({ client }) => client.ip.text.startsWith('10.99.'))).toBe(false)
    expect(company.log.some(({ client }) => client.ip.text === '10.1.1.1')).toBe(true)
    const position = async (client: string, which: string): Promise<string> => {
      const said = await company.server.why({ name: 'www.example', type: 'A', client, listener: '127.0.0.1:0' })
      if (said.kind !== 'report') throw new Error(said.detail)
      return said.report.positions.find(({ name }) => name === which)?.text ?? ''
    }
    expect(await position('10.1.7.1', 'rate-limit')).toMatch(/^within the limit .*: 200 more queries at once$/)
    expect(await position('10.0.0.25', 'rate-limit')).toBe('the client is exempt')
    expect(await position('10.1.7.1', 'cookies')).toBe('with a good cookie the address counts as proven')
  })

  test('split horizon', async () => {
    const split = await run('Split horizon', {
      'inside/example.com.zone': `$TTL 60\n${soa}@ NS ns\nns A 10.0.0.53\nwww A 10.0.0.80\ndb A 10.0.0.90\n`,
    })
    for (let round = 0; round < 2; round++)
      await gets(split, {
        '192.0.2.7 www.example.com': 'NOERROR 192.0.2.80',
        '10.0.1.1 www.example.com': 'NOERROR 10.0.0.80',
        '10.20.1.1 www.example.com': 'NOERROR 10.20.0.80',
        '192.0.2.7 db.example.com': 'NXDOMAIN',
        '10.0.1.1 db.example.com': 'NOERROR 10.0.0.90',
        // The zone is that of the view "inside" alone, and is whole.
        '10.20.1.1 db.example.com': 'NXDOMAIN',
        '10.0.1.1 mail.example.com': 'NXDOMAIN',
        '10.20.1.1 mail.example.com': 'NOERROR 192.0.2.25',
        '10.0.1.1 www.example': 'NOERROR 203.0.113.1',
      })
  })
})
