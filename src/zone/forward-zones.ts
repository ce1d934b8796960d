/**
 * Zones whose servers the operator names: forward zones, which a resolver answers (RD=1), and stub zones, which their
 * own servers answer (RD=0). One table for both, in which the longest name wins. Pure; who is asked and how is the
 * business of `resolver/asking`, how a server is written that of `upstream-text.ts`.
 *
 * For example, with a forward zone `.` and a stub zone `corp.example`: `www.corp.example. A` belongs to the stub zone,
 * `corp.example. DS` to the forward zone, since DS is data of the zone above (RFC 4035 section 2.4).
 */
import type { Question } from '../dns/message.ts'
import { isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { SecureService, ServerAddress } from '../ports.ts'

/** `text` is how it is written in the configuration. */
export type Upstream =
  | { readonly kind: 'address'; readonly text: string; readonly server: ServerAddress }
  /** Its address is found by resolution. */
  | {
      readonly kind: 'name'
      readonly text: string
      readonly name: Name
      readonly port: number
      readonly secure: SecureService
    }

export interface ForwardZone {
  readonly kind: 'forward' | 'stub'
  readonly zone: Name
  readonly upstreams: readonly Upstream[]
  /** When all of them fail the name is resolved as if the zone were not configured. */
  readonly recurseOnFailure: boolean
}

export class ForwardZones {
  readonly zones: readonly ForwardZone[]
  readonly #byName: ReadonlyMap<Name, ForwardZone>
  #addressed: ForwardZones | null = null

  /** The first of several zones of one name counts. */
  constructor(zones: readonly ForwardZone[]) {
    this.zones = zones
    this.#byName = new Map([...zones].reverse().map(zone => [zone.zone, zone]))
  }

  /** The zone with the longest name at or above `name`. */
  closest(name: Name): ForwardZone | undefined {
    if (this.#byName.size === 0) return undefined
    for (let at = name; ; at = parentOf(at)) {
      const zone = this.#byName.get(at)
      if (zone !== undefined || at === ROOT) return zone
    }
  }

  /** The zone that a question belongs to. */
  of({ name, type, class: klass }: Question): ForwardZone | undefined {
    if (this.#byName.size === 0 || klass !== RrClass.IN) return undefined
    return this.closest(type === RrType.DS && name !== ROOT ? parentOf(name) : name)
  }

  /**
   * The same without servers that are known by name only, and without zones that have no others: where the address of
   * such a server is looked up, which must not need that server.
   */
  get addressed(): ForwardZones {
    if (this.#addressed !== null) return this.#addressed
    const zones = this.zones.map(zone => ({
      ...zone,
      upstreams: zone.upstreams.filter(({ kind }) => kind === 'address'),
    }))
    this.#addressed = new ForwardZones(zones.filter(({ upstreams }) => upstreams.length > 0))
    return this.#addressed
  }

  /** The zone with this very name. */
  at(name: Name): ForwardZone | undefined {
    return this.#byName.get(name)
  }

  /** The next one above a zone. */
  above({ zone }: ForwardZone): ForwardZone | undefined {
    return zone === ROOT ? undefined : this.closest(parentOf(zone))
  }

  /**
   * Which names a server that is asked a question must not speak of, because they belong to another zone of the table
   * (or to none). Null: it may speak of all.
   */
  othersThan(question: Question): ((name: Name) => boolean) | null {
    if (this.#byName.size === 0) return null
    const own = this.of(question)
    return name => name !== question.name && this.closest(name) !== own
  }
}

export const noForwardZones: ForwardZones = new ForwardZones([])

/** Is what the zone says asked for although a built-in local zone has the name? The longer name wins, and ties do. */
export const overrides = (configured: ForwardZone | undefined, origin: Name): boolean =>
  configured !== undefined && isWithin(configured.zone, origin)

/** The same zones with the same servers: nothing that was learnt need be forgotten. */
export function sameForwardZones(a: ForwardZones, b: ForwardZones): boolean {
  const print = ({ zones }: ForwardZones): string =>
    JSON.stringify(
      zones.map(({ kind, zone, upstreams, recurseOnFailure }) => [
        kind,
        zone,
        recurseOnFailure,
        upstreams.map(upstream =>
          upstream.kind === 'address' ? upstream.server.key : [upstream.name, upstream.port, { ...upstream.secure }],
        ),
      ]),
    )
  return a === b || print(a) === print(b)
}
