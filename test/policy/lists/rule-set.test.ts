import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NameHasher } from '../../../src/policy/lists/hash.ts'
import { judged, judgedAddress, key, type ListText, name, ruleSet, said } from './made.ts'

/** Lists, a name, what is said of it and by which rule, and the rules that lost. */
type Row = [
  lists: (string | ListText)[],
  asked: string,
  says: string,
  by?: string | undefined,
  lost?: string | undefined,
]

const own = (text: string): ListText => ({ text, layer: 'own', name: 'own' })
const allow = (text: string): ListText => ({ text, layer: 'allow', name: 'allow' })
const block = (text: string): ListText => ({ text, layer: 'block', name: 'block' })

const rows: Row[] = [
  // Within a layer.
  [['||x.test^\n@@||x.test^'], 'x.test', 'allow', '@@||x.test^', '||x.test^'],
  [['@@||a.x.test^\n||x.test^'], 'a.x.test', 'allow', '@@||a.x.test^', '||x.test^'],
  [['||a.x.test^\n@@||x.test^'], 'a.x.test', 'allow', '@@||x.test^', '||a.x.test^'],
  [['||x.test^$important\n@@||x.test^'], 'x.test', 'block', '||x.test^$important', '@@||x.test^'],
  [['@@||x.test^$important\n||x.test^$important'], 'x.test', 'allow', '@@||x.test^$important', '||x.test^$important'],
  [['0.0.0.0 x.test\n@@||x.test^'], 'x.test', 'allow', '@@||x.test^', '0.0.0.0 x.test'],
  [['0.0.0.0 x.test', '@@||x.test^'], 'x.test', 'allow', '@@||x.test^', '0.0.0.0 x.test'],
  [['||x.test^', '||x.test^$dnstype=A'], 'x.test', 'block', '||x.test^$dnstype=A', '||x.test^'],
  [['||x.test^', '||a.x.test^'], 'a.x.test', 'block', '||a.x.test^', '||x.test^'],
  // Layers.
  [[own('||x.test^'), allow('x.test'), block('x.test')], 'x.test', 'block', '||x.test^', 'x.test,x.test'],
  [[block('||x.test^'), allow('x.test')], 'x.test', 'allow', 'x.test', '||x.test^'],
  [[block('||x.test^$important'), allow('x.test')], 'x.test', 'allow', 'x.test', '||x.test^$important'],
  [[block('||x.test^$important'), own('@@||x.test^')], 'x.test', 'allow', '@@||x.test^', '||x.test^$important'],
  [[allow('@@||x.test^$important'), own('||x.test^')], 'x.test', 'block', '||x.test^', '@@||x.test^$important'],
  // Rules that take rules away.
  [['||x.test^\n||x.test^$badfilter'], 'x.test', '-'],
  [['||x.test\n||x.test^$badfilter'], 'x.test', '-'],
  [['||x.test^$important\n||x.test^$badfilter'], 'x.test', 'block'],
  [['||x.test^$important\n||x.test^$badfilter,important'], 'x.test', '-'],
  [['||x.test^$dnstype=A\n||x.test^$badfilter,dnstype=A'], 'x.test', '-'],
  [['x.test\nx.test$badfilter'], 'x.test', '-'],
  [['/ads[0-9]/\n/ads[0-9]/$badfilter'], 'ads1.test', '-'],
  [['||x.test^\n||a.x.test^$badfilter'], 'a.x.test', 'block'],
  [[block('||x.test^'), own('||x.test^$badfilter')], 'x.test', '-'],
  [[block('||x.test^$badfilter'), own('||x.test^')], 'x.test', 'block'],
  // The root and names of odd octets.
  [['||x.test^'], '.', '-'],
  [['||x.test^'], 'a\\.x.test', '-'],
  [['||x.test^'], '\\000\\255.x.test', 'block'],
  [['/a.x\\.test/'], 'a\\.x.test', 'block'],
  [['/a\\.x\\.test/'], 'a\\.x.test', '-'],
]

