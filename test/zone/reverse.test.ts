import { describe, expect, test } from 'vitest'
import { formatRr, parseRr } from '../../src/presentation/rr-text.ts'
import { reverseRecords } from '../../src/zone/reverse.ts'
import { name } from '../server/make.ts'

const made = (lines: readonly string[], taken: readonly string[] = []): string[] =>
  reverseRecords(
    lines.map(line => {
      const rr = parseRr(line, 60)
      if ('error' in rr) throw new Error(rr.error)
      return { ...rr, file: 'f', line: 1, column: 1 }
    }),
    asked => taken.some(text => name(text) === asked),
  ).map(rr => formatRr(rr).replaceAll('\t', ' '))

describe('PTR records of private addresses', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['IPv4', ['nas.lan. A 192.168.1.10'], ['10.1.168.192.in-addr.arpa. 60 IN PTR nas.lan.']],
    [
      'IPv6',
      ['nas.lan. AAAA fd00::1'],
      ['1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. 60 IN PTR nas.lan.'],
    ],
    ['the first of two names', ['a.lan. A 10.0.0.1', 'b.lan. A 10.0.0.1'], ['1.0.0.10.in-addr.arpa. 60 IN PTR a.lan.']],
    ['not of the Internet', ['www.example.com. A 93.184.216.34', 'x.lan. AAAA 2606:4700::1'], []],
    ['not of loopback, which is localhost', ['a.lan. A 127.0.0.1', 'b.lan. AAAA ::1'], []],
    ['not of wildcards or other types', ['*.lan. A 10.0.0.1', 'm.lan. MX 1 a.lan.'], []],
    ['not when it is given', ['a.lan. A 10.0.0.1', '1.0.0.10.in-addr.arpa. PTR other.lan.'], []],
  ])('%s', (_what, lines, expected) => expect(made(lines)).toEqual(expected))
  test('not when a zone from here has the reverse name', () =>
    expect(made(['a.lan. A 10.0.0.1'], ['1.0.0.10.in-addr.arpa.'])).toEqual([]))
})
