import { describe, expect, test } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { jsonStep } from '../../src/render/trace-json.ts'
import { chainText, explainText, type Paint } from '../../src/render/walk.ts'
import { serverAddress, type ServerAddress } from '../../src/ports.ts'
import type { Outcome } from '../../src/steps.ts'
import { failure } from '../../src/resolver/outcome.ts'
import type { Came, TraceStep } from '../../src/resolver/trace.ts'
import { World } from '../../src/simulation/world.ts'
import { nameOf, rrset } from '../../src/simulation/records.ts'
import { asked, name } from '../server/make.ts'

const server = (text: string): ServerAddress => {
  const ip = parseIp(text)
  if (ip === null) throw new Error(text)
  return serverAddress(ip, 53)
}
const question = { name: name('www.example.com.'), type: 1, class: 1 }
const common = { depth: 0, transport: 'udp', atMs: 100, question, zone: name('.') } as const

const reply = (rcode: number): Came => ({
  kind: 'reply',
  rcode,
  authoritative: false,
  truncated: false,
  recursionAvailable: false,
  answer: 0,
  authority: 1,
  additional: 0,
  edns: true,
})
const answer: Outcome = {
  kind: 'answer',
  rrsets: [rrset`ns.test. 60 A 192.0.2.1`],
  proof: [],
  security: { kind: 'indeterminate' },
  authoritative: false,
  additional: [],
}

const walk: TraceStep[] = [
  { kind: 'lookup', id: 1, parent: 0, depth: 0, atMs: 100, question, because: 'client' },
  { kind: 'cache', id: 1, depth: 0, what: 'data', name: question.name, type: 1, ttl: 0 },
  { kind: 'cut', id: 1, depth: 0, zone: name('.'), from: 'hints', servers: 2 },
  {
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 12.34,
    server: server('198.41.0.4'),
    serverName: name('a.root.'),
    came: reply(0),
    verdict: { kind: 'referral', lame: null },
    decided: 'ask-child-zone',
  },
  { kind: 'cut', id: 1, depth: 0, zone: name('com.'), from: 'referral', servers: 1 },
  { kind: 'lookup', id: 2, parent: 1, depth: 1, atMs: 115, question: asked('ns.test.'), because: 'server-address' },
  { kind: 'end', id: 2, depth: 1, atMs: 120, tookMs: 5, outcome: answer },
  { kind: 'joined', id: 3, parent: 1, depth: 1, atMs: 120, question: asked('ns2.test.') },
  {
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 250,
    transport: 'tcp',
    server: server('2001:db8::1'),
    serverName: name('ns.test.'),
    came: reply(2),
    verdict: { kind: 'servfail', lame: null },
    decided: 'other-server',
  },
  { kind: 'note', id: 1, depth: 0, note: { kind: 'delegation-outdated' } },
  { kind: 'local', id: 1, depth: 0, zone: name('home.'), what: 'answer' },
  { kind: 'end', id: 1, depth: 0, atMs: 400, tookMs: 300, outcome: failure('unreachable', 'nobody answered') },
]

