/**
 * Response policy zones next to BIND, which is the reference where the draft leaves something open: random zones and
 * questions over the same names, served by NSD. And policy zones that BIND sends.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SimRandom } from '../../src/simulation/random.ts'
import { claimNetwork, startNsd, temporaryDirectory } from '../daemons.mjs'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { rcodeName, RrType, typeName } from '../../src/dns/types.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { formatName } from '../../src/presentation/text.ts'
import { asked, bytesOf } from '../server/make.ts'
import type { Endpoint } from './dig.ts'
import { askUdp } from './wire-client.ts'
import { freePort, keyText, startPrimary } from './primaries.ts'
import { startRootwalk, type Rootwalk } from './rootwalk.ts'
import { startRpzPeer, type RpzPeer } from './rpz-peers.ts'
import { explanation, internet, makePolicy, makeWorld, NAMES, policyText } from './rpz-worlds.ts'

const NO_ROOT = '. 3600 NS none.\nnone. 3600 A 127.53.253.253\n'
const SEED = Number(process.env.ROOTWALK_SEED ?? 20_260_101)
const SEEDS = Array.from({ length: 4 }, (_, i) => SEED + i)
const PEERS: readonly RpzPeer[] = ['named', 'unbound', 'pdns_recursor']
/** A datagram can be lost on a machine that is busy. */
const TRY_MS = 3_000

const startOurs = (at: string, texts: readonly string[]): Promise<Rootwalk> =>
  startRootwalk({
    hints: NO_ROOT,
    config: {
      stub: [{ zone: 'test', to: [at] }],
      specialUse: { test: false },
      rpz: texts.map((_, i) => ({ zone: `rpz${i}`, file: `rpz${i}.zone` })),
    },
    files: Object.fromEntries(texts.map((text, i) => [`rpz${i}.zone`, text])),
  })

/** Rcode and records; asked from here and not with a program, as there are hundreds of questions. */
async function said(server: Endpoint, name: string, type: 'A' | 'TXT'): Promise<string> {
  const question = asked(`${name}.`, RrType[type])
  const bytes = bytesOf({ id: randomInt(0x1_0000), question })
  const reply = (await askUdp(server, bytes, TRY_MS)) ?? (await askUdp(server, bytes))
  const decoded = reply === null ? null : decodeMessage(reply)
  if (decoded?.kind !== 'message') return 'no answer'
  const { rcode, answer } = decoded.message
  const records = answer.map(({ owner, type: t, rdata }) =>
    `${formatName(owner)} ${typeName(t)} ${formatRdata(t, rdata)}`.toLowerCase(),
  )
  // The order of addresses is nobody's promise.
  return [rcodeName(rcode), ...records.sort()].join('; ')
}

type PeerName = RpzPeer | 'rootwalk'

needs(
  'named',
  'nsd',
  'unbound',
  'pdns_recursor',
)('policy zones next to BIND', () => {
  test.each(SEEDS)(
    'are the same here, and each difference of Unbound and PowerDNS has an explanation (seed %d)',
    async seed => {
      const random = new SimRandom(seed)
      const network = await claimNetwork()
      if (typeof network === 'string') throw new Error(network)
      const at = network.address(1)
      const world = makeWorld(random)
      const policies = [makePolicy(random), makePolicy(random), makePolicy(random)]
      const texts = policies.map(policyText)
      const open: { stop(): Promise<void> }[] = []
      try {
        open.push(
          await startNsd({ name: 'test', addresses: [at], zones: [{ origin: 'test.', text: internet(world) }] }),
        )
        const peers = await Promise.all(PEERS.map(peer => startRpzPeer(peer, at, texts)))
        const ours = await startOurs(at, texts)
        open.push(...peers, ours)
        const servers: readonly [PeerName, Endpoint][] = [
          ['rootwalk', ours.endpoint],
          ...PEERS.map((peer, i): [PeerName, Endpoint] => [peer, peers[i]?.at ?? ours.endpoint]),
        ]
        const differences: string[] = []
        for (const name of NAMES.map(one => `${one}.test`))
          for (const type of ['A', 'TXT'] as const) {
            const all = new Map(
              await Promise.all(servers.map(async ([peer, server]) => [peer, await said(server, name, type)] as const)),
            )
            const bind = all.get('named') ?? ''
            for (const [peer, theirs] of all) {
              if (theirs === bind) continue
              const isExplained =
                peer !== 'rootwalk' && explanation(peer, { name, type, bind, theirs }, world, policies) !== null
              if (!isExplained) differences.push(`${name} ${type}\n  BIND: ${bind}\n  ${peer}: ${theirs}`)
            }
          }
        if (differences.length > 0) differences.push(...texts, internet(world))
        expect(differences.join('\n')).toBe('')
      } finally {
        await Promise.all(open.map(one => one.stop()))
        await network.release()
      }
    },
    CONDITION_MS * 2,
  )
})

needs('named')('a policy zone that BIND sends', () => {
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
