/** What BIND says of a pair of policy zones, question by question, and what the draft says of precedence. */
import { describe, expect, test } from 'vitest'
import { parseIp } from '../../../src/dns/address.ts'
import { RrType } from '../../../src/dns/types.ts'
import { ask, flatZone, nameOf, rulesOf, shown, type World } from './make.ts'

const RPZ1 = flatZone(
  'rpz1.',
  'bad.test CNAME .',
  '*.bad.test CNAME rpz-passthru.',
  'nod.test CNAME *.',
  'loc.test A 10.0.0.1',
  'loc.test MX 10 m.test.',
  '*.star.test CNAME *.garden.test.',
  '*.ent.test CNAME .',
  'b.c.ent.test CNAME rpz-passthru.',
  '24.0.100.51.198.rpz-ip CNAME .',
  '32.9.100.51.198.rpz-ip CNAME rpz-passthru.',
  '32.77.2.0.192.rpz-ip A 10.0.0.77',
  'tcp.test CNAME rpz-tcp-only.',
  'drop.test CNAME rpz-drop.',
  'both.test CNAME rpz-passthru.',
  'apexonly.test CNAME .',
  'nx.test A 10.9.9.9',
  'wide.test CNAME garden.test.',
)
const RPZ2 = flatZone(
  'rpz2.',
  '*.bad.test A 10.2.2.2',
  'both.test A 10.2.2.3',
  'ok.test A 10.2.2.4',
  'garden.test A 10.2.2.5',
)
const NAMES = [
  'bad',
  'x.bad',
  'nod',
  'loc',
  'star',
  'c.ent',
  'b.c.ent',
  'x.ent',
  'tcp',
  'drop',
  'both',
  'sub.apexonly',
  'apexonly',
  'wide',
  'garden',
  'ok',
  'plain',
]
const WORLD: World = {
  records: [
    ...NAMES.map(name => `${name}.test. A 192.0.2.1`),
    'loc.test. TXT "x"',
    'ok.test. TXT "x"',
    'alias.test. CNAME bad.test.',
    'mx.test. MX 1 bad.test.',
    'ipbad.test. A 198.51.100.7',
    'ippass.test. A 198.51.100.9',
    'two.test. A 198.51.100.7',
    'two.test. A 192.0.2.77',
    'hint.test. HTTPS 1 . ipv4hint=198.51.100.7',
  ],
}
const REAL = 'NOERROR A 192.0.2.1'

describe('the table of three peers, as BIND has it', () => {
  const rules = rulesOf({ flat: RPZ1 }, { flat: RPZ2 })
  test.each<[string, number, string]>([
    ['bad.test', RrType.A, 'NXDOMAIN'],
    ['x.bad.test', RrType.A, REAL],
    ['sub.apexonly.test', RrType.A, REAL],
    ['apexonly.test', RrType.A, 'NXDOMAIN'],
    ['nod.test', RrType.A, 'NOERROR'],
    ['both.test', RrType.A, REAL],
    ['b.c.ent.test', RrType.A, REAL],
    ['c.ent.test', RrType.A, REAL],
    ['x.ent.test', RrType.A, 'NXDOMAIN'],
    ['nx.test', RrType.A, 'NOERROR A 10.9.9.9'],
    ['nx.test', RrType.AAAA, 'NOERROR'],
    ['loc.test', RrType.A, 'NOERROR A 10.0.0.1'],
    ['loc.test', RrType.TXT, 'NOERROR'],
    ['ok.test', RrType.A, 'NOERROR A 10.2.2.4'],
    ['ok.test', RrType.TXT, 'NOERROR'],
    ['ippass.test', RrType.A, 'NOERROR A 198.51.100.9'],
    ['ipbad.test', RrType.A, 'NXDOMAIN'],
    ['hint.test', RrType.HTTPS, 'NXDOMAIN'],
    ['wc.star.test', RrType.A, 'NXDOMAIN CNAME wc.star.test.garden.test.'],
    ['star.test', RrType.A, REAL],
    ['alias.test', RrType.A, 'NXDOMAIN CNAME bad.test.'],
    ['two.test', RrType.A, 'NOERROR A 10.0.0.77'],
    ['wide.test', RrType.A, 'NOERROR CNAME garden.test. A 192.0.2.1'],
    ['tcp.test', RrType.A, 'truncated'],
    ['drop.test', RrType.A, 'dropped'],
    ['mx.test', RrType.MX, 'NOERROR MX 1 bad.test.'],
    ['plain.test', RrType.A, REAL],
  ])('%s type %d', async (name, type, expected) => {
    expect(shown(await ask(rules, WORLD, name, type))).toBe(expected)
  })

  test('over TCP a rule for TCP only has nothing to say', async () => {
    expect(shown(await ask(rules, WORLD, 'tcp.test', RrType.A, { transport: 'tcp' }))).toBe(REAL)
  })
})

