import { describe, expect, test } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { chainText, explainText, jsonStep, type Paint } from '../../src/render/walk.ts'
import { serverAddress, type ServerAddress } from '../../src/ports.ts'
import type { TraceStep } from '../../src/resolver/trace.ts'
import { World } from '../../src/simulation/world.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { asked, name } from '../server/make.ts'

const server = (text: string): ServerAddress => {
  const ip = parseIp(text)
  if (ip === null) throw new Error(text)
  return serverAddress(ip, 53)
}
const question = { name: name('www.example.com.'), type: 1, class: 1 }
const common = { depth: 0, transport: 'udp', atMs: 100, question, zone: name('.') } as const

const walk: TraceStep[] = [
  { kind: 'lookup', id: 1, parent: 0, depth: 0, atMs: 100, question, because: 'client' },
  { kind: 'cache', id: 1, depth: 0, what: 'nothing for', name: question.name, type: 1, ttl: 0 },
  { kind: 'cut', id: 1, depth: 0, zone: name('.'), from: 'hints', servers: 2 },
  {
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 12.34,
    server: server('198.41.0.4'),
    serverName: name('a.root.'),
    came: 'NOERROR',
    verdict: 'referral',
    decided: 'go on',
  },
  { kind: 'cut', id: 1, depth: 0, zone: name('com.'), from: 'referral', servers: 1 },
  { kind: 'lookup', id: 2, parent: 1, depth: 1, atMs: 115, question: asked('ns.test.'), because: 'server-address' },
  { kind: 'end', id: 2, depth: 1, atMs: 120, tookMs: 5, outcome: 'answer, A x1 ttl 60' },
  { kind: 'joined', id: 3, parent: 1, depth: 1, atMs: 120, question: asked('ns2.test.') },
  {
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 250,
    transport: 'tcp',
    server: server('2001:db8::1'),
    serverName: name('ns.test.'),
    came: 'SERVFAIL',
    verdict: 'servfail',
    decided: 'another server',
  },
  { kind: 'note', id: 1, depth: 0, text: 'a note' },
  { kind: 'local', id: 1, depth: 0, zone: name('home.'), what: 'answer' },
  { kind: 'end', id: 1, depth: 0, atMs: 400, tookMs: 300, outcome: 'failure: nobody answered' },
]

describe('the walk', () => {
  test('is a tree: servers below zones, look-ups below what needed them', () => {
    expect(explainText(walk)).toBe(`www.example.com. A
├─ cache: nothing for www.example.com. A, ttl 0
├─ zone . from hints, 2 servers
│  └─ a.root. 198.41.0.4#53: www.example.com. A → NOERROR → referral: go on [12.3 ms]
├─ zone com. from referral, 1 server
│  ├─ ns.test. A an address of a server is needed, after 15.0 ms
│  │  └─ answer, A x1 ttl 60 [5.00 ms]
│  ├─ ns2.test. A is being looked up already: waits for it
│  ├─ ns.test. 2001:db8::1#53 over TCP: www.example.com. A → SERVFAIL → servfail: another server [250 ms]
│  ├─ a note
│  └─ local zone home.: answer
└─ failure: nobody answered [300 ms]
`)
  })

  test('colours say good and bad, and change no text', () => {
    const marks: string[] = []
    const paint: Paint = (style, text) => {
      if (style === 'red' || style === 'green') marks.push(`${style} ${text}`)
      return text
    }
    expect(explainText(walk, paint)).toBe(explainText(walk))
    expect(marks).toEqual([
      'green referral',
      'green answer, A x1 ttl 60',
      'red servfail',
      'red failure: nobody answered',
    ])
  })

  test('no steps, no text; steps of an unknown look-up are left out', () => {
    expect(explainText([])).toBe('')
    expect(explainText(walk.slice(1, 2))).toBe('')
  })
})

