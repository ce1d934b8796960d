/**
 * Odd worlds (`odd-worlds.ts`) on real sockets, asked by rootwalk and by Unbound, BIND, Knot Resolver and PowerDNS
 * Recursor. What three of them agree on, rootwalk says as well. A world in which it does not is played once more with
 * everything new, since all of this runs on a machine that may be busy: what differs twice is a fault.
 */
import { appendFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { ROOT } from '../../src/dns/name.ts'
import { Rcode, rcodeName, RrType, typeName } from '../../src/dns/types.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import type { Host } from '../../src/simulation/network.ts'
import { question } from '../../src/simulation/records.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { anchorLines } from '../../src/simulation/signed-internet.ts'
import { systemClock } from '../../src/system/system.ts'
import { openLoopbackInternet } from '../../src/testing/internet/loopback.ts'
import { installed, startPeer } from '../bench/peers.mjs'
import { claimNetwork } from '../daemons.mjs'
import { LONG_TEST_MS } from '../patience.mjs'
import { oddInternet, reacting, type ZoneRow } from '../real-world/world.ts'
import { unless } from '../tools.ts'
import type { Endpoint } from './dig.ts'
import { inParallel } from './dnssec-sign.ts'
import { KINDS, oddWorld, type OddWorld } from './odd-worlds.ts'
import { startRootwalk } from './rootwalk.ts'
import { askTcp, askUdp } from './wire-client.ts'

/** Each kind once; with ROOTWALK_LONG=1 in ten ways; with ROOTWALK_SEED=n that one world. */
const SEED = Number(process.env.ROOTWALK_SEED ?? 0)
const ROUNDS = process.env.ROOTWALK_LONG === '1' ? 10 : 1
const WORLDS = SEED > 0 ? 1 : KINDS
/** How many have to agree. */
const AGREED = 3
const IN_FLIGHT = 10
/** A client asks again when it gets an error or nothing, as stub resolvers do. */
const TRIES = 3
const TRY_MS = 5_000
const PAYLOAD = 1_232
/** In the third octet of a message. */
const TC = 0x02
/** All resolvers ask servers on this port alone. */
const PORT = 53
const SERVERS_PER_ZONE = 8
const ADDRESS = '127.0.0.1'
const NETWORK = `127.${100 + (process.pid % 50)}`
/** A file that gets every difference, those that are no fault too. */
const DIFFERENCES = process.env.ROOTWALK_DIFFERENCES

interface Resolvers {
  readonly endpoints: ReadonlyMap<string, Endpoint>
  stop(): Promise<void>
}

const addressOf = (zone: number, server: number): string => {
  const n = 1 + zone * SERVERS_PER_ZONE + server
  return `198.${18 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`
}

async function open(worlds: readonly OddWorld[]): Promise<Resolvers> {
  const zones: Readonly<Record<string, ZoneRow>> = Object.assign({}, ...worlds.map(world => world.zones))
  const odd = oddInternet(zones, addressOf)
  const clock = systemClock()
  const hosts = new Map<string, Host>()
  const internet = await openLoopbackInternet(odd, clock, new SimRandom(1), {
    port: PORT,
    network: NETWORK,
    latency: false,
    between: host => {
      hosts.set(host.ip.text, host)
      return host
    },
  })
  for (const [address, server] of odd.behaviours) {
    const host = hosts.get(internet.addressOf(address))
    if (host !== undefined) host.server.react = reacting(host.server, server, { lose: 0, honest: false })
  }
  const hints = `. 3600000 NS ns1.\nns1. 3600000 A ${internet.addressOf(addressOf(0, 0))}\n`
  const root = internet.anchors.get(ROOT)
  const anchors = root === undefined ? [] : anchorLines(root)
  const peers = await Promise.all(installed().map(name => startPeer(name, { hints, anchor: anchors[0] ?? null })))
  const ours = await startRootwalk({
    hints,
    config: { dnssec: { trustAnchors: 'anchors' } },
    files: { anchors: `${anchors.join('\n')}\n` },
  })
  return {
    endpoints: new Map([
      ['rootwalk', ours.endpoint],
      ...peers.map(({ name, port }) => [name, { address: ADDRESS, port }] as const),
    ]),
    stop: async () => {
      await Promise.all([ours.stop(), ...peers.map(peer => peer.stop())])
      await internet.close()
    },
  }
}

/** `NOERROR AD 192.0.2.1`, with the data of the type that was asked for; null: nothing came. */
async function askOnce(server: Endpoint, name: string, type: string): Promise<string | null> {
  const query = encodeQuery({
    id: 1,
    question: question(name, type),
    recursionDesired: true,
    edns: { payloadSize: PAYLOAD, version: 0, dnssecOk: true, flags: 0, options: [] },
  })
  const small = await askUdp(server, query, TRY_MS)
  const isTruncated = small !== null && ((small[2] ?? 0) & TC) !== 0
  const [bytes] = isTruncated ? await askTcp(server, [query]) : [small]
  const decoded = decodeMessage(bytes ?? new Uint8Array())
  if (decoded.kind !== 'message') return null
  const { rcode, answer, authenticData, edns } = decoded.message
  if (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN) {
    const errors = edns === null ? [] : readExtendedErrors(edns)
    return [rcodeName(rcode), ...errors.map(({ code, text }) => `${code} ${text}`)].join(' ')
  }
  // How much of what there is a server gives is its own affair (RFC 8482), and whether there is anything cannot be seen.
  if (type === 'ANY') return rcodeName(rcode)
  const data = answer
    .filter(record => typeName(record.type) === type)
    .map(record => formatRdata(record.type, record.rdata))
    .sort()
  const aliases = answer.some(record => record.type === RrType.CNAME) ? ' by alias' : ''
  return `${rcodeName(rcode)}${authenticData ? ' AD' : ''}${rcode === Rcode.NOERROR ? aliases : ''} ${[...new Set(data)].join(' | ')}`.trim()
}

const isFailure = (said: string | null): boolean => said === null || !/^(NOERROR|NXDOMAIN)\b/.test(said)

async function ask(server: Endpoint, asked: string): Promise<string> {
  const [name = '', type = ''] = asked.split(' ')
  let said: string | null = null
  for (let tries = 0; tries < TRIES && isFailure(said); tries++) said = await askOnce(server, name, type)
  return isFailure(said) ? `${NO_ANSWER} ${said ?? 'at all'}` : (said ?? '')
}

const NO_ANSWER = 'no answer:'
/** Why there is none does not matter. */
const compared = (said: string): string => (said.startsWith(NO_ANSWER) ? NO_ANSWER : said)

interface Said {
  readonly world: OddWorld
  readonly number: number
  readonly asked: string
  readonly ours: string
  readonly peers: ReadonlyMap<string, string>
}

async function play(numbers: readonly number[]): Promise<readonly Said[]> {
  const worlds = numbers.map(number => ({ number, world: oddWorld(number, new SimRandom(number).fork('odd world')) }))
  const { endpoints, stop } = await open(worlds.map(({ world }) => world))
  try {
    const said = await inParallel(
      worlds,
      async ({ number, world }): Promise<readonly Said[]> => {
        const all = await Promise.all(
          [...endpoints].map(async ([name, server]) => {
            const replies: string[] = []
            for (const one of world.asks) replies.push(await ask(server, one))
            return [name, replies] as const
          }),
        )
        return world.asks.map((asked, i) => {
          const { rootwalk = '', ...peers } = Object.fromEntries(all.map(([name, replies]) => [name, replies[i] ?? '']))
          return { world, number, asked, ours: rootwalk, peers: new Map(Object.entries(peers)) }
        })
      },
      IN_FLIGHT,
    )
    return said.flat()
  } finally {
    await stop()
  }
}

/** What enough of the peers agree on; null when there is no such thing. */
function agreed(peers: ReadonlyMap<string, string>): string | null {
  const counts = new Map<string, number>()
  for (const said of [...peers.values()].map(compared)) counts.set(said, (counts.get(said) ?? 0) + 1)
  return [...counts].find(([, count]) => count >= AGREED)?.[0] ?? null
}

const lineOf = ({ world, number, asked, ours, peers }: Said): string =>
  [
    `world ${number} (${world.title}): ${asked}`,
    `  rootwalk: ${ours}`,
    ...[...peers].map(([name, said]) => `  ${name}: ${said}`),
  ].join('\n')

/** Is it a fault of ours? An answer where peers have none is none. */
function isWrong({ ours, peers }: Said): boolean {
  const right = agreed(peers)
  return right !== null && right !== NO_ANSWER && right !== compared(ours)
}

/** No peer has an answer to it, and we do. */
const isOurs = ({ ours, peers }: Said): boolean =>
  !ours.startsWith(NO_ANSWER) && [...peers.values()].every(said => said.startsWith(NO_ANSWER))
/** Some peers have an answer to it, however few, and we do not. */
const isTheirs = ({ ours, peers }: Said): boolean =>
  ours.startsWith(NO_ANSWER) && [...peers.values()].some(said => !said.startsWith(NO_ANSWER))

/** What the numbers of a run are, for who reads it: `resolved by rootwalk alone: 2 of 800`, and which. */
function summary(said: readonly Said[]): string {
  const lines = (title: string, some: readonly Said[]): string[] => [
    `${title}: ${some.length} of ${said.length}`,
    ...some.map(({ number, world, asked }) => `  world ${number} (${world.title}): ${asked}`),
  ]
  const names = [...(said[0]?.peers.keys() ?? [])]
  const without = names.map(
    name => `${name} ${said.filter(({ peers }) => peers.get(name)?.startsWith(NO_ANSWER) === true).length}`,
  )
  const ours = said.filter(one => one.ours.startsWith(NO_ANSWER)).length
  return [
    `no answer of ${said.length}: rootwalk ${ours}, ${without.join(', ')}`,
    ...lines('resolved by rootwalk alone', said.filter(isOurs)),
    ...lines('resolved by another, not by rootwalk', said.filter(isTheirs)),
  ].join('\n')
}

async function whyNot(): Promise<string | null> {
  if (installed().length < AGREED) return `needs ${AGREED} of unbound, named, kresd and pdns_recursor`
  const network = await claimNetwork()
  if (typeof network === 'string') return network
  await network.release()
  return null
}

unless(await whyNot())('odd worlds beside other resolvers', () => {
  for (let round = 0; round < ROUNDS; round++) {
    const first = SEED > 0 ? SEED : 1 + round * KINDS
    it(
      `what three of them resolve, rootwalk resolves: worlds ${first} to ${first + WORLDS - 1}`,
      async () => {
        const said = await play(Array.from({ length: WORLDS }, (_, i) => first + i))
        const worlds = [...new Set(said.filter(isWrong).map(({ number }) => number))]
        const again = worlds.length === 0 ? [] : await play(worlds)
        if (DIFFERENCES !== undefined)
          for (const one of said)
            if (new Set([one.ours, ...one.peers.values()].map(compared)).size > 1)
              appendFileSync(DIFFERENCES, `${lineOf(one)}\n`)
        process.stdout.write(`${summary(said)}\n`)
        expect(again.filter(isWrong).map(lineOf)).toEqual([])
        expect(said.length).toBeGreaterThan(WORLDS * 5)
        // Where nothing resolves there is nothing to compare.
        expect(said.filter(({ ours }) => !ours.startsWith(NO_ANSWER)).length).toBeGreaterThan(said.length / 2)
      },
      LONG_TEST_MS,
    )
  }
})