describe('the walk', () => {
  test('is a tree: servers below zones, look-ups below what needed them', () => {
    expect(explainText(walk)).toBe(`www.example.com. A
├─ cache: data www.example.com. A, ttl 0
├─ zone . from hints, 2 servers
│  └─ a.root. 198.41.0.4#53: www.example.com. A → NOERROR, 1 in authority → referral: ask the servers of the child zone [12.3 ms]
├─ zone com. from referral, 1 server
│  ├─ ns.test. A a server address is needed, after 15.0 ms
│  │  └─ answer, A x1 ttl 60 [5.00 ms]
│  ├─ ns2.test. A is already being resolved: joins that resolution
│  ├─ ns.test. 2001:db8::1#53 over TCP: www.example.com. A → SERVFAIL, 1 in authority → servfail: another server [250 ms]
│  ├─ the cached delegation led nowhere: asking its parent again
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

describe('a step as JSON', () => {
  const exchange = (came: Came, decided: 'other-server' | 'other-server-or-retry' = 'other-server'): TraceStep => ({
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 12.34,
    server: server('198.41.0.4'),
    serverName: name('a.root.'),
    came,
    verdict: null,
    decided,
  })
  const said = {
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
  }
  const replied = { authoritative: false, truncated: false, recursionAvailable: false, answer: 0, authority: 1 }
  const signature = { keyTag: 4711, algorithm: 13, expires: 1_768_521_600 }

  test.each<[string, TraceStep, object]>([
    [
      'a reply is its code, its flags and its counts',
      walk[3] ?? exchange({ kind: 'timeout' }),
      {
        ...said,
        came: 'reply',
        rcode: 'NOERROR',
        ...replied,
        additional: 0,
        edns: true,
        verdict: 'referral',
        decided: 'ask-child-zone',
      },
    ],
    [
      'what shows that a server is lame is told',
      {
        ...common,
        kind: 'exchange',
        id: 1,
        tookMs: 12.34,
        server: server('198.41.0.4'),
        serverName: name('a.root.'),
        came: reply(0),
        verdict: { kind: 'lame', lame: 'no-data' },
        decided: 'other-server',
      },
      {
        ...said,
        came: 'reply',
        rcode: 'NOERROR',
        ...replied,
        additional: 0,
        edns: true,
        verdict: 'lame',
        lame: 'no-data',
        decided: 'other-server',
      },
    ],
    [
      'without a reply there is no verdict',
      exchange({ kind: 'timeout' }, 'other-server-or-retry'),
      { ...said, came: 'timeout', decided: 'other-server-or-retry' },
    ],
    [
      'the system says why a server cannot be reached',
      exchange({ kind: 'unreachable', reason: 'ENETUNREACH' }),
      { ...said, came: 'unreachable', reason: 'ENETUNREACH', decided: 'other-server' },
    ],
    [
      'replies that match nothing are counted',
      exchange({ kind: 'spoofing-suspected', mismatches: 21 }),
      { ...said, came: 'spoofing-suspected', mismatches: 21, decided: 'other-server' },
    ],
    [
      'a note has a kind',
      { kind: 'note', id: 1, depth: 0, note: { kind: 'other-server', reason: 'why', ede: 6 } },
      { kind: 'note', id: 1, depth: 0, note: 'other-server', reason: 'why', ede: 6 },
    ],
    [
      'a secure set has its signature',
      {
        kind: 'validated',
        id: 1,
        depth: 0,
        zone: name('good.'),
        subject: { kind: 'set', name: name('www.good.'), type: 1 },
        verdict: 'secure',
        signature,
        reason: null,
      },
      {
        kind: 'validated',
        id: 1,
        depth: 0,
        zone: 'good.',
        subject: 'set',
        name: 'www.good.',
        type: 'A',
        verdict: 'secure',
        keyTag: 4711,
        algorithm: 'ECDSAP256SHA256',
        expires: 1_768_521_600,
      },
    ],
    [
      'a proof has its claim',
      {
        kind: 'validated',
        id: 1,
        depth: 0,
        zone: name('good.'),
        subject: { kind: 'proof', claim: { kind: 'nodata', name: name('www.good.'), type: 16 } },
        verdict: 'bogus',
        signature: null,
        reason: 'short',
      },
      {
        kind: 'validated',
        id: 1,
        depth: 0,
        zone: 'good.',
        subject: 'proof',
        claim: 'nodata',
        name: 'www.good.',
        type: 'TXT',
        verdict: 'bogus',
        reason: 'short',
      },
    ],
    [
      'an answer has its sets',
      walk[6] ?? exchange({ kind: 'timeout' }),
      {
        kind: 'end',
        id: 2,
        depth: 1,
        atMs: 120,
        tookMs: 5,
        outcome: 'answer',
        security: 'indeterminate',
        sets: [{ name: 'ns.test.', type: 'A', ttl: 60, records: 1 }],
      },
    ],
    [
      'a failure has its kind and its Extended DNS Error',
      walk.at(-1) ?? exchange({ kind: 'timeout' }),
      {
        kind: 'end',
        id: 1,
        depth: 0,
        atMs: 400,
        tookMs: 300,
        outcome: 'failure',
        why: 'unreachable',
        ede: 22,
        edeName: 'No Reachable Authority',
        text: 'nobody answered',
        sets: [],
      },
    ],
  ])('%s', (_, step, json) => {
    expect(jsonStep(step)).toEqual(json)
  })

  test('every step says of which look-up it is, in plain values', () => {
    for (const step of walk) {
      const json = jsonStep(step)
      expect(JSON.parse(JSON.stringify(json))).toEqual(json)
      expect(json).toMatchObject({ kind: step.kind, id: step.id, depth: step.depth })
    }
  })
})

test('of a signature JSON has the facts, and nothing of what is behind them in memory', () => {
  const signature = { keyTag: 7, algorithm: 13, expires: 9, kind: 'valid', signatures: [new Uint8Array(2)], keys: {} }
  const step: TraceStep = {
    kind: 'validated',
    id: 1,
    depth: 0,
    zone: name('test.'),
    subject: { kind: 'set', name: name('a.test.'), type: 1 },
    verdict: 'secure',
    signature,
    reason: null,
  }
  expect(jsonStep(step)).toEqual({
    kind: 'validated',
    id: 1,
    depth: 0,
    zone: 'test.',
    subject: 'set',
    name: 'a.test.',
    type: 'A',
    verdict: 'secure',
    keyTag: 7,
    algorithm: 'ECDSAP256SHA256',
    expires: 9,
  })
})

test('times in JSON have three digits and count from the start', () => {
  const end: TraceStep = {
    kind: 'end',
    id: 1,
    depth: 0,
    atMs: 1_234.567_890_123,
    tookMs: 0.123_456_789,
    outcome: failure('unreachable', 'nobody answered'),
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
    `secure    signed by key N of ${zone}, ECDSAP256SHA256, until 2026-01-16T00:00:00Z`

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
      '─ good. DS: secure, signed by key N of ., ECDSAP256SHA256, until 2026-01-16T00:00:00Z\n',
    )
  })

  test('a walk shows why an answer was not validated', () => {
    expect(chainText(stepsOf('www.plain.'))).toMatch(
      /the delegation of plain\. +insecure {2}proven to have no DS\n {2}www\.plain\. A +insecure\n$/,
    )
    const broken = stepsOf('www.broken.')
    expect(plain(chainText(broken))).toMatch(
      /broken\. DNSKEY +bogus +the signature by key N \(ECDSAP256SHA256\) expired \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/,
    )
    const bogus = broken.map(step => jsonStep(step)).find(step => step.verdict === 'bogus')
    expect(bogus).toMatchObject({ subject: 'set', name: 'broken.', type: 'DNSKEY', algorithm: 'ECDSAP256SHA256' })
    expect(bogus?.expires).toBeLessThan(world.clock.wall())
    expect(bogus?.reason).toMatch(/^the signature by key \d+ \(ECDSAP256SHA256\) expired \d{4}-\d\d-\d\dT/)
  })

  test('nothing validated, nothing said; colours change no text', () => {
    expect(chainText(walk)).toBe('')
    expect(chainText(stepsOf('www.good.'), (_style, text) => text)).toBe(chainText(stepsOf('www.good.')))
  })
})

describe('servers that cannot be reached', () => {
  const to = (address: string, reason: string): TraceStep => ({
    ...common,
    kind: 'exchange',
    id: 1,
    tookMs: 0,
    server: server(address),
    serverName: name('a.root.'),
    came: { kind: 'unreachable', reason },
    verdict: null,
    decided: 'other-server',
  })

  test('have one line as long as question and reason are the same', () => {
    const steps: readonly TraceStep[] = [
      { kind: 'lookup', id: 1, parent: 0, depth: 0, atMs: 100, question, because: 'client' },
      ...['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(address => to(address, 'ENETUNREACH')),
      to('192.0.2.4', 'ECONNREFUSED'),
    ]
    expect(explainText(steps).split('\n')).toEqual([
      'www.example.com. A',
      expect.stringMatching(/192\.0\.2\.1.* unreachable: ENETUNREACH .* and 2 more alike$/),
      expect.stringMatching(/192\.0\.2\.4.* unreachable: ECONNREFUSED [^a]*/),
      '',
    ])
  })
})
