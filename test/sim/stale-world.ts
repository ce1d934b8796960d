/** An internet of a few zones whose servers can be told, on the way, to fail or to answer otherwise. */
import { buildInternet, signedBy, type ZoneSource } from '../../src/simulation/internet.ts'
import type { Responder } from '../../src/simulation/network.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'

export const SERVER = '198.51.100.20'
const ROOT_SERVER = '198.51.100.1'
const HOUR_MS = 3_600_000

/** How the servers of zone `stale.` are: as they should, or each in its way of no use. */
export type Mood =
  | 'up'
  | 'silent'
  | 'portClosed'
  | 'servfails'
  | 'refuses'
  | 'lame'
  | 'garbage'
  | 'stripsSignatures'
  | 'breaksSignatures'
  | `slow(${number})`

export interface StaleWorld {
  readonly world: World
  /** From now on; of the server at `address`, by default that of `stale.`. */
  mood(mood: Mood, address?: string): void
  /** Other records at the servers, from now on. */
  records(text: string): void
  /** The root no longer has the delegation. */
  withdraw(): void
}

const zoneText = (records: string): string =>
  `$TTL 60\n@ SOA ns hostmaster 1 7200 3600 1209600 60\n@ NS ns\nns A ${SERVER}\n${records}\n`

const rootText = (delegation: string): string =>
  `$TTL 86400\n@ SOA a.root. h.root. 1 1800 900 604800 86400\n@ NS a.root.\na.root. A ${ROOT_SERVER}\n${delegation}\n`

export interface StaleOptions extends Partial<WorldOptions> {
  readonly records: string
  /** Seconds of the delegation. */
  readonly lease?: number
  readonly sign?: string | undefined
  readonly clientTimeoutMs?: number
  readonly enabled?: boolean
  /** Other servers of a zone `stale.`, to which nothing leads: their addresses with their records. */
  readonly others?: Readonly<Record<string, string>>
}

export function staleWorld(options: StaleOptions): StaleWorld {
  const {
    records,
    lease = 86_400,
    sign,
    clientTimeoutMs = 1_800,
    enabled = true,
    others = {},
    limits,
    ...rest
  } = options
  const delegation = `stale. ${lease} NS ns.stale.\nns.stale. ${lease} A ${SERVER}`
  const zones = (of: string, at: string): readonly ZoneSource[] => [
    { origin: '.', text: rootText(at), at: [ROOT_SERVER], ...(sign === undefined ? {} : { sign: '' }) },
    { origin: 'stale.', text: zoneText(of), at: [SERVER], ...(sign === undefined ? {} : { sign }) },
    ...Object.entries(others).map(([address, own]) => ({
      origin: 'stale.',
      text: zoneText(own),
      at: [address],
      ...(sign === undefined ? {} : { sign }),
    })),
  ]
  const world = simulate({
    zones: zones(records, delegation),
    ...rest,
    limits: {
      ...limits,
      cache: { staleMs: enabled ? 24 * HOUR_MS : 0, ...limits?.cache },
      stale: { clientTimeoutMs },
    },
  })
  const answering = (of: string, at: string, does: readonly string[], address: string): Responder => {
    const servers = does.length === 0 ? [] : [{ at: [address], does }]
    const signing = signedBy(() => world.clock.wall())
    const built = buildInternet({ zones: zones(of, at), servers }, new SimRandom(1), undefined, signing)
    const server = built.hosts.get(address)?.server
    if (server === undefined) throw new Error(`no server at ${address}`)
    return server
  }
  const replace = (address: string, by: Responder): void => {
    const host = world.internet.hosts.get(address)
    if (host === undefined) throw new Error(`no host at ${address}`)
    host.server.react = (query, transport, at) => by.react(query, transport, at)
  }
  return {
    world,
    mood(mood, address = SERVER) {
      replace(address, answering(records, delegation, mood === 'up' ? [] : [mood], address))
    },
    records: text => replace(SERVER, answering(text, delegation, [], SERVER)),
    withdraw: () => replace(ROOT_SERVER, answering(records, '', [], ROOT_SERVER)),
  }
}
