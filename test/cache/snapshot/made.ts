/** Caches with something of every kind in them, snapshots of them, and caches restored from those. */
import { crc32 } from 'node:zlib'
import { expect } from 'vitest'
import { createCaches, type Caches } from '../../../src/cache/caches.ts'
import {
  type Block,
  BLOCK_FIXED,
  BlockReader,
  readHeader,
  sealBlock,
  writeHeader,
  type SnapshotHeader,
} from '../../../src/cache/snapshot/format.ts'
import { Restorer, type RestoreOptions, type RestoreTotals } from '../../../src/cache/snapshot/restore.ts'
import { takeSnapshot } from '../../../src/cache/snapshot/take.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { parseIp } from '../../../src/dns/address.ts'
import { foldName, trustWireName, type Name } from '../../../src/dns/name.ts'
import { RrType } from '../../../src/dns/types.ts'
import { zoneKey } from '../../../src/dnssec/algorithms.ts'
import { defaultLimits, type CacheLimits } from '../../../src/limits.ts'
import { hashOf, nsec, nsec3 } from '../../dnssec/made.ts'
import { a, BOGUS, limitsOf, n, ns, q, SECURE, set, soa, UNJUDGED } from '../made.ts'

/** Whole: RRsets are stored with whole milliseconds. */
export const T0 = 1_000_000
export const ALL: RestoreOptions['allowed'] = new Set(['data', 'trust', 'local', 'stale'])
export const header: SnapshotHeader = {
  version: '0.0.0',
  takenAt: 1_800_000_000_000,
  machineMs: 5_000,
  bootId: 'this',
  fingerprint: { data: 'd', trust: 't', local: 'l' },
  partitions: [],
}

const SIGNATURE = [Uint8Array.of(0, 1, 13, 1)]
const ip = (text: string): NonNullable<ReturnType<typeof parseIp>> => {
  const parsed = parseIp(text)
  if (parsed === null) throw new Error(text)
  return parsed
}

/** `hosts` names besides one of everything; filled at `T0`. */
export function filledCaches(hosts = 10, limits: CacheLimits = limitsOf(), now = T0): Caches {
  const caches = createCaches(limits)
  const { rrsets, negatives, failures, delegations, servers, zoneStates, denials } = caches
  for (let i = hosts; i > 0; i--)
    rrsets.put(a(`host${i}.example.`, 3600, i % 250), Trust.AuthoritativeAnswer, UNJUDGED, now)
  rrsets.put({ ...a('signed.example.'), signatures: SIGNATURE }, Trust.AuthoritativeAnswer, SECURE, now)
  rrsets.put(
    ns('example.', 900, 'ns1.example.', 'ns2.example.'),
    Trust.AuthorityOfAuthoritative,
    { kind: 'insecure' },
    now,
  )
  rrsets.put({ ...set('example.', RrType.TXT, 60, [3, 65, 66, 67]), class: 3 }, Trust.Additional, BOGUS, now)
  const noted = { kind: 'insecure', note: { ede: 1, text: 'algorithm 12 – nothing checks it' } } as const
  rrsets.put({ ...a('Mixed.example.'), name: n('mixed.example.') }, Trust.NonAuthoritativeAnswer, noted, now, [
    { ...nsec('a.example.', 'z.example.', RrType.A), signatures: SIGNATURE, ttl: 200 },
  ])
  negatives.putNodata(q('host1.example.', RrType.MX), soa('example.', 300, 300), [], UNJUDGED, now)
  negatives.putNxdomain(n('gone.example.'), 1, soa('example.', 300, 300), [], SECURE, now)
  negatives.putNodata(q('bare.example.'), null, [], UNJUDGED, now)
  failures.put(q('broken.example.'), { why: 'bogus', ede: 6, text: 'signature does not verify' }, now)
  const addresses = [ip('192.0.2.53'), ip('2001:db8::53')]
  const ds = set('example.', RrType.DS, 900, [1, 2, 13, 2, 9])
  delegations.put(
    { zone: n('example.'), servers: [{ name: n('ns1.example.'), addresses }], ds, expiresAt: now + 900_000 },
    Number.POSITIVE_INFINITY,
    now,
  )
  servers.heard('192.0.2.53#53', 42, now)
  servers.ednsBroken('192.0.2.53#53', now)
  servers.caseEchoed('192.0.2.54#53', now)
  servers.timedOut('192.0.2.54#53', now - 500, now)
  servers.encryptionEvent('192.0.2.53#53', 'replied', now)
  servers.markLame('192.0.2.53#53', n('lame.example.'), 'plain', now)
  for (let i = 0; i < defaultLimits.cache.throttleTimeouts; i++)
    servers.unresponsive.timedOut('192.0.2.55#53', n('silent.example.'), now - 200_000 + i * 1_000)
  servers.unresponsive.timedOut('192.0.2.55#53', n('silent.example.'), now)
  servers.unresponsive.asked('192.0.2.55#53', n('silent.example.'), now)
  const key = zoneKey(Uint8Array.from([1, 1, 3, 13, ...new Array<number>(64).fill(7)]), defaultLimits.dnssec)
  if (key !== null) zoneStates.putKeys({ zone: n('example.'), keys: [key] }, 600, now)
  zoneStates.putDelegationStatus(n('example.'), { kind: 'ds', ds: [Uint8Array.of(1, 2, 3)] }, 600, now)
  zoneStates.putDelegationStatus(n('plain.'), { kind: 'insecure', note: { ede: 2, text: 'digest' } }, 600, now)
  zoneStates.putDelegationStatus(n('www.example.'), { kind: 'no-cut' }, 600, now)
  zoneStates.putKeyless(n('keyless.example.'), 600, now)
  denials.putSoa(n('signed.'), { ...soa('signed.', 300, 300), signatures: SIGNATURE }, now)
  denials.putNsec(n('signed.'), { ...nsec('signed.', 'z.signed.', RrType.SOA), ttl: 300, signatures: SIGNATURE }, now)
  denials.putSoa(n('hashed.'), { ...soa('hashed.', 300, 300), signatures: SIGNATURE }, now)
  const hashed = {
    ...nsec3('hashed.', hashOf('a.hashed.'), hashOf('a.hashed.', 4), [RrType.A]),
    ttl: 300,
    signatures: SIGNATURE,
  }
  denials.putNsec3(n('hashed.'), hashed, now)
  return caches
}

