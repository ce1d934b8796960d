/**
 * Delegations, what was validated of zones, and what is known of servers: times, EDNS, letter case, TLS, lameness,
 * silence. Which address families work, and how servers fared that are forwarded to, holds for seconds and depends on
 * the network of the moment: that is learnt again.
 */
import { ipFromBytes, type IpAddress } from '../../dns/address.ts'
import { foldName, trustWireName } from '../../dns/name.ts'
import { zoneKey } from '../../dnssec/algorithms.ts'
import type { ZoneKey } from '../../dnssec/rules.ts'
import type { DelegatedServer } from '../delegations.ts'
import { NO_COOKIES, type ServerFacts, type ServerRecord } from '../server-stats.ts'
import { ENCRYPTION_UNKNOWN, type Encryption } from '../servers/encryption.ts'
import type { DelegationStatus, ZoneState } from '../zone-states.ts'
import type { OctetReader, OctetWriter } from './octets.ts'
import { NONE, one, type RestoreContext, section, type Section } from './section.ts'

export const delegationSection: Section = section({
  kind: 5,
  layout: 1,
  subjects: ['data'],
  items: ({ caches }) => caches.delegations.zones(),
  write(key, into, { caches, now }) {
    const delegation = caches.delegations.peek(key, now)
    if (delegation === undefined) return 0
    into.name(delegation.zone)
    into.time(delegation.expiresAt - now)
    into.rrsets(delegation.ds === null ? [] : [delegation.ds])
    into.u16(delegation.servers.length)
    for (const { name, addresses } of delegation.servers) {
      into.name(name)
      into.u8(addresses.length)
      for (const { bytes } of addresses) into.record(bytes)
    }
    return 1
  },
  restore(from, { caches, now, takenAt }) {
    const zone = foldName(from.name())
    const expires = takenAt + from.time()
    const [ds = null] = from.rrsets()
    const servers: DelegatedServer[] = []
    for (let left = from.u16(); left > 0 && from.isWhole; left--) servers.push(readServer(from))
    if (!from.isWhole) return NONE
    return one(caches.delegations.restore({ zone, servers, ds, expiresAt: expires }, now))
  },
  settle: caches => caches.delegations.settle(),
})

function readServer(from: OctetReader): DelegatedServer {
  const name = foldName(from.name())
  const addresses: IpAddress[] = []
  for (let left = from.u8(); left > 0 && from.isWhole; left--) {
    const bytes = from.record()
    if (bytes.length !== 4 && bytes.length !== 16) from.reject()
    else addresses.push(ipFromBytes(Uint8Array.from(bytes)))
  }
  return { name, addresses }
}

const STATUS = ['none', 'ds', 'insecure', 'no-cut'] as const

export const zoneStateSection: Section = section({
  kind: 6,
  layout: 1,
  subjects: ['data', 'trust'],
  items: ({ caches }) => caches.zoneStates.keys(),
  write(key, into, { caches, now }) {
    const state = caches.zoneStates.peek(key, now)
    if (state === undefined) return 0
    const { keys, status, expiresAt } = state
    into.u8(key.charCodeAt(0))
    into.name(trustWireName(key.slice(1)))
    into.time(expiresAt - now)
    into.u16(keys === null ? 0 : keys.keys.length)
    for (const { rdata } of keys?.keys ?? []) into.record(rdata)
    into.u8(STATUS.indexOf(status === null ? 'none' : status.kind))
    writeStatus(status, into)
    return 1
  },
  restore(from, { caches, now, takenAt, dnssec }) {
    const letter = String.fromCharCode(from.u8())
    const zone = foldName(from.name())
    const expiresAt = takenAt + from.time()
    const count = from.u16()
    const keys = from.records(count).flatMap((rdata): ZoneKey[] => {
      const key = zoneKey(Uint8Array.from(rdata), dnssec)
      return key === null ? [] : [key]
    })
    const status = readStatus(from)
    if (!'kpn'.includes(letter) || keys.length !== count) from.reject()
    if (!from.isWhole) return NONE
    const state: ZoneState = { keys: count === 0 ? null : { zone, keys }, status, expiresAt }
    return one(caches.zoneStates.restore(`${letter}${zone}`, state, now))
  },
  settle: caches => caches.zoneStates.settle(),
})

function writeStatus(status: DelegationStatus | null, into: OctetWriter): void {
  if (status?.kind === 'ds') {
    into.u16(status.ds.length)
    for (const rdata of status.ds) into.record(rdata)
  }
  if (status?.kind === 'insecure')
    into.security(status.note === null ? { kind: 'insecure' } : { kind: 'insecure', note: status.note })
}

function readStatus(from: OctetReader): DelegationStatus | null {
  const kind = STATUS[from.u8()]
  switch (kind) {
    case 'ds':
      return { kind, ds: from.records(from.u16()).map(rdata => Uint8Array.from(rdata)) }
    case 'insecure': {
      const security = from.security()
      return { kind, note: security.kind === 'insecure' ? (security.note ?? null) : null }
    }
    case 'no-cut':
      return { kind }
    case 'none':
      return null
    case undefined:
      from.reject()
      return null
    default:
      return kind satisfies never
  }
}

