import { describe, expect, test } from 'vitest'
import { ROOT } from '../../src/dns/name.ts'
import { nameRdata } from '../../src/dns/rdata.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { withoutHint, type KnownOfTarget } from '../../src/resolver/hints.ts'
import { withoutValidation, type FinalVerdict, type Judged } from '../../src/resolver/validation/judged.ts'
import { a, INSECURE, n, SECURE, soa } from '../cache/made.ts'

const alias = makeRRset(n('www.a.test.'), RrType.CNAME, RrClass.IN, 300, [nameRdata(n('x.sub.a.test.'))])
const chainOf = (aliases: readonly RRset[], final: RRset | null) => ({
  aliases,
  name: n('x.sub.a.test.'),
  final,
  trouble: null,
  steps: aliases.length,
})
const said = { proof: [], authoritative: true, lastResort: false }
const denial = (kind: 'nodata' | 'nxdomain', ...aliases: readonly RRset[]): FinalVerdict => ({
  kind,
  chain: chainOf(aliases, null),
  name: n('x.sub.a.test.'),
  soa: soa('a.test.', 300, 60),
  ...said,
})
const data = (...aliases: readonly RRset[]): FinalVerdict => {
  const rrset = a('x.sub.a.test.')
  return { kind: 'answer', chain: chainOf(aliases, rrset), rrset, ...said }
}
const loop: FinalVerdict = {
  kind: 'alias-trouble',
  chain: { ...chainOf([alias], null), trouble: 'loop' },
  trouble: 'loop',
}

const nothing: KnownOfTarget = { deepestZone: ROOT, hasData: false }
const cutBelow: KnownOfTarget = { deepestZone: n('sub.a.test.'), hasData: false }
const hasData: KnownOfTarget = { deepestZone: ROOT, hasData: true }

/** From the servers of a.test. */
const taken = (verdict: FinalVerdict, known: KnownOfTarget, end: Judged['end'] = INSECURE): Judged =>
  withoutHint({ ...withoutValidation(verdict), end, denials: [a('proof.a.test.')] }, n('a.test.'), known)

describe('what follows an alias', () => {
  test.each<[string, FinalVerdict, KnownOfTarget]>([
    ['an NXDOMAIN', denial('nxdomain', alias), nothing],
    ['an NXDOMAIN below a known cut', denial('nxdomain', alias), cutBelow],
    ['a NODATA below a known cut', denial('nodata', alias), cutBelow],
    ['a NODATA for data that is cached', denial('nodata', alias), hasData],
    ['data below a known cut', data(alias), cutBelow],
  ])('is a hint, and the alias alone is taken: %s', (_, verdict, known) => {
    const { verdict: kept, aliases, end, denials } = taken(verdict, known)
    expect(kept).toMatchObject({ kind: 'alias', target: n('x.sub.a.test.') })
    expect(aliases.map(({ set }) => set)).toEqual([alias])
    expect({ end, denials }).toEqual({ end: SECURE, denials: [] })
  })

  test.each<[string, FinalVerdict, KnownOfTarget]>([
    ['a NODATA with nothing else known', denial('nodata', alias), nothing],
    ['data with nothing else known', data(alias), nothing],
    ['data for data that is cached', data(alias), hasData],
    ['a chain that is a loop', loop, cutBelow],
  ])('is taken: %s', (_, verdict, known) => {
    expect(taken(verdict, known).verdict).toBe(verdict)
  })

  test.each<[string, FinalVerdict]>([
    ['an NXDOMAIN', denial('nxdomain', alias)],
    ['a NODATA', denial('nodata', alias)],
    ['data', data(alias)],
  ])('is taken when it is proven, whatever is known: %s', (_, verdict) => {
    expect(taken(verdict, { ...cutBelow, hasData: true }, SECURE).verdict).toBe(verdict)
  })
})

test('without an alias nothing is a hint', () => {
  for (const verdict of [denial('nxdomain'), denial('nodata'), data()])
    expect(taken(verdict, { ...cutBelow, hasData: true }).verdict).toBe(verdict)
})