test('every step as JSON is plain text and numbers', () => {
  for (const step of walk)
    for (const value of Object.values(jsonStep(step))) expect(['string', 'number']).toContain(typeof value)
  expect(jsonStep(walk[3] ?? { kind: 'note', id: 0, depth: 0, text: '' })).toEqual({
    kind: 'exchange',
    id: 1,
    depth: 0,
    atMs: 100,
    tookMs: 12.34,
    server: '198.41.0.4#53',
    serverName: 'a.root.',
    zone: '.',
    transport: 'udp',
    question: 'www.example.com. A',
    came: 'NOERROR',
    verdict: 'referral',
    decided: 'go on',
  })
})

test('times in JSON have three digits and count from the start', () => {
  const end: TraceStep = {
    kind: 'end',
    id: 1,
    depth: 0,
    atMs: 1_234.567_890_123,
    tookMs: 0.123_456_789,
    outcome: 'answer',
  }
  expect(jsonStep(end, 1_000)).toMatchObject({ atMs: 234.568, tookMs: 0.123 })
})

describe('validation', () => {
  const soa = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
  const zone = (origin: string, at: string, sign?: string) => ({
    origin,
    at: [at],
    text: `${soa}@ 3600 NS ns\nns 3600 A ${at}\nwww 300 A 192.0.2.1\n`,
    sign,
  })
  const cuts = ['good', 'broken', 'plain']
    .map((label, index) => `${label}. 3600 NS ns.${label}.\nns.${label}. 3600 A 10.54.0.${index + 2}\n`)
    .join('')
  const world = new World({
    zones: [
      { origin: '.', at: ['10.54.0.1'], text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 10.54.0.1\n${cuts}`, sign: '' },
      zone('good.', '10.54.0.2', ''),
      zone('broken.', '10.54.0.3', 'expired'),
      zone('plain.', '10.54.0.4'),
    ],
  })
  const stepsOf = (text: string): TraceStep[] => {
    const steps: TraceStep[] = []
    world.resolver.resolve(
      { name: nameOf(text), type: 1, class: 1 },
      { recursionDesired: true, because: 'client', trace: step => steps.push(step) },
      () => {},
    )
    world.run()
    return steps
  }
  const plain = (text: string): string => text.replace(/key \d+/g, 'key N')
  const signed = (zone: string): string =>
    `secure    signed by key N of ${zone}, ECDSAP256SHA256, until 2026-01-16 00:00:00 UTC`

  test('the chain from the anchor down: zone, key, algorithm, which signature over what, until when', () => {
    const steps = stepsOf('www.good.')
    expect(plain(chainText(steps)).replace(/secure {2}/g, 'secure    ')).toBe(`
Chain of trust
  . DNSKEY      ${signed('.')}
  good. DS      ${signed('.')}
  good. DNSKEY  ${signed('good.')}
  www.good. A   ${signed('good.')}
`)
    expect(plain(explainText(steps))).toContain(
      '─ good. DS: secure, signed by key N of ., ECDSAP256SHA256, until 2026-01-16 00:00:00 UTC\n',
    )
  })

  test('a walk shows why an answer was not validated', () => {
    expect(chainText(stepsOf('www.plain.'))).toMatch(
      /the delegation of plain\. +insecure {2}proven to have no DS\n {2}www\.plain\. A +insecure\n$/,
    )
    expect(plain(chainText(stepsOf('www.broken.')))).toMatch(
      /broken\. DNSKEY +bogus +the signature by key N \(ECDSAP256SHA256\) expired \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/,
    )
  })

  test('a walk is shown as JSON', () => {
    expect(stepsOf('www.broken.').length).toBeGreaterThan(0)
    expect(
      jsonStep({
        kind: 'validated',
        id: 1,
        depth: 0,
        zone: name('good.'),
        what: 'www.good. A',
        verdict: 'secure',
        text: 'key 1',
      }),
    ).toEqual({
      kind: 'validated',
      id: 1,
      depth: 0,
      zone: 'good.',
      what: 'www.good. A',
      verdict: 'secure',
      text: 'key 1',
    })
  })

  test('nothing validated, nothing said; colours change no text', () => {
    expect(chainText(walk)).toBe('')
    expect(chainText(stepsOf('www.good.'), (_style, text) => text)).toBe(chainText(stepsOf('www.good.')))
  })
})
