import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { main } from '../../src/cli.ts'
import { readOpenOptions } from '../../src/cli/open-args.ts'
import { createDnsStub, createInternet } from '../../src/testing/index.ts'
import { ca, closedPort, h2, http, tcp } from '../visit/site.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-open-'))
afterAll(() => rmSync(directory, { recursive: true }))
writeFileSync(join(directory, 'ca.pem'), ca.cert)
const CA = ['--ca', join(directory, 'ca.pem')]

/** The top-level domain of tests is one like any other here, and servers on loopback addresses may be asked. */
const settings = (port: number): object => ({ specialUse: { test: false }, upstream: { doNotQuery: [], port } })

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function open(...words: readonly string[]): Promise<Ran> {
  const ran = { out: '', err: '' }
  const code = await main(['open', ...words], {
    out: text => {
      ran.out += text
    },
    err: text => {
      ran.err += text
    },
    environment: { XDG_CONFIG_HOME: directory },
    directory,
    terminal: false,
  })
  return { code, ...ran }
}

describe('rootwalk open', () => {
  it('walks from the root, follows the HTTPS record and shows all of it', async () => {
    const port = await h2((_, response) => response.end('hello'))
    await using net = await createInternet(
      { 'example.test': { records: { www: { A: '127.0.0.1', HTTPS: `1 . alpn=h2 port=${port}` } } } },
      { sockets: true },
    )
    writeFileSync(join(directory, 'walk.json'), JSON.stringify(settings(net.port)))
    const words = ['-c', join(directory, 'walk.json'), '--root-hints', net.hintsFile(), '--no-dnssec', ...CA]
    const { code, out, err } = await open('http://www.example.test/', ...words, '--walk')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('an HTTPS record wants https://www.example.test/')
    expect(out).toMatch(/DNS +HTTPS www\.\S+, \d+ asked/)
    expect(out).toMatch(/TCP +127\.0\.0\.1:\d+/)
    expect(out).toContain('certificate CN=www.example.test, verified')
    expect(out).toContain('CAA         any authority may issue')
    expect(out).toContain('zone test. from referral')
  })

  it('as JSON has the walks as data, and the passes', async () => {
    const port = await h2((_, response) => response.end('hello'))
    await using net = await createInternet(
      { 'example.test': { records: { www: '127.0.0.1' } } },
      { sockets: true, dnssec: true },
    )
    writeFileSync(join(directory, 'json.json'), JSON.stringify(settings(net.port)))
    const { code, out } = await open(
      `https://www.example.test:${port}/`,
      ...['-c', join(directory, 'json.json'), '--root-hints', net.hintsFile()],
      ...['--trust-anchors', net.anchorsFile(), ...CA, '--json', '--repeat', '2'],
    )
    const told = JSON.parse(out)
    expect([code, told.exitCode, told.version]).toEqual([0, 0, 1])
    const queries = (pass: number): number =>
      told.passes[pass].hops[0].lookUps
        .flatMap((lookUp: { source: { steps: readonly { kind: string }[] } }) => lookUp.source.steps)
        .filter(({ kind }: { kind: string }) => kind === 'exchange').length
    expect(queries(0)).toBeGreaterThan(2)
    expect(queries(1)).toBe(0)
    expect(
      told.passes[0].hops[0].lookUps.map(({ answer }: { answer: { security: string } }) => answer.security),
    ).toEqual(['secure', 'secure', 'secure'])
    expect(
      told.passes.map(({ hops }: { hops: readonly { tls: { isResumed: boolean } }[] }) => hops[0]?.tls.isResumed),
    ).toEqual([false, true, true])
  })

  it('asks another resolver, and a second one for comparison', async () => {
    const port = await http((_, response) => response.end())
    await using one = await createDnsStub({ records: { 'www.example.test': '127.0.0.1' } })
    await using other = await createDnsStub({ records: { 'www.example.test': '127.0.0.9' } })
    const { code, out } = await open(
      `http://www.example.test:${port}/`,
      ...['--resolver', `127.0.0.1:${one.port}`, '--compare', `127.0.0.1:${other.port}`],
    )
    expect(code).toBe(0)
    expect(out).toContain(`The same look-ups at 127.0.0.1#${other.port}`)
    expect(out).toMatch(/www\.example\.test\. A: .* other answer:\s+127\.0\.0\.9/)
  })

  it('says loudly that --insecure proves nothing', async () => {
    const port = await h2((_, response) => response.end())
    const { code, out, err } = await open(`https://127.0.0.1:${port}/`, '--insecure')
    expect(code).toBe(0)
    expect(err).toContain('WARNING: --insecure accepts any certificate')
    expect(out).toContain('NOT VERIFIED')
  })
})

