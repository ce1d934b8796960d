import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/steps.ts'
import { simulate } from '../../src/simulation/world.ts'
import { nameIn, signedWorld } from './signed-world.ts'

const tell = (outcome: Outcome): string =>
  outcome.kind === 'failure' ? outcome.text : `${outcome.kind} ${outcome.security.kind}`

/** RFC 8198: what a validated denial covers is not asked again. */
describe.each(['', 'nsec3'])('denials used for other names, zone signed %j', sign => {
  const open = (aggressive = true) => {
    const world = simulate({ ...signedWorld({ zone: sign }), validation: { aggressive } })
    const ask = (
      name: string,
      type = 'A',
    ): { readonly said: string; readonly outcome: Outcome; readonly exchanges: number } => {
      const before = world.exchanges.length
      const outcome = world.resolve(nameIn('zone', name), type)
      return { said: tell(outcome), outcome, exchanges: world.exchanges.length - before }
    }
    return { world, ask }
  }

  it('answers a name beside one that does not exist', () => {
    const { ask } = open()
    expect(ask('nothing1.ent').said).toBe('nxdomain secure')
    // With hashes it depends on where they fall: the same gap is the whole of a small zone's chance.
    const free = Array.from({ length: 40 }, (_, i) => ask(`free${i}.ent`)).filter(({ exchanges }) => exchanges === 0)
    expect(free.length).toBeGreaterThan(sign === '' ? 38 : 5)
    for (const { said, outcome } of free) {
      expect(said).toBe('nxdomain secure')
      expect(outcome.kind === 'nxdomain' && outcome.proof.length > 0 && outcome.soa !== null).toBe(true)
    }
  })

  it('answers from a wildcard that was seen, with the proof that it applies', () => {
    const { ask } = open()
    // The SOA of the zone, which bounds how long its denials are used (RFC 9077), comes with a denial.
    expect(ask('nothing1.ent').said).toBe('nxdomain secure')
    expect(ask('a.wild').said).toBe('answer secure')
    const free = Array.from({ length: 40 }, (_, i) => ask(`b${i}.wild`)).filter(({ exchanges }) => exchanges === 0)
    // Of hashed names only those in a gap that was seen; of one chain of NSEC all but a few.
    if (sign === '') expect(free.length).toBeGreaterThan(5)
    for (const { said, outcome } of free) {
      expect(said).toBe('answer secure')
      expect(outcome.kind === 'answer' && outcome.proof.length > 0).toBe(true)
    }
    expect(ask('x.known.wild').said).toBe('nxdomain secure')
  })

  it('a denial used for other names never hides a name that exists', () => {
    const { ask } = open()
    for (const name of ['nothing', 'zz', 'a.a', '0', 'nothing.ent', 'q.wild']) ask(name, 'TXT')
    expect(ask('www').said).toBe('answer secure')
    expect(ask('mail').said).toBe('answer secure')
    expect(ask('deep.ent').said).toBe('answer secure')
    expect(ask('www.secure').said).toBe('answer secure')
    expect(ask('www.insecure').said).toBe('answer insecure')
    expect(ask('alias').said).toBe('answer secure')
    expect(ask('www.old').said).toBe('answer secure')
    expect(ask('secure', 'DS').said).toBe('answer secure')
  })

  it('asks when it is switched off, and asks again for who does not check', () => {
    const { ask } = open(false)
    ask('nothing1.ent')
    expect(ask('nothing2.ent').exchanges).toBeGreaterThan(0)
  })
})
