/** The command as a whole, with the machine that the test runs on and root servers on loopback addresses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { main } from '../../../src/cli.ts'
import { createInternet } from '../../../src/testing/index.ts'
import type { SocketInternet } from '../../../src/testing/internet/types.ts'
import { freePort } from '../../e2e/rootwalk.ts'
import { unless } from '../../tools.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-doctor-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Report {
  readonly worst: string
  readonly findings: readonly { readonly check: string; readonly level: string; readonly found: string }[]
}

async function doctor(settings: object, ...words: readonly string[]): Promise<{ code: number; out: string }> {
  const file = join(directory, 'resolver.config.json')
  writeFileSync(file, JSON.stringify({ state: directory, ...settings }))
  let out = ''
  const code = await main(['doctor', '--config', file, ...words], {
    out: text => {
      out += text
    },
    err: () => {},
    environment: {},
    directory,
    terminal: false,
  })
  return { code, out }
}

async function findings(settings: object, ...words: readonly string[]): Promise<Map<string, string>> {
  const { out } = await doctor(settings, '--json', ...words)
  const report: Report = JSON.parse(out)
  return new Map(report.findings.map(({ check, level, found }) => [check, `${level}: ${found}`]))
}

unless(process.platform === 'linux' ? null : 'only Linux answers on all of 127.0.0.0/8')('rootwalk doctor', () => {
  let net: SocketInternet
  beforeAll(async () => {
    net = await createInternet({ 'example.test': { records: { www: { A: '127.0.0.1' } } } }, { sockets: true })
  })
  afterAll(async () => {
    await net[Symbol.asyncDispose]()
  })

  const inInternet = (): object => ({
    rootHints: net.hintsFile(),
    dnssec: { validate: false },
    upstream: { doNotQuery: [], port: net.port },
  })

  it('finds nothing wrong with a free port and root servers that answer', async () => {
    const found = await findings({ ...inInternet(), listen: [`127.0.0.1:${await freePort()}`] })
    expect(found.get('configuration')).toMatch(/^good: .* is correct$/)
    expect(found.get('port')).toMatch(/^good: 127\.0\.0\.1:\d+ can be listened on$/)
    expect(found.get('upstream')).toMatch(/^good: \d of \d root servers answered/)
    expect(found.get('edns')).toMatch(/^good/)
    expect(found.get('tcp')).toMatch(/^good/)
    expect(found.get('state')).toMatch(/^(?:good|warning): the state directory/)
  })

  it('names the program that holds the port, and fails', async () => {
    const server = createServer()
    const port = await new Promise<number>(listening =>
      server.listen(0, '127.0.0.1', () => {
        const at = server.address()
        listening(typeof at === 'object' && at !== null ? at.port : 0)
      }),
    )
    const { code, out } = await doctor({ listen: [`tls://127.0.0.1:${port}`], tls: selfSigned }, '--offline')
    server.close()
    expect(code).toBe(1)
    expect(out).toMatch(
      new RegExp(`ERROR +port +127\\.0\\.0\\.1:${port}/tcp is in use by .*\\(process ${process.pid}\\)`),
    )
  })

  it('goes on with what is right of a configuration that is wrong', async () => {
    const found = await findings({ listen: ['127.0.0.1:0'], cache: 7 }, '--offline')
    expect(found.get('configuration')).toMatch(/^error: .* has 1 problem$/)
    expect([...found.keys()]).toContain('clock')
  })

  it('offline sends nothing and says nothing of the way', async () => {
    const found = await findings({ ...inInternet(), listen: ['127.0.0.1:0'] }, '--offline')
    expect([...found.keys()].filter(check => ['upstream', 'edns', 'tcp', 'ipv6'].includes(check))).toEqual([])
  })

  it('a forwarder that is not there is an error with the reason', async () => {
    const forward = [{ zone: '.', to: [`127.0.0.1:${await freePort()}`] }]
    const found = await findings({ ...inInternet(), listen: ['127.0.0.1:0'], forward })
    expect(found.get('upstream')).toMatch(/^error: forward zone \. \(127\.0\.0\.1:\d+\) does not answer: /)
  })
})

const selfSigned = { certificate: 'self-signed' }