describe('the exit code of rootwalk open', () => {
  const refused = async (): Promise<string> => `http://127.0.0.1:${await closedPort()}/`
  const serving = (reply: string) => async (): Promise<string> =>
    `http://127.0.0.1:${await tcp(socket => socket.on('data', () => socket.end(reply)))}/`
  test.each<readonly [string, number, () => string | Promise<string>, readonly string[]]>([
    ['a URL of another scheme', 1, () => 'ftp://127.0.0.1/', []],
    ['what is no URL', 3, () => 'http://[', []],
    ['a connection that is refused', 7, refused, []],
    ['a reply that is no HTTP', 8, serving('220 hello\r\n'), []],
    ['content that ends early', 18, serving('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'), []],
    ['status 404 with --fail', 22, serving('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'), ['--fail']],
    ['a server that says nothing', 28, async () => `http://127.0.0.1:${await tcp(() => {})}/`, ['--max-time', '0.05']],
    ['a redirect to itself', 47, serving('HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'), []],
    ['an empty reply', 52, serving(''), []],
    ['a certificate of an unknown authority', 60, async () => `https://127.0.0.1:${await h2(() => {})}/`, []],
    ['TLS with a server that speaks none', 35, async () => (await serving('no')()).replace('http:', 'https:'), []],
  ])('for %s is %i', async (_, code, url, words) => {
    expect((await open(await url(), ...words)).code).toBe(code)
  })

  it('for a name that does not exist is 6', async () => {
    await using dns = await createDnsStub({})
    expect((await open('http://nowhere.test/', '--resolver', `127.0.0.1:${dns.port}`)).code).toBe(6)
  })

  test.each([
    ['http://127.0.0.1/', '--ca', 'nothing.pem'],
    ['http://127.0.0.1/', '--ca', import.meta.filename],
  ])('of %s %s %s is 66', async (...words) => {
    const { code, err } = await open(...words)
    expect(code).toBe(66)
    expect(err).toContain('--ca')
  })
})

describe('the options of rootwalk open', () => {
  const read = (words: Readonly<Record<string, unknown>>) => readOpenOptions({ url: 'a.test', ...words })

  it('have defaults, and https for a URL without a scheme', () => {
    expect(read({})).toMatchObject({
      kind: 'open',
      command: { url: 'https://a.test', method: 'GET', repeat: 1, redirects: 10, passMs: 30_000, families: [4, 6] },
    })
  })

  test.each([
    [{ resolver: '192.0.2.53' }, { resolver: { key: '192.0.2.53#53' } }],
    [{ resolver: '2001:db8::53' }, { resolver: { key: '2001:db8::53#53' } }],
    [{ resolver: '[2001:db8::53]:5300' }, { resolver: { key: '2001:db8::53#5300' } }],
    [{ head: true }, { method: 'HEAD' }],
    [{ ipv4: true }, { families: [4] }],
    [{ 'http1.1': true }, { offer: ['http/1.1'] }],
    [
      { header: ['Accept: a', 'X-Empty:'] },
      {
        headers: [
          ['Accept', 'a'],
          ['X-Empty', ''],
        ],
      },
    ],
    [{ 'max-time': '0.5' }, { passMs: 500 }],
    [{ 'max-content': '2' }, { contentBytes: 2048 }],
  ])('%j is read', (words, wanted) => {
    expect(read(words)).toMatchObject({ command: wanted })
  })

  it('that are wrong are all named at once', () => {
    const result = read({
      resolver: 'dns.test',
      ip: '1.2.3',
      repeat: '0',
      'max-time': '-1',
      request: 'a b',
      header: ['no field', 'A: b\r\nC: d'],
    })
    for (const option of ['resolver', 'ip', 'repeat', 'max-time', 'request', 'header'])
      expect(result.kind === 'usage' ? result.message : '').toContain(`--${option} `)
  })

  it('CONNECT is no method for it', () => {
    expect(read({ request: 'CONNECT' }).kind).toBe('usage')
  })
})
