/** The server with a state directory: what it learnt is there after a restart, whatever became of the files. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../../src/events.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { logLine } from '../../src/render/event.ts'
import { CachePersistence } from '../../src/app/persistence/cache-persistence.ts'
import { defaultLimits } from '../../src/limits.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { n } from '../cache/made.ts'
import { filledCaches, header } from '../cache/snapshot/made.ts'
import { PATIENT } from '../patience.mjs'
import { startInside, type Inside } from './inside.ts'

const place = { directory: '', state: '' }
const running: Inside[] = []

beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-persistence-'))
  place.state = join(place.directory, 'state')
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(place.directory, { recursive: true, force: true })
})

async function start(settings: object = {}): Promise<Inside> {
  const inside = await startInside({ state: place.state, ...settings }, { directory: place.directory })
  running.push(inside)
  return inside
}

const file = (suffix = ''): string => join(place.state, `cache.snapshot${suffix}`)
const of = <K extends Event['kind']>({ events }: Inside, kind: K): Extract<Event, { kind: K }>[] =>
  events.filter((event): event is Extract<Event, { kind: K }> => event.kind === kind)

/** Resolves and gives how many queries that took. */
async function costOf({ server }: Inside, name: string): Promise<number> {
  const before = queriesOf(server)
  await new Promise<void>(done =>
    server.resolver.resolve(
      { name: n(name), type: RrType.A, class: RrClass.IN },
      { recursionDesired: true, because: 'client' },
      () => done(),
    ),
  )
  return queriesOf(server) - before
}
const queriesOf = (server: Inside['server']): number =>
  Object.values(server.recursor.upstream.requests).reduce((sum, count) => sum + count, 0)

/** A run that learnt www.shop. and ended. */
async function run(settings: object = {}): Promise<void> {
  const inside = await start(settings)
  await costOf(inside, 'www.shop.')
  await inside.server.stop()
}

async function restarted(settings: object = {}): Promise<Inside> {
  const inside = await start(settings)
  await expect.poll(() => of(inside, 'cache-restored').length, PATIENT).toBe(1)
  return inside
}

describe('a server with a state directory', () => {
  test('has after a restart what it had before, and says how much of it is valid', async () => {
    await run()
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    const inside = await restarted()
    const [restored] = of(inside, 'cache-restored')
    expect(restored).toMatchObject({ otherBlocks: 0, brokenBlocks: 0, skippedOctets: 0 })
    expect(restored?.kept).toBeGreaterThan(2)
    expect(restored === undefined ? '' : logLine(restored).message).toMatch(
      /^cache: \d+ entries of .* ago, \d+ % still valid/,
    )
    expect(await costOf(inside, 'www.shop.')).toBe(0)
  })

  test('without one keeps nothing', async () => {
    const inside = await startInside({}, { directory: place.directory })
    running.push(inside)
    await costOf(inside, 'www.shop.')
    await inside.server.stop()
    expect(existsSync(file())).toBe(false)
  })

  test('keeps the snapshot before, and takes it when the last one cannot be read', async () => {
    await run()
    await (await restarted()).server.stop()
    expect(existsSync(file('.prev'))).toBe(true)
    writeFileSync(file(), 'something else')
    const inside = await restarted()
    expect(of(inside, 'snapshot-damaged')).toEqual([expect.objectContaining({ path: file() })])
    expect(await costOf(inside, 'www.shop.')).toBe(0)
  })

  test('of which the snapshot is damaged in the midst uses the rest of it', async () => {
    await run()
    const octets = readFileSync(file())
    octets[octets.length - 20] = (octets[octets.length - 20] ?? 0) ^ 0xff
    writeFileSync(file(), octets)
    const [restored] = of(await restarted(), 'cache-restored')
    expect(restored?.skippedOctets).toBeGreaterThan(0)
    expect(restored?.kept).toBeGreaterThan(0)
  })

  test('sets the snapshot of a later release aside, with its name', async () => {
    await run()
    const octets = readFileSync(file())
    octets[9] = 200
    writeFileSync(file(), octets)
    const inside = await start()
    await expect.poll(() => of(inside, 'snapshot-set-aside').length, PATIENT).toBe(1)
    expect(existsSync(file())).toBe(false)
    expect(readFileSync(file('.format200')).equals(octets)).toBe(true)
    expect(await costOf(inside, 'www.shop.')).toBeGreaterThan(0)
  })

  test.each<[string, object, boolean]>([
    ['the same settings but for what clients may do', { allow: ['127.0.0.0/8', '10.0.0.0/8'], warmUp: false }, true],
    ['other servers for a zone', { forward: [{ zone: 'shop.', to: '192.0.2.1' }] }, false],
    ['glue that is checked in another way', { upstream: { hardenGlue: false } }, false],
  ])('restarted with %s', async (_, settings, isKept) => {
    await run()
    const inside = await restarted(settings)
    expect(inside.server.recursor.caches.rrsets.get(n('www.shop.'), RrType.A, 1, 1) !== undefined).toBe(isKept)
  })

  test('that cannot be written reports it once, goes on, and says when it works again', async () => {
    const inside = await start({ persistence: { intervalS: 1 } })
    rmSync(place.state, { recursive: true })
    await expect.poll(() => of(inside, 'state-failed').length, PATIENT).toBe(1)
    expect(await costOf(inside, 'www.shop.')).toBeGreaterThan(0)
    mkdirSync(place.state)
    await expect.poll(() => of(inside, 'state-works').length, PATIENT).toBe(1)
    expect(of(inside, 'state-failed').length).toBe(1)
    expect(existsSync(file())).toBe(true)
  })
})

test('what is flushed while a snapshot is written is in none a second later', async () => {
  mkdirSync(place.state, { recursive: true })
  const clock = new SimClock()
  const events: Event[] = []
  let begun = 0
  const persistence: CachePersistence = new CachePersistence({
    directory: place.state,
    intervalS: 3_600,
    caches: filledCaches(),
    partitions: () => [],
    clock,
    limits: defaultLimits,
    events: event => events.push(event),
    fingerprint: () => {
      // The first snapshot is being written.
      if (begun++ === 0) persistence.changed()
      return header.fingerprint
    },
    localZones: () => [],
    validation: () => null,
  })
  const saved = (): number => events.filter(({ kind }) => kind === 'cache-saved').length
  await persistence.save()
  expect([begun, saved()]).toEqual([1, 0])
  clock.advance(defaultLimits.persistence.afterChangeMs)
  await expect.poll(saved, PATIENT).toBe(1)
  await persistence.end()
})
