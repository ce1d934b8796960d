/** Seals, removals and the breaker of a shared cache, without a server. */
import { describe, expect, it } from 'vitest'
import { Breaker } from '../../../src/app/shared/breaker.ts'
import { Removals } from '../../../src/app/shared/removals.ts'
import { Seals } from '../../../src/app/shared/seal.ts'
import { ROOT } from '../../../src/dns/name.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { n } from '../../cache/made.ts'

const secret = (text: string): Uint8Array => Buffer.from(text)
const value = { octets: Uint8Array.of(1, 2, 3), writtenAt: 1_700_000_000_123, position: { ms: 5, seq: 7 } }

describe('a sealed value', () => {
  it('is opened under its key, and with a secret that is rolled over', () => {
    const bytes = new Seals([secret('old')]).sealValue('key', value)
    expect(new Seals([secret('new'), secret('old')]).openValue('key', bytes)).toEqual(value)
  })

  it.each(['other', 'key2', ''])('is none under the key "%s"', key => {
    const seals = new Seals([secret('old')])
    expect(seals.openValue(key, seals.sealValue('key', value))).toBeNull()
  })

  it('is none when any of its octets is another, and without its secret', () => {
    const seals = new Seals([secret('old')])
    const bytes = seals.sealValue('key', value)
    for (let at = 0; at < bytes.length; at++)
      expect(
        seals.openValue(
          'key',
          bytes.map((octet, i) => (i === at ? octet ^ 1 : octet)),
        ),
        String(at),
      ).toBeNull()
    expect(new Seals([secret('new')]).openValue('key', bytes)).toBeNull()
  })
})

describe('a removal', () => {
  it.each([
    ['the name itself', 'a.example.', false, 'a.example.', true],
    ['not what is below', 'a.example.', false, 'b.a.example.', false],
    ['what is below, with below', 'a.example.', true, 'b.a.example.', true],
  ])('holds for %s, of what was written before', (_, name, below, asked, isRemoved) => {
    const removals = new Removals(10)
    removals.add({ name: n(name), below, position: { ms: 9, seq: 0 } })
    expect(removals.isRemoved(n(asked), { ms: 8, seq: 0 })).toBe(isRemoved)
    expect(removals.isRemoved(n(asked), { ms: 9, seq: 0 })).toBe(false)
  })

  it('that is forgotten makes everything older count as removed', () => {
    const removals = new Removals(1)
    for (const ms of [1, 2]) removals.add({ name: n('a.'), below: false, position: { ms, seq: 0 } })
    expect(removals.isRemoved(ROOT, { ms: 0, seq: 5 })).toBe(true)
  })
})

describe('the breaker', () => {
  const made = () => {
    const waits: { readonly ms: number; readonly fire: () => void }[] = []
    const probes: { readonly ms: number; readonly answer: (isThere: boolean) => void }[] = []
    const seen: string[] = []
    const breaker = new Breaker({
      clock: {
        after: (ms, fire) => {
          waits.push({ ms, fire })
          return () => {}
        },
      },
      random: { below: count => count / 2 },
      limits: defaultLimits.shared,
      probe: ms => new Promise(answer => void probes.push({ ms, answer })),
      changed: state => seen.push(state),
    })
    const fail = (count: number): void => {
      for (let failures = 0; failures < count; failures++) breaker.failed()
    }
    const answer = async (at: number, isThere: boolean): Promise<void> => {
      probes[at]?.answer(isThere)
      await Promise.resolve()
      await Promise.resolve()
    }
    return { breaker, waits, probes, seen, fail, answer }
  }

  it('opens after five failures, probes once, waits twice as long after a failed probe, and closes', async () => {
    const { waits, probes, seen, fail, answer } = made()
    fail(5)
    waits[0]?.fire()
    await answer(1, false)
    waits[1]?.fire()
    await answer(2, true)
    expect(seen).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
    expect(waits.map(({ ms }) => ms)).toEqual([1_000, 2_000])
    expect(probes.map(({ ms }) => ms)).toEqual([500, 1_000, 1_000])
  })

  it.each([
    ['opens when a doubt is not answered', false, ['open']],
    ['stays closed when a doubt is answered', true, []],
  ])('%s, after one failure', async (_, isThere, wanted) => {
    const { probes, seen, fail, answer } = made()
    fail(2)
    expect(probes).toHaveLength(1)
    await answer(0, isThere)
    expect(seen).toEqual(wanted)
  })

  it('hears nothing of a probe that began before its state changed', async () => {
    const { waits, seen, fail, answer } = made()
    fail(5)
    waits[0]?.fire()
    await answer(0, true)
    expect(seen).toEqual(['open', 'half-open'])
  })
})
