/** How long validated data lives: no record is handed out for longer than itself, its signature or what proves it. */
import { describe, expect, it } from 'vitest'
import { simulate } from '../../src/simulation/world.ts'
import { nameIn, signedWorld } from './signed-world.ts'

describe.each(['', 'nsec3'])('an answer made from a wildcard, zone signed %j', sign => {
  it('lives no longer than the proof that the wildcard applies, and both count down', () => {
    const world = simulate({ ...signedWorld({ zone: sign }), validation: { aggressive: false } })
    const ask = (): readonly [kind: string, answer: number, proof: readonly number[]] => {
      const outcome = world.resolve(nameIn('zone', 'x.wild'), 'A')
      if (outcome.kind !== 'answer') return [outcome.kind, 0, []]
      return [outcome.security.kind, outcome.rrsets[0]?.ttl ?? 0, outcome.proof.map(({ ttl }) => ttl)]
    }
    const [, answer, [proof = 0]] = ask()
    expect(proof).toBeLessThan(answer)
    world.advance('100s')
    const before = world.exchanges.length
    const [security, later, proofs] = ask()
    expect([security, world.exchanges.length]).toEqual(['secure', before])
    expect(later).toBeLessThanOrEqual(answer - 100)
    for (const ttl of proofs) expect(ttl).toBe(proof - 100)
    world.advance('201s')
    const [again, , anew] = ask()
    expect([again, world.exchanges.length > before]).toEqual(['secure', true])
    for (const ttl of anew) expect(ttl).toBe(proof)
  })
})
