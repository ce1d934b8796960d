/**
 * How a stub is reached other than by plain DNS: over TLS and over HTTPS, each on a port and with a certificate of its
 * own, of one authority; and the connections of all its clients, so that faults can break them.
 */
import type { Socket } from 'node:net'
import { formatEndpoint } from '../../dns/address.ts'
import { duration, knownFields } from '../../input/names.ts'
import type { Binding, BindingService, Client } from '../../ports.ts'
import { systemClock } from '../../system/system.ts'
import { HttpFaults, readHttpsFault } from './https-faults.ts'
import { makeAuthority, StubIdentity, tlsFaultOf } from './identity.ts'
import { stubSettings } from './settings.ts'
import type { StubHttps, StubTls } from './types.ts'

/** Of one connection: what messages go through, and what is underneath. */
export interface Sockets {
  readonly socket: Socket
  readonly raw: Socket
  /** It ends without an answer: queries may come with the end of the handshake. */
  readonly isCut: boolean
}

interface Service {
  readonly transport: 'tls' | 'https'
  readonly identity: StubIdentity
}

export class StubServices {
  readonly #clock = systemClock()
  readonly faults: HttpFaults = new HttpFaults(this.#clock)
  readonly all: readonly Service[]
  readonly #address: string
  /** By where the client is and how it came. */
  readonly #sockets = new Map<string, Sockets>()

  constructor(address: string, transports: readonly Service['transport'][]) {
    this.#address = address
    const authority = transports.length === 0 ? null : makeAuthority()
    this.all = transports.flatMap(transport =>
      authority === null ? [] : [{ transport, identity: new StubIdentity(address, authority) }],
    )
  }

  bindingOf({ transport }: Service): Binding {
    const path = transport === 'https' ? stubSettings.httpsPath : ''
    const service: BindingService = { transport, path, proxy: false }
    return { address: this.#address, port: 0, service }
  }

  accepted(client: Client, socket: Socket, raw: Socket): void {
    const key = keyOf(client)
    const fault = this.all.find(({ transport }) => transport === client.transport)?.identity.connectionFault ?? null
    this.#sockets.set(key, { socket, raw, isCut: fault !== null })
    raw.once('close', () => this.#sockets.delete(key))
    if (fault === null) return
    const cut = (): unknown => (fault === 'closeAfterHandshake' ? socket.end() : raw.resetAndDestroy())
    // HTTP/2 has not taken its socket yet.
    if (client.transport === 'https') setImmediate(cut)
    else cut()
  }

  /** Begins a handshake, late if it is to be. */
  handshake({ identity }: Service, raw: Socket, begin: () => void): void {
    const { handshakeDelayMs } = identity
    if (handshakeDelayMs === 0) {
      begin()
      return
    }
    const cancel = this.#clock.after(handshakeDelayMs, begin)
    raw.once('close', cancel)
  }

  /** Null over UDP, and when the client is gone. */
  socketsOf(client: Client): Sockets | null {
    return this.#sockets.get(keyOf(client)) ?? null
  }

  tlsAt(port: number): StubTls | null {
    const identity = this.#identityOf('tls')
    if (identity === null) return null
    const { name, ca } = identity
    return {
      port,
      name,
      ca,
      fail: (fault, options = {}) => {
        knownFields(options, ['ms'], 'the options')
        identity.setFault(tlsFaultOf(fault), duration(options.ms ?? stubSettings.slowMs, 'ms'))
      },
    }
  }

  httpsAt(port: number): StubHttps | null {
    const identity = this.#identityOf('https')
    if (identity === null) return null
    const { name, ca } = identity
    const path = stubSettings.httpsPath
    return {
      port,
      path,
      url: `https://${formatEndpoint(this.#address, port)}${path}`,
      name,
      ca,
      fail: (fault, options) => {
        const wish = readHttpsFault(fault, options)
        identity.setFault(wish.kind === 'tls' ? wish.fault : null, wish.kind === 'tls' ? wish.ms : 0)
        this.faults.set(wish.kind === 'tls' ? null : wish.action, wish.kind === 'tls' ? 0 : wish.times)
      },
    }
  }

  #identityOf(transport: Service['transport']): StubIdentity | null {
    return this.all.find(service => service.transport === transport)?.identity ?? null
  }
}

const keyOf = ({ ip, port, transport }: Client): string => `${transport} ${ip.text} ${port}`
