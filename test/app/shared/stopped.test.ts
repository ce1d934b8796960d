/** A server of the shared cache that stops under load: how long look-ups wait for it, on the virtual clock. */
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../../src/limits.ts'
import { Laboratory, type Instance } from './valkey.ts'

const { readDeadlineMs, openMs, openMsMost } = defaultLimits.shared

interface Waited {
  /** ms since the server stopped. */
  readonly at: number
  readonly tookMs: number
}

/** Looks up `perSecond` new names for `seconds`; gives what each waited, in the order of their times. */
async function load(lab: Laboratory, instance: Instance, perSecond: number, seconds: number): Promise<Waited[]> {
  const begun = lab.clock.now()
  const all: Promise<Waited>[] = []
  for (let i = 0; i < perSecond * seconds; i++) {
    const at = lab.clock.now() - begun
    all.push(instance.find(`n${begun}-${i}.example.`).then(({ tookMs }) => ({ at, tookMs })))
    await lab.pass(1_000 / perSecond)
  }
  await lab.pass(readDeadlineMs)
  return Promise.all(all)
}

const slowest = (waited: readonly Waited[]): number => Math.max(0, ...waited.map(({ tookMs }) => tookMs))

async function started(): Promise<{ readonly lab: Laboratory; readonly instance: Instance }> {
  const lab = new Laboratory()
  const instance = lab.start('a')
  await lab.pass(2_000)
  expect(instance.store.isUsable).toBe(true)
  return { lab, instance }
}

describe('a server of the shared cache that is stopped', () => {
  it.each([1, 2, 5, 50, 500])(
    'makes no look-up of %i a second wait longer than the read deadline, and none after one second',
    async perSecond => {
      const { lab, instance } = await started()
      expect(slowest(await load(lab, instance, perSecond, 2))).toBeLessThan(1)
      lab.server.isStopped = true
      const stopped = await load(lab, instance, perSecond, 10)
      expect(slowest(stopped)).toBe(readDeadlineMs)
      // The first of them finds out; whatever comes a second later is asked of nobody.
      const [first] = stopped.filter(({ tookMs }) => tookMs > 0)
      expect(slowest(stopped.filter(({ at }) => at > (first?.at ?? 0) + 1_000 - readDeadlineMs))).toBe(0)
      expect(instance.store.numbers.state).not.toBe('closed')
    },
  )

  it('is used again soon after it goes on, and its late replies are no answers', async () => {
    const { lab, instance } = await started()
    lab.server.isStopped = true
    await load(lab, instance, 100, 4)
    lab.server.continue()
    await lab.pass(openMs * 10)
    expect(instance.store.isUsable).toBe(true)
    expect(slowest(await load(lab, instance, 100, 1))).toBeLessThan(1)
  })

  it('that answers probes and no look-up in time is asked less and less often', async () => {
    const { lab, instance } = await started()
    lab.server.delayMs = readDeadlineMs * 3
    const waits = await load(lab, instance, 20, 120)
    const kept = waits.filter(({ tookMs }) => tookMs > 0)
    // Five look-ups wait each time before it is left alone: for 1, 2, 4, 8, 16, 30, 30 and 30 s.
    expect(kept.length).toBeLessThanOrEqual(9 * 5)
    expect(slowest(waits)).toBe(readDeadlineMs)
    lab.server.delayMs = 0.2
    await lab.pass(openMsMost * 1.3)
    expect(instance.store.isUsable).toBe(true)
  })

  it('that lets one look-up in a hundred wait stays in use', async () => {
    const { lab, instance } = await started()
    for (let round = 0; round < 20; round++) {
      lab.server.delayMs = readDeadlineMs * 2
      await load(lab, instance, 1_000, 0.001)
      lab.server.delayMs = 0.2
      await load(lab, instance, 1_000, 0.099)
      expect(instance.store.isUsable).toBe(true)
    }
    expect(instance.store.numbers.requests.skipped).toBe(0)
  })
})
