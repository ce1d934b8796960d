import { describe, expect, test } from 'vitest'
import { extendedError } from '../../src/dns/edns.ts'
import { parseRr } from '../../src/presentation/rr-text.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import type { Show } from '../../src/render/message.ts'
import { plainStyle } from '../../src/render/record-style.ts'
import { digText, jsonMessage, securityShown, shortText, type ReplyTransfer } from '../../src/render/message.ts'
import { asked, edns, message } from '../server/make.ts'

const rr = (text: string): Rr => {
  const read = parseRr(text)
  if ('error' in read) throw new Error(read.error)
  return read
}
const journey: ReplyTransfer = {
  server: '127.0.0.1#5300',
  transport: 'udp',
  tookMs: 12.4,
  octets: 77,
  wall: 1_700_000_000_000,
}
const all: Show = {
  form: 'dig',
  comments: true,
  question: true,
  answer: true,
  authority: true,
  additional: true,
  stats: true,
  query: false,
  identify: false,
  oneSoa: false,
  style: plainStyle,
}
const reply = message({
  id: 7,
  response: true,
  recursionAvailable: true,
  question: asked('WWW.example.com'),
  answer: [rr('www.example.com. 300 IN A 192.0.2.1'), rr('www.example.com. 300 IN A 192.0.2.2')],
  authority: [rr('example.com. 60 IN NS ns.example.com.')],
  additional: [rr('ns.example.com. 60 IN AAAA 2001:db8::1')],
  edns: edns({
    dnssecOk: true,
    options: [
      extendedError(22, 'tab\there'),
      { code: 3, data: Uint8Array.of(0x68, 0x69) },
      { code: 65_001, data: Uint8Array.of(0xff) },
    ],
  }),
})

describe('as dig shows it', () => {
  test('a reply with everything in it is shown as dig shows it', () => {
    expect(digText(reply, journey, all)).toBe(`;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7
;; flags: qr rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 2

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; EDE: 22 (No Reachable Authority): "tab\\009here"
; NSID: 6869 ("hi")
; OPT=65001: ff

;; QUESTION SECTION:
;WWW.example.com.\t\tIN\tA

;; ANSWER SECTION:
www.example.com.\t300\tIN\tA\t192.0.2.1
www.example.com.\t300\tIN\tA\t192.0.2.2

;; AUTHORITY SECTION:
example.com.\t60\tIN\tNS\tns.example.com.

;; ADDITIONAL SECTION:
ns.example.com.\t60\tIN\tAAAA\t2001:db8::1

;; Query time: 12 msec
;; SERVER: 127.0.0.1#5300 (UDP)
;; WHEN: 2023-11-14T22:13:20.000Z
;; MSG SIZE  rcvd: 77
`)
  })

  test('only the sections that were asked for are shown', () => {
    const none: Show = { ...all, comments: false, question: false, authority: false, additional: false, stats: false }
    expect(digText(reply, journey, none)).toBe(
      'www.example.com.\t300\tIN\tA\t192.0.2.1\nwww.example.com.\t300\tIN\tA\t192.0.2.2\n',
    )
    expect(digText(reply, journey, { ...none, answer: false })).toBe('')
  })

  test.each<[string, Parameters<typeof message>[0], boolean, string | null]>([
    ['AD', { authenticData: true }, true, 'secure'],
    ['no AD', {}, true, 'insecure'],
    ['a denial with AD', { rcode: 3, authenticData: true }, true, 'secure'],
    ['not asked', { authenticData: true }, false, null],
    ['no resolver', { recursionAvailable: false, authoritative: true }, true, null],
    ['CD', { checkingDisabled: true }, true, null],
    ...[6, 7, 8, 9, 10, 11, 12, 25].map(
      code =>
        [
          `SERVFAIL with EDE ${code}`,
          { rcode: 2, edns: edns({ options: [extendedError(code, '')] }) },
          true,
          'bogus',
        ] as const satisfies [string, object, boolean, string],
    ),
    ['SERVFAIL for another reason', { rcode: 2, edns: edns({ options: [extendedError(22, '')] }) }, true, null],
    ['SERVFAIL without a reason', { rcode: 2, edns: null }, true, null],
    ['REFUSED', { rcode: 5 }, true, null],
    [
      'NOERROR with such an EDE, behind a forwarder',
      { edns: edns({ options: [extendedError(6, '')] }) },
      true,
      'insecure',
    ],
  ])('what the signatures are worth: %s', (_what, fields, was, expected) => {
    expect(securityShown(message({ response: true, recursionAvailable: true, ...fields }), was)).toBe(expected)
  })

  test('and it stands above the statistics', () => {
    expect(digText(reply, journey, all, 'bogus')).toContain(
      '\n\n;; DNSSEC: bogus: the signatures do not hold; +cd shows the data\n;; Query time: 12 msec\n',
    )
    expect(digText(reply, journey, { ...all, stats: false }, 'secure')).not.toContain('DNSSEC')
  })

  test('short is data, a record a line', () => expect(shortText(reply)).toBe('192.0.2.1\n192.0.2.2\n'))

  test('a hostile reply writes nothing to a terminal but text', () => {
    const evil = message({
      response: true,
      answer: [
        { owner: asked('\\027[31m.test').cased, type: 16, class: 1, ttl: 1, rdata: Uint8Array.of(3, 0x1b, 0x5b, 0x41) },
      ],
      edns: edns({ options: [extendedError(0, '\u001b]0;x\u0007\u202e')] }),
    })
    expect(digText(evil, journey, all)).toMatch(/^[\x20-\x7e\n\t]*$/)
    expect(shortText(evil)).toMatch(/^[\x20-\x7e\n\t]*$/)
  })
})

test('a reply is shown as JSON', () => {
  expect(jsonMessage(reply)).toEqual({
    id: 7,
    opcode: 'QUERY',
    status: 'NOERROR',
    flags: ['qr', 'rd', 'ra'],
    question: { name: 'WWW.example.com.', type: 'A', class: 'IN' },
    answer: [1, 2].map(i => ({ name: 'www.example.com.', type: 'A', class: 'IN', ttl: 300, data: `192.0.2.${i}` })),
    authority: [{ name: 'example.com.', type: 'NS', class: 'IN', ttl: 60, data: 'ns.example.com.' }],
    additional: [{ name: 'ns.example.com.', type: 'AAAA', class: 'IN', ttl: 60, data: '2001:db8::1' }],
    edns: {
      version: 0,
      payloadSize: 1232,
      dnssecOk: true,
      errors: [{ code: 22, name: 'No Reachable Authority', text: 'tab\there' }],
      options: [
        { code: 3, data: '6869' },
        { code: 65_001, data: 'ff' },
      ],
    },
  })
  expect(jsonMessage(message({ question: null }))).toMatchObject({ question: null, edns: null })
})
