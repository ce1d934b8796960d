/**
 * The addresses of servers that are forwarded to and are known by name. They are looked up again when their time is
 * over, and the last good ones stay until then and after a look-up that fails: who serves names must not depend on a
 * name at every moment.
 */
import type { IpAddress } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import type { UpstreamLimits } from '../../limits.ts'
import { secureServerAddress, type ServerAddress } from '../../ports.ts'
import type { Upstream } from '../../zone/forward-zones.ts'

type NamedUpstream = Extract<Upstream, { kind: 'name' }>

interface Entry {
  addresses: readonly IpAddress[]
  /** ms on the monotonic clock; no look-up before. */
  refreshAt: number
}

export type UpstreamAddressLimits = Pick<
  UpstreamLimits,
  'upstreamAddressMinMs' | 'upstreamAddressMaxMs' | 'upstreamAddressRetryMs' | 'forwardServers'
>

export class UpstreamAddresses {
  readonly #limits: UpstreamAddressLimits
  readonly #entries = new Map<Name, Entry>()
  /** Made once for a list of addresses: the key of a server is long. */
  readonly #servers = new WeakMap<Upstream, { from: readonly IpAddress[]; servers: readonly ServerAddress[] }>()

  constructor(limits: UpstreamAddressLimits) {
    this.#limits = limits
  }

  /** The servers at the last good addresses; empty when none is known. */
  serversOf(upstream: NamedUpstream): readonly ServerAddress[] {
    const addresses = this.#entries.get(upstream.name)?.addresses ?? NO_ADDRESSES
    const known = this.#servers.get(upstream)
    if (known !== undefined && known.from === addresses) return known.servers
    const servers = addresses.map(ip => secureServerAddress(ip, upstream.port, upstream.secure))
    this.#servers.set(upstream, { from: addresses, servers })
    return servers
  }

  /** Is it time to look the name up? Then who asks does it, and until it ends no one else. */
  takeRefresh(name: Name, now: number): boolean {
    const entry = this.#entry(name)
    if (entry.refreshAt > now) return false
    entry.refreshAt = now + this.#limits.upstreamAddressRetryMs
    return true
  }

  /** What a look-up found; none: the old ones stay. `ttl` in seconds. */
  put(name: Name, addresses: readonly IpAddress[], ttl: number, now: number): void {
    const { upstreamAddressMinMs, upstreamAddressMaxMs, upstreamAddressRetryMs } = this.#limits
    const entry = this.#entry(name)
    if (addresses.length === 0) {
      entry.refreshAt = now + upstreamAddressRetryMs
      return
    }
    entry.addresses = addresses
    entry.refreshAt = now + Math.min(upstreamAddressMaxMs, Math.max(upstreamAddressMinMs, ttl * 1_000))
  }

  #entry(name: Name): Entry {
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined && this.#entries.size >= this.#limits.forwardServers) this.#entries.delete(oldest)
    const entry: Entry = { addresses: NO_ADDRESSES, refreshAt: Number.NEGATIVE_INFINITY }
    this.#entries.set(name, entry)
    return entry
  }
}

const NO_ADDRESSES: readonly IpAddress[] = Object.freeze([])
