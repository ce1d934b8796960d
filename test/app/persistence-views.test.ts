/** A server with a state directory that has views and zones of its own: what of it is there after a restart. */
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RrType } from '../../src/dns/types.ts'
import { n, q } from '../cache/made.ts'
import { PATIENT } from '../patience.mjs'
import { asked, bytesOf } from '../server/make.ts'
import { startInside, type Inside } from './inside.ts'

const place = { directory: '' }
const running: Inside[] = []
beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-views-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(place.directory, { recursive: true, force: true })
})

const view = (to: string): object => ({ name: 'two', clients: ['127.0.0.2'], stub: [{ zone: 'shop', to }] })
const VIEW = view('10.53.0.2')

async function start(settings: object): Promise<Inside> {
  const inside = await startInside({ state: join(place.directory, 'state'), ...settings }, place)
  running.push(inside)
  return inside
}
async function restarted(settings: object): Promise<Inside> {
  const inside = await start(settings)
  await expect.poll(() => inside.events.filter(({ kind }) => kind === 'cache-restored').length, PATIENT).toBe(1)
  return inside
}

const queriesOf = ({ server }: Inside): number =>
  Object.values(server.recursor.upstream.requests).reduce((sum, count) => sum + count, 0)

/** Asks for www.shop. from an address, and gives how many queries the answer took. */
async function costOf(inside: Inside, address: string): Promise<number> {
  const before = queriesOf(inside)
  const socket = createSocket('udp4')
  const answer = new Promise<void>(settle => socket.once('message', () => settle()))
  socket.bind(0, address)
  socket.send(bytesOf({ question: asked('www.shop.') }), inside.port, '127.0.0.1')
  await answer
  socket.close()
  return queriesOf(inside) - before
}

describe('the cache of a view that asks something else', () => {
  test.each<[string, object, string, boolean]>([
    ['is there after a restart', { views: [VIEW] }, '127.0.0.2', true],
    ['is not that of all', { views: [VIEW] }, '127.0.0.1', false],
    ['is there for a view of another name that asks the same', { views: [{ ...VIEW, name: 'x' }] }, '127.0.0.2', true],
    ['is not there for one that asks others', { views: [view('10.53.0.3')] }, '127.0.0.2', false],
    [
      'is there where views stand in another order',
      { views: [{ ...view('10.53.0.3'), clients: ['127.0.0.3'], name: 'y' }, VIEW] },
      '127.0.0.2',
      true,
    ],
  ])('%s', async (_, settings, address, isKept) => {
    const first = await start({ views: [VIEW] })
    expect(await costOf(first, '127.0.0.2')).toBeGreaterThan(0)
    await first.server.stop()
    const inside = await restarted(settings)
    const { caches, clock } = inside.server.recursor
    const inAll = caches.rrsets.get(n('www.shop.'), RrType.A, 1, clock.now()) !== undefined
    expect(inAll).toBe(false)
    if (isKept) expect(await costOf(inside, address)).toBe(0)
    else if (address === '127.0.0.1') expect(await costOf(inside, address)).toBeGreaterThan(0)
    else {
      const [restored] = inside.events.flatMap(event => (event.kind === 'cache-restored' ? [event] : []))
      expect(restored?.otherBlocks).toBeGreaterThan(0)
    }
  })
})

describe('failures that were remembered', () => {
  const zone = (text: string): void =>
    writeFileSync(
      join(place.directory, 'lan.zone'),
      `$TTL 60\n@ SOA ns admin 1 2h 1h 2w 60\n@ NS ns\nns A 192.0.2.1\n${text}`,
    )

  test.each<[string, string, boolean]>([
    ['are there when zones are as they were', 'www CNAME www.broken.\n', true],
    ['are gone when a zone file changed meanwhile, though its serial number did not', 'www A 192.0.2.2\n', false],
  ])('%s', async (_, after, isKept) => {
    zone('www CNAME www.broken.\n')
    const first = await start({ zones: ['lan.zone'] })
    const { caches, clock } = first.server.recursor
    const now = clock.now()
    // For long: the clock of the next server is that of this process, and so the age of what this one stored.
    const failure = { why: 'unreachable', ede: 22, text: 'no reply', inRow: 9, storedAt: now } as const
    caches.failures.restore(q('www.broken.'), { ...failure, expiresAt: now + 300_000 }, now)
    expect(await costOf(first, '127.0.0.1')).toBeGreaterThan(0)
    await first.server.stop()
    zone(after)
    const { server } = await restarted({ zones: ['lan.zone'] })
    const { recursor } = server
    expect(recursor.caches.failures.find(q('www.broken.'), recursor.clock.now()) !== undefined).toBe(isKept)
    expect(recursor.caches.rrsets.get(n('www.shop.'), RrType.A, 1, recursor.clock.now())).toBeDefined()
  })
})
