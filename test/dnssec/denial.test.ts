/**
 * What NSEC and NSEC3 records prove and, above all, what they don't: one row for each way in which somebody got it
 * wrong.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldName, prependLabel, wildcardOf, type Name } from '../../src/dns/name.ts'
import { nsec3Label } from '../../src/dns/rdata-dnssec.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { judgeDenial } from '../../src/dnssec/denial.ts'
import type { DenialClaim, DenialVerdict, DnssecRules } from '../../src/dnssec/rules.ts'
import { hashOf, nsec, nsec3 } from './made.ts'
import { n, pausesOf, purse, rulesWith, run } from './signing.ts'

const { A, NS, SOA, CNAME, DNAME, DS, TXT, NXNAME, ANY, RRSIG } = RrType
const rules = rulesWith()
const judge = (
  claim: DenialClaim,
  sets: readonly RRset[],
  zone = 'example.',
  asked: DnssecRules = rules,
): DenialVerdict => run(judgeDenial(claim, n(zone), sets, asked, purse()))
const nxdomain = (name: string): DenialClaim => ({ kind: 'nxdomain', name: n(name) })
const nodata = (name: string, type: number = A): DenialClaim => ({ kind: 'nodata', name: n(name), type })
const noDs = (name: string): DenialClaim => ({ kind: 'no-ds', name: n(name) })
const expansion = (name: string, wildcard: string): DenialClaim => ({
  kind: 'expansion',
  name: n(name),
  wildcard: n(wildcard),
})
const told = (verdict: DenialVerdict): string =>
  verdict.kind === 'bogus'
    ? `bogus ${verdict.ede}`
    : verdict.kind === 'proven' && verdict.delegation
      ? 'proven cut'
      : verdict.kind

const apex = nsec('example.', 'b.example.', SOA, NS)

describe('NSEC', () => {
  it.each<[string, DenialClaim, readonly RRset[], string]>([
    ['no such name, no wildcard', nxdomain('c.example.'), [nsec('b.example.', 'd.example.', A), apex], 'proven'],
    ['no such name, one record for both', nxdomain('a.example.'), [apex], 'proven'],
    [
      'the last record goes round to the apex',
      nxdomain('z.example.'),
      [nsec('y.example.', 'example.', A), apex],
      'proven',
    ],
    ['a zone of one record', nxdomain('x.example.'), [nsec('example.', 'example.', SOA, NS)], 'proven'],
    ['the wildcard is not covered', nxdomain('c.example.'), [nsec('b.example.', 'd.example.', A)], 'bogus 12'],
    [
      'the wildcard exists',
      nxdomain('c.example.'),
      [nsec('b.example.', 'd.example.', A), nsec('*.example.', 'b.example.', A)],
      'bogus 12',
    ],
    [
      'the wildcard has names below it',
      nxdomain('c.example.'),
      [nsec('b.example.', 'd.example.', A), nsec('example.', 'x.*.example.', SOA, NS)],
      'bogus 6',
    ],
    ['the name is not covered', nxdomain('e.example.'), [nsec('b.example.', 'd.example.', A), apex], 'bogus 12'],
    ['the name is the end of the gap', nxdomain('d.example.'), [nsec('b.example.', 'd.example.', A), apex], 'bogus 12'],
    [
      'the name is the start of the gap',
      nxdomain('b.example.'),
      [nsec('b.example.', 'd.example.', A), apex],
      'bogus 6',
    ],
    ['an empty non-terminal exists', nxdomain('c.example.'), [nsec('b.example.', 'x.c.example.', A), apex], 'bogus 6'],
    [
      'below a name that exists, with its own wildcard denied',
      nxdomain('c.b.example.'),
      [nsec('b.example.', 'd.b.example.', A), apex],
      'proven',
    ],
    ['the apex never ceases to exist', nxdomain('example.'), [nsec('y.example.', 'example.', A)], 'bogus 12'],
    ['nothing at all', nxdomain('c.example.'), [], 'bogus 12'],

    ['no such type', nodata('b.example.', TXT), [nsec('b.example.', 'd.example.', A)], 'proven'],
    ['the type is there', nodata('b.example.', A), [nsec('b.example.', 'd.example.', A)], 'bogus 6'],
    ['an alias is there', nodata('b.example.', TXT), [nsec('b.example.', 'd.example.', CNAME)], 'bogus 6'],
    ['an empty non-terminal', nodata('c.example.'), [nsec('b.example.', 'x.c.example.', A)], 'proven'],
    ['the name does not exist', nodata('c.example.'), [nsec('b.example.', 'd.example.', A), apex], 'bogus 12'],
    [
      'a wildcard without the type',
      nodata('c.example.', TXT),
      [nsec('b.example.', 'd.example.', A), nsec('*.example.', 'b.example.', A)],
      'proven',
    ],
    [
      'a wildcard with the type',
      nodata('c.example.', A),
      [nsec('b.example.', 'd.example.', A), nsec('*.example.', 'b.example.', A)],
      'bogus 6',
    ],
    [
      'a wildcard that is an alias (CVE-2026-52686)',
      nodata('c.example.', A),
      [nsec('b.example.', 'd.example.', A), nsec('*.example.', 'b.example.', CNAME)],
      'bogus 6',
    ],
    [
      'a wildcard that does not apply: something closer exists',
      nodata('c.b.example.', TXT),
      [nsec('b.example.', 'd.example.', A), nsec('*.example.', 'b.example.', A)],
      'bogus 12',
    ],
    [
      'a wildcard without proof that the name is not there',
      nodata('c.example.', TXT),
      [nsec('*.example.', 'b.example.', A)],
      'bogus 12',
    ],
    [
      "the parent's record at a cut (RFC 6840 section 4.1)",
      nodata('b.example.', A),
      [nsec('b.example.', 'd.example.', NS, DS)],
      'bogus 6',
    ],
    ['ANY at a name with data', nodata('b.example.', ANY), [nsec('b.example.', 'd.example.', A)], 'bogus 6'],
    ['ANY at an empty non-terminal', nodata('c.example.', ANY), [nsec('b.example.', 'x.c.example.', A)], 'proven'],

    [
      'compact denial, NODATA (RFC 9824)',
      nodata('b.example.'),
      [nsec('b.example.', '\\000.b.example.', NXNAME)],
      'proven',
    ],
    ['compact denial, ANY', nodata('b.example.', ANY), [nsec('b.example.', '\\000.b.example.', NXNAME)], 'proven'],
    ['compact denial, NXDOMAIN', nxdomain('b.example.'), [nsec('b.example.', '\\000.b.example.', NXNAME)], 'proven'],
    [
      'compact denial of another name',
      nxdomain('c.example.'),
      [nsec('b.example.', '\\000.b.example.', NXNAME)],
      'bogus 12',
    ],

    [
      'below a delegation (RFC 6840 section 4.1)',
      nxdomain('x.b.example.'),
      [nsec('b.example.', 'd.example.', NS), apex],
      'bogus 12',
    ],
    ['below a DNAME', nxdomain('x.b.example.'), [nsec('b.example.', 'd.example.', DNAME), apex], 'bogus 12'],
    ['below the apex, which has NS and SOA', nxdomain('a.example.'), [apex], 'proven'],
    ['beside a delegation', nxdomain('c.example.'), [nsec('b.example.', 'd.example.', NS), apex], 'proven'],

    ['no DS at a delegation', noDs('b.example.'), [nsec('b.example.', 'd.example.', NS)], 'proven cut'],
    ['no DS where no delegation is', noDs('b.example.'), [nsec('b.example.', 'd.example.', A)], 'proven'],
    ['no DS at an empty non-terminal', noDs('c.example.'), [nsec('b.example.', 'x.c.example.', A)], 'proven'],
    ['a DS is there', noDs('b.example.'), [nsec('b.example.', 'd.example.', NS, DS)], 'bogus 6'],
    ['the child speaks of its own DS', noDs('b.example.'), [nsec('b.example.', 'd.example.', NS, SOA)], 'bogus 6'],
    ['an alias is no delegation', noDs('b.example.'), [nsec('b.example.', 'd.example.', CNAME)], 'bogus 6'],
    ['a name that does not exist', noDs('c.example.'), [nsec('b.example.', 'd.example.', NS), apex], 'bogus 12'],
    ['below another delegation', noDs('x.b.example.'), [nsec('b.example.', 'd.example.', NS)], 'bogus 12'],
    ['the apex of the zone', noDs('example.'), [apex], 'bogus 6'],

    ['a wildcard that applies', expansion('c.example.', '*.example.'), [nsec('b.example.', 'd.example.', A)], 'proven'],
    [
      'several labels below',
      expansion('x.y.c.example.', '*.example.'),
      [nsec('b.example.', 'd.example.', A)],
      'proven',
    ],
    [
      'the record of the wildcard itself',
      expansion('a.example.', '*.example.'),
      [nsec('*.example.', 'b.example.', A)],
      'proven',
    ],
    ['the name exists', expansion('b.example.', '*.example.'), [nsec('b.example.', 'd.example.', A)], 'bogus 12'],
    [
      'the name is an empty non-terminal',
      expansion('c.example.', '*.example.'),
      [nsec('b.example.', 'x.c.example.', A)],
      'bogus 6',
    ],
    [
      'something closer exists',
      expansion('x.b.example.', '*.example.'),
      [nsec('b.example.', 'd.example.', A)],
      'bogus 6',
    ],
    ['below a delegation', expansion('x.b.example.', '*.example.'), [nsec('b.example.', 'd.example.', NS)], 'bogus 12'],
    ['without a proof', expansion('c.example.', '*.example.'), [], 'bogus 12'],
  ])('%s', (_, claim, sets, expected) => {
    expect(told(judge(claim, sets))).toBe(expected)
  })

  it('records of other zones, next names outside and malformed records prove nothing', () => {
    const good = nsec('b.example.', 'd.example.', A)
    // CVE-2026-13321: the gap would reach over zones of others.
    expect(told(judge(nxdomain('c.example.'), [nsec('b.example.', 'd.other.', A), apex]))).toBe('bogus 12')
    expect(told(judge(nxdomain('c.example.'), [nsec('b.example.', 'test.', A), apex]))).toBe('bogus 12')
    // CVE-2026-19941: a record of an unrelated zone.
    expect(told(judge(nxdomain('c.example.'), [good, nsec('a.', 'z.', A)]))).toBe('bogus 12')
    expect(told(judge(nxdomain('www.victim.'), [nsec('example.', 'example.', SOA, NS)]))).toBe('bogus 6')
    // Goes backwards without being the last.
    expect(told(judge(nxdomain('z.example.'), [nsec('y.example.', 'b.example.', A), apex]))).toBe('bogus 12')
    expect(told(judge(nxdomain('c.example.'), [{ ...good, rdatas: [Uint8Array.of(1)] }, apex]))).toBe('bogus 12')
    expect(told(judge(nxdomain('c.example.'), [{ ...good, rdatas: [...good.rdatas, ...apex.rdatas] }, apex]))).toBe(
      'bogus 12',
    )
  })

  it('the root has no zone above: its own record denies its DS', () => {
    expect(told(judge(noDs('.'), [nsec('.', 'aaa.', SOA, NS)], '.'))).toBe('proven cut')
  })

  it('tells the sets that were needed, each once', () => {
    const cover = nsec('b.example.', 'd.example.', A)
    expect(judge(nxdomain('c.example.'), [nsec('x.example.', 'y.example.', A), cover, apex])).toEqual({
      kind: 'proven',
      sets: [cover, apex],
      delegation: false,
    })
    expect(judge(nxdomain('a.example.'), [apex])).toEqual({ kind: 'proven', sets: [apex], delegation: false })
  })

  it('looks at a bounded number of records', () => {
    const others = Array.from({ length: 8 }, (_, i) => nsec(`m${i}.example.`, `m${i}0.example.`, A))
    expect(told(judge(nxdomain('a.example.'), [...others, apex]))).toBe('bogus 12')
    expect(told(judge(nxdomain('a.example.'), [...others.slice(1), apex]))).toBe('proven')
  })
})

/** Covers the hash of a name and nothing else. */
const around = (name: string, flags = 0, types: readonly number[] = []): RRset =>
  nsec3('example.', hashOf(name, -1), hashOf(name, 1), types, { flags })
