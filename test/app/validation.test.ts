import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { startServer, type RunningServer, type ServerOptions } from '../../src/app/server.ts'
import { StartError } from '../../src/app/service/start-error.ts'
import { runQuery } from '../../src/cli/query/query.ts'
import { readDigWords } from '../../src/cli/query/dig-args.ts'
import { ROOT } from '../../src/dns/name.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { RrType } from '../../src/dns/types.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { logLine } from '../../src/render/event.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { buildInternet, signedBy, type InternetSource } from '../../src/simulation/internet.ts'
import { embeddedNetwork } from '../../src/simulation/network.ts'
import { configOf } from './inside.ts'
import { PATIENT } from '../patience.mjs'

const soa = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
const zone = (origin: string, at: string, sign: string | undefined, text: string): InternetSource['zones'][number] => ({
  origin,
  at: [at],
  text: `${soa}@ 3600 NS ns\nns 3600 A ${at}\n${text}`,
  sign,
})
const cuts = ['good', 'broken', 'plain']
  .map((name, index) => `${name}. 3600 NS ns.${name}.\nns.${name}. 3600 A 10.54.0.${index + 2}\n`)
  .join('')
const source: InternetSource = {
  zones: [
    { origin: '.', at: ['10.54.0.1'], text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 10.54.0.1\n${cuts}`, sign: '' },
    zone('good.', '10.54.0.2', '', 'www 300 A 192.0.2.1\nroot-key-sentinel-is-ta-00001 300 A 192.0.2.2\n'),
    zone('broken.', '10.54.0.3', 'expired', 'www 300 A 192.0.2.3\n'),
    zone('plain.', '10.54.0.4', undefined, 'www 300 A 192.0.2.4\n'),
  ],
  servers: ['10.54.0.1', '10.54.0.2', '10.54.0.3', '10.54.0.4'].map(at => ({ at: [at], latencyMs: 0 })),
}

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-validation-'))
const random = systemRandom()
const internet = buildInternet(
  source,
  random,
  0,
  signedBy(() => systemClock().wall()),
)
const rootAnchor = internet.anchors.get(ROOT)
if (rootAnchor === undefined) throw new Error('the root is not signed')
const anchorFile = join(directory, 'anchors')
writeFileSync(
  anchorFile,
  [
    ...rootAnchor.ds.map(rdata => `. IN DS ${formatRdata(RrType.DS, rdata)}\n`),
    ...rootAnchor.keys.map(rdata => `. IN DNSKEY ${formatRdata(RrType.DNSKEY, rdata)}\n`),
  ].join(''),
)

const running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(server => server.stop()))
})
afterAll(() => rmSync(directory, { recursive: true }))

interface Started {
  readonly server: RunningServer
  readonly told: () => string[]
  ask(words: string): Promise<string>
  json(words: string): Promise<{ status: string; security: string | null; flags: string[]; errors: number[] }>
}

async function start(dnssec: object = { trustAnchors: 'anchors' }, options: ServerOptions = {}): Promise<Started> {
  const events: Event[] = []
  const network = embeddedNetwork(systemClock(), random, defaultLimits.upstream, internet.hosts)
  const server = await startServer(configOf({ dnssec }, directory), {
    network,
    hints: internet.hints,
    events: event => events.push(event),
    ...options,
  })
  running.push(server)
  const port = server.addresses[0]?.port ?? 0
  const ask = async (words: string): Promise<string> => {
    const read = readDigWords([...words.split(' '), '@127.0.0.1'], { port })
    if (read.kind === 'usage') throw new Error(read.message)
    const printed: string[] = []
    const print = (text: string): void => void printed.push(text)
    await runQuery({ ...read.query, tries: 1 }, { address: '', port }, { out: print, err: print })
    return printed.join('')
  }
  const json = async (words: string): ReturnType<Started['json']> => {
    const { status, security, flags, edns } = JSON.parse(await ask(`${words} +json`))
    return { status, security, flags, errors: edns?.errors.map((error: { code: number }) => error.code) ?? [] }
  }
  return { server, ask, json, told: () => events.map(event => logLine(event).message) }
}

describe('a server that validates', () => {
  test('secure, insecure and bogus, as a client sees them', async () => {
    const { ask, json } = await start()
    expect(await json('www.good A')).toMatchObject({
      status: 'NOERROR',
      security: 'secure',
      flags: expect.arrayContaining(['ad']),
    })
    expect(await json('nothing.good A')).toMatchObject({ status: 'NXDOMAIN', security: 'secure' })
    expect(await json('www.plain A')).toMatchObject({ status: 'NOERROR', security: 'insecure' })
    expect(await json('www.broken A')).toMatchObject({ status: 'SERVFAIL', security: 'bogus', errors: [7] })
    expect(await json('www.broken A +cd')).toMatchObject({ status: 'NOERROR', security: null })
    expect(await ask('www.good A')).toContain('\n;; DNSSEC: secure, the server validated it\n;; Query time:')
    expect(await ask('www.plain A')).toContain('\n;; DNSSEC: insecure: not signed, or not validated by this server\n')
    expect(await ask('www.broken A')).toContain('\n;; DNSSEC: bogus: the signatures do not hold; +cd shows the data\n')
    expect(await ask('www.good A +noad')).not.toContain('DNSSEC:')
    expect(await ask('www.good A +short')).toBe('192.0.2.1\n')
  })

  test('anchors in the configuration, or handed over; what is believed is told', async () => {
    const configured = await start()
    await configured.json('www.good A')
    expect(configured.told().filter(line => line.startsWith('trust anchors: . ('))).toHaveLength(1)
    const handed = await start({}, { anchors: [rootAnchor] })
    expect(await handed.json('www.good A')).toMatchObject({ security: 'secure' })
    const none = await start({ trustAnchors: [] })
    expect([
      (await none.json('www.broken A')).status,
      none.told().filter(line => line.startsWith('DNSSEC validation is off')),
    ]).toEqual(['NOERROR', ['DNSSEC validation is off: there is no trust anchor']])
    // The real root's keys did not sign this one.
    expect(await (await start({})).json('www.good A')).toMatchObject({ status: 'SERVFAIL', security: 'bogus' })
  })

  test('a name below a negative trust anchor is answered without validation', async () => {
    const { json } = await start({
      trustAnchors: 'anchors',
      negativeTrustAnchors: [{ name: 'broken', until: '2999-01-01' }],
    })
    expect(await json('www.broken A')).toMatchObject({ status: 'NOERROR', security: 'insecure' })
    expect(await json('www.good A')).toMatchObject({ security: 'secure' })
  })

  test('the root key sentinel (RFC 8509) tells a client which key is trusted', async () => {
    const { json } = await start({ trustAnchors: 'anchors', rootKeySentinel: true })
    expect(await json('root-key-sentinel-is-ta-00001.good A')).toMatchObject({ status: 'SERVFAIL' })
    expect(await (await start()).json('root-key-sentinel-is-ta-00001.good A')).toMatchObject({
      status: 'NOERROR',
      security: 'secure',
    })
  })

  test('wrong anchors end the start, and leave what runs as it is', async () => {
    writeFileSync(join(directory, 'wrong'), '. IN DS 1 8 2 ABCD\n. IN A 192.0.2.1\n')
    const failed = await start({ trustAnchors: 'wrong' }).catch(error =>
      error instanceof StartError ? error.failure : error,
    )
    expect(failed).toMatchObject({
      kind: 'anchors',
      problems: [{ file: join(directory, 'wrong'), line: 1 }, { line: 2 }],
    })
    const configs = [{ trustAnchors: 'wrong' }, { trustAnchors: 'anchors', validate: false }]
    const inside = await start(
      { trustAnchors: 'anchors' },
      {
        readConfig: () => ({
          kind: 'config',
          config: configOf({ dnssec: configs.shift() ?? {} }, directory),
          warnings: [],
        }),
      },
    )
    expect((await inside.json('www.broken A')).status).toBe('SERVFAIL')
    inside.server.reload()
    expect([(await inside.json('www.broken A')).status, inside.told().at(-1)]).toEqual([
      'SERVFAIL',
      expect.stringMatching(/^the new configuration has errors/),
    ])
    // And what was judged before is forgotten when another one is taken.
    inside.server.reload()
    expect(await inside.json('www.broken A')).toMatchObject({ status: 'NOERROR', security: 'insecure' })
  })

  test('an anchor file is read again', async () => {
    const file = join(directory, 'changing')
    writeFileSync(file, readFileSync(anchorFile))
    const { server, json, told } = await start({ trustAnchors: 'changing' })
    expect(await json('www.good A')).toMatchObject({ security: 'secure' })
    writeFileSync(file, `. IN DS 20326 8 2 ${'00'.repeat(32)}\n`)
    server.reload()
    expect([await json('www.good A'), told().some(line => line.startsWith('trust anchors: . (20326)'))]).toMatchObject([
      { status: 'SERVFAIL' },
      true,
    ])
  })

  test('managed anchors leave their state in the file', async () => {
    const { server, told } = await start({ trustAnchors: 'anchors', managedAnchors: 'state' })
    await vi.waitFor(
      () => expect(told().filter(line => line.endsWith('of the trust anchor . is trusted'))).not.toEqual([]),
      PATIENT,
    )
    await server.stop()
    expect(readFileSync(join(directory, 'state'), 'latin1')).toMatch(
      /^rootwalk-trust-anchors 1\n[\s\S]*\npoint \. seen \d+\nkey valid configured since [\s\S]*\nend \d+\n$/,
    )
  })
})
