/** Each attack of the score card is held, and the card is honest: without the limits that hold it off, it is not. */
import { describe, expect, it } from 'vitest'
import { attackNames, simulateAttack } from '../../src/testing/index.ts'

/** What the processor takes depends on what else it does; the card has the true bound. */
const PATIENCE = 6

describe('the attacks', () => {
  it('are more than fifty, each with a name of its own', () => {
    expect(attackNames.length).toBeGreaterThan(50)
    expect(new Set(attackNames).size).toBe(attackNames.length)
    expect(attackNames.filter(name => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name))).toEqual([])
  })

  it.each(attackNames)('%s is held', name => {
    const { measures, references } = simulateAttack(name)
    expect(references.length).toBeGreaterThan(0)
    expect(measures.length).toBeGreaterThan(1)
    const above = measures.filter(({ what, value, bound }) =>
      what.startsWith('time of the processor') ? value > PATIENCE * bound : value > bound,
    )
    expect(above).toEqual([])
  })

  it('equal seeds give equal numbers', () => {
    const numbers = (seed: number): readonly unknown[] =>
      simulateAttack('camp', { seed }).measures.filter(({ what }) => !what.startsWith('time of the processor'))
    expect(numbers(7)).toEqual(numbers(7))
  })

  it('an unknown one is a mistake with what it may have meant', () =>
    expect(() => simulateAttack('nxnss')).toThrow('there is no attack "nxnss", did you mean "nxns"?'))
})

describe('without the limits that hold them off', () => {
  const most = 100_000
  const open = {
    budget: {
      queries: most,
      queriesPerName: most,
      queriesPerForeignCut: most,
      queriesPerServer: most,
      receivedBytes: most * most,
      timeMs: most * most,
      depth: 100,
      aliases: 100,
      referrals: most,
      addressLookups: most,
    },
    engine: {
      nameServersPerCut: most,
      addressLookupsPerCut: most,
      failedAddressLookupsPerCut: most,
      exchangesPerCut: most,
      signaturesPerRRset: most,
    },
    dnssec: {
      verifications: most,
      keysPerTag: most,
      keysPerZone: most,
      signaturesPerRRset: most,
      signaturesKept: most,
      verificationsPerStretch: most,
    },
  }

  it.each([
    ['camp', 'messages to the victim'],
    ['nxns-aliases', 'messages to the victim'],
    ['nxns', 'messages to servers'],
    ['deep-referrals', 'messages to servers'],
    ['keytrap', 'time of the processor'],
  ])('%s gets through', (name, what) => {
    const usual = simulateAttack(name).measures.find(measure => measure.what === what)
    const bare = simulateAttack(name, { limits: open }).measures.find(measure => measure.what === what)
    expect(bare?.value).toBeGreaterThan(1.5 * (usual?.value ?? Number.POSITIVE_INFINITY))
  })
})