const exact = (name: string, ...types: readonly number[]): RRset =>
  nsec3('example.', hashOf(name), hashOf(name, 1), types)
const top = exact('example.', SOA, NS, RRSIG)

describe('NSEC3', () => {
  it.each<[string, DenialClaim, readonly RRset[], string]>([
    ['no such name', nxdomain('c.example.'), [top, around('c.example.'), around('*.example.')], 'proven'],
    [
      'no such name, next closer several labels up',
      nxdomain('x.y.c.example.'),
      [top, around('c.example.'), around('*.example.')],
      'proven',
    ],
    [
      'only the name is covered, not the next closer',
      nxdomain('x.c.example.'),
      [top, around('x.c.example.'), around('*.example.')],
      'bogus 12',
    ],
    ['no closest encloser', nxdomain('c.example.'), [around('c.example.'), around('*.example.')], 'bogus 12'],
    ['the wildcard is not covered', nxdomain('c.example.'), [top, around('c.example.')], 'bogus 12'],
    ['the wildcard exists', nxdomain('c.example.'), [top, around('c.example.'), exact('*.example.', A)], 'bogus 12'],
    ['the name exists', nxdomain('c.example.'), [top, exact('c.example.', A), around('*.example.')], 'bogus 6'],
    [
      'the encloser is a delegation',
      nxdomain('x.b.example.'),
      [exact('b.example.', NS), around('x.b.example.'), around('*.b.example.')],
      'bogus 6',
    ],
    [
      'the encloser is a DNAME',
      nxdomain('x.b.example.'),
      [exact('b.example.', DNAME), around('x.b.example.'), around('*.b.example.')],
      'bogus 6',
    ],
    [
      'opt-out: not secure (RFC 5155 section 9.2)',
      nxdomain('c.example.'),
      [top, around('c.example.', 1), around('*.example.')],
      'insecure',
    ],
    [
      'opt-out at the wildcard only',
      nxdomain('c.example.'),
      [top, around('c.example.'), around('*.example.', 1)],
      'proven',
    ],

    ['no such type', nodata('b.example.', TXT), [exact('b.example.', A)], 'proven'],
    ['an empty non-terminal', nodata('b.example.', TXT), [exact('b.example.')], 'proven'],
    ['the type is there', nodata('b.example.', A), [exact('b.example.', A)], 'bogus 6'],
    ['an alias is there', nodata('b.example.', TXT), [exact('b.example.', CNAME)], 'bogus 6'],
    ["the parent's record at a cut", nodata('b.example.', TXT), [exact('b.example.', NS)], 'bogus 6'],
    [
      'a wildcard without the type',
      nodata('c.example.', TXT),
      [top, around('c.example.'), exact('*.example.', A)],
      'proven',
    ],
    [
      'a wildcard with the type',
      nodata('c.example.', A),
      [top, around('c.example.'), exact('*.example.', A)],
      'bogus 6',
    ],
    [
      'a wildcard that is an alias',
      nodata('c.example.', A),
      [top, around('c.example.'), exact('*.example.', CNAME)],
      'bogus 6',
    ],
    [
      'a wildcard behind opt-out',
      nodata('c.example.', TXT),
      [top, around('c.example.', 1), exact('*.example.', A)],
      'insecure',
    ],
    [
      'the name does not exist',
      nodata('c.example.', TXT),
      [top, around('c.example.'), around('*.example.')],
      'bogus 12',
    ],
    ['compact denial', nodata('b.example.', TXT), [exact('b.example.', NXNAME)], 'proven'],

    ['no DS at a delegation', noDs('b.example.'), [exact('b.example.', NS)], 'proven cut'],
    ['a DS is there', noDs('b.example.'), [exact('b.example.', NS, DS)], 'bogus 6'],
    ['the child speaks of its own DS', noDs('b.example.'), [exact('b.example.', NS, SOA)], 'bogus 6'],
    ['opt-out: an unsigned delegation', noDs('b.example.'), [top, around('b.example.', 1)], 'insecure'],
    [
      'opt-out, and by chance the record of a wildcard alias',
      noDs('b.example.'),
      [top, around('b.example.', 1), exact('*.example.', CNAME)],
      'insecure',
    ],
    [
      'opt-out, and by chance the record of a wildcard',
      noDs('b.example.'),
      [top, around('b.example.', 1), exact('*.example.', A)],
      'insecure',
    ],
    ['no opt-out: no delegation without a record', noDs('b.example.'), [top, around('b.example.')], 'bogus 12'],
    ['opt-out without an encloser', noDs('b.example.'), [around('b.example.', 1)], 'bogus 12'],
    ['the apex of the zone', noDs('example.'), [top], 'bogus 6'],

    ['a wildcard that applies', expansion('c.example.', '*.example.'), [around('c.example.')], 'proven'],
    ['a wildcard that applies further down', expansion('x.c.example.', '*.example.'), [around('c.example.')], 'proven'],
    ['the next closer is not covered', expansion('x.c.example.', '*.example.'), [around('x.c.example.')], 'bogus 12'],
    ['the next closer exists', expansion('x.c.example.', '*.example.'), [exact('c.example.', A)], 'bogus 12'],
    ['behind opt-out', expansion('c.example.', '*.example.'), [around('c.example.', 1)], 'insecure'],

    [
      'unknown flags are ignored (RFC 5155 section 8.2)',
      noDs('b.example.'),
      [top, around('b.example.', 3)],
      'bogus 12',
    ],
  ])('%s', (_, claim, sets, expected) => {
    expect(told(judge(claim, sets))).toBe(expected)
  })

  it('the last record goes round to the first', () => {
    const last = nsec3(
      'example.',
      Uint8Array.from({ length: 20 }, () => 0xff),
      hashOf('example.'),
      [A],
    )
    const low =
      [...'abcdefghijklmnopqrstuvwxyz']
        .map(letter => `${letter}.example.`)
        .find(name => Buffer.compare(hashOf(name), hashOf('example.')) < 0) ?? ''
    expect(told(judge(expansion(low, '*.example.'), [last]))).toBe('proven')
    const only = nsec3('example.', hashOf('example.'), hashOf('example.'), [SOA, NS])
    expect(told(judge(nxdomain('c.example.'), [only]))).toBe('proven')
    expect(told(judge(nxdomain('example.'), [only]))).toBe('bogus 6')
  })

  it('the owner is one hash label below the signer (CVE-2026-10723)', () => {
    const deep = (set: RRset): RRset => {
      const owner = foldName(prependLabel(set.name.slice(1, 33), n('sub.example.')) ?? n('.'))
      return { ...set, owner, name: owner }
    }
    expect(told(judge(noDs('b.example.'), [deep(exact('b.example.', NS))]))).toBe('bogus 12')
    expect(
      told(
        judge(noDs('b.sub.example.'), [
          nsec3('sub.example.', hashOf('b.sub.example.'), hashOf('b.sub.example.', 1), [NS]),
        ]),
      ),
    ).toBe('bogus 12')
    // A zone whose own name looks like a hash of its parent is no record of the parent.
    const zone = `${nsec3Label(hashOf('example.'))}.example.`
    expect(told(judge(nodata(zone, A), [makeRRset(n(zone), RrType.NSEC3, RrClass.IN, 300, top.rdatas)], zone))).toBe(
      'bogus 12',
    )
    expect(
      told(
        judge(noDs('b.example.'), [
          { ...exact('b.example.', NS), name: n('short.example.'), owner: n('short.example.') },
        ]),
      ),
    ).toBe('bogus 12')
  })

  it('an unknown hash algorithm proves nothing (RFC 5155 section 8.1)', () => {
    expect(
      told(
        judge(noDs('b.example.'), [
          nsec3('example.', hashOf('b.example.'), hashOf('b.example.', 1), [NS], { hashAlgorithm: 2 }),
        ]),
      ),
    ).toBe('bogus 12')
  })

  it('more iterations than allowed: insecure, and nothing is hashed (RFC 9276)', () => {
    for (const claim of [
      nxdomain('c.example.'),
      nodata('c.example.'),
      noDs('c.example.'),
      expansion('c.example.', '*.example.'),
    ]) {
      const work = purse()
      const verdict = run(
        judgeDenial(
          claim,
          n('example.'),
          [nsec3('example.', hashOf('a.'), hashOf('b.'), [A], { iterations: 2_500 })],
          rules,
          work,
        ),
      )
      expect(verdict).toEqual({ kind: 'insecure', note: { ede: 27, text: 'NSEC3 with 2500 iterations' } })
      expect(work.hashes).toBe(0)
    }
    const salt = Uint8Array.of(1, 2)
    const at50 = nsec3('example.', hashOf('b.example.', 0, salt, 50), hashOf('b.example.', 1, salt, 50), [NS], {
      iterations: 50,
      salt,
    })
    expect(told(judge(noDs('b.example.'), [at50]))).toBe('proven cut')
    expect(told(judge(noDs('b.example.'), [at50], 'example.', rulesWith({ nsec3MaxIterations: 49 })))).toBe('insecure')
  })

  it('records of different salts are no one proof', () => {
    const salted = nsec3(
      'example.',
      hashOf('c.example.', -1, Uint8Array.of(7)),
      hashOf('c.example.', 1, Uint8Array.of(7)),
      [],
      { salt: Uint8Array.of(7) },
    )
    expect(told(judge(nxdomain('c.example.'), [top, salted, around('*.example.')]))).toBe('bogus 12')
  })

  it('counts every hash once, a long salt by its blocks, and pauses between stretches (CVE-2023-50868)', () => {
    const deep = n(`${'a.'.repeat(100)}example.`)
    const work = purse()
    expect(told(run(judgeDenial({ kind: 'nxdomain', name: deep }, n('example.'), [top], rules, work)))).toBe('bogus 12')
    // The name and 99 above it, the apex; the next closer was hashed on the way.
    expect(work.hashes).toBe(101)
    expect(pausesOf(judgeDenial({ kind: 'nxdomain', name: deep }, n('example.'), [top], rules, purse()))).toBe(6)
    expect(run(judgeDenial({ kind: 'nxdomain', name: deep }, n('example.'), [top], rules, purse(0, 50)))).toEqual({
      kind: 'limit',
      text: 'no hashes left',
    })
    const salt = new Uint8Array(255)
    const dear = purse()
    run(
      judgeDenial(
        noDs('b.example.'),
        n('example.'),
        [nsec3('example.', hashOf('b.example.', 0, salt), hashOf('b.example.', 1, salt), [NS], { salt })],
        rules,
        dear,
      ),
    )
    expect(dear.hashes).toBe(5)
  })

  it('beside NSEC records that do not suffice, those of NSEC3 are looked at', () => {
    expect(told(judge(noDs('b.example.'), [nsec('x.example.', 'y.example.', A), exact('b.example.', NS)]))).toBe(
      'proven cut',
    )
    expect(told(judge(noDs('b.example.'), [nsec('b.example.', 'd.example.', NS), exact('c.example.', NS)]))).toBe(
      'proven cut',
    )
  })
})

describe('whatever the octets', () => {
  it('a judge of denials gives a verdict on records of any octets, and never throws', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', '*', 'x'), { maxLength: 4 })
      .map((labels): Name => n([...labels, 'example.'].join('.')))
    const random = fc
      .tuple(name, fc.uint8Array({ maxLength: 60 }), fc.boolean())
      .map(([owner, rdata, three]) => makeRRset(owner, three ? RrType.NSEC3 : RrType.NSEC, RrClass.IN, 300, [rdata]))
    fc.assert(
      fc.property(name, fc.array(random, { maxLength: 6 }), (asked, sets) => {
        for (const claim of [
          { kind: 'nxdomain', name: asked },
          { kind: 'nodata', name: asked, type: A },
          { kind: 'no-ds', name: asked },
        ] satisfies DenialClaim[])
          expect(run(judgeDenial(claim, n('example.'), sets, rules, purse()))).toHaveProperty('kind')
        const wildcard = wildcardOf(n('example.'))
        if (wildcard !== null)
          run(judgeDenial({ kind: 'expansion', name: asked, wildcard }, n('example.'), sets, rules, purse()))
      }),
      { numRuns: process.env.ROOTWALK_LONG === '1' ? 20_000 : 300 },
    )
  })
})
