import { describe, expect, test } from 'vitest'
import { ROOT, type Name } from '../../src/dns/name.ts'
import { nameRdata } from '../../src/dns/rdata.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { withoutHints, type KnownOfNames } from '../../src/resolver/hints.ts'
import { withoutValidation, type FinalVerdict, type Judged } from '../../src/resolver/validation/judged.ts'
import { a, INSECURE, n, SECURE, soa } from '../cache/made.ts'

const cname = (owner: string, target: string): RRset =>
  makeRRset(n(owner), RrType.CNAME, RrClass.IN, 300, [nameRdata(n(target))])
const alias = cname('www.a.test.', 'x.a.test.')
const deepAlias = cname('www.a.test.', 'x.sub.a.test.')
const chainOf = (name: Name, aliases: readonly RRset[], final: RRset | null) => ({
  aliases,
  name,
  final,
  error: null,
  steps: aliases.length,
})
const said = { proof: [], authoritative: true, lastResort: false }
const denial = (kind: 'nodata' | 'nxdomain', at: string, ...aliases: readonly RRset[]): FinalVerdict => ({
  kind,
  chain: chainOf(n(at), aliases, null),
  name: n(at),
  soa: soa('a.test.', 300, 60),
  ...said,
})
const data = (at: string, ...aliases: readonly RRset[]): FinalVerdict => {
  const rrset = a(at)
  return { kind: 'answer', chain: chainOf(n(at), aliases, rrset), rrset, ...said }
}
const loop: FinalVerdict = {
  kind: 'alias-trouble',
  chain: { ...chainOf(n('x.a.test.'), [alias], null), error: 'loop' },
  error: 'loop',
  ...said,
}

const knows = (zone: Name, held: ReturnType<KnownOfNames['held']>): KnownOfNames => ({
  deepestZone: () => zone,
  held: () => held,
})
const nothing = knows(ROOT, 'nothing')
const cut = knows(n('x.a.test.'), 'nothing')
const cutBelow = knows(n('sub.a.test.'), 'nothing')
const hasHint = knows(ROOT, 'hint')
const hasData = knows(ROOT, 'data')

/** From the servers of a.test. */
const taken = (verdict: FinalVerdict, known: KnownOfNames, end: Judged['end'] = INSECURE): Judged =>
  withoutHints({ ...withoutValidation(verdict), end, denials: [a('proof.a.test.')] }, n('a.test.'), known)

describe('what follows an alias', () => {
  test.each<[string, FinalVerdict, KnownOfNames]>([
    ['an NXDOMAIN', denial('nxdomain', 'x.a.test.', alias), nothing],
    ['an NXDOMAIN below a known cut', denial('nxdomain', 'x.sub.a.test.', deepAlias), cutBelow],
    ['a NODATA at a known cut', denial('nodata', 'x.a.test.', alias), cut],
    ['a NODATA below a known cut', denial('nodata', 'x.sub.a.test.', deepAlias), cutBelow],
    ['a NODATA for data that is cached', denial('nodata', 'x.a.test.', alias), hasData],
    ['a NODATA for data that came after an alias before', denial('nodata', 'x.a.test.', alias), hasHint],
    ['data at a known cut', data('x.a.test.', alias), cut],
    ['data below a known cut', data('x.sub.a.test.', deepAlias), cutBelow],
    ['data where a cut may be above it', data('x.sub.a.test.', deepAlias), nothing],
    ['data for data that its own servers gave', data('x.a.test.', alias), hasData],
  ])('is a hint, and the alias alone is taken: %s', (_, verdict, known) => {
    const { verdict: kept, aliases, end } = taken(verdict, known)
    expect(kept).toMatchObject({ kind: 'alias', target: verdict.chain.name })
    expect(aliases.map(({ set }) => set)).toEqual(verdict.chain.aliases)
    expect(end).toEqual(SECURE)
  })

  test.each<[string, FinalVerdict, KnownOfNames]>([
    ['a NODATA with nothing else known', denial('nodata', 'x.a.test.', alias), nothing],
    ['a NODATA of a deep name with nothing else known', denial('nodata', 'x.sub.a.test.', deepAlias), nothing],
    ['data right below the apex', data('x.a.test.', alias), nothing],
    ['data at the apex', data('a.test.', cname('www.a.test.', 'a.test.')), nothing],
    ['data for data that came after an alias before', data('x.a.test.', alias), hasHint],
    ['a chain that is a loop', loop, cut],
  ])('is taken: %s', (_, verdict, known) => {
    expect(taken(verdict, known).verdict).toBe(verdict)
  })

  test.each<[string, FinalVerdict]>([
    ['an NXDOMAIN', denial('nxdomain', 'x.sub.a.test.', deepAlias)],
    ['a NODATA', denial('nodata', 'x.sub.a.test.', deepAlias)],
    ['data', data('x.sub.a.test.', deepAlias)],
  ])('is taken when it is proven, whatever is known: %s', (_, verdict) => {
    expect(taken(verdict, knows(n('sub.a.test.'), 'data'), SECURE).verdict).toBe(verdict)
  })
})

describe('an alias after the first', () => {
  const second = cname('x.sub.a.test.', 'y.a.test.')
  const verdict = data('y.a.test.', deepAlias, second)

  test('is a hint where a cut may be above it, and the first alone is taken', () => {
    const kept = taken(verdict, nothing, SECURE)
    expect(kept.verdict).toMatchObject({ kind: 'alias', target: n('x.sub.a.test.'), chain: { steps: 1 } })
    expect(kept.aliases.map(({ set }) => set)).toEqual([deepAlias])
  })

  test('is taken when it is proven', () => {
    const judged = withoutValidation(verdict)
    const aliases = judged.aliases.map(({ set }) => ({ set, security: SECURE }))
    expect(withoutHints({ ...judged, aliases, end: SECURE }, n('a.test.'), cutBelow).verdict).toBe(verdict)
  })

  test('is taken right below the apex', () => {
    const near = data('y.a.test.', alias, cname('x.a.test.', 'y.a.test.'))
    expect(taken(near, nothing).verdict).toBe(near)
  })
})

test('the verified sets that prove what a wildcard made stay with an alias that is taken alone', () => {
  expect(taken(data('x.sub.a.test.', deepAlias), nothing).denials).toEqual([a('proof.a.test.')])
})

test('without an alias nothing is a hint', () => {
  const known = knows(n('x.a.test.'), 'data')
  for (const verdict of [denial('nxdomain', 'x.a.test.'), denial('nodata', 'x.a.test.'), data('x.a.test.')])
    expect(taken(verdict, known).verdict).toBe(verdict)
})
