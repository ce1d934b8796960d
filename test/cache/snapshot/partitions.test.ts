/** Caches of views in a snapshot: each comes back as its own, wherever it stands now, and in no other. */
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createCaches, type Caches } from '../../../src/cache/caches.ts'
import { takeSnapshot } from '../../../src/cache/snapshot/take.ts'
import { writeHeader } from '../../../src/cache/snapshot/format.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { RrType } from '../../../src/dns/types.ts'
import { a, limitsOf, n, UNJUDGED } from '../made.ts'
import { header, load, T0 } from './made.ts'

const NOW = 50
/** Caches in which www.shop. has this last octet. */
function knowing(octet: number): Caches {
  const caches = createCaches(limitsOf())
  caches.rrsets.put(a('www.shop.', 300, octet), Trust.AuthoritativeAnswer, UNJUDGED, T0)
  return caches
}
const known = ({ rrsets }: Caches): number | undefined =>
  rrsets.get(n('www.shop.'), RrType.A, 1, NOW)?.rrset.rdatas[0]?.[3]

/** The file of the caches of all, and those of two views. */
const file = Uint8Array.from(
  Buffer.concat([
    writeHeader({ ...header, partitions: ['first', 'second'] }, crc32),
    ...[
      ...takeSnapshot({ caches: knowing(1), partitions: [knowing(11), knowing(12)], now: T0, checksum: crc32 }),
    ].flatMap(({ octets }) => octets ?? []),
  ]),
)

describe('caches of views', () => {
  const empty = (): Caches => createCaches(limitsOf())

  test.each<[string, readonly ('own' | 'gone')[], (number | undefined)[], number]>([
    ['come back as they were', ['own', 'own'], [1, 11, 12], 0],
    ['of a view that is gone are left out', ['gone', 'own'], [1, undefined, 12], 1],
    ['of views that are all gone are left out', [], [1], 2],
  ])('%s', (_, views, expected, otherBlocks) => {
    const caches = empty()
    const partitions = views.map(view => (view === 'own' ? empty() : null))
    const { totals } = load(file, { caches, partitions })
    expect([caches, ...partitions].map(each => (each === null ? undefined : known(each)))).toEqual(expected)
    expect(totals.otherBlocks).toBe(otherBlocks)
  })
})
