/**
 * The work that one client query can cause, counted: real verifications, what the budget was asked for, packets. The
 * sum is over everything that the query causes, keys and DS sets of all zones on the way included, and is never begun
 * again.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { Budget } from '../../src/resolver/budget.ts'
import { simulate } from '../../src/simulation/world.ts'
import { attackedInternet, attacks, honest, zoneOf } from './attacked-world.ts'

const { verifications, nsec3Hashes } = defaultLimits.dnssec

const counted = vi.hoisted(() => ({ verified: 0 }))
vi.mock('node:crypto', async original => {
  const crypto = await original<typeof import('node:crypto')>()
  return {
    ...crypto,
    verify: (...args: Parameters<typeof crypto.verify>) => {
      counted.verified++
      return crypto.verify(...args)
    },
  }
})

const source = attackedInternet()
afterEach(() => void vi.restoreAllMocks())

describe('one client query', () => {
  it.each([honest, ...attacks].map((attack, index) => ({ ...attack, index })))('$about', ({ name, type, index }) => {
    const world = simulate(source)
    const takes = vi.spyOn(Budget.prototype, 'takeVerification')
    const hashes = vi.spyOn(Budget.prototype, 'takeNsec3Hash')
    counted.verified = 0
    const outcome = world.resolve(`${name(0)}.${zoneOf(index)}`, type)
    const first = { verified: counted.verified, packets: world.exchanges.length }
    expect(first.verified).toBeLessThanOrEqual(verifications)
    expect(takes.mock.calls.length).toBeGreaterThanOrEqual(first.verified)
    expect(hashes.mock.calls.length).toBeLessThanOrEqual(nsec3Hashes + 1)
    expect(first.packets).toBeLessThanOrEqual(60)
    if (index === 0) expect(first.verified).toBeGreaterThan(2)

    // RFC 9520: what failed is not tried again for everybody who asks.
    for (let i = 0; i < 50; i++) expect(world.resolve(`${name(0)}.${zoneOf(index)}`, type).kind).toBe(outcome.kind)
    expect(counted.verified).toBeLessThanOrEqual(3 * first.verified)
    expect(world.exchanges.length).toBeLessThanOrEqual(3 * first.packets)
  })
})
