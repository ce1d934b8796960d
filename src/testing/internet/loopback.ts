/**
 * The servers of an internet on real sockets: each on its own loopback address, UDP and TCP, all on one port, so that
 * any resolver in another process can walk it. Only Linux answers on all of 127.0.0.0/8 without configuration;
 * elsewhere opening fails and says so (the demo does not need this, it stays inside the process).
 *
 * Addresses of servers are replaced in the zones too: 198.51.100.1 becomes 127.53.0.1 wherever it stands. IPv6
 * addresses of servers are left out.
 */
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server, type Socket as Stream } from 'node:net'
import { ipFromBytes } from '../../dns/address.ts'
import { frame, Framing } from '../../dns/framing.ts'
import type { Name } from '../../dns/name.ts'
import { RrType } from '../../dns/types.ts'
import type { Delegation } from '../../cache/delegations.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import type { Clock, Random } from '../../ports.ts'
import { Zone } from '../../zone/zone.ts'
import { buildInternet, type InternetSource, type Signing, signedBy } from '../../simulation/internet.ts'
import { KeyStore } from '../../simulation/key-store.ts'
import { ip } from '../../simulation/records.ts'
import type { Host } from '../../simulation/network.ts'
import { simSettings } from '../../simulation/settings.ts'

export interface LoopbackInternet {
  /** The one port of all servers. */
  readonly port: number
  readonly hints: Delegation
  /** The trust anchor that each signed zone would have, by the zone's name. */
  readonly anchors: ReadonlyMap<Name, TrustAnchor>
  /** The loopback address of the server that is at `address` in the zones as written. */
  addressOf(address: string): string
  /** From now on the servers have these zones and manners. Their addresses must be the ones that were opened. */
  become(source: InternetSource): void
  close(): Promise<void>
}

export interface LoopbackOptions {
  /** 0 or nothing: any port that is free on all addresses. */
  readonly port?: number
  /** Replies leave after the round trip of their server. Default true. */
  readonly latency?: boolean
  /** Round trip of servers that give none, in ms. Default that of simulations. */
  readonly latencyMs?: number
  /** The first two octets of all addresses. Default `127.53`. */
  readonly network?: string
  /** Chooses ports; default the random numbers of the servers. */
  readonly ports?: Random
  /** Of signed zones; default by `clock`. */
  readonly signing?: Signing
  /** Puts something between the sockets and a server: who wants to see queries. */
  readonly between?: (host: Host) => Host
}

/** Opens all sockets. Rejects when an address or the port cannot be bound, with nothing left open. */
export async function openLoopbackInternet(
  source: InternetSource,
  clock: Clock,
  random: Random,
  options: LoopbackOptions = {},
): Promise<LoopbackInternet> {
  const keys = source.keys ?? new KeyStore()
  const moved = onLoopback({ ...source, keys }, options.network)
  const between = options.between ?? (host => host)
  const signing = options.signing ?? signedBy(() => clock.wall())
  const internet = buildInternet(moved.source, random, options.latencyMs, signing)
  const hosts = [...internet.hosts.values()].map(between)
  const tries = options.port === undefined || options.port === 0 ? simSettings.loopbackPortTries : 1
  for (let attempt = 1; ; attempt++) {
    const port =
      tries === 1
        ? (options.port ?? 0)
        : simSettings.loopbackFirstPort + (options.ports ?? random).below(simSettings.loopbackPorts)
    const open: LoopbackServer[] = []
    try {
      for (const host of hosts) {
        const server = new LoopbackServer(host, port, clock, options.latency ?? true)
        open.push(server)
        await server.listen()
      }
    } catch (error) {
      await Promise.all(open.map(server => server.close()))
      if (attempt < tries && isTaken(error)) continue
      throw error
    }
    let anchors = internet.anchors
    return {
      port,
      hints: internet.hints,
      get anchors() {
        return anchors
      },
      addressOf: address => moved.addresses.get(ip(address).text) ?? address,
      become: changed => {
        const { hosts: others, anchors: newAnchors } = buildInternet(
          onLoopback({ ...changed, keys }, options.network).source,
          random,
          options.latencyMs,
          signing,
        )
        anchors = newAnchors
        for (const server of open) server.become(between(others.get(server.address) ?? server.host))
      },
      close: async () => {
        await Promise.all(open.map(server => server.close()))
      },
    }
  }
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

/** The same internet with its IPv4 servers at 127.53.x.y and without its IPv6 ones. */
export function onLoopback(
  source: InternetSource,
  network = '127.53',
): { readonly source: InternetSource; readonly addresses: ReadonlyMap<string, string> } {
  const addresses = new Map<string, string>()
  const isV4 = (address: string): boolean => ip(address).family === 4
  for (const address of [...source.zones, ...(source.servers ?? [])]
    .flatMap(entry => entry.at)
    .filter(isV4)
    .map(a => ip(a).text)) {
    const index = addresses.size + 1
    if (!addresses.has(address)) addresses.set(address, `${network}.${index >> 8}.${index & 0xff}`)
  }
  const move = (address: string): string => addresses.get(ip(address).text) ?? address
  const moveText = (text: string): string =>
    text.replace(/(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.-])/g, address => addresses.get(address) ?? address)
  return {
    addresses,
    source: {
      keys: source.keys,
      zones: source.zones.map(zone => {
        const at = zone.at.filter(isV4).map(move)
        return zone.zone === undefined
          ? { ...zone, text: moveText(zone.text), at }
          : { ...zone, zone: moveZone(zone.zone, move), at }
      }),
      servers: (source.servers ?? []).map(server => ({ ...server, at: server.at.filter(isV4).map(move) })),
    },
  }
}

