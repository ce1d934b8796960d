// @ts-check
/**
 * What an entry of each store really takes of the heap when all garbage is gone, beside what is counted for it. Run by
 * itself: `node test/bench/cache-bytes.mjs [entries]`; `BENCH_DIST` as in `built.mjs`. Filled again, and full: where two
 * of three entries were driven out by others, which leaves larger tables.
 */
import { argv } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { caches, limits } from './built.mjs'

const COUNT = Number(argv[2] ?? 50_000)
const ROOM = 4e9
const NOW = 1_000_000
const TTL = 3_600
const TIMES_ROUND = 3

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const { RRsetCache, NegativeCache, FailureCache, DelegationCache, ServerStats, DenialStore } = await caches()
const { defaultLimits } = await limits()
const cacheLimits = defaultLimits.cache

/** A name as it comes out of a message. @param {string[]} labels @returns {any} */
const name = (...labels) =>
  Buffer.from(`${labels.map(label => String.fromCharCode(label.length) + label).join('')}\0`, 'latin1').toString(
    'latin1',
  )
/** @param {number} i */
const host = i => name(`host-${i}`, `zone-${i % 997}`, 'example')
/** @param {any} owner @param {number} type @param {Uint8Array[]} rdatas @param {Uint8Array[]} signatures */
const set = (owner, type, rdatas, signatures = []) => ({
  owner,
  name: owner,
  type,
  class: 1,
  ttl: TTL,
  rdatas,
  signatures,
})
/** @param {number} octets @param {number} [value] */
const octets = (octets, value = 7) => new Uint8Array(octets).fill(value)
/** @type {any} */
const unjudged = { kind: 'indeterminate' }
const signature = octets(96)
/** @param {string} zone */
const soa = zone =>
  set(
    name(zone),
    6,
    [
      Buffer.concat([
        Buffer.from(name('ns', zone), 'latin1'),
        Buffer.from(name('host', zone), 'latin1'),
        octets(16, 0),
        Uint8Array.of(0, 0, 14, 16),
      ]),
    ],
    [signature],
  )
const NSEC_TYPES = Uint8Array.of(0, 6, 0x40, 0, 0, 0, 0, 3)
/** @param {number} i */
const padded = i => `h${String(i).padStart(8, '0')}`

/** @typedef {{ readonly bytes: number, readonly size: number }} Store */
/** @type {readonly (readonly [string, (room: number) => any, (store: any, i: number) => unknown])[]} */
const stores = [
  [
    'RRset of one address',
    room => new RRsetCache(cacheLimits, room),
    (store, i) => store.put(set(host(i), 1, [octets(4)]), 5, unjudged, NOW),
  ],
  [
    'RRset of 1,000 octets',
    room => new RRsetCache(cacheLimits, room),
    (store, i) => store.put(set(host(i), 16, [octets(1_000)]), 5, unjudged, NOW),
  ],
  [
    'signed RRset',
    room => new RRsetCache(cacheLimits, room),
    (store, i) => store.put(set(host(i), 1, [octets(4)], [signature]), 5, { kind: 'secure' }, NOW),
  ],
  [
    'NXDOMAIN',
    room => new NegativeCache(cacheLimits, room),
    (store, i) => store.putNxdomain(host(i), 1, soa('example'), [], unjudged, NOW),
  ],
  [
    'failure',
    room => new FailureCache(cacheLimits, room),
    (store, i) =>
      store.put(
        { name: host(i), type: 1, class: 1 },
        { why: 'unreachable', ede: 22, text: `no server of ${i} answered` },
        NOW,
      ),
  ],
  [
    'delegation, 2 servers',
    room => new DelegationCache(cacheLimits, room),
    (store, i) =>
      store.put(
        {
          zone: host(i),
          ds: null,
          expiresAt: NOW + 1e7,
          servers: ['a', 'b'].map(ns => ({
            name: name(ns, `host-${i}`, 'example'),
            addresses: [{ family: 4, bytes: octets(4), text: '192.0.2.155' }],
          })),
        },
        Number.POSITIVE_INFINITY,
        NOW,
      ),
  ],
  [
    'server statistics',
    room => new ServerStats(cacheLimits, defaultLimits.upstream, room, room),
    (store, i) => store.heard(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}#53`, i / 7, NOW),
  ],
  [
    'validated NSEC',
    room => new DenialStore(cacheLimits, room),
    (store, i) => {
      if (i % 1_000 === 0) store.putSoa(name('example'), soa('example'), NOW)
      return store.putNsec(
        name('example'),
        set(
          name(padded(i), 'example'),
          47,
          [Buffer.concat([Buffer.from(name(`${padded(i)}a`, 'example'), 'latin1'), NSEC_TYPES])],
          [signature],
        ),
        NOW,
      )
    },
  ],
]

const heap = () => {
  gc()
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

console.log('octets an entry'.padEnd(24), 'filled'.padStart(8), 'full'.padStart(8), 'counted'.padStart(8))
for (const [what, open, put] of stores) {
  /** @param {number} room @param {number} count */
  const filled = (room, count) => {
    const store = open(room)
    for (let i = 0; i < count; i++) put(store, i)
    return store
  }
  const counted = Math.round(filled(ROOM, 1_000).bytes / 1_000)
  /** @param {number} room @param {number} count */
  const measured = (room, count) => {
    const before = heap()
    const store = filled(room, count)
    return ((heap() - before) / store.size).toFixed(0)
  }
  console.log(
    what.padEnd(24),
    measured(ROOM, COUNT).padStart(8),
    measured(COUNT * counted, COUNT * TIMES_ROUND).padStart(8),
    String(counted).padStart(8),
  )
}
