import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { foldName, ROOT, type Name } from '../../src/dns/name.ts'
import { formatName, parseName } from '../../src/presentation/text.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { RrType } from '../../src/dns/types.ts'
import {
  builtInAnchors,
  makeTrustPoints,
  mergeAnchors,
  parseAnchors,
  type TrustAnchor,
} from '../../src/dnssec/trust-anchors.ts'
import { problemText } from '../../src/render/problem.ts'

const name = (text: string): Name => {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(parsed.error)
  return foldName(parsed)
}
const shown = (anchors: readonly TrustAnchor[]): string[] =>
  anchors.flatMap(({ name, ds, keys }) => [
    ...ds.map(rdata => `${formatName(name)} DS ${formatRdata(RrType.DS, rdata).slice(0, 16)}`),
    ...keys.map(rdata => `${formatName(name)} DNSKEY ${formatRdata(RrType.DNSKEY, rdata).slice(0, 15)}`),
  ])
const problemsOf = (text: string): string[] => parseAnchors(text, 'F').problems.map(problemText)

const SHA256_A = 'E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D'
const KEY = 'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=='

describe('the built-in anchors', () => {
  it('are the two key signing keys of the root', () => {
    expect(shown(builtInAnchors())).toEqual(['. DS 20326 8 2 E06D44', '. DS 38696 8 2 683D2D'])
    expect(builtInAnchors()).toHaveLength(1)
  })

  it('are those of the file that comes with the package', () => {
    const file = new URL('../../zones/root.anchors', import.meta.url)
    expect(parseAnchors(readFileSync(file, 'utf8'), 'zones/root.anchors')).toEqual({
      anchors: builtInAnchors(),
      problems: [],
    })
  })

  // Debian's dns-root-data is no tool, so its absence is no failure.
  const file = '/usr/share/dns/root.key'
  it.skipIf(!existsSync(file))('are digests of the keys that this system knows', () => {
    const [root] = parseAnchors(readFileSync(file, 'latin1'), file).anchors
    const digests = (root?.keys ?? []).map(rdata =>
      createHash('sha256').update(Uint8Array.of(0)).update(rdata).digest('hex'),
    )
    expect(digests.sort()).toEqual(
      (builtInAnchors()[0]?.ds ?? []).map(ds => Buffer.from(ds.subarray(4)).toString('hex')).sort(),
    )
  })
})