/** The octets of the file, in its pieces: the header and each block. */
export function piecesOf(caches: Caches, now = T0): Uint8Array[] {
  const taken = [...takeSnapshot({ caches, now, checksum: crc32 })]
  return [writeHeader(header, crc32), ...taken.flatMap(({ octets }) => octets ?? [])]
}

/** A block with its checksum. */
export function sealed({ entries, ...block }: Block): Uint8Array {
  const bytes = new Uint8Array(BLOCK_FIXED + entries.length)
  bytes.set(entries, BLOCK_FIXED)
  sealBlock(bytes, block, crc32)
  return bytes
}

export interface Loaded {
  readonly caches: Caches
  readonly totals: RestoreTotals
  readonly skipped: number
}

/** From the octets of a file, as a server would read it; `into` has what was learnt already. */
export function load(file: Uint8Array, options: Partial<RestoreOptions> = {}): Loaded {
  const caches = options.caches ?? createCaches(limitsOf())
  const now = options.now ?? 50
  const restorer = new Restorer({ caches, dnssec: defaultLimits.dnssec, now, ageMs: 0, allowed: ALL, ...options })
  const read = readHeader(file, crc32)
  const reader = new BlockReader(crc32)
  reader.push(read.kind === 'header' ? file.subarray(read.octets) : file)
  reader.end()
  for (let block = reader.next(); block !== null; block = reader.next()) restorer.take(block, now)
  expect([...restorer.settle()].length).toBeLessThan(1_000)
  return { caches, totals: restorer.totals, skipped: reader.skipped }
}

/** All that is in caches, as text, with times relative to `base` (ms). */
export function contentsOf(
  { rrsets, negatives, failures, delegations, servers, zoneStates, denials }: Caches,
  now: number,
): string[] {
  const text = (value: unknown): string =>
    JSON.stringify(value, (key, each: unknown) => {
      // Not kept: they go with a secret that is another one after a start.
      if (key === 'cookies' || key === 'serverCookie' || key === 'cookiesAt') return undefined
      if (each instanceof Uint8Array) return Buffer.from(each).toString('hex')
      const isTime = /(?:At|until|since)$/i.test(key) && typeof each === 'number'
      return isTime ? Math.round(each - now) : each
    })
  return [
    ...[...rrsets.names()].flatMap(name => rrsets.at(n0(name), now).map(entry => `rrset ${text(entry)}`)),
    ...[...negatives.keys()].map(key => `negative ${text(negatives.peek(key, now))}`),
    ...[...failures.keys()].map(key => `failure ${text(failures.peek(key, now))}`),
    ...[...delegations.zones()].map(zone => `delegation ${text(delegations.peek(zone, now))}`),
    ...[...servers.keys()].map(key => `server ${key} ${text(servers.peek(key))}`),
    ...servers.lame(now).map(lame => `lame ${text(lame)}`),
    ...servers.unresponsive.kept().map(kept => `silent ${text(kept)}`),
    ...[...zoneStates.keys()].map(key => `zone ${key} ${text(stateText(zoneStates.peek(key, now)))}`),
    ...[...denials.keys()].map(key => `denial ${text(denials.peek(key))}`),
  ].sort()
}

const stateText = (state: ReturnType<Caches['zoneStates']['peek']>): unknown =>
  state === undefined ? null : { ...state, keys: state.keys?.keys.map(({ rdata }) => rdata) ?? null }

const n0 = (octets: string): Name => foldName(trustWireName(octets))
