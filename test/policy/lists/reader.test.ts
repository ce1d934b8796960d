import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compiledList, compiledText, type ListText, ruleSet, said, judgedAddress } from './made.ts'

/** A line, and for each of these names what it says of it. */
interface Row {
  readonly line: string
  readonly options?: Omit<ListText, 'text'>
  readonly says: Readonly<Record<string, 'block' | 'allow' | '-'>>
}

const rows: readonly Row[] = [
  // Hosts: the names alone.
  { line: '0.0.0.0 ads.example', says: { 'ads.example': 'block', 'www.ads.example': '-', example: '-' } },
  { line: '127.0.0.1\ta.example b.example\tc.example', says: { 'a.example': 'block', 'c.example': 'block' } },
  { line: '::1 ads.example', says: { 'ads.example': 'block' } },
  { line: ':: ads.example', says: { 'ads.example': 'block' } },
  { line: '::0 ads.example', says: { 'ads.example': 'block' } },
  { line: '0.0.0.0 ads.example#x', says: { 'ads.example': 'block' } },
  { line: '0.0.0.0 ads.example # of an agency', says: { 'ads.example': 'block', agency: '-' } },
  { line: '0.0.0.0 ads.example.', says: { 'ads.example': 'block' } },
  { line: '0.0.0.0 ADS.Example', says: { 'ads.example': 'block' } },
  { line: '  0.0.0.0   ads.example   ', says: { 'ads.example': 'block' } },
  { line: '0.0.0.0 ads.example\r', says: { 'ads.example': 'block' } },
  { line: '0.0.0.0 my_ads.example', says: { 'my_ads.example': 'block' } },
  { line: '0.0.0.0 bücher.example', says: { 'xn--bcher-kva.example': 'block' } },
  { line: 'fe80::1%lo0 localhost ads.example', says: { localhost: '-' } },
  {
    line: '127.0.0.1 localhost localhost.localdomain local ads.example',
    says: { localhost: '-', 'ads.example': 'block' },
  },
  { line: '0.0.0.0 0.0.0.0', says: { '0.0.0.0': '-' } },
  { line: '0.0.0.0 192.0.2.1', says: { '192.0.2.1': '-' } },
  { line: '192.0.2.9 nas.example', says: { 'nas.example': '-' } },
  { line: '192.0.2.9 nas.example', options: { layer: 'own' }, says: { 'nas.example': 'block' } },
  // Names alone.
  { line: 'ads.example', says: { 'ads.example': 'block', 'www.ads.example': '-' } },
  {
    line: 'ads.example',
    options: { match: 'suffix' },
    says: { 'ads.example': 'block', 'www.ads.example': 'block', 'bads.example': '-' },
  },
  { line: '0.0.0.0 ads.example', options: { match: 'suffix' }, says: { 'www.ads.example': '-' } },
  { line: 'ads.example # comment', says: { 'ads.example': 'block' } },
  { line: 'ads.example#comment', says: { 'ads.example': 'block' } },
  { line: 'zip', says: { zip: '-' } },
  { line: 'zip', options: { format: 'domains', match: 'suffix' }, says: { zip: 'block', 'a.zip': 'block' } },
  { line: '*.ads.example', says: { 'ads.example': 'block', 'www.ads.example': 'block' } },
  // Adblock.
  {
    line: '||ads.example^',
    says: { 'ads.example': 'block', 'www.ads.example': 'block', 'bads.example': '-', 'ads.example.org': '-' },
  },
  { line: '||ads.example', says: { 'ads.example': 'block', 'www.ads.example': 'block', 'ads.example.org': '-' } },
  { line: '||ads.example^|', says: { 'www.ads.example': 'block' } },
  { line: '||zip^', says: { zip: 'block', 'a.zip': 'block' } },
  { line: '||ADS.example^', says: { 'ads.example': 'block' } },
  { line: '||bücher.example^', says: { 'www.xn--bcher-kva.example': 'block' } },
  { line: '|ads.example^', says: { 'ads.example': 'block', 'www.ads.example': '-' } },
  { line: '|ads.example|', says: { 'ads.example': 'block', 'www.ads.example': '-' } },
  { line: '||*.ads.example^', says: { 'ads.example': '-', 'www.ads.example': 'block' } },
  { line: '*.ads.example^', says: { 'ads.example': '-', 'www.ads.example': 'block' } },
  { line: 'ads.example^', says: { 'ads.example': 'block', 'bads.example': 'block', 'ads.example.org': '-' } },
  { line: 'ads.example|', says: { 'bads.example': 'block', 'ads.example.org': '-' } },
  { line: '||banner', says: { 'banner.example': 'block', 'x.banners.example': 'block', 'mybanner.example': '-' } },
  { line: '||banner.', says: { 'banner.example': 'block', 'x.banner.example': 'block', 'banners.example': '-' } },
  { line: '-banner-', says: { 'x-banner-y.example': 'block', 'banner.example': '-' } },
  { line: 'banner', options: { format: 'adblock' }, says: { 'mybanners.example': 'block', example: '-' } },
  { line: '||ads*.example^', says: { 'ads12.example': 'block', 'x.ads.example': 'block', 'ads.example.org': '-' } },
  { line: '||ads*.shop.example^', says: { 'ads12.shop.example': 'block', 'shop.example': '-' } },
  { line: '@@||ads.example^', says: { 'www.ads.example': 'allow' } },
  { line: 'ads.example$important', says: { 'ads.example': 'block', 'www.ads.example': '-' } },
  { line: '||ads.example^$all', says: { 'ads.example': 'block' } },
  { line: '/^ad[0-9]+\\.example$/', says: { 'ad12.example': 'block', 'ad.example': '-', 'xad12.example': '-' } },
  { line: '/banner(s|ing)?\\./', says: { 'x.banners.example': 'block', 'bannered.example': '-' } },
  {
    line: '||ads.example^$denyallow=ok.ads.example|fine.example',
    says: { 'ads.example': 'block', 'x.ok.ads.example': '-' },
  },
  // An allow list allows, whatever its lines look like.
  { line: 'ok.example', options: { layer: 'allow' }, says: { 'ok.example': 'allow' } },
  { line: '@@||ok.example^', options: { layer: 'allow' }, says: { 'ok.example': 'allow' } },
]

