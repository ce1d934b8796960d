/**
 * The hostile worlds of `test/sim/hostile/` on real sockets, asked by rootwalk and by Unbound. Honest, both say what
 * the plan says, so that the plan is checked by somebody else's validator. Attacked, and afterwards from what both have
 * cached, neither says anything untrue of a name below a secure delegation; where Unbound refuses, rootwalk refuses or
 * says the truth.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { groupRRsets } from '../../src/dns/rrset.ts'
import { EdeCode, Rcode, rcodeName, RrType } from '../../src/dns/types.ts'
import { ROOT } from '../../src/dns/name.ts'
import { systemClock } from '../../src/system/system.ts'
import type { Outcome } from '../../src/steps.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { openLoopbackInternet } from '../../src/testing/internet/loopback.ts'
import { question } from '../../src/simulation/records.ts'
import { anchorLines } from '../../src/simulation/signed-internet.ts'
import type { Host } from '../../src/simulation/network.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { claimNetwork, startUnbound, temporaryDirectory } from '../daemons.mjs'
import { Attacker } from '../sim/hostile/attacker.ts'
import { describePlan, planWorlds, worldOf, type WorldPlan } from '../sim/hostile/plan.ts'
import { nsecAt } from '../sim/hostile/play.ts'
import { type Held, heldBy, isFreed, positionOf } from '../sim/hostile/position.ts'
import { type Ask, Questions } from '../sim/hostile/questions.ts'
import { outcomeText, Truth, untruthOf } from '../sim/hostile/truth.ts'
import { needs, unless } from '../tools.ts'
import type { Endpoint } from './dig.ts'
import { inParallel } from './dnssec-sign.ts'
import { freePort, startRootwalk } from './rootwalk.ts'
import { askTcp, askUdp } from './wire-client.ts'
import { LONG_TEST_MS } from '../patience.mjs'

const WORLDS = 20
/** Batches of worlds below one root, each with its own Unbound: 20 worlds in every run, 200 with ROOTWALK_LONG=1. */
const BATCHES = process.env.ROOTWALK_LONG === '1' ? 10 : 1
const QUESTIONS = 14
const PROBES = 8
const IN_FLIGHT = 4
const PAYLOAD = 4_096
/** In the third octet of a message. */
const TC = 0x02
/** Unbound asks servers on this port alone. */
const PORT = 53
const ADDRESS = '127.0.0.1'
const NETWORK = `127.${200 + (process.pid % 50)}`

/** Why Unbound 1.17 may say something else than the plan. */
const EXPLAINED: readonly { readonly why: string; readonly of: (ask: Ask) => boolean }[] = [
  {
    why: 'RFC 8482: which set answers ANY, and whether any does, is up to the server; rootwalk makes up HINFO.',
    of: ({ type }) => type === 'ANY',
  },
  {
    why: 'RFC 4592 does not say whether a wildcard makes NSEC records of its own; the servers here make none.',
    of: ({ type }) => type === 'NSEC',
  },
]
/** Why Unbound 1.17 may refuse what is in order. */
const REFUSED: readonly { readonly why: string; readonly of: (ask: Ask) => boolean }[] = [
  {
    why: 'RFC 4592 section 2.2.1: a wildcard makes names that begin with an asterisk as any other. Unbound refuses.',
    of: ({ name }) => name.startsWith('*.'),
  },
]
const mayRefuse = (ask: Ask): boolean => REFUSED.some(({ of }) => of(ask))
const isExplained = (ask: Ask): boolean => EXPLAINED.some(({ of }) => of(ask))

interface OneWorld {
  readonly tld: string
  readonly plan: WorldPlan
  readonly attacker: Attacker
  readonly held: Held | null
  readonly asks: readonly Ask[]
  readonly probes: readonly Ask[]
}

interface Batch {
  readonly plan: WorldPlan
  readonly truth: Truth
  readonly worlds: readonly OneWorld[]
  readonly ours: Endpoint
  readonly theirs: Endpoint
  stop(): Promise<void>
}

