/**
 * Snapshots of earlier releases are read: `fixtures/` has one of each layout that was released, and next to it what was
 * in it. A layout that changes gets a file of its own (`ROOTWALK_WRITE_SNAPSHOT=NAME` writes one); those that are there
 * stay.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createCaches, type Caches } from '../../../src/cache/caches.ts'
import { writeHeader } from '../../../src/cache/snapshot/format.ts'
import { takeSnapshot } from '../../../src/cache/snapshot/take.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { a, limitsOf, n, UNJUDGED } from '../made.ts'
import { contentsOf, filledCaches, header, load, T0 } from './made.ts'

const directory = new URL('fixtures/', import.meta.url)
const limits = limitsOf({ staleMs: 3_600_000 })

/** Something of every kind, once for all clients and once for a view, and a set that is kept after its TTL. */
function write(name: string): void {
  const caches = filledCaches(10, limits)
  const lease = T0 + 1_800_000
  caches.rrsets.put(a('leased.example.', 1), Trust.AuthoritativeAnswer, UNJUDGED, T0 - 5_000, [], lease)
  const view = filledCaches(2, limits)
  const taken = [...takeSnapshot({ caches, partitions: [view], now: T0, checksum: crc32 })]
  const pieces = [
    writeHeader({ ...header, partitions: ['view'] }, crc32),
    ...taken.flatMap(({ octets }) => octets ?? []),
  ]
  writeFileSync(new URL(`${name}.snapshot`, directory), Buffer.concat(pieces))
  writeFileSync(new URL(`${name}.txt`, directory), `${linesOf(caches, view, T0).join('\n')}\n`)
}

/** All that is in the caches of all clients and of the view; times relative to `now`. */
function linesOf(caches: Caches, view: Caches, now: number): string[] {
  const leased = caches.rrsets.expired(n('leased.example.'), 1, 1, now)
  const left = leased === undefined ? 'gone' : Math.round(leased.leaseEndsAt - now)
  return [...contentsOf(caches, now), `leased.example. ${left}`, ...contentsOf(view, now).map(line => `view ${line}`)]
}

const { ROOTWALK_WRITE_SNAPSHOT: wanted } = process.env
if (wanted !== undefined && !existsSync(new URL(`${wanted}.snapshot`, directory))) write(wanted)

describe('a snapshot of an earlier release', () => {
  const names = readdirSync(directory).flatMap(file => (file.endsWith('.snapshot') ? [file.slice(0, -9)] : []))

  test.each(names)('is read: %s', name => {
    const [caches, view] = [createCaches(limits), createCaches(limits)]
    const octets = Uint8Array.from(readFileSync(new URL(`${name}.snapshot`, directory)))
    const { totals, skipped } = load(octets, { caches, partitions: [view], now: 0 })
    expect([totals.otherBlocks, totals.brokenBlocks, skipped]).toEqual([0, 0, 0])
    const expected = readFileSync(new URL(`${name}.txt`, directory), 'utf8')
      .trimEnd()
      .split('\n')
    expect(linesOf(caches, view, 0)).toEqual(expected)
  })
})