describe('lists say', () => {
  test.each(rows)('%j of %s: %s', (lists, asked, says, by, lost) => {
    const { verdict } = judged(ruleSet(...lists), asked)
    expect(verdict?.action ?? '-').toBe(says)
    if (by !== undefined) expect(verdict?.winner.rule).toBe(by)
    if (lost !== undefined) expect(verdict?.lost.map(({ rule }) => rule).join()).toBe(lost)
  })

  test('which list and line decided, and the name that is denied', () => {
    const set = ruleSet({ text: '# title\n\n||x.test^', name: 'ads' })
    expect(judged(set, 'a.b.x.test').verdict).toMatchObject({
      winner: { list: 'ads', rule: '||x.test^', line: 3, at: '/lists/1.txt:3' },
      zone: name('x.test'),
      isForAllTypes: true,
    })
    expect(judged(ruleSet('x.test'), 'x.test').verdict?.zone).toBe(name('x.test'))
    expect(judged(ruleSet('/x.test$/'), 'a.x.test').verdict?.zone).toBe(name('a.x.test'))
  })

  test.each([
    ['A', 'block'],
    ['AAAA', 'block'],
    ['HTTPS', '-'],
  ])('with $dnstype, of type %s: %s', (type, says) => {
    const set = ruleSet('||x.test^$dnstype=A|AAAA')
    expect(said(set, 'x.test', { type })).toBe(says)
    expect(judged(set, 'x.test').verdict?.isForAllTypes).toBe(false)
    const others = ruleSet('||x.test^$dnstype=~A|~AAAA')
    expect(said(others, 'x.test', { type })).toBe(says === 'block' ? '-' : 'block')
  })

  test.each([
    ['192.0.2.7', undefined, 'block'],
    ['192.0.2.8', undefined, '-'],
    ['198.51.100.4', undefined, 'block'],
    ['192.0.2.8', 'tablet', 'block'],
    ['198.51.100.9', undefined, '-'],
  ])('with $client, for %s %s: %s, which is not for others', (client, clientId, says) => {
    const set = ruleSet("||x.test^$client=192.0.2.7|198.51.100.0/24|'tablet'|~198.51.100.9")
    const asking = clientId === undefined ? { client } : { client, clientId }
    expect(said(set, 'x.test', asking)).toBe(says)
    expect(judged(set, 'x.test', asking).isForClient).toBe(true)
    expect(judged(set, 'y.test', asking).isForClient).toBe(false)
  })

  test.each([
    ['NXDOMAIN', { kind: 'nxdomain' }],
    ['REFUSED;;', { kind: 'refused' }],
    ['NOERROR;;', { kind: 'nodata' }],
    ['192.0.2.9', { kind: 'addresses', ipv4: [Uint8Array.of(192, 0, 2, 9)], ipv6: [] }],
    ['NOERROR;A;192.0.2.9', { kind: 'addresses', ipv4: [Uint8Array.of(192, 0, 2, 9)], ipv6: [] }],
  ])('with $dnsrewrite=%s in own rules what is answered', (value, answer) => {
    expect(judged(ruleSet(own(`||x.test^$dnsrewrite=${value}`)), 'x.test').verdict?.answer).toEqual(answer)
  })

  test('nothing of a list that is not for the client', () => {
    const set = ruleSet('||x.test^\n/ads[0-9]/\n192.0.2.1', '||y.test^')
    const enabled = Uint8Array.of(0, 1)
    expect(['x.test', 'ads1.test', 'y.test'].map(one => said(set, one, { enabled }))).toEqual(['-', '-', 'block'])
    expect(judgedAddress(set, '192.0.2.1', { enabled }).verdict).toBeNull()
  })

  test('of an address what the longest block says', () => {
    const set = ruleSet('192.0.2.0/24\n@@||192.0.2.7^')
    expect(judgedAddress(set, '192.0.2.7').verdict).toMatchObject({
      action: 'allow',
      winner: { rule: '@@||192.0.2.7^' },
      lost: [{ rule: '192.0.2.0/24', line: 1 }],
    })
  })

  test('how often each list decided', () => {
    const set = ruleSet('||x.test^', '||y.test^')
    for (const asked of ['x.test', 'a.x.test', 'y.test', 'z.test']) said(set, asked)
    expect(set.lists.map(({ tally }) => tally.hits)).toEqual([2, 1])
  })
})