async function openBatch(first: number, honest: boolean): Promise<Batch> {
  const keys = new KeyStore()
  const seeds = Array.from({ length: WORLDS }, (_, i) => first + i)
  const randomOf = (seed: number): SimRandom => new SimRandom(seed).fork('hostile world')
  const tldOf = (seed: number): string => `w${seed}.`
  const plan = planWorlds(
    seeds.map(seed => ({ random: randomOf(seed).fork('plan'), tld: tldOf(seed) })),
    keys,
    n => `${NETWORK}.${n >> 8}.${n & 0xff}`,
  )
  const hosts = new Map<string, Host>()
  const clock = systemClock()
  const between = (host: Host): Host => {
    hosts.set(host.ip.text, host)
    return host
  }
  const internet = await openLoopbackInternet(plan.source, clock, new SimRandom(first), {
    port: PORT,
    network: NETWORK,
    latency: false,
    between,
  })
  const truth = new Truth(plan, keys, (zone, name) => nsecAt(hosts.get(zone.address)?.server, name))
  const worlds = seeds.map((seed): OneWorld => {
    const tld = tldOf(seed)
    const own = worldOf(plan, tld)
    const random = randomOf(seed)
    const position = positionOf(random.fork('position'), own)
    const held = heldBy(position.zone, own, keys)
    const ownHosts = new Map(
      [...hosts].filter(([address]) => own.zones.some(zone => zone.origin !== '.' && zone.address === address)),
    )
    const attacker = new Attacker({
      plan: own,
      position,
      held,
      random: random.fork('attacker'),
      hosts: ownHosts,
      wall: () => clock.wall(),
      spared: new Set(),
      steady: true,
    })
    attacker.isThere = !honest
    const owners = truth.owners().filter(([owner]) => owner.endsWith(tld))
    const questions = new Questions(random.fork('names'), { ...own, zones: own.zones.slice(1) }, owners, position.zone)
    const make = (count: number, one: () => Ask): Ask[] =>
      Array.from({ length: count }, one).filter(ask => !isExplained(ask))
    return {
      tld,
      plan: own,
      attacker,
      held,
      asks: make(QUESTIONS, () => questions.ask()),
      probes: make(PROBES, () => questions.probe()),
    }
  })
  const hints = `. 3600000 NS ns.\nns. 3600000 A ${plan.zones[0]?.address ?? ''}\n`
  const root = internet.anchors.get(ROOT)
  const anchors = root === undefined ? '' : `${anchorLines(root).join('\n')}\n`
  const files = temporaryDirectory('hostile')
  writeFileSync(join(files.path, 'anchors'), anchors)
  const ours = await startRootwalk({ hints, config: { dnssec: { trustAnchors: 'anchors' } }, files: { anchors } })
  const port = await freePort()
  const theirs = await startUnbound({
    address: ADDRESS,
    port,
    hints,
    more: [
      'module-config: "validator iterator"',
      `trust-anchor-file: "${join(files.path, 'anchors')}"`,
      'trust-anchor-signaling: no',
      'aggressive-nsec: yes',
      'ede: yes',
      // All servers are in this process, which may be late; none of them is down.
      'infra-keep-probing: yes',
      'infra-host-ttl: 1',
    ],
  })
  const stop = async (): Promise<void> => {
    await Promise.all([ours.stop(), theirs.stop()])
    await internet.close()
    files.remove()
  }
  return { plan, truth, worlds, ours: ours.endpoint, theirs: { address: ADDRESS, port }, stop }
}

async function askOne(server: Endpoint, { name, type }: Ask): Promise<Outcome> {
  const query = encodeQuery({
    id: 1,
    question: question(name, type),
    recursionDesired: true,
    edns: { payloadSize: PAYLOAD, version: 0, dnssecOk: true, flags: 0, options: [] },
  })
  const small = await askUdp(server, query)
  const isTruncated = small !== null && ((small[2] ?? 0) & TC) !== 0
  const [bytes] = isTruncated ? await askTcp(server, [query]) : [small]
  const decoded = decodeMessage(bytes ?? new Uint8Array())
  // Who gives up without a word has refused.
  if (decoded.kind !== 'message')
    return { kind: 'failure', rrsets: [], why: 'unreachable', ede: EdeCode.Other, text: 'no reply' }
  return outcomeOf(decoded.message, question(name, type).type)
}

/** A reply as the outcome that it stands for. */
function outcomeOf({ rcode, answer, authenticData, edns }: Message, type: number): Outcome {
  const rrsets = groupRRsets(answer.filter(record => record.type !== RrType.RRSIG))
  const security = authenticData ? { kind: 'secure' as const } : { kind: 'insecure' as const }
  const fields = { rrsets, proof: [], security, authoritative: false }
  if (rcode === Rcode.NXDOMAIN) return { ...fields, kind: 'nxdomain', soa: null }
  if (rcode !== Rcode.NOERROR)
    return {
      kind: 'failure',
      rrsets,
      why: 'bogus',
      ede: EdeCode.Other,
      text: [
        rcodeName(rcode),
        ...(edns === null ? [] : readExtendedErrors(edns)).map(({ code, text }) => `${code} ${text}`),
      ].join(' '),
    }
  return rrsets.at(-1)?.type === type
    ? { ...fields, kind: 'answer', additional: [] }
    : { ...fields, kind: 'nodata', soa: null }
}

interface Pair {
  readonly world: OneWorld
  readonly ask: Ask
  readonly ours: Outcome
  readonly theirs: Outcome
}