describe('precedence', () => {
  const servers: World['servers'] = () => ({
    names: [nameOf('ns1.evil.test'), nameOf('ns2.evil.test')],
    addresses: [parseIp('203.0.113.5')].flatMap(ip => ip ?? []),
  })
  const world: World = { records: ['a.test. A 198.51.100.7', 'b.test. CNAME a.test.'], servers }
  const passthru = (trigger: string) => flatZone('first.', `${trigger} CNAME rpz-passthru.`)
  const block = (trigger: string) => flatZone('second.', `${trigger} CNAME .`)
  const data = (trigger: string, address: string) => `${trigger} A ${address}`
  const TRIGGERS = [
    ['32.1.0.0.127.rpz-client-ip', '10.0.0.1'],
    ['a.test', '10.0.0.2'],
    ['32.7.100.51.198.rpz-ip', '10.0.0.3'],
    ['*.evil.test.rpz-nsdname', '10.0.0.4'],
    ['24.0.113.0.203.rpz-nsip', '10.0.0.5'],
  ] as const

  test.each(TRIGGERS.map(([trigger], i) => [trigger, i] as const))(
    'within a zone %s comes before those after it',
    async (_trigger, i) => {
      const zone = flatZone('one.', ...TRIGGERS.slice(i).map(([trigger, address]) => data(trigger, address)))
      for (const early of [true, false])
        expect(shown(await ask(rulesOf({ flat: zone, early }), world, 'a.test'))).toBe(`NOERROR A ${TRIGGERS[i]?.[1]}`)
    },
  )

  test.each(TRIGGERS.flatMap(([a]) => TRIGGERS.map(([b]) => [a, b] as const)))(
    'the first zone (%s) comes before the second (%s), whatever their triggers',
    async (first, second) => {
      const rules = rulesOf({ flat: passthru(first) }, { flat: block(second) })
      expect(shown(await ask(rules, world, 'a.test'))).toBe('NOERROR A 198.51.100.7')
      const reversed = rulesOf({ flat: block(second) }, { flat: passthru(first) })
      expect(shown(await ask(reversed, world, 'a.test'))).toBe('NXDOMAIN')
    },
  )

  test.each<[string, readonly string[], string]>([
    ['a name earlier in the chain comes first', ['a.test CNAME .', 'b.test A 10.0.0.1'], 'NOERROR A 10.0.0.1'],
    ['the alias that was passed stays', ['a.test A 10.0.0.1'], 'NOERROR CNAME a.test. A 10.0.0.1'],
    [
      'the longest prefix of an address decides',
      ['24.0.100.51.198.rpz-ip A 10.0.0.1', '32.7.100.51.198.rpz-ip A 10.0.0.2'],
      'NOERROR CNAME a.test. A 10.0.0.2',
    ],
    [
      'of names of servers the last one decides',
      ['ns1.evil.test.rpz-nsdname A 10.0.0.1', 'ns2.evil.test.rpz-nsdname A 10.0.0.2'],
      'NOERROR A 10.0.0.2',
    ],
    [
      'a type of its own comes before a CNAME',
      ['b.test CNAME garden.test.', 'b.test A 10.0.0.1'],
      'NOERROR A 10.0.0.1',
    ],
    ['a rule for all names', ['* CNAME .'], 'NXDOMAIN'],
    [
      'a passthru to itself, as of old',
      ['b.test CNAME b.test.', '*.test CNAME .'],
      'NOERROR CNAME a.test. A 198.51.100.7',
    ],
    [
      'the same of a wildcard that is an alias of the name',
      ['*.test CNAME b.test.', 'a.test CNAME .'],
      'NOERROR CNAME a.test. A 198.51.100.7',
    ],
    [
      'not so of an address whose rule is an alias of the name: the alias stands',
      ['32.7.100.51.198.rpz-ip CNAME a.test.'],
      'NOERROR CNAME a.test. CNAME a.test. A 198.51.100.7',
    ],
    [
      'where a rule leads back to an alias, that has one target in the answer',
      ['a.test CNAME b.test.'],
      'NOERROR CNAME a.test. CNAME b.test. A 198.51.100.7',
    ],
    ['of others such a wildcard is an alias', ['*.test CNAME a.test.'], 'NOERROR CNAME a.test. A 198.51.100.7'],
  ])('%s', async (_what, lines, expected) => {
    // A CNAME with other data is written in two zones of a name each: the checks of master files are not these.
    expect(shown(await ask(rulesOf({ flat: flatZone('one.', ...lines) }), world, 'b.test'))).toBe(expected)
  })

  test('of an early zone no server is asked for what is listed, of a strict one it is', async () => {
    const zone = block('a.test')
    expect((await ask(rulesOf({ flat: zone, early: true }), world, 'a.test')).asked).toEqual([])
    expect((await ask(rulesOf({ flat: zone, early: false }), world, 'a.test')).asked).toEqual(['a.test.'])
  })

  test('an early rule waits for a zone before it that looks at answers', async () => {
    const rules = rulesOf({ flat: passthru('32.7.100.51.198.rpz-ip') }, { flat: block('a.test') })
    expect(shown(await ask(rules, world, 'a.test'))).toBe('NOERROR A 198.51.100.7')
  })
})

