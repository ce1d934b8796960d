/** The commands that ask a running server, against one. */
import { chmodSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { readConfig } from '../../src/config/read.ts'
import { type Served, startServed } from './served.ts'

const token = 'rw_reader'
const admin = { tokens: [{ name: 'reader', scope: 'read', sha256: createHash('sha256').update(token).digest('hex') }] }
let served: Served
let broken = false
beforeAll(async () => {
  served = await startServed(
    { admin },
    {
      readConfig: () =>
        readConfig({
          file: { path: '/r.json', text: JSON.stringify(broken ? { listne: 1 } : { admin }) },
          overrides: [],
          directory: '/',
        }),
    },
  )
  await served.ask('/api/v1/explain', { method: 'POST', body: { name: 'www.shop' } })
})
afterAll(() => served.stop())

async function run(...words: readonly string[]) {
  const said = { out: '', err: '' }
  const code = await main(words, {
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    environment: {},
    directory: served.directory,
    terminal: false,
  })
  return { code, ...said }
}

const asked = (...words: readonly string[]) => run(...words, '--admin', `unix:${served.socket}`)

it('status says what runs, in lines and as JSON', async () => {
  const { code, out } = await asked('status')
  expect(code).toBe(0)
  expect(out).toMatch(/^version +\d/)
  expect(out).toMatch(/^listening on +127\.0\.0\.1:\d+\/udp/m)
  const { out: json } = await asked('status', '--json')
  expect(JSON.parse(json)).toMatchObject({ pid: process.pid, stopping: false })
})

it('cache shows a name, all names, and the root', async () => {
  expect((await asked('cache', 'www.shop')).out).toMatch(
    /^www\.shop\. A: \(\d+ s left; as the server sent it; .*\n {2}www\.shop\.\t\d+\tIN\tA\t192\.0\.2\.80\n/,
  )
  expect((await asked('cache')).out).toContain('www.shop. A:')
  expect((await asked('cache', '--kind', 'delegations')).out).toContain('  ns.shop. 10.53.0.2\n')
  expect((await asked('cache', 'absent.shop')).out).toContain('; nothing is cached of absent.shop.\n')
  expect((await asked('cache', '.')).code).toBe(0)
})

it('policy why says what each position decides, in lines and as JSON', async () => {
  const { code, out } = await asked('policy', 'why', 'www.shop', '--client', '127.0.0.1')
  expect(code).toBe(0)
  expect(out).toMatch(/^www\.shop\. A for 127\.0\.0\.1 over udp at 127\.0\.0\.1:0, view default\n/)
  expect(out).toMatch(/^ {2}resolution +from the cache: NOERROR, 1 record$/m)
  const { out: json } = await asked('policy', 'why', 'www.shop', '--client', '192.0.2.1', '--type', 'AAAA', '--json')
  expect(JSON.parse(json)).toMatchObject({ question: 'www.shop. AAAA', answer: null, view: 'default' })
  expect((await asked('policy', 'why', 'www.shop', '--client', 'tablet')).err).toContain('"tablet" is no address')
  expect((await asked('policy', 'why', 'www.shop')).err).toContain('--client')
})

it('policy why takes a configuration that no server has yet', async () => {
  const file = join(served.directory, 'new.json')
  writeFileSync(file, JSON.stringify({ rules: ['||shop^', '||www.shop^'] }))
  const { code, out } = await run('policy', 'why', 'www.shop', '--client', '127.0.0.1', '--config', file)
  expect(code).toBe(0)
  expect(out).toMatch(
    /^ {2}lists +"\|\|www\.shop\^" \(rules\[1\]\): NXDOMAIN, .*\n +lost: "\|\|shop\^" \(rules\[0\]\)$/m,
  )
  writeFileSync(file, JSON.stringify({ rules: 7 }))
  expect((await run('policy', 'why', 'www.shop', '--client', '::1', '--config', file)).err).toContain('new.json:1')
})

it('explain names the rule that decides, for the client that is asked about', async () => {
  const { body } = await served.ask('/api/v1/explain', { method: 'POST', body: { name: 'www.shop', client: '::1' } })
  expect(body.policy).toMatchObject({ client: { address: '::1' }, answer: { status: 'NOERROR', by: 'cache' } })
})

it('servers lists round trips', async () => {
  expect((await asked('servers')).out).toMatch(/^10\.53\.0\.2#?\S*\t[\d.]+ ms, EDNS ok, cookies (unknown|ignored)$/m)
})

it('flush counts with --dry-run and removes without', async () => {
  expect((await asked('flush', 'www.shop', '--dry-run')).out).toMatch(/^would flush www\.shop\.: 1 rrset/)
  expect((await asked('flush', 'www.shop')).out).toMatch(/^flushed www\.shop\.: 1 rrset/)
  expect((await asked('flush', 'www.shop')).out).toMatch(/nothing was there/)
  expect((await asked('flush', '--all')).out).toMatch(/^flushed everything: /)
})

it('reload says what is wrong with the configuration', async () => {
  expect(await asked('reload')).toMatchObject({ code: 0, out: 'reloaded\n' })
  broken = true
  const { code, err } = await asked('reload')
  broken = false
  expect(code).toBe(1)
  expect(err).toContain('did you mean "listen"?')
})

describe('a command that fails says why and what to do', () => {
  it.each([
    ['without a server', ['status', '--admin', 'unix:/nowhere/admin.sock'], 69, 'is the server running'],
    ['without "admin" in the configuration', ['status'], 69, '"admin": { "listen"'],
    ['with a URL that is none', ['status', '--admin', 'http://[x'], 64, 'expected unix:PATH or a URL'],
    ['with a name that is none', ['cache', 'a..b', '--admin', 'SOCKET'], 65, '/name: '],
    ['without a name', ['flush', '--admin', 'SOCKET'], 64, 'flush takes a name, or --all'],
    ['without a token', ['status', '--admin', 'TCP'], 77, '--token-file'],
    ['with a token that may only read', ['flush', '--all', '--admin', 'TCP', '--token-file', 'good'], 77, 'scope read'],
    ['with a token that is unknown', ['status', '--admin', 'TCP', '--token-file', 'bad'], 77, 'not known here'],
    ['without the file of the token', ['status', '--admin', 'TCP', '--token-file', 'absent'], 66, 'ENOENT'],
  ])('%s', async (_what, words, code, text) => {
    writeFileSync(join(served.directory, 'good'), `${token}\n`)
    writeFileSync(join(served.directory, 'bad'), 'rw_other\n')
    const places: Readonly<Record<string, string>> = {
      SOCKET: `unix:${served.socket}`,
      TCP: `http://127.0.0.1:${served.port}`,
    }
    const ended = await run(...words.map(word => places[word] ?? word))
    expect(ended.err).toContain(text)
    expect(ended.code).toBe(code)
  })

  it.skipIf(process.getuid?.() === 0)('when the socket is not ours', async () => {
    chmodSync(served.socket, 0o000)
    expect(await asked('status')).toMatchObject({ code: 77 })
    chmodSync(served.socket, 0o660)
  })
})

it('a token over TCP does what its scope allows', async () => {
  writeFileSync(join(served.directory, 'good'), `${token}\n`)
  const { code } = await run('status', '--admin', `127.0.0.1:${served.port}`, '--token-file', 'good')
  expect(code).toBe(0)
})

it('token create prints the token alone on standard output, and a setting that the configuration takes', async () => {
  const { code, out, err } = await run('token', 'create', '--name', 'ci', '--scope', 'write', '--expires', '2031-01-01')
  expect(code).toBe(0)
  expect(out).toMatch(/^rw_[\w-]{43}\n$/)
  const line = /^ {2}(?<setting>\{.*\})$/m.exec(err)?.groups?.setting ?? ''
  const sha256 = createHash('sha256').update(out.trim()).digest('hex')
  expect(JSON.parse(line)).toEqual({ name: 'ci', scope: 'write', sha256, expires: '2031-01-01' })
  const text = `{"admin":{"listen":"127.0.0.1:8530","tokens":[${line}]}}`
  expect(readConfig({ file: { path: '/r.json', text }, overrides: [], directory: '/' }).kind).toBe('config')
})
