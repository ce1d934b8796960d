/** What the API asks of zones: lists and pages here, changes by `app/revisions/zone-changes.ts`. */
import type { ControlsOf } from '../../admin/controls.ts'
import { adminLimits } from '../../admin/limits.ts'
import type { RrsetText, ZoneControls } from '../../admin/zone-controls.ts'
import type { RRset } from '../../dns/rrset.ts'
import { typeName } from '../../dns/types.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { formatName } from '../../presentation/text.ts'
import { zoneTextOf } from '../../zone/zone-rewrite.ts'
import { recordsOf } from '../../dns/rrset.ts'
import type { Zone } from '../../zone/zone.ts'
import type { ZoneChanges } from '../revisions/zone-changes.ts'
import { NOTHING } from '../revisions/zone-value.ts'

/** Where the last page of a zone ended: the next one goes on there without passing what came before again. */
interface Reading {
  readonly zone: Zone
  readonly at: number
  readonly rest: Iterator<RRset>
}

export function zoneControls(changes: ZoneChanges): ControlsOf<ZoneControls> {
  let reading: Reading | null = null
  return {
    zones({ after, limit }) {
      const all = changes.entries()
      const rest = after === null ? all : all.filter(({ name }) => name > after)
      const zones = rest.slice(0, limit)
      return { zones, next: rest.length > limit ? (zones.at(-1)?.name ?? null) : null }
    },
    zone(name) {
      const zone = changes.zone(name)
      const entry = changes.entry(name)
      return zone === null || entry === null ? null : { zone: entry, etag: changes.tagOf(zone) }
    },
    zoneText(name) {
      const { zone, text } = changes.subject(name)
      if (zone === null) return { kind: 'absent' }
      if (zone.recordCount > adminLimits.zoneRecordsHere) {
        const why = `the zone has ${zone.recordCount} records: read its pages, or its file`
        return { kind: 'refused', why }
      }
      const records = [...zone.rrsets()].flatMap(rrset => recordsOf(rrset, true))
      return { kind: 'text', text: text ?? zoneTextOf(name, records), etag: changes.tagOf(zone) }
    },
    zoneRrsets({ zone: origin, name, type, after, limit }) {
      const zone = changes.zone(origin)
      if (zone === null) return null
      const etag = changes.tagOf(zone)
      const isWanted = (rrset: RRset): boolean => type === null || rrset.type === type
      if (name !== null) return { rrsets: zone.setsAt(name).filter(isWanted).map(rrsetText), next: null, etag }
      const from = Number(after ?? 0)
      const { rest, at } = reading?.zone === zone && reading.at === from ? reading : startAt(zone, from)
      const rrsets: RrsetText[] = []
      let passed = at
      for (let next = rest.next(); next.done !== true; next = rest.next()) {
        passed++
        if (isWanted(next.value)) rrsets.push(rrsetText(next.value))
        if (rrsets.length < limit && passed - at < adminLimits.setsPassed) continue
        reading = { zone, at: passed, rest }
        return { rrsets, next: String(passed), etag }
      }
      return { rrsets, next: null, etag }
    },
    changeZone: request => changes.change(request),
    zoneRevisions(origin) {
      const log = changes.log(origin)
      if (log !== null) return log.facts()
      return changes.zone(origin) === null ? null : []
    },
    async zoneDifference(origin, from, to) {
      const log = changes.log(origin)
      if (log === null && changes.zone(origin) === null) return { kind: 'absent' }
      const [before, after] = [from, to].map(
        number => log?.stateAfter(number, NOTHING) ?? (number === 0 ? NOTHING : null),
      )
      if (before === null || before === undefined || after === null || after === undefined)
        return { kind: 'no-revision' }
      const found = await changes.difference(origin, before, after)
      return 'kind' in found ? found : { kind: 'difference', difference: found }
    },
  }
}

function startAt(zone: Zone, at: number): Reading {
  const rest = zone.rrsets()[Symbol.iterator]()
  for (let left = at; left > 0 && rest.next().done !== true; left--);
  return { zone, at, rest }
}

const rrsetText = ({ owner, type, ttl, rdatas }: RRset): RrsetText => ({
  name: formatName(owner),
  type: typeName(type),
  ttl,
  data: rdatas.map(rdata => formatRdata(type, rdata)),
})
