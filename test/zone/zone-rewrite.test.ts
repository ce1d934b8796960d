/** Records taken out of zone texts and put into them: what stays as it was, and what cannot be done. */
import { describe, expect, it } from 'vitest'
import { foldName } from '../../src/dns/name.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { defaultLimits } from '../../src/limits.ts'
import { parseRr } from '../../src/presentation/rr-text.ts'
import { parseName } from '../../src/presentation/text.ts'
import { rewriteZoneText } from '../../src/zone/zone-rewrite.ts'

const ORIGIN = (() => {
  const name = parseName('example.com.', null)
  if (typeof name !== 'string') throw new Error(name.error)
  return foldName(name)
})()
const record = (text: string): Rr => {
  const read = parseRr(text)
  if ('error' in read) throw new Error(read.error)
  return read
}
const include = () => ({ file: 'more.zone', text: 'inside 60 A 192.0.2.9\n' })
const rewritten = (text: string, removed: readonly string[], added: readonly string[]) =>
  rewriteZoneText(
    text,
    { removed: removed.map(record), added: added.map(record) },
    { file: 'example.zone', origin: ORIGIN, limits: defaultLimits.zone, include },
  )

const ZONE = `; the zone of the shop
$TTL 1h
@ SOA ns1 hostmaster (
    2026010101 ; serial
    2h 15m 4w  ; refresh, retry, expire
    5m )       ; denials
  NS ns1       ; our own
ns1 A 192.0.2.1

; web servers
www 300 A 192.0.2.80 ; the first
    300 A 192.0.2.81
    TXT "kept"
`
const SOA = (serial: number): string =>
  `example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. ${serial} 7200 900 2419200 300`

describe('what stays as it was', () => {
  const rows: readonly [string, readonly string[], readonly string[], (text: string) => string][] = [
    [
      'a serial number keeps its comment and its line',
      [SOA(2026010101)],
      [SOA(2026010102)],
      text => text.replace('2026010101 ;', '2026010102 ;'),
    ],
    [
      'an address is replaced in its line',
      ['www.example.com. 300 A 192.0.2.81'],
      ['www.example.com. 300 A 192.0.2.82'],
      text => text.replace('192.0.2.81', '192.0.2.82'),
    ],
    [
      'a TTL is replaced in its line',
      ['www.example.com. 300 A 192.0.2.81', 'www.example.com. 300 A 192.0.2.80'],
      ['www.example.com. 60 A 192.0.2.81', 'www.example.com. 60 A 192.0.2.80'],
      text => text.replaceAll('300 A', '60 A'),
    ],
    [
      'who inherited the owner of a record that goes has it written out',
      ['www.example.com. 300 A 192.0.2.80'],
      [],
      text => text.replace('www 300 A 192.0.2.80 ; the first\n    300', 'www.example.com.\t300'),
    ],
    [
      'so has the first that stays, when several go',
      ['www.example.com. 300 A 192.0.2.80', 'www.example.com. 300 A 192.0.2.81'],
      [],
      text => text.replace('www 300 A 192.0.2.80 ; the first\n    300 A 192.0.2.81\n    TXT', 'www.example.com.\tTXT'),
    ],
    [
      'a record joins those of its owner and type',
      [],
      ['www.example.com. 300 A 192.0.2.83'],
      text => text.replace('192.0.2.81\n', '192.0.2.81\nwww.example.com.\t300\tIN\tA\t192.0.2.83\n'),
    ],
    [
      'a record of another type joins its owner',
      [],
      ['ns1.example.com. 60 AAAA 2001:db8::1'],
      text => text.replace('A 192.0.2.1\n', 'A 192.0.2.1\nns1.example.com.\t60\tIN\tAAAA\t2001:db8::1\n'),
    ],
    [
      'a new owner stands at the end',
      [],
      ['mail.example.com. 60 A 192.0.2.25'],
      text => `${text}mail.example.com.\t60\tIN\tA\t192.0.2.25\n`,
    ],
    [
      'a quoted string is replaced with its quotes',
      ['www.example.com. 3600 TXT "kept"'],
      ['www.example.com. 3600 TXT "a \\"b\\" ; c"'],
      text => text.replace('"kept"', '"a \\"b\\" ; c"'),
    ],
  ]
  it.each(rows)('%s', (_what, removed, added, expected) => {
    expect(rewritten(ZONE, removed, added)).toEqual({ kind: 'text', text: expected(ZONE) })
  })

  it('a text without a line end gets one before what is new', () => {
    const { kind, ...rest } = rewritten('www 60 A 192.0.2.1', [], ['a.example.com. 60 A 192.0.2.2'])
    expect({ kind, ...rest }).toEqual({
      kind: 'text',
      text: 'www 60 A 192.0.2.1\na.example.com.\t60\tIN\tA\t192.0.2.2\n',
    })
  })

  it('where the last TTL is inherited, what is new goes to the end', () => {
    const text = 'a 60 A 192.0.2.1\nb A 192.0.2.2\n'
    expect(rewritten(text, [], ['a.example.com. 300 A 192.0.2.3'])).toEqual({
      kind: 'text',
      text: `${text}a.example.com.\t300\tIN\tA\t192.0.2.3\n`,
    })
  })

  it('CRLF, and names beyond ASCII and with escapes, stay', () => {
    const text = '$TTL 60\r\na\\.b A 192.0.2.1\r\nö A 192.0.2.2\r\n'
    expect(rewritten(text, ['a\\.b.example.com. 60 A 192.0.2.1'], [])).toEqual({
      kind: 'text',
      text: '$TTL 60\r\nö A 192.0.2.2\r\n',
    })
  })
})

describe('what cannot be done is said with its place', () => {
  it.each([
    [
      'a record of $GENERATE',
      '$TTL 60\n$GENERATE 1-3 h$ A 192.0.2.$\n',
      'h2.example.com. 60 A 192.0.2.2',
      2,
      '$GENERATE',
    ],
    [
      'a record of an included file',
      '$TTL 60\n$INCLUDE more.zone\n',
      'inside.example.com. 60 A 192.0.2.9',
      1,
      'more.zone',
    ],
  ])('%s', (_what, text, gone, line, why) => {
    const result = rewritten(text, [gone], [])
    expect(result).toMatchObject({ kind: 'impossible', line, why: expect.stringContaining(why) })
  })
})
