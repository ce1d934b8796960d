/**
 * One hostile position in a planned world, and what it makes of honest replies. It sees the replies of one server, or
 * of all of them; it may ask any server whatever it likes; it can sign with the keys of its own zone, if that has any,
 * and with nobody else's.
 *
 * Invariant: what it does to a reply hangs on the seed, the server, the question and how often that was asked, and on
 * nothing else. So single replies can be left in peace without changing what happens to the others.
 */
import { decodeMessage } from '../../../src/dns/decode.ts'
import { encodeMessage } from '../../../src/dns/encode.ts'
import type { Message, Question } from '../../../src/dns/message.ts'
import { foldName } from '../../../src/dns/name.ts'
import { formatName } from '../../../src/presentation/text.ts'
import { RrClass, RrType, typeName } from '../../../src/dns/types.ts'
import { nameOf, question as questionOf } from '../../../src/simulation/records.ts'
import type { Host } from '../../../src/simulation/network.ts'
import type { Reaction } from '../../../src/simulation/server.ts'
import { SimServer } from '../../../src/simulation/server.ts'
import type { SimRandom } from '../../../src/simulation/random.ts'
import { type Mutation, mutations } from './mutations.ts'
import { pick, type WorldPlan } from './plan.ts'
import type { Held, Position } from './position.ts'
import { isWithin } from './truth.ts'

/** What a mutation works with. */
export interface Scene {
  readonly random: SimRandom
  readonly question: Question
  readonly name: string
  readonly plan: WorldPlan
  readonly held: Held | null
  /** Seconds since 1970. */
  readonly wall: number
  /** Where the server that was asked is. */
  readonly address: string
  /** What an honest server of the zone says to another question, with DO. */
  asks(name: string, type: string): Message | null
}

export interface AttackerParts {
  readonly plan: WorldPlan
  readonly position: Position
  readonly held: Held | null
  readonly random: SimRandom
  readonly hosts: ReadonlyMap<string, Host>
  readonly wall: () => number
  /** Replies that are left as they are. */
  readonly spared: ReadonlySet<string>
  /**
   * A question gets the same reply however often it is asked, over UDP and TCP: for resolvers that ask at other times.
   */
  readonly steady?: boolean
}

/** A reply that was changed. */
export interface Changed {
  /** Names the reply among all of this seed. */
  readonly key: string
  readonly what: string
}

const DO: Message['edns'] = { payloadSize: 65_535, version: 0, dnssecOk: true, flags: 0, options: [] }
const MOST_OCTETS = 65_535
/** Replies about the chain of trust are changed more seldom: a world in which nothing validates finds nothing. */
const CHAIN_SHARES = [0, 0, 0.1, 0.4] as const

export class Attacker {
  readonly changed: Changed[] = []
  /** Off: all servers are honest. */
  isThere = true
  readonly #parts: AttackerParts
  readonly #honest = new Map<string, SimServer>()
  readonly #asked = new Map<string, number>()
  readonly #favourites: readonly Mutation[]
  readonly #permille: number
  readonly #chainPermille: number

  constructor(parts: AttackerParts) {
    this.#parts = parts
    const random = parts.random.fork('campaign')
    this.#favourites = Array.from({ length: 1 + random.below(3) }, () => pick(random, mutations))
    this.#permille = pick(random, [300, 600, 900])
    this.#chainPermille = Math.round(this.#permille * pick(random, CHAIN_SHARES))
    for (const host of parts.hosts.values()) this.#take(host)
  }

  get text(): string {
    const shares = `${this.#permille / 10} % of replies, ${this.#chainPermille / 10} % of those about keys`
    return `${this.#parts.position.text}, mostly ${this.#favourites.map(({ name }) => name).join(', ')}, ${shares}`
  }

  /** Puts itself in front of a server. */
  #take(host: Host): void {
    const { server, ip } = host
    if (!(server instanceof SimServer)) throw new Error(`${server.name} is no simulated server`)
    this.#honest.set(ip.text, server)
    const { zone } = this.#parts.position
    if (zone !== null && zone.address !== ip.text) return
    const react = server.react.bind(server)
    server.react = (query, transport, at) => this.#bend(react(query, transport, at), query, at.text, transport)
  }

  #bend(honest: Reaction, query: Uint8Array, address: string, transport: string): Reaction {
    const decoded = decodeMessage(query)
    if (!this.isThere || decoded.kind !== 'message' || decoded.message.question === null || honest.kind !== 'arrivals')
      return honest
    const { question } = decoded.message
    const name = formatName(foldName(question.name)).toLowerCase()
    const asked = `${address} ${transport} ${name} ${typeName(question.type)}`
    const count = (this.#asked.get(asked) ?? 0) + 1
    this.#asked.set(asked, count)
    const key = this.#parts.steady === true ? `${address} ${name} ${typeName(question.type)}` : `${asked} #${count}`
    const random = this.#parts.random.fork(key)
    const isChain = question.type === RrType.DS || question.type === RrType.DNSKEY || question.type === RrType.NS
    if (!random.chance(isChain ? this.#chainPermille : this.#permille) || this.#parts.spared.has(key)) return honest
    const chosen = Array.from({ length: pick(random, [1, 1, 1, 2, 3]) }, () =>
      pick(random, random.below(6) > 0 ? this.#favourites : mutations),
    )
    const scene = this.#scene(
      random,
      { name: foldName(question.name), type: question.type, class: question.class },
      name,
      address,
    )
    const start = this.#parts.hosts.get(address)?.server
    const before = start instanceof SimServer ? start.honestReply({ ...decoded.message, edns: DO }) : null
    if (before === null) return honest
    const reply = chosen.reduce((message, { change }) => change(scene, message), before)
    this.changed.push({ key, what: `${key}: ${chosen.map(mutation => mutation.name).join(', then ')}` })
    return {
      kind: 'arrivals',
      arrivals: [{ bytes: encodeMessage({ ...reply, question }, { maxBytes: MOST_OCTETS }).bytes, afterMs: 0 }],
    }
  }

  #scene(random: SimRandom, question: Question, name: string, address: string): Scene {
    const { plan, held, wall } = this.#parts
    return { random, question, name, plan, held, wall: wall(), address, asks: (other, type) => this.#ask(other, type) }
  }

  #ask(name: string, type: string): Message | null {
    const { zones } = this.#parts.plan
    const zone = zones
      .filter(({ origin }) => isWithin(name, origin))
      .sort((a, b) => b.origin.length - a.origin.length)[0]
    const asked = { ...questionOf(name, type), cased: nameOf(name), class: RrClass.IN }
    return (
      this.#honest.get(zone?.address ?? '')?.honestReply({
        id: 0,
        response: false,
        opcode: 0,
        authoritative: false,
        truncated: false,
        recursionDesired: false,
        recursionAvailable: false,
        authenticData: false,
        checkingDisabled: false,
        rcode: 0,
        question: asked,
        answer: [],
        authority: [],
        additional: [],
        edns: DO,
      }) ?? null
    )
  }
}
