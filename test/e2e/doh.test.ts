/** DNS over HTTPS as programs of others ask for it: clients, a resolver, a load tool, a proxy in front. */
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createWebServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../../src/app/server.ts'
import { loadConfig } from '../../src/config/sources.ts'
import { problemText } from '../../src/render/problem.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { RrType } from '../../src/dns/types.ts'
import { startProcess, whereIs } from '../daemons.mjs'
import { PATIENT, PROGRAM_MS } from '../patience.mjs'
import { needs } from '../tools.ts'

const NAME = 'doh.test'
const ADDRESS = '192.0.2.9'
let directory = ''
let server: RunningServer | null = null
const log: QueryLogEntry[] = []
const stops: (() => Promise<void>)[] = []
const file = (name: string): string => join(directory, name)

/** A certificate for the server, of an authority that clients are given. */
function certify(): void {
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=authority')
  openssl('req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', `/CN=${NAME}`)
  writeFileSync(file('names'), `subjectAltName=DNS:${NAME},IP:127.0.0.1\nbasicConstraints=CA:FALSE\n`)
  const sign = ['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial']
  openssl(...sign, '-days', '2', '-extfile', 'names', '-out', 'cert.pem')
}

async function freePort(): Promise<number> {
  const holder = createServer()
  await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
  const bound = holder.address()
  await new Promise<void>(resolve => holder.close(() => resolve()))
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

/** What a program prints, whether it is content or not. */
const run = (tool: string, ...args: string[]): Promise<string> =>
  new Promise(resolve => {
    execFile(tool, args, { timeout: PROGRAM_MS, cwd: directory }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })

const listeners = (transport: string): number[] =>
  (server?.addresses ?? []).filter(one => one.transport === transport).map(({ port }) => port)
const secure = (): string => String(listeners('https')[0])
const behindProxy = (): string => String(listeners('https')[1])
const clear = (): string => String(listeners('http')[0])

needs(
  'openssl',
  'kdig',
  'dig',
  'curl',
  'h2load',
  'haproxy',
  'dnsdist',
  'chromium',
  'certutil',
)('DNS over HTTPS is asked by', () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rootwalk-doh-'))
    certify()
    const config = {
      listen: [
        '127.0.0.1:0',
        'https://127.0.0.1:0/dns-query',
        'http://127.0.0.1:0/dns-query',
        'https+proxy://127.0.0.1:0/dns-query',
      ],
      tls: { certificate: 'cert.pem', key: 'key.pem' },
      proxies: ['127.0.0.1'],
      records: { 'www.home.test': { A: ADDRESS }, 'web.home.test': { A: '127.0.0.1' } },
      // What a browser asks for of its own is asked of a port at which there is no server.
      forward: [{ zone: '.', to: [`127.0.0.1:${await freePort()}`] }],
      dnssec: { trustAnchors: [] },
    }
    writeFileSync(file('config.json'), JSON.stringify(config))
    const read = loadConfig({ file: file('config.json'), environment: {}, flags: [], directory })
    if (read.kind !== 'config') throw new Error(read.problems.map(problemText).join('\n'))
    server = await startServer(read.config, { events: () => {}, onQuery: entry => void log.push(entry) })
  })

  afterAll(async () => {
    for (const stop of stops.splice(0)) await stop()
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const kdig: readonly string[] = [
    'kdig',
    '@127.0.0.1',
    '+tls-ca=ca.pem',
    `+tls-hostname=${NAME}`,
    '+short',
    'www.home.test',
    '-p',
  ]
  const dig: readonly string[] = [
    'dig',
    '@127.0.0.1',
    '+tls-ca=ca.pem',
    `+tls-hostname=${NAME}`,
    '+short',
    '+tries=1',
    'www.home.test',
    '-p',
  ]
  const clients: Readonly<Record<string, readonly [readonly string[], () => string, ...string[]]>> = {
    'kdig +https': [kdig, secure, '+https'],
    'kdig +https +https-get': [kdig, secure, '+https', '+https-get'],
    'dig +https': [dig, secure, '+https'],
    'dig +https-get': [dig, secure, '+https-get'],
    'dig +http-plain': [dig, clear, '+http-plain'],
    'dig +http-plain-get': [dig, clear, '+http-plain-get'],
  }
  it.each(Object.entries(clients))('%s', async (_title, [[tool = '', ...args], port, ...more]) => {
    expect((await run(tool, ...args, port(), ...more)).trim()).toBe(ADDRESS)
  })

  it('curl, to find a host', async () => {
    const url = `https://127.0.0.1:${secure()}/dns-query`
    const text = await run('curl', '-sv', '-m', '3', '--doh-insecure', '--doh-url', url, 'http://www.home.test:1/')
    expect(text).toContain(`Trying ${ADDRESS}`)
  })

  it('curl, for JSON, over both versions of HTTP', async () => {
    const url = `https://127.0.0.1:${secure()}/dns-query?name=www.home.test`
    for (const version of ['--http1.1', '--http2']) {
      const text = await run('curl', '-s', '--cacert', 'ca.pem', version, '-H', 'accept: application/dns-json', url)
      expect(JSON.parse(text)).toMatchObject({
        Status: 0,
        Answer: [{ name: 'www.home.test.', type: 1, data: ADDRESS }],
      })
    }
  })

  it('Chromium, in its secure mode, with the authority in its trust store', async () => {
    const store = join(directory, '.pki', 'nssdb')
    mkdirSync(store, { recursive: true })
    const certutil = (...args: string[]): Buffer => execFileSync('certutil', ['-d', `sql:${store}`, ...args])
    certutil('-N', '--empty-password')
    certutil('-A', '-t', 'C,,', '-n', 'authority', '-i', file('ca.pem'))
    const profile = join(directory, 'profile')
    mkdirSync(profile)
    // Where Chromium keeps what is chosen under "Use secure DNS": no other resolver is asked when this one fails.
    const templates = `https://127.0.0.1:${secure()}/dns-query`
    writeFileSync(join(profile, 'Local State'), JSON.stringify({ dns_over_https: { mode: 'secure', templates } }))
    const web = createWebServer((_request, response) => response.end('<title>found by DNS over HTTPS</title>'))
    await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve))
    stops.push(async () => {
      web.closeAllConnections()
      web.close()
      await once(web, 'close')
    })
    const bound = web.address()
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: whereIs('chromium') ?? '',
      args: ['--no-sandbox'],
      env: { ...process.env, HOME: directory },
      timeout: PROGRAM_MS,
    })
    try {
      const page = await browser.newPage()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      await page.goto(`http://web.home.test:${port}/`, { timeout: PROGRAM_MS })
      expect(await page.title()).toBe('found by DNS over HTTPS')
    } finally {
      await browser.close()
    }
    const asked = log.filter(({ name }) => name.includes('web')).map(({ type, client }) => [type, client.transport])
    expect(asked).toContainEqual([RrType.A, 'https'])
  })

  it('dnsdist, which checks the name', async () => {
    const port = await freePort()
    const upstream = `address="127.0.0.1:${secure()}", tls="openssl", subjectName="${NAME}", caStore="${file('ca.pem')}", checkName="www.home.test."`
    writeFileSync(
      file('dnsdist.conf'),
      `setLocal("127.0.0.1:${port}")\nnewServer({${upstream}, validateCertificates=true, dohPath="/dns-query"})\n`,
    )
    const dnsdist = startProcess('dnsdist', ['--supervised', '--disable-syslog', '-C', file('dnsdist.conf')])
    stops.push(() => dnsdist.stop())
    await expect
      .poll(
        async () => (await run('dig', '@127.0.0.1', '-p', String(port), '+short', '+tries=1', 'www.home.test')).trim(),
        PATIENT,
      )
      .toBe(ADDRESS)
  })

  it.each([
    ['HTTP/2', []],
    ['HTTP/1.1', ['--h1']],
  ])('h2load over %s, and no request fails', async (_title, more) => {
    writeFileSync(
      file('query'),
      Buffer.from('\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\x04home\x04test\0\0\x01\0\x01', 'latin1'),
    )
    const asks = ['-n', '2000', '-c', '10', '-m', '10', '-d', 'query', '-H', 'content-type: application/dns-message']
    const text = await run('h2load', ...asks, ...more, `https://127.0.0.1:${secure()}/dns-query`)
    expect(text).toMatch(/2000 succeeded, 0 failed, 0 errored/)
    expect(text).toMatch(/2000 2xx/)
  })

  it('haproxy for others: by X-Forwarded-For over HTTP, by a PROXY header in front of TLS', async () => {
    const [http, tcp] = [await freePort(), await freePort()]
    writeFileSync(file('pair.pem'), Buffer.concat(['cert.pem', 'key.pem'].map(one => execFileSync('cat', [file(one)]))))
    writeFileSync(
      file('haproxy.cfg'),
      `defaults
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend a
  mode http
  bind 127.0.0.1:${http} ssl crt ${file('pair.pem')} alpn h2,http/1.1
  option forwardfor
  use_backend http
backend http
  mode http
  server one 127.0.0.1:${clear()}
frontend b
  mode tcp
  bind 127.0.0.1:${tcp}
  use_backend tcp
backend tcp
  mode tcp
  server one 127.0.0.1:${behindProxy()} send-proxy-v2
`,
    )
    const haproxy = startProcess('haproxy', ['-db', '-f', file('haproxy.cfg')])
    stops.push(() => haproxy.stop())
    for (const port of [http, tcp]) {
      const before = log.length
      // From another address of this host, which is the one that has to be seen.
      const url = `https://127.0.0.1:${port}/dns-query/laptop?name=www.home.test`
      await expect
        .poll(() => run('curl', '-s', '--cacert', 'ca.pem', '--interface', '127.0.0.7', url), PATIENT)
        .toContain(ADDRESS)
      const { client } = log.slice(before).find(entry => entry.client.clientId === 'laptop') ?? {}
      expect([client?.ip.text, client?.proxy?.text, client?.clientId]).toEqual(['127.0.0.7', '127.0.0.1', 'laptop'])
    }
  })
})
