/** Several instances and one server of the shared cache on the virtual clock: what goes wrong between them. */
import { describe, expect, it, test } from 'vitest'
import type { ReadResult } from '../../../src/app/shared/client.ts'
import type { Change } from '../../../src/app/shared/messages.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { n } from '../../cache/made.ts'
import { type Instance, type InstanceHow, Laboratory } from './valkey.ts'

const { removals, skewMs, silentMs, reconnectMsMost } = defaultLimits.shared
const OCTETS = Uint8Array.of(1, 2, 3)
const SETTLED_MS = 2_000
const BACK_MS = silentMs + reconnectMsMost * 3

const flushOf = (name: string): Change => ({
  kind: 'flush',
  name: n(name),
  below: false,
  servers: false,
  everywhere: true,
})

interface Pair {
  readonly lab: Laboratory
  readonly a: Instance
  readonly b: Instance
}

async function pair(second: InstanceHow = {}): Promise<Pair> {
  const lab = new Laboratory()
  const [a, b] = [lab.start('a'), lab.start('b', second)]
  await lab.pass(SETTLED_MS)
  expect([a.store.isUsable, b.store.isUsable]).toEqual([true, true])
  return { lab, a, b }
}

/** What becomes of a look-up, as time goes by. */
async function found(lab: Laboratory, instance: Instance, name: string): Promise<string> {
  const looked = instance.find(name)
  await lab.pass(SETTLED_MS)
  return (await looked).found.kind
}

async function stored({ lab, a }: Pair, name: string): Promise<void> {
  a.offer(name, OCTETS)
  await lab.pass(SETTLED_MS)
}

/** A flush on one, as time goes by; gives who confirmed. */
async function flushed(lab: Laboratory, instance: Instance, name: string): Promise<unknown> {
  const published = instance.store.publish(flushOf(name), () => {}, true)
  await lab.pass(SETTLED_MS)
  return await published
}

describe('a value of another instance', () => {
  it.each<[string, InstanceHow, string]>([
    ['with the same secret and settings', {}, 'hit'],
    ['with another secret', { secret: 'a secret of somebody else' }, 'miss'],
    ['with other settings', { fingerprint: 'other settings' }, 'miss'],
    ['whose clock is behind by less than is allowed', { aheadMs: -skewMs + 1_000 }, 'hit'],
    ['whose clock is behind by more: the value is of the future', { aheadMs: -skewMs - 60_000 }, 'miss'],
    ['whose clock is ahead', { aheadMs: 60_000 }, 'hit'],
  ])('%s: %s', async (_, how, wanted) => {
    const two = await pair(how)
    await stored(two, 'www.example.')
    expect(await found(two.lab, two.b, 'www.example.')).toBe(wanted)
  })

  it.each<[string, (value: Uint8Array) => ReadResult, string]>([
    ['whole', value => value, 'hit'],
    ['cut in half', value => value.subarray(0, value.length >> 1), 'refused'],
    ['of one octet', value => value.subarray(0, 1), 'refused'],
    ['with an octet more', value => Uint8Array.of(...value, 0), 'refused'],
    ['of another version', value => Uint8Array.of(2, ...value.subarray(1)), 'refused'],
    ['with another seal', value => Uint8Array.of(...value.subarray(0, -1), (value.at(-1) ?? 0) ^ 1), 'refused'],
    ['too large', () => new Uint8Array(defaultLimits.shared.valueBytes + 1), 'refused'],
    ['that is not there', () => null, 'miss'],
    ['that is an error', () => new Error('WRONGTYPE'), 'error'],
  ])('%s is counted as what it is', async (_, hand, result) => {
    const two = await pair()
    await stored(two, 'www.example.')
    two.lab.server.hand = (__, value) => hand(value)
    expect(await found(two.lab, two.b, 'www.example.')).toBe(result === 'hit' ? 'hit' : 'miss')
    const { requests } = two.b.store.numbers
    expect(Object.entries(requests).filter(([, count]) => count > 0)).toEqual([[result, 1]])
    // One that is bad says nothing of the server.
    expect(two.b.store.isUsable).toBe(true)
  })

  it('that comes late is not used, and the next one in time is', async () => {
    const two = await pair()
    await stored(two, 'www.example.')
    two.lab.server.delayMs = defaultLimits.shared.readDeadlineMs + 5
    expect(await found(two.lab, two.b, 'www.example.')).toBe('timeout')
    two.lab.server.delayMs = 0.2
    expect(await found(two.lab, two.b, 'www.example.')).toBe('hit')
  })
})