describe('anchors in a file', () => {
  it('are DS and DNSKEY records, at any names, TTL and class or not, one anchor for a name', () => {
    const { anchors, problems } = parseAnchors(
      `
; two of the root and an island
.            172800 IN DS 20326 8 2 ${SHA256_A}
Example.Test. IN 3600 DNSKEY 257 3 ECDSAP256SHA256 (
                  ${KEY} ) ; KSK
                DS 4711 13 2 ${SHA256_A}
.  DS 20326 8 2 ${SHA256_A.toLowerCase()}
. DS 38696 8 2 ${SHA256_A}
`,
      'F',
    )
    expect(problems).toEqual([])
    expect(shown(anchors)).toEqual([
      '. DS 20326 8 2 E06D44',
      '. DS 38696 8 2 E06D44',
      'example.test. DS 4711 13 2 E06D44',
      'example.test. DNSKEY 257 3 13 mdsswU',
    ])
  })

  it('of Unbound are those that it trusts', () => {
    const state = (flags: number, id: number, name: string): string =>
      `.\t86400\tIN\tDNSKEY\t${flags} 3 13 ${KEY} ;{id = 1 (ksk), size = 256b} ;;state=${id} [ ${name} ] ;;count=0 ;;lastchange=1760000000 ;;Thu\n`
    const head = '; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1760000000 ;;Thu\n'
    for (const [id, word] of [
      [2, ' VALID '],
      [3, 'MISSING'],
    ] as const)
      expect(parseAnchors(head + state(257, id, word), 'F')).toMatchObject({ problems: [], anchors: [{ name: ROOT }] })
    // One whose hold-down has not ended would be believed too early, a revoked one again.
    for (const [id, word] of [
      [0, ' START '],
      [1, 'ADDPEND'],
      [4, 'REVOKED'],
      [5, 'REMOVED'],
    ] as const) {
      const { anchors, problems } = parseAnchors(
        head + state(257, id, word) + state(257, 2, ' VALID ').replace(KEY, KEY.replace('m', 'n')),
        'F',
      )
      expect([shown(anchors), problems.map(problemText)]).toEqual([
        ['. DNSKEY 257 3 13 ndsswU'],
        [`F:4:12: warning: this key is not used: its state is ${word.trim()}`],
      ])
    }
    expect(problemsOf(state(385, 2, 'VALID'))[0]).toBe(
      'F:1:12: warning: this key is revoked (RFC 5011) and is not used: remove the line',
    )
  })

  test.each<[string, string | RegExp]>([
    ['', /^F: holds no trust anchor: expected DS or DNSKEY records, such as/],
    ['; nothing\n', /^F: holds no trust anchor/],
    ['. IN DS 20326 8 2 ABCD', /^F:1:\d+: .*SHA-256/],
    [`. IN DS 20326 8 2`, /^F:1:18: expected/],
    [`. IN DS x 8 2 ${SHA256_A}`, /^F:1:9: expected/],
    [`\n . DS 20326 8 2 ${SHA256_A}`, /^F:2:2: the line begins with white space/],
    [`. IN NS a.root.test.`, 'F:1:6: expected DS or DNSKEY, found NS: only these can be trust anchors'],
    [`. CH DS 20326 8 2 ${SHA256_A}`, 'F:1:6: only class IN is validated, found CH'],
    [`. DNSKEY 1 3 13 ${KEY}`, 'F:1:3: a trust anchor needs the zone key bit: expected flags 257 or 256, found 1'],
    [`. DNSKEY 257 4 13 ${KEY}`, 'F:1:3: expected protocol 3 after the flags, found 4'],
    [
      `$TTL 300\n. DS 20326 8 2 ${SHA256_A}`,
      'F:1:1: "$TTL" means nothing here: write every name in full and remove this line',
    ],
    [`a..b. DS 20326 8 2 ${SHA256_A}`, /^F:1:1: /],
    [`"." DS 20326 8 2 ${SHA256_A}`, 'F:1:1: expected the name of a zone, found a quoted string'],
    [
      'trust-anchors {\n  . initial-key 257 3 8 "AwEAA";\n};',
      /^F:1:1: .*BIND's way to write trust anchors: write them as records, such as/,
    ],
    ['server:\n  trust-anchor: x', /^F:1:1: .*Unbound's way/],
    ['<?xml version="1.0"?>\n<TrustAnchor/>', /^F:1:1: this is XML/],
    [`. DS 20326 8 2 (${SHA256_A}`, /^F:1:16: .*never closed/],
  ])('%j is refused with its place', (text, expected) => {
    const problems = problemsOf(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(expected)
  })

  it('are all looked at: every mistake is told at once, an unreadable owner only once', () => {
    expect(
      problemsOf(
        `a..b. DS 1 8 2 ${SHA256_A}\n DS 2 8 2 ${SHA256_A}\nc.test. DS 70000 8 2 ${SHA256_A}\nd.test. A 192.0.2.1\n`,
      ).map(text => text.split(' ')[0]),
    ).toEqual(['F:1:1:', 'F:3:12:', 'F:4:9:'])
    expect(problemsOf('x\n'.repeat(5_000)).length).toBeLessThanOrEqual(200)
  })
})

describe('trust points', () => {
  const anchor = (text: string, byte = 1): TrustAnchor => ({ name: name(text), ds: [Uint8Array.of(byte)], keys: [] })

  it('the deepest anchor at or above a name counts; several of one name are one', () => {
    const points = makeTrustPoints([anchor('.'), anchor('island.test'), anchor('.', 2)], [])
    expect(points.isEmpty).toBe(false)
    expect(points.closest(name('www.island.test'))?.name).toBe(name('island.test'))
    expect(points.closest(name('test'))).toEqual({ name: ROOT, ds: [Uint8Array.of(1), Uint8Array.of(2)], keys: [] })
    expect(points.at(name('test'))).toBeUndefined()
    expect(makeTrustPoints([anchor('island.test')], []).closest(name('other.test'))).toBeUndefined()
  })

  it('an anchor without data is none, and none is empty', () => {
    expect(makeTrustPoints([{ name: ROOT, ds: [], keys: [] }], []).isEmpty).toBe(true)
    expect(mergeAnchors([{ name: ROOT, ds: [], keys: [] }])).toEqual([])
  })

  test.each<[string, number, string | undefined]>([
    ['www.broken.test', 99, 'broken.test.'],
    ['broken.test', 99, 'broken.test.'],
    ['broken.test', 100, undefined],
    ['test', 0, undefined],
    // RFC 7646 section 2: a positive anchor below a negative one is believed.
    ['www.island.broken.test', 0, undefined],
    ['notbroken.test', 0, undefined],
    ['x.below.island.broken.test', 0, 'below.island.broken.test.'],
  ])('%s at %d is covered by %s', (text, wall, expected) => {
    const points = makeTrustPoints(
      [anchor('.'), anchor('island.broken.test')],
      [
        { name: name('broken.test'), until: 100 },
        { name: name('below.island.broken.test'), until: 100 },
      ],
    )
    const found = points.negative(name(text), wall)
    expect(found === undefined ? undefined : formatName(found.name)).toBe(expected)
  })
})
