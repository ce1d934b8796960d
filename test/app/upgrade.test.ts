/**
 * What an earlier build left is read by this one. `test/fixtures/state-0.1.0` was written by that version, with
 * `ROOTWALK_WRITE_FIXTURE=1 npx vitest run test/app/upgrade.test.ts`; a later one gets a directory of its own next to it.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readHeader, writeHeader } from '../../src/cache/snapshot/format.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { n } from '../cache/made.ts'
import { PATIENT } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { startInside, type Inside } from './inside.ts'

const FIXTURE = join(root, 'test/fixtures/state-0.1.0')
const NAMES = ['www.shop.', 'alias.shop.', 'nothing.shop.']
/** Beyond the life of any test: anchors end, and what has ended is not there. */
const UNTIL = Date.UTC(2099, 0, 1) / 1_000
const SETTINGS = { cache: { maxTtl: 3_600 }, allow: ['127.0.0.0/8'] }

const running: Inside[] = []
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rootwalk-upgrade-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(directory, { recursive: true, force: true })
})

async function start(settings: object, state = join(directory, 'state')): Promise<Inside> {
  const inside = await startInside({ ...settings, state }, { directory })
  running.push(inside)
  return inside
}

const asked = ({ server }: Inside, name: string): Promise<void> =>
  new Promise(done =>
    server.resolver.resolve(
      { name: n(name), type: RrType.A, class: RrClass.IN },
      { recursionDesired: true, because: 'client' },
      () => done(),
    ),
  )
const queriesOf = ({ server }: Inside): number =>
  Object.values(server.recursor.upstream.requests).reduce((sum, count) => sum + count, 0)

/** As if it had been written at another time, and on no machine in particular. */
function renewed(path: string, takenAt: number): void {
  const octets = readFileSync(path)
  const read = readHeader(octets, crc32)
  if (read.kind !== 'header') throw new Error(read.kind)
  const header = { ...read.header, takenAt, bootId: null, machineMs: 0 }
  writeFileSync(path, Buffer.concat([writeHeader(header, crc32), octets.subarray(read.octets)]))
}

const isRestored = (inside: Inside): Promise<void> =>
  expect.poll(() => inside.events.some(({ kind }) => kind === 'cache-restored'), PATIENT).toBe(true)

describe('the state directory of version 0.1.0', () => {
  const write = async (): Promise<void> => {
    rmSync(FIXTURE, { recursive: true, force: true })
    mkdirSync(FIXTURE, { recursive: true })
    writeFileSync(join(FIXTURE, 'resolver.config.json'), `${JSON.stringify(SETTINGS, null, 2)}\n`)
    // Anchors that operators set are read where the API is opened, and what is cached depends on them.
    const first = await start(SETTINGS, join(FIXTURE, 'state'))
    first.server.changes.anchors.set({ name: n('broken.example.'), until: UNTIL })
    await first.server.stop()
    rmSync(join(FIXTURE, 'state/cache.snapshot'))
    const inside = await start(SETTINGS, join(FIXTURE, 'state'))
    for (const name of NAMES) await asked(inside, name)
    await inside.server.stop()
    renewed(join(FIXTURE, 'state/cache.snapshot'), Date.UTC(2026, 0, 1))
    expect(queriesOf(inside)).toBeGreaterThan(2)
  }
  if (process.env.ROOTWALK_WRITE_FIXTURE === '1') it('is written', write)

  it('is read with its configuration: nothing is asked again, and validation stays switched off where it was', async () => {
    cpSync(join(FIXTURE, 'state'), join(directory, 'state'), { recursive: true })
    // What is in it ends by its TTL.
    renewed(join(directory, 'state/cache.snapshot'), Date.now())
    const inside = await start(JSON.parse(readFileSync(join(FIXTURE, 'resolver.config.json'), 'utf8')))
    await isRestored(inside)
    const restored = inside.events.find(event => event.kind === 'cache-restored')
    expect(restored).toMatchObject({ otherBlocks: 0, brokenBlocks: 0, skippedOctets: 0 })
    const before = queriesOf(inside)
    for (const name of NAMES) await asked(inside, name)
    expect(queriesOf(inside)).toBe(before)
    expect(inside.server.changes.anchors.added).toEqual([{ name: n('broken.example.'), until: UNTIL }])
  })
})

describe('after a restart', () => {
  it('at least 95 % of the questions that were answered from the cache are again', async () => {
    const names = Array.from({ length: 200 }, (_, i) => (i % 4 === 0 ? `absent${i}.shop.` : (NAMES[i % 3] ?? '')))
    const rate = async (inside: Inside): Promise<number> => {
      let hits = 0
      for (const name of names) {
        const before = queriesOf(inside)
        await asked(inside, name)
        if (queriesOf(inside) === before) hits++
      }
      return hits / names.length
    }
    const first = await start({})
    await rate(first)
    const before = await rate(first)
    await first.server.stop()
    const second = await start({})
    await isRestored(second)
    const after = await rate(second)
    console.log(`answered from the cache before the restart ${before * 100} %, after it ${after * 100} %`)
    expect(before).toBe(1)
    expect(after / before).toBeGreaterThanOrEqual(0.95)
  })
})
