import { Resolver } from 'node:dns/promises'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli.ts'
import { buildForServing } from '../e2e/rootwalk.ts'
import { root, run, saying, start, type Running } from '../testing/command.ts'
import { CONDITION_MS } from '../patience.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-stub-'))
const cli = join(root, 'dist/cli.js')
const running: Running[] = []
beforeAll(() => {
  buildForServing()
  writeFileSync(join(directory, 'shop.zone'), '$ORIGIN shop.test.\n$TTL 60\nwww IN A 192.0.2.77\n')
})
afterEach(() => {
  for (const one of running.splice(0)) one.child.kill('SIGKILL')
})
afterAll(() => rmSync(directory, { recursive: true }))

interface Started extends Running {
  readonly dns: string
  readonly control: string
  readonly resolver: Resolver
}

async function stub(...options: string[]): Promise<Started> {
  const one = start(process.execPath, [cli, 'stub', '--print-port', ...options], { cwd: directory })
  running.push(one)
  const printed: { dns: string; control?: string; pid: number } = JSON.parse(await saying(one, /\n/))
  expect(printed.pid).toBe(one.child.pid)
  const resolver = new Resolver({ timeout: CONDITION_MS, tries: 1 })
  resolver.setServers([printed.dns])
  return { ...one, dns: printed.dns, control: `http://${printed.control}`, resolver }
}

/** Within this process. */
async function words(...all: string[]): Promise<{ code: number; out: string; err: string }> {
  const ran = { out: '', err: '' }
  const code = await main(all, {
    out: text => {
      ran.out += text
    },
    err: text => {
      ran.err += text
    },
    environment: {},
    directory,
    terminal: false,
  })
  return { code, ...ran }
}

describe('rootwalk stub', () => {
  test('answers from a zone, takes orders over HTTP, writes the queries, and ends by a signal with 0', async () => {
    const { resolver, control, child, ended } = await stub(
      '--zone',
      'shop.zone',
      '--control',
      '127.0.0.1:0',
      '--record',
      'queries.jsonl',
    )
    expect(await resolver.resolve4('www.shop.test')).toEqual(['192.0.2.77'])
    const put = await fetch(`${control}/records/new.test/A`, {
      method: 'PUT',
      body: '{"data": ["192.0.2.1"], "ttl": 5}',
      headers: { 'content-type': 'application/json' },
    })
    expect(put.status).toBe(201)
    expect(await resolver.resolve4('new.test', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 5 }])
    // Back to the start: the zone stays, what was set goes, and the file keeps what was asked.
    expect((await fetch(`${control}/state`, { method: 'DELETE' })).status).toBe(204)
    expect(await resolver.resolve4('www.shop.test')).toEqual(['192.0.2.77'])
    await expect(resolver.resolve4('new.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null, err: '' })
    const lines = readFileSync(join(directory, 'queries.jsonl'), 'utf8').trimEnd().split('\n')
    expect(
      lines.map(line => JSON.parse(line)).map(({ name, type, answeredWith }) => [name, type, answeredWith]),
    ).toEqual([
      ['www.shop.test', 'A', 'NOERROR'],
      ['new.test', 'A', 'NOERROR'],
      ['www.shop.test', 'A', 'NOERROR'],
      ['new.test', 'A', 'NXDOMAIN'],
    ])
  })

  test('ends when standard input is closed, if told so; Ctrl-C ends it too', async () => {
    const [one, two] = await Promise.all([stub('--exit-with-stdin'), stub()])
    one.child.stdin?.end()
    expect(await one.ended).toMatchObject({ code: 0 })
    two.child.kill('SIGINT')
    expect(await two.ended).toMatchObject({ code: 0 })
  })

  test('says to a person where it is', async () => {
    const one = start(process.execPath, [cli, 'stub', '--control', '0'], { cwd: directory })
    running.push(one)
    const said = await new Promise(resolve => one.child.stderr?.once('data', resolve))
    expect(said).toMatch(
      /^rootwalk stub: answers on 127\.0\.0\.1:\d+, UDP and TCP; control API at http:\/\/127\.0\.0\.1:\d+\n$/,
    )
  })

  test('other names: another answer, or another server', async () => {
    const refusing = await stub('--unlisted', 'refused', '--zone', 'shop.zone')
    await expect(refusing.resolver.resolve4('other.test')).rejects.toMatchObject({ code: 'EREFUSED' })
    const forwarding = await stub('--forward', refusing.dns)
    expect(await forwarding.resolver.resolve4('www.shop.test')).toEqual(['192.0.2.77'])
  })

  test.each([
    [['--port', '70000'], 64, /--port takes a port/],
    [['--prot', '5353'], 64, /Unknown argument: prot \(did you mean --port\?\)/],
    [['--unlisted', 'ignore'], 64, /--unlisted takes nxdomain/],
    [['--zone', join(directory, 'none.zone')], 65, /^rootwalk stub: .*none\.zone/],
    [['--record', '/nowhere/q'], 65, /\/nowhere\/q/],
    [['--address', '192.0.2.1'], 69, /192\.0\.2\.1:0\/udp cannot be used/],
    [['--control', '192.0.2.1:0'], 69, /192\.0\.2\.1:0\/tcp cannot be used/],
  ])('%j: exit code %d', async (options, code, message) => {
    const ran = await words('stub', ...options)
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toMatch(message)
  })
})

describe('wrong words for exec', () => {
  test.each([
    [['exec'], /the command is missing: rootwalk exec \[options\] -- COMMAND/],
    [['exec', '--asert-no-unmatched', '--', 'true'], /did you mean --assert-no-unmatched\?/],
    [['exec', 'true'], /Unknown argument: true/],
  ])('%j', async (all, message) => {
    const ran = await words(...all)
    expect(ran).toMatchObject({ code: 64, out: '' })
    expect(ran.err).toMatch(message)
  })

  test('help does not run the command', async () => {
    const ran = await run(process.execPath, [cli, 'exec', '--help', '--', 'touch', 'touched'], { cwd: directory })
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain('--assert-no-unmatched')
    expect(() => readFileSync(join(directory, 'touched'))).toThrow()
  })
})