describe('the verdict', () => {
  const label = fc.constantFrom('a', 'b', 'ads', 'x1')
  const domain = fc.array(label, { minLength: 1, maxLength: 3 }).map(labels => `${labels.join('.')}.test`)
  const rule = fc
    .tuple(
      fc.constantFrom('||D^', '@@||D^', 'D', '0.0.0.0 D', '|D^', '*.D', '||*.D^', '||D^$badfilter', '/^D$/'),
      domain,
      fc.constantFrom('', '', '$important', '$dnstype=A', '$denyallow=a.test'),
    )
    .map(([form, of, modifiers]) => {
      const text = form.replace('D', of)
      return /^[|@/]/.test(text) && !text.includes('$b') ? text + modifiers : text
    })
  const rules = fc.array(rule, { maxLength: 12 })

  test('is the same whatever comments, blank lines and duplicates are put in', () => {
    fc.assert(
      fc.property(rules, domain, fc.array(fc.nat(11), { maxLength: 5 }), (lines, asked, places) => {
        const more = [...lines]
        for (const place of places) more.splice(place, 0, '# c', '', '! c', lines[place] ?? '')
        expect(said(ruleSet(more.join('\n')), asked)).toBe(said(ruleSet(lines.join('\n')), asked))
      }),
    )
  })

  test('is the same in whatever order the rules and lists of a layer are', () => {
    fc.assert(
      fc.property(rules, rules, domain, (one, other, asked) => {
        const there = said(ruleSet(one.join('\n'), other.join('\n')), asked)
        expect(said(ruleSet([...other].reverse().join('\n'), [...one].reverse().join('\n')), asked)).toBe(there)
        expect(said(ruleSet([...one, ...other].join('\n')), asked)).toBe(there)
      }),
    )
  })
})

describe('the hash of a name', () => {
  const hashesOf = (text: string, of = key): string[] => {
    const hasher = new NameHasher(of)
    const labels = hasher.name(name(text))
    return Array.from({ length: labels }, (_, at) => `${hasher.high[at]}/${hasher.low[at]}`)
  }

  test('of its suffixes is that of the names above it', () => {
    expect(hashesOf('a.b.test').slice(1)).toEqual(hashesOf('b.test'))
  })

  test('is another one with another key, and for names that differ in where a label ends', () => {
    expect(hashesOf('b.test')).not.toEqual(hashesOf('b.test', { k0: 1, k1: 2 }))
    const all = ['ab.c', 'a.bc', 'abc', 'a\\000b.c', 'a\\.b.c', 'a.b.c'].map(one => hashesOf(one)[0])
    expect(new Set(all).size).toBe(all.length)
  })

  test('spreads: 200,000 names have as many hashes, over all places', () => {
    const hasher = new NameHasher(key)
    const seen = new Set<number>()
    const places = new Uint32Array(64)
    for (let i = 0; i < 200_000; i++) {
      hasher.name(name(`h${i}.test`))
      const high = hasher.high[0] ?? 0
      const low = hasher.low[0] ?? 0
      seen.add(high * 2 ** 20 + (low >>> 12))
      places[low >>> 26] = (places[low >>> 26] ?? 0) + 1
    }
    expect(seen.size).toBe(200_000)
    expect(Math.max(...places) - Math.min(...places)).toBeLessThan(600)
  })
})