const EDNS: readonly ServerFacts['edns'][] = ['unknown', 'ok', 'broken']
const CASE: readonly ServerFacts['caseSafe'][] = ['unknown', 'yes', 'no']

export const serverSection: Section = section({
  kind: 7,
  layout: 1,
  subjects: ['data'],
  items: ({ caches }) => caches.servers.keys(),
  write(key, into, { caches, now }) {
    const record = caches.servers.peek(key)
    if (record === undefined) return 0
    into.text(key)
    into.number(record.srttMs ?? Number.NaN)
    into.number(record.rttVarMs)
    into.u8(record.timeoutsInRow)
    into.u8(EDNS.indexOf(record.edns))
    into.u8(CASE.indexOf(record.caseSafe))
    for (const at of [record.rttAt, record.timedOutAt, record.ednsAt, record.caseAt]) into.number(now - at)
    writeEncryption(record.encryption, into, now)
    return 1
  },
  restore(from, context) {
    const key = from.text()
    const record = readServerRecord(from, context)
    if (!from.isWhole) return NONE
    return one(context.caches.servers.restore(key, record))
  },
  settle: caches => caches.servers.settle(),
})

function readServerRecord(from: OctetReader, { takenAt }: RestoreContext): ServerRecord {
  const srttMs = from.number()
  const rttVarMs = from.number()
  const timeoutsInRow = from.u8()
  const edns = EDNS[from.u8()]
  const caseSafe = CASE[from.u8()]
  // None is later than the snapshot, whatever was written.
  const time = (): number => takenAt - Math.max(0, from.number())
  const [rttAt, timedOutAt, ednsAt, caseAt] = [time(), time(), time(), time()]
  const encryption = readEncryption(from, takenAt)
  const times = [rttVarMs, rttAt, timedOutAt, ednsAt, caseAt]
  if (edns === undefined || caseSafe === undefined || times.some(Number.isNaN) || rttVarMs < 0 || srttMs < 0)
    from.reject()
  return {
    srttMs: Number.isNaN(srttMs) ? null : srttMs,
    rttVarMs,
    rttAt,
    timeoutsInRow,
    timedOutAt,
    edns: edns ?? 'unknown',
    ednsAt,
    caseSafe: caseSafe ?? 'unknown',
    caseAt,
    // Of another secret: the server gives a new one with its first reply.
    ...NO_COOKIES,
    encryption,
  }
}

/** A try that was under way counts as none. */
function writeEncryption(encryption: Encryption, into: OctetWriter, now: number): void {
  switch (encryption.kind) {
    case 'unknown':
    case 'probing':
      into.u8(0)
      return
    case 'encrypted':
      into.u8(1)
      into.time(now - encryption.repliedAt)
      into.u8(encryption.timeouts)
      return
    case 'failed':
      into.u8(2)
      into.time(now - encryption.at)
      return
    default:
      encryption satisfies never
  }
}

function readEncryption(from: OctetReader, takenAt: number): Encryption {
  switch (from.u8()) {
    case 0:
      return ENCRYPTION_UNKNOWN
    case 1:
      return { kind: 'encrypted', repliedAt: takenAt - from.time(), timeouts: from.u8() }
    case 2:
      return { kind: 'failed', at: takenAt - from.time() }
    default:
      from.reject()
      return ENCRYPTION_UNKNOWN
  }
}

export const lameSection: Section = section({
  kind: 8,
  layout: 1,
  subjects: ['data'],
  items: ({ caches, now }) => caches.servers.lame(now),
  write(entry, into, context) {
    into.text(entry.server)
    into.text(entry.kind)
    into.name(entry.zone)
    into.time(entry.until - context.now)
    return 1
  },
  restore(from, { caches, now, takenAt }) {
    const server = from.text()
    const kind = from.text()
    const zone = foldName(from.name())
    const until = takenAt + from.time()
    if (!from.isWhole) return NONE
    return one(caches.servers.restoreLame({ server, kind, zone, until }, now))
  },
  settle: nothing,
})

export const silentSection: Section = section({
  kind: 9,
  layout: 1,
  subjects: ['data'],
  items: ({ caches }) => caches.servers.unresponsive.kept(),
  write(entry, into, context) {
    into.text(entry.server)
    into.name(entry.zone)
    into.u16(Math.min(entry.timeouts, 0xffff))
    into.time(context.now - entry.since)
    into.time(context.now - entry.lastAt)
    into.time(entry.probeAt - context.now)
    return 1
  },
  restore(from, { caches, now, takenAt }) {
    const server = from.text()
    const zone = foldName(from.name())
    const timeouts = from.u16()
    const since = takenAt - from.time()
    const lastAt = takenAt - from.time()
    const probeAt = takenAt + from.time()
    if (!from.isWhole) return NONE
    return one(caches.servers.unresponsive.restore({ server, zone, timeouts, since, lastAt, probeAt }, now))
  },
  settle: nothing,
})

/** They are settled with the servers. */
function* nothing(): Generator<void, void> {}
