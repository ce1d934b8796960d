/**
 * Response policy zones next to BIND, which is the reference where the draft leaves something open: random zones and
 * questions over the same names, served by NSD. And policy zones that BIND sends.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SimRandom } from '../../src/simulation/random.ts'
import { answers, claimNetwork, startNsd, startProcess, temporaryDirectory, type Daemon } from '../daemons.mjs'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig, type Endpoint } from './dig.ts'
import { freePort, keyText, startPrimary } from './primaries.ts'
import { startRootwalk, type Rootwalk } from './rootwalk.ts'

const NO_ROOT = '. 3600 NS none.\nnone. 3600 A 127.53.253.253\n'
const SEED = Number(process.env.ROOTWALK_SEED ?? 20_260_101)
/** Asked in groups, as each is a process. */
const QUESTIONS = 120
const AT_ONCE = 12

const LABELS = ['a', 'b', 'c']
const ADDRESSES = ['198.51.100.1', '198.51.100.2', '198.51.101.1', '203.0.113.7']
/** All names of up to three labels. */
const NAMES = LABELS.flatMap(x => [x, ...LABELS.flatMap(y => [`${y}.${x}`, ...LABELS.map(z => `${z}.${y}.${x}`)])])

const random = new SimRandom(SEED)
const pick = <T>(from: readonly T[]): T => {
  const found = from[random.below(from.length)]
  if (found === undefined) throw new Error('nothing to choose from')
  return found
}

/** Most names have addresses, some are aliases of others, some do not exist. */
function internet(): string {
  const lines = NAMES.flatMap(name => {
    const kind = random.below(10)
    if (kind === 0) return []
    if (kind < 3) return [`${name} CNAME ${pick(NAMES)}`]
    return [`${name} A ${pick(ADDRESSES)}`, ...(kind < 5 ? [`${name} A 203.0.113.9`] : [])]
  })
  return ['$TTL 300', '@ SOA ns.test. h.test. 1 3600 600 86400 60', '@ NS ns', 'ns A 127.0.0.9', ...lines, ''].join(
    '\n',
  )
}

/** One rule an owner, as BIND refuses a CNAME next to other data. */
function policy(): string {
  const rules = new Map<string, string>()
  for (let i = 0; i < 14; i++) {
    const name = `${pick(NAMES)}.test`
    const owner = pick([
      name,
      name,
      `*.${name}`,
      `*.${pick(LABELS)}.test`,
      `32.${pick(ADDRESSES).split('.').reverse().join('.')}.rpz-ip`,
      '24.0.100.51.198.rpz-ip',
      '8.0.0.0.127.rpz-client-ip',
    ])
    if (owner.endsWith('client-ip') && random.below(6) > 0) continue
    rules.set(
      owner,
      pick(['CNAME .', 'CNAME *.', 'CNAME rpz-passthru.', `A 10.0.0.${i}`, `CNAME ${pick(NAMES)}.test.`]),
    )
  }
  const lines = [...rules].map(([owner, rule]) => `${owner} ${rule}`)
  return ['$TTL 300', '@ SOA ns.test. h.test. 1 3600 600 86400 60', '@ NS ns.test.', ...lines, ''].join('\n')
}

async function startNamed(owner: string, policies: readonly string[]): Promise<Daemon & { readonly at: Endpoint }> {
  const port = await freePort()
  const directory = temporaryDirectory('named')
  for (const [i, text] of policies.entries()) writeFileSync(join(directory.path, `rpz${i}`), text)
  const zones = policies.map((_, i) => `zone "rpz${i}" { type primary; file "rpz${i}"; };`)
  writeFileSync(
    join(directory.path, 'conf'),
    `options {
  directory "${directory.path}"; pid-file none; session-keyfile none; recursion yes; dnssec-validation no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; empty-zones-enable no; qname-minimization off;
  response-policy { ${policies.map((_, i) => `zone "rpz${i}";`).join(' ')} } qname-wait-recurse no;
};
controls { };
zone "test" { type forward; forward only; forwarders { ${owner}; }; };
${zones.join('\n')}
`,
  )
  let log = ''
  const running = startProcess('named', ['-g', '-c', join(directory.path, 'conf')], { onOutput: text => (log += text) })
  if (!(await answers('127.0.0.1', port, running.gone))) throw new Error(log)
  const stop = async (): Promise<void> => {
    await running.stop()
    directory.remove()
  }
  return { pid: running.pid, log: () => log, stop, at: { address: '127.0.0.1', port } }
}

