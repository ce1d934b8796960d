/**
 * Finds out whether what is forwarded comes back: a question for a random name is sent to each server that is forwarded
 * to, and when somebody asks us for that name it has gone in a circle, through however many others (CoreDNS's way). A
 * circle that is closed later is looked for again when a server is silent, as one that waits for us is.
 */
import type { Question } from '../dns/message.ts'
import { foldName, prependLabel, type Name } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import type { Random, ServerAddress } from '../ports.ts'
import { exchange, type Steps } from '../steps.ts'
import type { ForwardZone } from '../zone/forward-zones.ts'
import { upstreamText } from '../zone/upstream-text.ts'
import type { Env } from './env.ts'

export interface Probe {
  readonly question: Question
  readonly server: ServerAddress
  readonly zone: Name
}

export class LoopProbes {
  readonly #env: Env
  readonly #send: (probe: Probe, steps: Steps<void>, done: () => void) => void
  readonly #open = new Map<Name, Probe>()
  #nextAt = 0

  /** `send` runs steps next to everything else. */
  constructor(env: Env, send: (probe: Probe, steps: Steps<void>, done: () => void) => void) {
    this.#env = env
    this.#send = send
  }

  /** One probe to each server; silent servers bring it about at most once in `loopProbeMs`. */
  start(): void {
    this.#nextAt = this.#env.clock.now() + this.#env.limits.upstream.loopProbeMs
    for (const zone of this.#env.forwardZones().zones)
      if (zone.kind === 'forward') for (const server of serversOf(this.#env, zone)) this.#probe(zone.zone, server)
  }

  suspect(): void {
    if (this.#env.clock.now() >= this.#nextAt) this.start()
  }

  /** Is this the name of a probe that has come back? Then its server is not asked for a while. */
  cameBack(name: Name): boolean {
    if (this.#open.size === 0) return false
    const probe = this.#open.get(name)
    if (probe === undefined) return false
    const { caches, clock, events } = this.#env
    const { key } = probe.server
    const now = clock.now()
    if (!caches.servers.upstreams.isLooping(key, now))
      events({ kind: 'forward-loop', zone: formatName(probe.zone), server: upstreamText(probe.server) })
    caches.servers.upstreams.loops(key, now)
    return true
  }

  #probe(zone: Name, server: ServerAddress): void {
    const name = probeName(this.#env.random, zone)
    if (name === null || this.#open.size >= this.#env.limits.upstream.forwardServers) return
    const probe: Probe = { question: { name, type: RrType.TXT, class: RrClass.IN }, server, zone }
    this.#open.set(name, probe)
    this.#send(probe, ask(this.#env, probe), () => this.#open.delete(name))
  }
}

const serversOf = (env: Env, { upstreams }: ForwardZone): readonly ServerAddress[] =>
  upstreams.flatMap(upstream =>
    upstream.kind === 'address' ? [upstream.server] : env.upstreamAddresses.serversOf(upstream),
  )

/** What it says does not matter. */
function* ask(env: Env, { question, server }: Probe): Steps<void> {
  yield* exchange({
    server,
    transport: server.secure?.transport ?? 'udp',
    question,
    edns: true,
    mixCase: false,
    recursionDesired: true,
    checkingDisabled: true,
    timeoutMs: env.limits.upstream.secureMaxTimeoutMs,
  })
}

/** 32 hexadecimal digits below the zone: no one else asks for it. Null when the zone's name leaves no room. */
function probeName(random: Random, zone: Name): Name | null {
  const octets = new Uint8Array(PROBE_OCTETS)
  random.bytes(octets)
  const label = [...octets].map(octet => octet.toString(16).padStart(2, '0')).join('')
  const name = prependLabel(label, zone)
  return name === null ? null : foldName(name)
}

const PROBE_OCTETS = 16