describe('a line of a list', () => {
  test.each(rows)('"$line" $options', ({ line, options, says }) => {
    const set = ruleSet({ ...options, text: line })
    expect(Object.fromEntries(Object.keys(says).map(name => [name, said(set, name)]))).toEqual(says)
  })

  const skipped: [line: string, reason: string, options?: Omit<ListText, 'text'> | undefined][] = [
    ['0.0.0.0 localhost', 'local-name'],
    ['::1 ip6-localhost', 'local-name'],
    ['255.255.255.255 broadcasthost', 'local-name'],
    ['0.0.0.0 0.0.0.0', 'address-as-name'],
    ['0.0.0.0 2001:db8::1', 'address-as-name'],
    ['192.0.2.9 nas.example', 'own-address'],
    ['||nas.example^$dnsrewrite=192.0.2.9', 'own-address'],
    ['zip', 'one-label'],
    ['example.org##.banner', 'cosmetic'],
    ['example.org#@#.banner', 'cosmetic'],
    ['example.org#$#body { x: y }', 'cosmetic'],
    ['||ads.example/banner', 'url'],
    ['||ads.example:8080^', 'url'],
    ['|https://ads.example^', 'url'],
    ['||ads.example^$third-party', 'modifier'],
    ['||ads.example^$script,domain=example.org', 'modifier'],
    ['||ads.example^$ctag=device_tv', 'modifier'],
    ['||ads.example^$dnstype=NOTYPE', 'modifier'],
    ['/(?=ads)x/', 'pattern'],
    ['/(ads)\\1/', 'pattern'],
    ['/\\bads/', 'pattern'],
    ['/(((a{99}){99}){99}){99}/', 'pattern'],
    [`/${'a'.repeat(201)}/`, 'pattern'],
    [`||${'a*'.repeat(120)}^`, 'pattern'],
    ['/[a-z]+/', 'short-pattern'],
    ['||a*^', 'short-pattern'],
    ['*', 'short-pattern'],
    ['some words of a sentence', 'not-a-rule'],
    ['0.0.0.0 a..b.example', 'bad-name'],
    [`0.0.0.0 ${'a'.repeat(64)}.example`, 'bad-name'],
    [`0.0.0.0 ${'abcdefg.'.repeat(32)}example`, 'bad-name'],
    ['0.0.0.0 a%b.example', 'bad-name'],
    ['a'.repeat(5_000), 'long-line'],
    ['ads.example', 'other-format', { format: 'hosts' }],
    ['||ads.example^', 'other-format', { format: 'domains' }],
    ['*.ads.example', 'other-format', { format: 'domains' }],
    ['||ads.example^', 'other-format', { format: 'wildcard' }],
  ]
  test.each(skipped)('"%s" is skipped: %s', (line, reason, options) => {
    const { counts } = compiledList({ ...options, text: line })
    expect([counts.rules, counts.skipped]).toEqual([0, { [reason]: 1 }])
    expect(counts.shown.map(one => [one.line, one.reason])).toEqual([[1, reason]])
  })

  test.each(['# comment', '#comment', '! comment', '[Adblock Plus 2.0]', '', '   ', '\r', '## heading'])(
    '"%s" is a comment and is not counted',
    line => {
      expect(compiledList({ text: line }).counts).toMatchObject({ rules: 0, skipped: {} })
    },
  )

  test('addresses and blocks of them are rules for answers', () => {
    const set = ruleSet('192.0.2.1\n198.51.100.0/24\n2001:db8:1::/48\n||203.0.113.7^\n@@||198.51.100.9^')
    const says = (ip: string): string => judgedAddress(set, ip).verdict?.action ?? '-'
    expect(
      ['192.0.2.1', '192.0.2.2', '198.51.100.77', '2001:db8:1:2::3', '2001:db8:2::', '203.0.113.7'].map(says),
    ).toEqual(['block', '-', 'block', 'block', '-', 'block'])
    expect(says('198.51.100.9')).toBe('allow')
    expect(judgedAddress(set, '198.51.100.77').verdict?.winner).toEqual({
      list: 'list 1',
      rule: '198.51.100.0/24',
      at: '/lists/1.txt:2',
      line: 2,
    })
  })
})

