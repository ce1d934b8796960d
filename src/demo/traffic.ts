/**
 * Clients of the demo, for the dashboard to have something to show: some that ask for the same few names again and
 * again, and now and then for one that fails. The same seed asks in the same order. They begin when somebody opens the
 * dashboard, so that walks in the terminal begin with an empty cache, and are not printed.
 */
import { createSocket, type Socket } from 'node:dgram'
import { RrClass, RrType } from '../dns/types.ts'
import { encodeQuery } from '../dns/encode.ts'
import type { Client } from '../ports.ts'
import { SimRandom } from '../simulation/random.ts'
import { nameOf } from '../simulation/records.ts'

interface Wish {
  readonly name: string
  readonly type: number
  /** Of how many this is one, so to say. */
  readonly weight: number
}

const wish = (name: string, weight: number, type: number = RrType.A): Wish => ({ name, type, weight })

const WISHES: readonly Wish[] = [
  wish('www.example.com.', 40),
  wish('www.example.com.', 12, RrType.AAAA),
  wish('www.example.com.', 8, RrType.HTTPS),
  wish('www.example.org.', 18),
  wish('www.example.net.', 14),
  wish('example.com.', 9, RrType.MX),
  wish('ttl5.example.com.', 16),
  wish('chain.example.com.', 8),
  wish('mail.example.net.', 6),
  wish('www.voorbeeld.nl.', 6),
  wish('nothing.example.com.', 9),
  wish('printer.lan.', 3),
  wish('banner.ads.example.com.', 5),
  wish('localhost.', 4),
  wish('10.2.0.192.in-addr.arpa.', 4, RrType.PTR),
  wish('www.slow.example.', 1),
  wish('www.one-lame.example.', 2),
  wish('www.one-silent.example.', 2),
  wish('www.expired.example.', 3),
  wish('www.all-silent.example.', 1),
  wish('www.lame.example.', 2),
  wish('www.refusing.example.', 1),
]

/** Linux has all of 127/8; elsewhere they speak from the one address that there is. */
const CLIENTS = ['127.0.0.21', '127.0.0.22', '127.0.0.23', '127.0.0.24']
/** One in so many asks for a name that nobody asked for before: a walk instead of the cache. */
const NEW_ONE_IN = 9
const TURN_MS = 120
const AT_FIRST = 60
const DATAGRAM_BYTES = 1232
const SEED = 1987

export class DemoTraffic {
  readonly #port: number
  readonly #random = new SimRandom(SEED)
  #sockets: readonly Socket[] = []
  #timer: NodeJS.Timeout | null = null
  #isStopped = false

  /** `port` of the resolver on 127.0.0.1. */
  constructor(port: number) {
    this.#port = port
  }

  async start(): Promise<void> {
    if (this.#sockets.length > 0 || this.#isStopped) return
    this.#sockets = CLIENTS.map(() => createSocket('udp4'))
    await Promise.all(this.#sockets.map((socket, index) => bound(socket, CLIENTS[index] ?? '')))
    if (this.#isStopped) return
    for (let i = 0; i < AT_FIRST; i++) this.#ask()
    this.#timer = setInterval(() => this.#ask(), TURN_MS)
  }

  /** Is this one of them? */
  includes({ port }: Pick<Client, 'port'>): boolean {
    return this.#sockets.some(socket => isBound(socket) && socket.address().port === port)
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearInterval(this.#timer)
    for (const socket of this.#sockets) if (isBound(socket)) socket.close()
  }

  #ask(): void {
    const socket = this.#sockets[this.#skewed(this.#sockets.length)]
    const { name, type } = this.#wish()
    const isNew = name.startsWith('www.example.') && this.#random.below(NEW_ONE_IN) === 0
    const asked = isNew ? `host-${this.#random.below(10_000)}.wild.example.com.` : name
    const query = encodeQuery({
      id: this.#random.below(65_536),
      question: { name: nameOf(asked), type, class: RrClass.IN },
      recursionDesired: true,
      checkingDisabled: false,
      edns: { payloadSize: DATAGRAM_BYTES, version: 0, dnssecOk: false, flags: 0, options: [] },
    })
    if (socket !== undefined && isBound(socket)) socket.send(query, this.#port, '127.0.0.1')
  }

  /** The first ones more often than the last. */
  #skewed(below: number): number {
    return Math.min(this.#random.below(below), this.#random.below(below))
  }

  #wish(): Wish {
    let left = this.#random.below(WISHES.reduce((all, { weight }) => all + weight, 0))
    for (const one of WISHES) {
      left -= one.weight
      if (left < 0) return one
    }
    return wish('www.example.com.', 1)
  }
}

function isBound(socket: Socket): boolean {
  try {
    return socket.address().port > 0
  } catch {
    return false
  }
}

/** To the address, or where that is not ours to any. */
const bound = (socket: Socket, address: string): Promise<void> =>
  new Promise(done => {
    socket.once('error', () => {
      socket.on('error', () => {})
      socket.bind(0, '127.0.0.1', done)
    })
    socket.bind(0, address, done)
  })