async function said(server: Endpoint, name: string, type: string): Promise<string> {
  const { status, answer } = await dig(server, name, type)
  // The order of addresses is nobody's promise.
  return [status, ...answer.map(({ owner, type: t, data }) => `${owner} ${t} ${data}`.toLowerCase()).sort()].join('; ')
}

needs(
  'named',
  'nsd',
  'dig',
)('policy zones next to BIND', () => {
  let owner: Daemon
  let named: Awaited<ReturnType<typeof startNamed>>
  let ours: Rootwalk
  let release: () => Promise<void>
  let policies: readonly string[]

  beforeAll(async () => {
    const network = await claimNetwork()
    if (typeof network === 'string') throw new Error(network)
    release = network.release
    const at = network.address(1)
    policies = [policy(), policy(), policy()]
    owner = await startNsd({ name: 'test', addresses: [at], zones: [{ origin: 'test.', text: internet() }] })
    named = await startNamed(at, policies)
    ours = await startRootwalk({
      hints: NO_ROOT,
      config: {
        stub: [{ zone: 'test', to: [at] }],
        specialUse: { test: false },
        rpz: policies.map((_, i) => ({ zone: `rpz${i}`, file: `rpz${i}.zone` })),
      },
      files: Object.fromEntries(policies.map((text, i) => [`rpz${i}.zone`, text])),
    })
  }, CONDITION_MS)

  afterAll(async () => {
    await Promise.all([ours, named, owner].map(one => one?.stop()))
    await release?.()
  })

  test(
    `say the same of random questions (seed ${SEED})`,
    async () => {
      const differences: string[] = []
      const compare = async (name: string, type: string): Promise<void> => {
        const [theirs, own] = await Promise.all([said(named.at, name, type), said(ours.endpoint, name, type)])
        if (theirs !== own) differences.push(`${name} ${type}\n  BIND:     ${theirs}\n  rootwalk: ${own}`)
      }
      for (let i = 0; i < QUESTIONS; i += AT_ONCE)
        await Promise.all(
          Array.from({ length: AT_ONCE }, () => compare(`${pick(NAMES)}.test`, pick(['A', 'A', 'A', 'TXT']))),
        )
      expect(differences.join('\n') + (differences.length > 0 ? `\n${policies.join('\n---\n')}` : '')).toBe('')
    },
    CONDITION_MS * 2,
  )
})

needs('named', 'dig')('a policy zone that BIND sends', () => {
  test(
    'holds when it has come, and after a change, and from its copy',
    async () => {
      const state = temporaryDirectory('state')
      mkdirSync(join(state.path, 'zones'))
      const text = (serial: number, rule: string) =>
        `$TTL 300\n@ SOA ns h ${serial} 3600 600 86400 60\n@ NS ns\nns A 10.0.0.1\n${rule}\n`
      const port = await freePort()
      const server = await startPrimary('named', {
        zone: 'rpz.example',
        text: text(1, 'bad.test CNAME .'),
        notify: port,
      })
      const start = () =>
        startRootwalk({
          hints: NO_ROOT,
          config: {
            listen: [`127.0.0.1:${port}`],
            state: state.path,
            specialUse: { test: false },
            rpz: [{ zone: 'rpz.example', primaries: [`127.0.0.1:${server.port}`], tsig: 'key.conf' }],
          },
          files: { 'key.conf': keyText() },
        })
      const first = await start()
      const poll = (name: string) => expect.poll(async () => said(first.endpoint, name, 'A'), { timeout: CONDITION_MS })
      await poll('bad.test').toBe('NXDOMAIN')
      server.write(text(2, 'worse.test A 10.1.1.1'))
      await poll('worse.test').toBe('NOERROR; worse.test. a 10.1.1.1')
      await first.stop()
      await server.stop()
      const second = await start()
      expect(await said(second.endpoint, 'worse.test', 'A')).toBe('NOERROR; worse.test. a 10.1.1.1')
      await second.stop()
      state.remove()
    },
    CONDITION_MS * 2,
  )
})