describe('what rules make', () => {
  const world: World = { records: ['a.test. A 198.51.100.7'] }
  const zone = flatZone(
    'one.',
    'a.test CNAME .',
    'long.test CNAME *.garden.test.',
    `*.long.test CNAME *.${`${'x'.repeat(60)}.`.repeat(3)}test.`,
  )

  test('is nothing for those who do not want recursion', async () => {
    const asked = await ask(rulesOf({ flat: zone }), world, 'a.test', RrType.A, { recursionDesired: false })
    expect(shown(asked)).toBe('NOERROR A 198.51.100.7')
  })

  test('is not of a zone that only logs, which reports', async () => {
    const asked = await ask(rulesOf({ flat: zone, logOnly: true }), world, 'a.test')
    expect([shown(asked), asked.hits.length]).toEqual(['NOERROR A 198.51.100.7', 1])
  })

  test('is YXDOMAIN where the name would be too long, and not the answer', async () => {
    const long = `${'y'.repeat(60)}.long.test`
    expect(shown(await ask(rulesOf({ flat: zone }), world, long))).toMatch(/^YXDOMAIN/)
  })

  test('has the TTL of the rule, up to that of the zone, and says why', async () => {
    const ede = { code: 15, text: 'blocked here' } as const
    const { answer } = await ask(
      rulesOf({ flat: flatZone('one.', 'a.test A 10.0.0.1'), maxTtl: 5, ede }),
      world,
      'a.test',
    )
    expect(answer).toMatchObject({
      kind: 'given',
      content: { ede, secure: false, authoritative: false, answer: [{ ttl: 5 }] },
      decisions: [{ stage: 'rpz', rule: 'a.test.', source: 'one.' }],
    })
  })

  test('is a failure as long as zones that must be there are not', async () => {
    expect(shown(await ask('failing', world, 'a.test'))).toBe('SERVFAIL')
  })

  test.each(['nxdomain', 'nodata', 'drop', 'passthru', 'tcp-only'] as const)(
    'is what the zone says: %s',
    async override => {
      const expected = {
        nxdomain: 'NXDOMAIN',
        nodata: 'NOERROR',
        drop: 'dropped',
        passthru: 'NOERROR A 198.51.100.7',
        'tcp-only': 'truncated',
      }
      expect(
        shown(await ask(rulesOf({ flat: flatZone('one.', 'a.test A 10.0.0.1'), override }), world, 'a.test')),
      ).toBe(expected[override])
    },
  )

  test('is given to nobody else where a rule looks at clients', async () => {
    const { answer } = await ask(
      rulesOf({ flat: flatZone('one.', '32.9.0.0.127.rpz-client-ip CNAME .') }),
      world,
      'a.test',
    )
    expect(answer).toMatchObject({ kind: 'resolved', shareable: false })
  })
})
