/**
 * All zones that other servers send: which there are by the configuration, the places for their transfers, the NOTIFY
 * messages about them, and the zones that are answered from them.
 */
import { clientText } from '../../server/query-log.ts'
import { inPrefix, type Prefix } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import type { Limits } from '../../limits.ts'
import type { Client } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import { Tally } from '../../server/tally.ts'
import { judgeNotify, type NotifyZone } from '../../transfer/notify.ts'
import type { TransferStatus } from '../../admin/controls.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { type Unavailable, Zone } from '../../zone/zone.ts'
import type { LoadedCopy } from './copies.ts'
import { placeOf, TransferredZone, type TransferParts, type TransferSource } from './transferred-zone.ts'

export interface SecondarySource extends TransferSource {
  /** It holds rules, and is not served. */
  readonly isPolicy: boolean
  /** Whose zone it is: what views ask otherwise than all; empty: that of all clients. */
  readonly partition: string
  /** Who may send NOTIFY besides the primaries. */
  readonly notify: readonly Prefix[]
}

export interface SecondaryParts extends Omit<TransferParts, 'place'> {
  readonly limits: Pick<Limits, 'transfer' | 'zone' | 'server'>
  /** Another version of a policy zone is here. */
  readonly onPolicy: (zone: Name, flat: FlatZone | null) => void
  /** The zones of a partition are others now. */
  readonly onChange: (partition: string, zones: readonly Zone[]) => void
}

interface Secondary {
  source: SecondarySource
  readonly transferred: TransferredZone
  zone: Zone
}

export class SecondaryZones {
  readonly #parts: SecondaryParts
  /** By `placeOf`. */
  readonly #zones = new Map<string, Secondary>()
  /** What was served last, by partition. */
  readonly #served = new Map<string, readonly Zone[]>()
  readonly #refusals = new Map<Name, Tally>()
  readonly #waiting: (() => void)[] = []
  #places: number
  #started = false

  constructor(parts: SecondaryParts) {
    this.#parts = parts
    this.#places = parts.limits.transfer.parallel
  }

  /** By `placeOf`, to be handed from thread to thread. */
  get held(): ReadonlyMap<string, LoadedCopy> {
    return new Map(
      [...this.#zones].flatMap(([place, { transferred }]) =>
        transferred.held === null ? [] : [[place, transferred.held] as const],
      ),
    )
  }