function moveZone(zone: Zone, move: (address: string) => string): Zone {
  const moved = (rdata: Uint8Array): Uint8Array => ip(move(ipFromBytes(rdata).text)).bytes
  const rrsets = [...zone.rrsets()].map(rrset =>
    rrset.type === RrType.A ? { ...rrset, rdatas: rrset.rdatas.map(moved) } : rrset,
  )
  return new Zone(zone.origin, rrsets, { recordsOnly: zone.recordsOnly })
}

/** One server at one address. */
class LoopbackServer {
  #host: Host
  readonly #port: number
  readonly #clock: Clock
  readonly #latency: boolean
  readonly #udp: Socket
  readonly #tcp: Server
  readonly #streams = new Set<Stream>()
  readonly #timers = new Set<() => void>()

  constructor(host: Host, port: number, clock: Clock, latency: boolean) {
    this.#host = host
    this.#port = port
    this.#clock = clock
    this.#latency = latency
    this.#udp = createSocket('udp4')
    this.#tcp = createServer(stream => this.#serve(stream))
  }

  get host(): Host {
    return this.#host
  }

  get address(): string {
    return this.#host.ip.text
  }

  /** Behaves like this one from now on. */
  become(host: Host): void {
    this.#host = host
  }

  async listen(): Promise<void> {
    const address = this.#host.ip.text
    await new Promise<void>((resolve, reject) => {
      this.#udp.once('error', reject)
      this.#udp.bind({ port: this.#port, address, exclusive: true }, resolve)
    })
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once('error', reject)
      this.#tcp.listen({ port: this.#port, host: address, exclusive: true }, resolve)
    })
    this.#udp.on('message', (query, from) => this.#answer(query, from.port, from.address))
    // ICMP reports a client that has gone away; a server ignores that.
    this.#udp.on('error', () => {})
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers) cancel()
    for (const stream of this.#streams) stream.destroy()
    await Promise.all([closed(this.#udp), closed(this.#tcp)])
  }

  #answer(query: Uint8Array, port: number, address: string): void {
    const reaction = this.#host.server.react(query, 'udp', this.#host.ip)
    if (reaction.kind === 'closed') return
    for (const { bytes, afterMs } of reaction.arrivals) this.#later(afterMs, () => this.#udp.send(bytes, port, address))
  }

  #serve(stream: Stream): void {
    const framing = new Framing()
    this.#streams.add(stream)
    stream.on('close', () => this.#streams.delete(stream))
    stream.on('error', () => stream.destroy())
    stream.on('data', chunk => {
      for (const query of framing.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) {
        const reaction = this.#host.server.react(query, 'tcp', this.#host.ip)
        if (reaction.kind === 'closed') {
          stream.destroy()
          return
        }
        const [first] = reaction.arrivals
        if (first === undefined) continue
        const reply = frame(first.bytes)
        this.#later(first.afterMs, () => (first.isLast === true ? stream.end(reply) : stream.write(reply)))
        if (first.isLast === true) return
      }
    })
  }

  #later(afterMs: number, send: () => void): void {
    const delayMs = afterMs + (this.#latency ? this.#host.latencyMs : 0)
    if (delayMs <= 0) {
      send()
      return
    }
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      send()
    })
    this.#timers.add(cancel)
  }
}

/** Closing what never opened is no error here. */
const closed = (closable: { close(done: () => void): unknown }): Promise<void> =>
  new Promise(resolve => {
    try {
      closable.close(() => resolve())
    } catch {
      resolve()
    }
  })