const askBoth = (
  batch: Batch,
  asks: readonly { readonly world: OneWorld; readonly ask: Ask }[],
): Promise<readonly Pair[]> =>
  inParallel(
    asks,
    async ({ world, ask }) => {
      const [ours, theirs] = await Promise.all([askOne(batch.ours, ask), askOne(batch.theirs, ask)])
      return { world, ask, ours, theirs }
    },
    IN_FLIGHT,
  )

const asksOf = (
  batch: Batch,
  of: (world: OneWorld) => readonly Ask[],
): { readonly world: OneWorld; readonly ask: Ask }[] =>
  batch.worlds.flatMap(world => of(world).map(ask => ({ world, ask })))

const lineOf = ({ world, ask, ours, theirs }: Pair, wrong: string): string =>
  [
    `${world.tld} ${ask.name} ${ask.type}: ${wrong}`,
    `  rootwalk ${outcomeText(ours)}`,
    `  unbound ${outcomeText(theirs)}`,
    `  ${world.attacker.text}`,
    describePlan(world.plan),
  ].join('\n')

/** Addresses of the loopback network and port 53, or the reason why not. */
async function whyNoServers(): Promise<string | null> {
  const network = await claimNetwork()
  if (typeof network === 'string') return network
  await network.release()
  return null
}

const reason = await whyNoServers()
const suite = reason === null ? needs('unbound') : unless(reason)

suite('hostile worlds beside Unbound', () => {
  it(
    'honest, both say what the plan says',
    async () => {
      const batch = await openBatch(1, true)
      try {
        const pairs = await askBoth(
          batch,
          asksOf(batch, ({ asks, probes }) => [...asks, ...probes]),
        )
        const wrong = pairs.flatMap(pair =>
          [pair.ours, pair.theirs].flatMap((outcome, i) => {
            if (outcome.kind === 'failure' && i === 1 && mayRefuse(pair.ask)) return []
            const untrue =
              outcome.kind === 'failure'
                ? 'refused'
                : untruthOf(batch.truth, pair.ask.name, pair.ask.type, outcome, () => false)
            const secure = batch.truth.isSecure(pair.ask.name, pair.ask.type)
            const weak =
              outcome.kind !== 'failure' && secure && outcome.security.kind !== 'secure' ? 'not called secure' : null
            const said = untrue ?? weak
            return said === null ? [] : [lineOf(pair, `${i === 0 ? 'rootwalk' : 'Unbound'}: ${said}`)]
          }),
        )
        expect(wrong).toEqual([])
        expect(pairs.length).toBeGreaterThan(WORLDS * QUESTIONS)
      } finally {
        await batch.stop()
      }
    },
    LONG_TEST_MS,
  )

  for (let number = 0; number < BATCHES; number++) {
    const first = 1 + number * WORLDS
    it(
      `attacked and afterwards, neither says anything untrue: worlds ${first} to ${first + WORLDS - 1}`,
      async () => {
        const batch = await openBatch(first, false)
        try {
          const attacked = await askBoth(
            batch,
            asksOf(batch, ({ asks }) => asks),
          )
          for (const { attacker } of batch.worlds) attacker.isThere = false
          const left = await askBoth(
            batch,
            asksOf(batch, ({ asks, probes }) => [...probes, ...asks]),
          )
          const pairs = [...attacked, ...left]
          const wrong = pairs.flatMap(pair =>
            [pair.ours, pair.theirs].flatMap((outcome, i) => {
              // Who forges an insecure alias may let it lead anywhere: Unbound does not judge what is behind it by
              // itself.
              const untrue = untruthOf(
                batch.truth,
                pair.ask.name,
                pair.ask.type,
                outcome,
                (name, type) => isFreed(pair.world.plan, pair.world.held, name, type),
                i === 0,
              )
              return untrue === null ? [] : [lineOf(pair, `${i === 0 ? 'rootwalk' : 'Unbound'}: ${untrue}`)]
            }),
          )
          expect(wrong).toEqual([])
          // A run in which nobody is deceived, or everything refused, would prove little.
          expect(batch.worlds.flatMap(({ attacker }) => attacker.changed).length).toBeGreaterThan(WORLDS)
          const secure = ({ kind, ...outcome }: Outcome): boolean =>
            kind !== 'failure' && 'security' in outcome && outcome.security.kind === 'secure'
          for (const of of ['ours', 'theirs'] as const)
            expect(pairs.filter(pair => secure(pair[of])).length).toBeGreaterThan(pairs.length / 5)
          for (const of of ['ours', 'theirs'] as const)
            expect(pairs.filter(pair => pair[of].kind === 'failure').length).toBeGreaterThan(0)
        } finally {
          await batch.stop()
        }
      },
      LONG_TEST_MS,
    )
  }
})