  statuses(): readonly TransferStatus[] {
    return [...this.#zones.values()].map(({ source: { isPolicy }, transferred }) => ({
      ...transferred.status(),
      isPolicy,
    }))
  }

  /**
   * The zones of a configuration. Those that are as they were go on; of new ones the copies are loaded. Resolves when
   * they are.
   */
  async configure(sources: readonly SecondarySource[]): Promise<void> {
    const wanted = new Map(sources.map(source => [placeOf(source), source]))
    const before = new Map(this.#zones)
    for (const [place, secondary] of this.#zones) {
      const source = wanted.get(place)
      if (source !== undefined && sameSource(secondary.source, source)) {
        // Its view may ask something else now.
        secondary.source = source
        continue
      }
      secondary.transferred.close()
      this.#zones.delete(place)
    }
    const fresh = sources.filter(source => !this.#zones.has(placeOf(source)))
    for (const source of fresh) this.#add(source, before.get(placeOf(source)))
    this.#serve()
    const added = fresh.flatMap(source => this.#zones.get(placeOf(source)) ?? [])
    await Promise.all(added.map(({ transferred }) => transferred.load()))
    if (this.#started) for (const { transferred } of added) transferred.start()
  }

  /** Asks the primaries from now on. */
  start(): void {
    this.#started = true
    for (const { transferred } of this.#zones.values()) transferred.start()
  }

  /**
   * Asks the primaries of a zone now; `whole`: fetches all of it, also when it is no newer. `view` null: in all views
   * that have one of this name. False: there is no such zone.
   */
  refresh(zone: Name, view: string | null, whole: boolean): boolean {
    const found = this.#named(zone).filter(({ source }) => view === null || source.views.includes(view))
    for (const { transferred } of found) {
      if (whole) transferred.fetchWhole()
      else void transferred.look()
    }
    return found.length > 0
  }

  /** The reply to a NOTIFY message; null: none. */
  notify(bytes: Uint8Array, client: Client): Uint8Array | null {
    const { clock, events } = this.#parts
    const find = (zone: Name): readonly Notified[] => this.#named(zone).map(notifiedOf)
    const judged = judgeNotify(bytes, client.ip, find, clock.wall())
    if (judged === null) return null
    const { accepted, zone, serial, reply } = judged
    for (const { transferred } of accepted) transferred.notified(serial)
    if (zone !== null && accepted.length === 0) {
      const tally = this.#refusals.get(zone) ?? new Tally(this.#parts.limits.server.tellAgainMs)
      this.#refusals.set(zone, tally)
      const times = tally.note(clock.now())
      const from = clientText(client, 'full')
      if (times > 0)
        events({
          kind: 'zone-transfer',
          zone: formatName(zone),
          views: [],
          news: { kind: 'notify-refused', from, times },
        })
    }
    return reply
  }

  close(): void {
    for (const { transferred } of this.#zones.values()) transferred.close()
    for (const go of this.#waiting.splice(0)) go()
  }

  /** Those of all clients first. */
  #named(zone: Name): readonly Secondary[] {
    return [...this.#zones.values()].filter(({ source }) => source.zone === zone)
  }

  /** Where the zones are others than those that were served last. */
  #serve(): void {
    const now = new Map<string, Zone[]>()
    for (const { source, zone } of this.#zones.values())
      if (!source.isPolicy) now.set(source.partition, [...(now.get(source.partition) ?? []), zone])
    for (const partition of new Set([...this.#served.keys(), ...now.keys()])) {
      const zones = now.get(partition) ?? []
      const before = this.#served.get(partition) ?? []
      if (zones.length === before.length && zones.every((zone, i) => zone === before[i])) continue
      if (zones.length === 0) this.#served.delete(partition)
      else this.#served.set(partition, zones)
      this.#parts.onChange(partition, zones)
    }
  }

  #add(source: SecondarySource, before: Secondary | undefined): void {
    const transferred = new TransferredZone(source, { ...this.#parts, place: () => this.#place() }, (flat, why) => {
      const secondary = this.#zones.get(placeOf(source))
      if (secondary === undefined || secondary.transferred !== transferred) return
      if (source.isPolicy) {
        this.#parts.onPolicy(source.zone, flat)
        return
      }
      secondary.zone = flat === null ? unavailable(source.zone, why) : this.#made(flat)
      this.#serve()
    })
    // Other primaries, the same zone: it is answered as before until they have another.
    if (before !== undefined) transferred.adopt(before.transferred)
    const zone = before?.zone ?? unavailable(source.zone, 'zone-not-loaded')
    this.#zones.set(placeOf(source), { source, transferred, zone })
  }

  /** Small zones answer from objects, which is quicker. */
  #made(flat: FlatZone): Zone {
    const content = new FlatContent(flat)
    const isLarge = flat.recordCount >= this.#parts.limits.zone.flatRecords
    return new Zone(flat.origin, isLarge ? content : [...content.rrsets()], { recordsOnly: false })
  }

  /** Few transfers at once: each has memory and a thread. */
  async #place(): Promise<() => void> {
    if (this.#places === 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#places--
    return () => {
      const next = this.#waiting.shift()
      if (next === undefined) this.#places++
      else next()
    }
  }
}

const unavailable = (origin: Name, why: Unavailable): Zone =>
  new Zone(origin, [], { recordsOnly: false, emptyNames: [origin], unavailable: why })

/** Who may say that a zone has changed. */
interface Notified extends NotifyZone {
  readonly transferred: TransferredZone
}

const notifiedOf = ({ source, transferred }: Secondary): Notified => ({
  zone: source.zone,
  key: source.key,
  maySend: ip =>
    source.primaries.some(server => server.ip.text === ip.text) || source.notify.some(one => inPrefix(ip, one)),
  transferred,
})

function sameSource(a: SecondarySource, b: SecondarySource): boolean {
  const text = ({ primaries, key, notify }: SecondarySource): string =>
    JSON.stringify([
      primaries.map(server => server.key),
      key === null ? null : [key.name, key.algorithm, Buffer.from(key.secret).toString('hex')],
      notify,
    ])
  return text(a) === text(b)
}