describe('a change on one instance', () => {
  it('is carried out by the other once, and confirmed', async () => {
    const { lab, a, b } = await pair()
    expect(await flushed(lab, a, 'www.example.')).toMatchObject({ kind: 'published', others: [{ name: 'b' }] })
    expect(b.carriedOut).toEqual([flushOf('www.example.')])
    expect(a.carriedOut).toEqual([])
  })

  it('holds for values that were written before, and not for those after', async () => {
    const two = await pair()
    await stored(two, 'www.example.')
    await flushed(two.lab, two.a, 'www.example.')
    const looked = two.b.find('www.example.')
    await two.lab.pass(SETTLED_MS)
    const before = (await looked).found
    expect(before.kind === 'hit' && before.isRemoved(n('www.example.'))).toBe(true)
    await stored(two, 'www.example.')
    const again = two.b.find('www.example.')
    await two.lab.pass(SETTLED_MS)
    const after = (await again).found
    expect(after.kind === 'hit' && after.isRemoved(n('www.example.'))).toBe(false)
  })

  it.each([
    ['of somebody without the secret', { secret: 'a secret of somebody else' }],
    ['of somebody with another one, from a server that is the same', { secret: 'x'.repeat(40) }],
  ])('%s is passed over and counted', async (_, how) => {
    const { lab, a, b } = await pair(how)
    await flushed(lab, b, 'www.example.')
    expect(a.carriedOut).toEqual([])
    expect(a.store.numbers.refusedMessages).toBeGreaterThan(0)
  })

  test.each<[string, (two: Pair) => void, (two: Pair) => void]>([
    ['the connection is gone', ({ lab }) => lab.server.leave(), ({ lab }) => lab.server.comeBack()],
    [
      'the server is stopped',
      ({ lab }) => {
        lab.server.isStopped = true
      },
      ({ lab }) => lab.server.continue(),
    ],
  ])('made while %s is carried out by the other when it is back, before anything is shared', async (_, cut, mend) => {
    const two = await pair()
    const { lab, a, b } = two
    cut(two)
    expect(await flushed(lab, a, 'www.example.')).toMatchObject({ kind: 'unreachable' })
    expect(b.carriedOut).toEqual([])
    await lab.pass(BACK_MS)
    expect([a.store.isUsable, b.store.isUsable]).toEqual([false, false])
    mend(two)
    await lab.pass(defaultLimits.shared.openMsMost * 2)
    expect([a.store.isUsable, b.store.isUsable]).toEqual([true, true])
    expect(b.carriedOut.filter(one => one !== 'missed')).toEqual([flushOf('www.example.')])
  })
})

describe('the stream of changes', () => {
  it('that a server has lost counts as a removal of everything that was shared before', async () => {
    const two = await pair()
    await stored(two, 'www.example.')
    await flushed(two.lab, two.a, 'other.example.')
    two.lab.server.leave()
    two.lab.server.streams.clear()
    await two.lab.pass(BACK_MS)
    two.lab.server.comeBack()
    await two.lab.pass(defaultLimits.shared.openMsMost * 2)
    const looked = two.b.find('www.example.')
    await two.lab.pass(SETTLED_MS)
    const { found: value } = await looked
    expect(value.kind !== 'hit' || value.isRemoved(n('www.example.'))).toBe(true)
  })

  it('with a gap empties the caches of the instance that was away for longer than it reaches back', async () => {
    const lab = new Laboratory()
    const a = lab.start('a')
    const away = lab.start('b')
    await lab.pass(SETTLED_MS)
    await flushed(lab, a, 'first.example.')
    const before = away.reached
    expect(before).not.toBeNull()
    const closed = away.store.close()
    await lab.pass(SETTLED_MS)
    await closed
    for (let i = 0; i <= removals; i++) void a.store.publish(flushOf(`n${i}.example.`), () => {}, false)
    await lab.pass(SETTLED_MS)
    const back = lab.start('b again', { before })
    await lab.pass(SETTLED_MS)
    expect(back.carriedOut[0]).toBe('missed')
    expect(back.store.isUsable).toBe(true)
  })

  it('without a gap brings an instance that was away exactly what it missed', async () => {
    const lab = new Laboratory()
    const a = lab.start('a')
    const away = lab.start('b')
    await lab.pass(SETTLED_MS)
    await flushed(lab, a, 'first.example.')
    const before = away.reached
    const closed = away.store.close()
    await lab.pass(SETTLED_MS)
    await closed
    for (const name of ['second.example.', 'third.example.']) await flushed(lab, a, name)
    const back = lab.start('b again', { before })
    await lab.pass(SETTLED_MS)
    expect(back.carriedOut).toEqual([flushOf('second.example.'), flushOf('third.example.')])
  })
})
