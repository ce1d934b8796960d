/**
 * All zones that other servers send: which there are by the configuration, the places for their transfers, the NOTIFY
 * messages about them, and the zones that are answered from them.
 */
import { clientText } from '../../server/query-log.ts'
import { inPrefix, type IpAddress, type Prefix } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import type { Limits } from '../../limits.ts'
import type { Client } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import { Tally } from '../../server/tally.ts'
import { judgeNotify } from '../../transfer/notify.ts'
import type { TransferStatus } from '../../admin/controls.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { type Unavailable, Zone } from '../../zone/zone.ts'
import { TransferredZone, type TransferParts, type TransferSource } from './transferred-zone.ts'

export interface SecondarySource extends TransferSource {
  /** It holds rules, and is not served. */
  readonly isPolicy: boolean
  /** Who may send NOTIFY besides the primaries. */
  readonly notify: readonly Prefix[]
}

export interface SecondaryParts extends Omit<TransferParts, 'place'> {
  readonly limits: Pick<Limits, 'transfer' | 'zone' | 'server'>
  /** Another version of a policy zone is here. */
  readonly onPolicy: (zone: Name, flat: FlatZone | null) => void
  /** The zones are others now. */
  readonly onChange: (zones: readonly Zone[]) => void
}

interface Secondary {
  readonly source: SecondarySource
  readonly transferred: TransferredZone
  zone: Zone
}

export class SecondaryZones {
  readonly #parts: SecondaryParts
  readonly #zones = new Map<Name, Secondary>()
  readonly #refusals = new Map<Name, Tally>()
  readonly #waiting: (() => void)[] = []
  #places: number
  #started = false

  constructor(parts: SecondaryParts) {
    this.#parts = parts
    this.#places = parts.limits.transfer.parallel
  }

  get zones(): readonly Zone[] {
    return [...this.#zones.values()].flatMap(({ source, zone }) => (source.isPolicy ? [] : [zone]))
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
    const wanted = new Map(sources.map(source => [source.zone, source]))
    const before = new Map(this.#zones)
    let isOther = false
    for (const [name, { source, transferred }] of this.#zones) {
      if (sameSource(source, wanted.get(name))) continue
      transferred.close()
      this.#zones.delete(name)
      isOther = true
    }
    const fresh = sources.filter(({ zone }) => !this.#zones.has(zone))
    for (const source of fresh) this.#add(source, before.get(source.zone))
    if (isOther || fresh.length > 0) this.#parts.onChange(this.zones)
    const added = fresh.flatMap(({ zone }) => this.#zones.get(zone) ?? [])
    await Promise.all(added.map(({ transferred }) => transferred.load()))
    if (this.#started) for (const { transferred } of added) transferred.start()
  }

  /** Asks the primaries from now on. */
  start(): void {
    this.#started = true
    for (const { transferred } of this.#zones.values()) transferred.start()
  }

  /** Asks the primaries of a zone now; `whole`: fetches all of it, also when it is no newer. False: no such zone. */
  refresh(zone: Name, whole: boolean): boolean {
    const transferred = this.#zones.get(zone)?.transferred
    if (whole) transferred?.fetchWhole()
    else void transferred?.look()
    return transferred !== undefined
  }

  /** The reply to a NOTIFY message; null: none. */
  notify(bytes: Uint8Array, client: Client): Uint8Array | null {
    const { clock, events } = this.#parts
    const judged = judgeNotify(bytes, client.ip, zone => this.#notifyZone(zone), clock.wall())
    if (judged === null) return null
    const { accepted, zone, serial, reply } = judged
    if (zone !== null && accepted) this.#zones.get(zone)?.transferred.notified(serial)
    else if (zone !== null) {
      const tally = this.#refusals.get(zone) ?? new Tally(this.#parts.limits.server.tellAgainMs)
      this.#refusals.set(zone, tally)
      const times = tally.note(clock.now())
      const from = clientText(client, 'full')
      if (times > 0)
        events({ kind: 'zone-transfer', zone: formatName(zone), news: { kind: 'notify-refused', from, times } })
    }
    return reply
  }

  close(): void {
    for (const { transferred } of this.#zones.values()) transferred.close()
    for (const go of this.#waiting.splice(0)) go()
  }

  #notifyZone(
    zone: Name,
  ): { readonly zone: Name; readonly key: TransferSource['key']; maySend(ip: IpAddress): boolean } | undefined {
    const source = this.#zones.get(zone)?.source
    if (source === undefined) return undefined
    return {
      zone,
      key: source.key,
      maySend: ip =>
        source.primaries.some(server => server.ip.text === ip.text) || source.notify.some(one => inPrefix(ip, one)),
    }
  }

  #add(source: SecondarySource, before: Secondary | undefined): void {
    const transferred = new TransferredZone(source, { ...this.#parts, place: () => this.#place() }, (flat, why) => {
      const secondary = this.#zones.get(source.zone)
      if (secondary === undefined || secondary.transferred !== transferred) return
      if (source.isPolicy) {
        this.#parts.onPolicy(source.zone, flat)
        return
      }
      secondary.zone = flat === null ? unavailable(source.zone, why) : this.#served(flat)
      this.#parts.onChange(this.zones)
    })
    // Other primaries, the same zone: it is answered as before until they have another.
    if (before !== undefined) transferred.adopt(before.transferred)
    const zone = before?.zone ?? unavailable(source.zone, 'zone-not-loaded')
    this.#zones.set(source.zone, { source, transferred, zone })
  }

  /** Small zones answer from objects, which is quicker. */
  #served(flat: FlatZone): Zone {
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

function sameSource(a: SecondarySource, b: SecondarySource | undefined): boolean {
  if (b === undefined) return false
  const text = ({ primaries, key, notify }: SecondarySource): string =>
    JSON.stringify([
      primaries.map(server => server.key),
      key === null ? null : [key.name, key.algorithm, Buffer.from(key.secret).toString('hex')],
      notify,
    ])
  return text(a) === text(b)
}