describe('a list', () => {
  test('a byte order mark, CR LF and a missing last line end change nothing', () => {
    const set = ruleSet('\ufeff# title\r\n0.0.0.0 a.example\r\n||b.example^\r\nc.example')
    expect(['a.example', 'b.example', 'c.example'].map(name => said(set, name))).toEqual(['block', 'block', 'block'])
  })

  test('counts its rules by kind, duplicates and what it skips', () => {
    const { counts } = compiledList({
      text: '0.0.0.0 a.example\na.example\n||b.example^\n@@||c.example^\n/ads[0-9]+x/\n192.0.2.1\nx##y\n||q^$script',
    })
    expect(counts).toMatchObject({
      lines: 8,
      rules: 5,
      exact: 2,
      suffix: 2,
      exceptions: 1,
      patterns: 1,
      addresses: 1,
      duplicates: 1,
      skipped: { cosmetic: 1, modifier: 1 },
    })
  })

  test.each([
    ['<!DOCTYPE html><html><body>Not found</body></html>', 'is a web page, not a list'],
    ['\n\n  <html lang="en">\n', 'is a web page, not a list'],
    [Uint8Array.of(0x1f, 0x8b, 8, 0), 'is compressed (gzip): unpack it first'],
    [
      `${'a.example\n'.repeat(10)}${'some words here\n'.repeat(6)}`,
      'has 6 of 16 lines that are no rules of its format (line 11: neither a name nor a rule)',
    ],
  ])('that is something else is rejected', (text, reason) => {
    expect(compiledText({ text })).toMatchObject({ kind: 'rejected', reason })
  })

  test('few bad lines of a short list are only reported', () => {
    expect(compiledList({ text: 'a.example\nsome words\nother words' }).counts).toMatchObject({
      rules: 1,
      skipped: { 'not-a-rule': 2 },
    })
  })

  test('has no more rules than the limit', () => {
    const { counts } = compiledList({ text: 'a.example\nb.example\nc.example', limits: { rulesPerList: 2 } })
    expect(counts).toMatchObject({ rules: 2, skipped: { 'too-many': 1 } })
  })

  test('random octets never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), octets => {
        expect(['compiled', 'rejected']).toContain(compiledText({ text: octets }).kind)
      }),
    )
  })

  test('random lines of the characters that rules are made of never throw', () => {
    const line = fc.string({ unit: fc.constantFrom(...'|^$*@/\\.,~=:#!()[]{}?+-_ab01 \t\r'), maxLength: 60 })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), lines => {
        expect(['compiled', 'rejected']).toContain(compiledText({ text: lines.join('\n') }).kind)
      }),
      { numRuns: 1_000 },
    )
  })

  const hostile: readonly (readonly [string, string])[] = [
    ['line ends', `${'\r'.repeat(4_000)}x\n`],
    ['one label after the other', `||${'a.'.repeat(2_000)}^\n`],
    ['wildcards', `${'*a'.repeat(2_000)}\n`],
    ['nothing but dots', `${'.'.repeat(4_000)}\n`],
    ['hexadecimal digits', `${'a:'.repeat(2_000)} x\n`],
    ['spaces', `a${' '.repeat(4_000)}b\n`],
    ['number signs', `a${'#@'.repeat(2_000)}\n`],
    ['modifiers', `||a.b^$${'denyallow=a|b,'.repeat(280)}\n`],
    ['a line without an end', 'a'.repeat(4_000)],
  ]
  test.each(hostile)('2 MB of %s are read in linear time', (_, line) => {
    const text = new TextEncoder().encode(line.repeat(Math.ceil(2_000_000 / line.length)))
    const began = performance.now()
    expect(['compiled', 'rejected']).toContain(compiledText({ text }).kind)
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
