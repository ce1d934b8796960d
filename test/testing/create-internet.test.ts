import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createInternet } from '../../src/testing/create-internet.ts'
import type { MemoryInternet } from '../../src/testing/internet/types.ts'
import { misbehaviours } from '../../src/simulation/misbehaviour.ts'
import { createClock } from '../../src/testing/input/clock.ts'
import { mistakeOf } from './mistakes.ts'
import type { TestAnswer } from '../../src/testing/internet/test-engine.ts'

/** What a test without types might write. */
const untyped = (value: unknown): ReturnType<typeof JSON.parse> => JSON.parse(JSON.stringify(value))
const data = (answer: TestAnswer): string[] => answer.answers.map(record => record.data)
const asked = (net: MemoryInternet): string[] =>
  net.queries.map(({ server, name, type, answeredWith }) => `${server}: ${name} ${type} ${answeredWith}`)

describe('the tree', () => {
  test('root, top-level domains, delegations and glue are made', () => {
    const net = createInternet({ 'example.com': { records: { www: '192.0.2.1' } } })
    const answer = net.resolve('www.example.com')
    expect(answer).toMatchObject({
      rcode: 'NOERROR',
      fromCache: false,
      error: null,
      soa: null,
      answers: [{ name: 'www.example.com', type: 'A', class: 'IN', ttl: 60, data: '192.0.2.1' }],
    })
    expect(net.queries.map(query => query.server.replace(/^ns[12]/, 'ns?'))).toEqual([
      'a.root-servers.net',
      'a.nic.com',
      'ns?.example.com',
    ])
    expect(net.servers).toEqual(['a.root-servers.net', 'a.nic.com', 'ns1.example.com', 'ns2.example.com'])
    expect(answer.trace).toMatch(
      /resolve www\.example\.com\. A\n[\s\S]*> a\.root-servers\.net\. 198\.18\.0\.1: [\s\S]*referral[\s\S]*= answer, A x1 ttl 60/,
    )
  })

  test('records: relative names, @, full names, wildcards, every type; zone text and files with what they lack added', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-kit-'))
    writeFileSync(join(directory, 'a.zone'), '$INCLUDE more.zone\nfile A 192.0.2.9\n')
    writeFileSync(join(directory, 'more.zone'), 'included 30 A 192.0.2.10\n')
    const net = createInternet({
      'a.test': {
        zone: 'text A 192.0.2.1\ntext.a.test. TXT "a \\"b\\""\n',
        ttl: 7,
        records: {
          '@': { A: '192.0.2.2', MX: '10 mail.a.test' },
          'deep.www.a.test': { AAAA: ['2001:db8::1'], ttl: 9 },
          'dot.a.test.': '192.0.2.4',
          '*.w': { TXT: 'any' },
        },
      },
      'b.test': { zoneFile: join(directory, 'a.zone') },
    })
    rmSync(directory, { recursive: true })
    const of = (name: string, type = 'A'): unknown[] =>
      net.resolve(name, type).answers.map(({ ttl, data: text }) => [ttl, text])
    expect(of('text.a.test')).toEqual([[7, '192.0.2.1']])
    expect(of('TEXT.a.test.', 'txt')).toEqual([[7, '"a \\"b\\""']])
    expect(of('a.test', 'MX')).toEqual([[7, '10 mail.a.test.']])
    expect(of('deep.www.a.test', 'AAAA')).toEqual([[9, '2001:db8::1']])
    expect(of('dot.a.test')).toEqual([[7, '192.0.2.4']])
    expect(of('x.y.w.a.test', 'TXT')).toEqual([[7, '"any"']])
    expect(net.resolve('www.a.test')).toMatchObject({
      rcode: 'NOERROR',
      answers: [],
      soa: { type: 'SOA', name: 'a.test' },
    })
    expect(of('file.b.test')).toEqual([[60, '192.0.2.9']])
    expect(of('included.b.test')).toEqual([[30, '192.0.2.10']])
    expect(net.records('b.test').map(({ type }) => type)).toEqual(['SOA', 'NS', 'NS', 'A', 'A', 'A', 'A'])
  })

  test('name servers in another zone: it is made when nobody described it, and there is no glue', () => {
    const net = createInternet({
      'shop.com': { records: { '@': '192.0.2.1' }, ns: ['ns1.hosting.net', 'ns2.hosting.net'] },
    })
    expect(net.servers).toEqual(['a.root-servers.net', 'a.nic.com', 'a.nic.net', 'ns1.hosting.net', 'ns2.hosting.net'])
    expect(data(net.resolve('shop.com'))).toEqual(['192.0.2.1'])
    expect(net.queriesTo('a.nic.com').map(({ name }) => name)).toContain('shop.com')
    expect(net.queriesTo('ns1.hosting.net').map(({ name }) => name)).toContain('ns1.hosting.net')
    expect(net.records('com').filter(({ type, name }) => type === 'A' && name.endsWith('hosting.net'))).toEqual([])
  })

  test('two zones whose servers are in each other lead nowhere', () => {
    const net = createInternet({
      'a.com': { records: { www: '192.0.2.1' }, ns: ['ns.b.com'] },
      'b.com': { ns: ['ns.a.com'] },
    })
    expect(net.resolve('www.a.com')).toMatchObject({ rcode: 'SERVFAIL', answers: [] })
  })

  test('glue: none, wrong, or that of a sibling', () => {
    const without = createInternet({ 'a.com': { records: { www: '192.0.2.1' }, ns: ['ns1'], glue: false } })
    expect(without.resolve('www.a.com').rcode).toBe('SERVFAIL')
    const wrong = createInternet({ 'a.com': { records: { www: '192.0.2.1' }, ns: { ns1: { glue: '203.0.113.1' } } } })
    expect(wrong.resolve('www.a.com')).toMatchObject({ rcode: 'SERVFAIL' })
    expect(wrong.records('com').find(({ name }) => name === 'ns1.a.com')).toMatchObject({ data: '203.0.113.1' })
    const sibling = createInternet({
      'a.com': { records: { www: '192.0.2.1' }, ns: { 'ns.b.com': { glue: true } } },
      'b.com': { ns: ['ns.a.com'] },
    })
    expect(data(sibling.resolve('www.a.com'))).toEqual(['192.0.2.1'])
  })

  test('addresses: given, out of the zone, or chosen; IPv6 too', () => {
    const net = createInternet({
      'a.com': {
        records: { ns2: { AAAA: '2001:db8::53' }, www: '192.0.2.1' },
        ns: { ns1: { address: ['192.0.2.53', '2001:db8::1'] }, ns2: {}, ns3: {} },
      },
    })
    expect(['ns1.a.com', 'ns2.a.com', 'ns3.a.com'].map(name => net.addressesOf(name))).toEqual([
      ['192.0.2.53', '2001:db8::1'],
      ['2001:db8::53'],
      ['198.18.0.3'],
    ])
    net.fault('ns1.a.com', 'silent')
    net.fault('ns3.a.com', 'silent')
    expect(data(net.resolve('www.a.com'))).toEqual(['192.0.2.1'])
    expect(net.queriesTo('2001:db8::53')).toHaveLength(1)
  })

  test("zones below zones, a root and top-level domains of one's own", () => {
    const net = createInternet({
      '.': { ns: ['root.test.'], records: { nowhere: { TXT: 'top' } } },
      test: { ns: ['ns.test'] },
      'a.test': { ns: ['ns1'], records: { www: '192.0.2.1' } },
      'x.y.a.test': { ns: ['ns1'], records: { www: { CNAME: 'www.a.test.' } } },
    })
    expect(net.servers).toEqual(['root.test', 'ns.test', 'ns1.a.test', 'ns1.x.y.a.test'])
    expect(net.resolve('www.x.y.a.test').answers.map(({ type, data: text }) => `${type} ${text}`)).toEqual([
      'CNAME www.a.test.',
      'A 192.0.2.1',
    ])
    expect(net.resolve('y.a.test')).toMatchObject({ rcode: 'NOERROR', answers: [] })
    expect(data(net.resolve('nowhere', 'TXT'))).toEqual(['"top"'])
    expect(net.rootHints).toEqual({
      port: 53,
      servers: [{ name: 'root.test', addresses: ['198.18.0.1'] }],
      text: '. 3600000 IN NS root.test.\nroot.test. 3600000 IN A 198.18.0.1\n',
    })
  })

  test('one server for several zones: a fault of one is none of the others', () => {
    const net = createInternet({
      'host.net': { ns: ['ns1'] },
      'a.com': { records: { '@': '192.0.2.1' }, ns: ['ns1.host.net'], faults: { 'ns1.host.net': 'refuses' } },
      'b.com': { records: { '@': '192.0.2.2' }, ns: ['ns1.host.net'] },
    })
    expect([net.resolve('a.com').rcode, data(net.resolve('b.com'))]).toEqual(['SERVFAIL', ['192.0.2.2']])
  })

  test('split brain: a server with its own version of the zone', () => {
    const net = createInternet({
      'a.com': { records: { www: '192.0.2.1' }, ns: { ns1: {}, ns2: { records: { www: '192.0.2.2' } } } },
    })
    net.fault('ns1.a.com', 'silent')
    expect(data(net.resolver().query('www.a.com'))).toEqual(['192.0.2.2'])
    const other = createInternet({
      'a.com': { records: { www: '192.0.2.1' }, ns: { ns1: {}, ns2: { zone: 'www A 192.0.2.3' } } },
    })
    other.fault('ns2.a.com', 'silent')
    expect(data(other.resolve('www.a.com'))).toEqual(['192.0.2.1'])
  })
})

describe('servers that misbehave', () => {
  const one = (faults: string | string[], more: string | string[] = []): MemoryInternet =>
    createInternet({
      'example.com': { records: { www: '192.0.2.1' }, ns: ['ns1', 'ns2'], faults: { ns1: faults, ns2: more } },
    })

  test.each([
    'lame',
    'silent',
    'slow(200)',
    'refuses',
    'loops',
    'spoofs(5)',
    'servfails',
    'garbage',
    'truncates',
    'portClosed',
    'upwardReferral',
    'wrongCase',
    'extraRecords',
  ])('%s: one such server is survived', fault => {
    for (let i = 0; i < 3; i++) expect(data(one(fault).resolver().query('www.example.com'))).toEqual(['192.0.2.1'])
  })

  test.each([
    'lame',
    'silent',
    'refuses',
    'loops',
    'servfails',
    'garbage',
    'portClosed',
    'upwardReferral',
    'truncatesForever',
  ])('%s: two are not', fault => {
    const answer = one(fault, [fault]).resolve('www.example.com')
    expect(answer).toMatchObject({ rcode: 'SERVFAIL', answers: [], fromCache: false })
    expect(answer.error?.text).toMatch(/./)
  })

  test('each misbehaviour has a name that is known here', () => {
    const all = Object.keys(misbehaviours)
    const net = one(all)
    expect(net.fault('ns1.example.com', all)).toMatchObject({ server: 'ns1.example.com', faults: all })
  })

  test('slow is late on the clock, not on the wall', () => {
    const net = one('slow(1200)', 'silent')
    const before = net.clock.now()
    expect(net.resolve('www.example.com').rcode).toBe('NOERROR')
    expect(net.clock.now() - before).toBeGreaterThan(1_200)
  })

  test('for some names and types only', () => {
    const net = one(['refuses for www A', 'servfails for www.example.com AAAA'], ['refuses for www A'])
    net.set('other.example.com', '192.0.2.5')
    expect([net.resolve('www.example.com').rcode, net.resolve('other.example.com').rcode]).toEqual([
      'SERVFAIL',
      'NOERROR',
    ])
  })

  test('set and taken back while it runs', () => {
    const net = one([])
    const faults = ['ns1.example.com', 'ns2.example.com'].map(server => net.fault(server, 'silent'))
    expect(net.resolver().query('www.example.com').rcode).toBe('SERVFAIL')
    for (const fault of faults) fault.remove()
    expect(net.resolver().query('www.example.com').rcode).toBe('NOERROR')
  })

  test('loss', () => {
    const lossy = createInternet({ 'example.com': { records: { www: '192.0.2.1' } } }, { loss: 1 })
    expect([lossy.resolve('www.example.com').rcode, lossy.queries.length]).toEqual(['SERVFAIL', 0])
  })
})

describe('time', () => {
  const zone = { 'example.com': { records: { www: { A: '192.0.2.1', ttl: 60 } }, ns: ['ns1'] } }

  test('TTLs count down to the second, and end', () => {
    const net = createInternet(zone)
    expect(net.resolve('www.example.com').answers[0]?.ttl).toBe(60)
    net.clock.advance('59s')
    expect(net.resolve('www.example.com')).toMatchObject({ fromCache: true, tookMs: 0, answers: [{ ttl: 1 }] })
    net.clock.advance('1s')
    expect(net.resolve('www.example.com')).toMatchObject({ fromCache: false, answers: [{ ttl: 60 }] })
    expect(net.queriesFor('www.example.com', 'A').filter(({ server }) => server === 'ns1.example.com')).toHaveLength(2)
  })

  test('a denial is remembered as long as its SOA says', () => {
    const net = createInternet({ 'example.com': { zone: '@ 300 SOA ns1 host 1 1 1 1 30\n', ns: ['ns1'] } })
    expect(net.resolve('new.example.com')).toMatchObject({ rcode: 'NXDOMAIN', soa: { ttl: 30 } })
    net.set('new.example.com', '192.0.2.7')
    net.clock.advance('29s')
    expect(net.resolve('new.example.com')).toMatchObject({ rcode: 'NXDOMAIN', soa: { ttl: 1 }, fromCache: true })
    net.clock.advance(1_000)
    expect(data(net.resolve('new.example.com'))).toEqual(['192.0.2.7'])
  })

  test('a change is seen when the TTL is over, by a new resolver at once', () => {
    const net = createInternet(zone)
    net.resolve('www.example.com')
    net.set('www.example.com', 'A', ['192.0.2.8', '192.0.2.9'], { ttl: 5 })
    expect(data(net.resolve('www.example.com'))).toEqual(['192.0.2.1'])
    expect(data(net.resolver().query('www.example.com')).sort()).toEqual(['192.0.2.8', '192.0.2.9'])
    net.clock.advance('1m')
    expect(net.resolve('www.example.com').answers.map(({ ttl }) => ttl)).toEqual([5, 5])
  })

  test('one clock serves several internets', () => {
    const clock = createClock({ at: '2030-05-06T07:08:09Z' })
    const nets = [1, 2].map(seed => createInternet(zone, { clock, seed }))
    for (const net of nets) net.resolve('www.example.com')
    clock.advance('2h')
    for (const net of nets) expect(net.resolve('www.example.com').fromCache).toBe(false)
    expect(nets[0]?.queries[0]?.at.toISOString()).toMatch(/^2030-05-06T07:08:09/)
  })
})

describe('changes', () => {
  const net = (): MemoryInternet =>
    createInternet({
      'example.com': { records: { www: { A: '192.0.2.1', TXT: 'x' }, '@': '192.0.2.3' }, ns: ['ns1'], ttl: 11 },
      'sub.example.com': { ns: ['ns1'], records: { www: '192.0.2.2' } },
    })

  test('all records of a name, those of a type, the apex', () => {
    const changed = net()
      .set('www.example.com', { AAAA: '2001:db8::1' })
      .set('example.com', '192.0.2.33')
      .set('mx.example.com', 'MX', { preference: 5, exchange: 'mail.test' })
    expect([
      changed.resolve('www.example.com').answers,
      data(changed.resolve('www.example.com', 'AAAA')),
      data(changed.resolve('example.com')),
    ]).toEqual([[], ['2001:db8::1'], ['192.0.2.33']])
    expect(changed.resolve('example.com', 'NS').answers).toHaveLength(1)
    expect(changed.resolve('mx.example.com', 'MX').answers).toMatchObject([{ data: '5 mail.test.', ttl: 11 }])
    const removed = net().remove('www.example.com', 'A')
    expect(
      [removed.resolve('www.example.com'), removed.resolve('www.example.com', 'TXT')].map(answer => [
        answer.rcode,
        answer.answers.length,
      ]),
    ).toEqual([
      ['NOERROR', 0],
      ['NOERROR', 1],
    ])
    expect(net().remove('www.example.com').resolve('www.example.com').rcode).toBe('NXDOMAIN')
    expect(net().remove('never.example.com').resolve('www.example.com').rcode).toBe('NOERROR')
  })

  test('the deepest zone has it', () => {
    expect(net().set('www.sub.example.com', '192.0.2.44').records('sub.example.com')).toContainEqual({
      name: 'www.sub.example.com',
      type: 'A',
      class: 'IN',
      ttl: 60,
      data: '192.0.2.44',
    })
  })

  test('a record that is set at one server is not that of another', () => {
    const split = createInternet({ 'example.com': { records: { www: '192.0.2.1' } } }).set(
      'www.example.com',
      '192.0.2.2',
      { server: 'ns2.example.com' },
    )
    split.fault('ns1.example.com', 'silent')
    expect(data(split.resolve('www.example.com'))).toEqual(['192.0.2.2'])
    expect(split.records('example.com').find(({ name }) => name === 'www.example.com')?.data).toBe('192.0.2.1')
  })

  test('delegations go and come back', () => {
    const changed = net().removeDelegation('example.com')
    expect(changed.resolver().query('www.example.com').rcode).toBe('NXDOMAIN')
    expect(data(changed.restoreDelegation('example.com').resolver().query('www.sub.example.com'))).toEqual([
      '192.0.2.2',
    ])
    expect(changed.removeDelegation('sub.example.com').resolver().query('www.sub.example.com').rcode).toBe('NXDOMAIN')
  })

  test('a server that moved: the zone says so, the server does not', () => {
    const moved = net().set('ns1.example.com', '203.0.113.5')
    expect(moved.addressesOf('ns1.example.com')).not.toContain('203.0.113.5')
    expect(data(moved.resolve('ns1.example.com'))).toEqual(['203.0.113.5'])
    expect(net().remove('ns1.example.com').resolve('www.example.com').rcode).toBe('NOERROR')
  })
})

describe('queries', () => {
  test('all of them, to a server, for a name', () => {
    const net = createInternet(
      { 'example.com': { records: { www: '192.0.2.1' }, ns: ['ns1'], faults: { ns1: 'truncates' } } },
      { minimise: 'off', mixCase: false },
    )
    net.resolve('www.example.com', 'TXT')
    expect(asked(net)).toEqual([
      'a.root-servers.net: www.example.com TXT NOERROR',
      'a.nic.com: www.example.com TXT NOERROR',
      'ns1.example.com: www.example.com TXT NOERROR tc',
      'ns1.example.com: www.example.com TXT NOERROR',
    ])
    expect(net.queriesTo('NS1.example.com.')).toEqual(net.queries.slice(2))
    expect(net.queriesTo(net.addressesOf('a.nic.com')[0] ?? '')).toMatchObject([
      {
        server: 'a.nic.com',
        address: '198.18.0.2',
        transport: 'udp',
        class: 'IN',
        payloadSize: 1232,
        dnssecOk: true,
        atMs: expect.any(Number),
      },
    ])
    expect(
      [
        net.queriesFor('www.example.com'),
        net.queriesFor('www.example.com', 'txt'),
        net.queriesFor('www.example.com', 'A'),
      ].map(list => list.length),
    ).toEqual([4, 4, 0])
    expect(net.queries[3]).toMatchObject({ transport: 'tcp' })
    net.clearQueries()
    expect(net.queries).toEqual([])
  })

  test('what servers did not answer', () => {
    const net = createInternet({
      'example.com': { records: { www: '192.0.2.1' }, faults: { ns1: 'silent', ns2: 'garbage' } },
      'a.test': { ns: ['ns1'], faults: { ns1: 'portClosed' } },
    })
    net.resolve('www.example.com')
    net.resolve('a.test')
    expect(new Set(net.queries.map(({ answeredWith }) => answeredWith))).toEqual(
      new Set(['NOERROR', 'nothing', 'garbage', 'closed']),
    )
  })

  test('each resolver has its own cache, and can forget it', () => {
    const net = createInternet({ 'example.com': { records: { www: '192.0.2.1' } } })
    const [a, b] = [net.resolver(), net.resolver({ minimise: 'strict' })]
    expect([a, a, b, b].map(resolver => resolver.query('www.example.com').fromCache)).toEqual([
      false,
      true,
      false,
      true,
    ])
    a.clearCache()
    expect(a.query('www.example.com').fromCache).toBe(false)
  })
})

test('equal seeds give equal traces, other seeds others', () => {
  const run = (seed: number): string => {
    const net = createInternet(
      {
        'example.com': {
          records: { '*': '192.0.2.1' },
          faults: { ns1: ['slow(30)', 'spoofs(3)'], ns2: 'garbage for b' },
        },
      },
      { seed, loss: 0.2 },
    )
    const walks = Array.from(
      { length: 200 },
      (_, i) => net.resolve(`${'abc'[i % 3]}${i}.example.com`, i % 5 === 0 ? 'TXT' : 'A').trace,
    )
    return `${walks.join('\n')}\n${JSON.stringify(net.queries)}`
  }
  expect(run(7)).toBe(run(7))
  expect(run(7)).not.toBe(run(8))
})

describe('mistakes are at the line that made them', () => {
  const ok = (): MemoryInternet => createInternet({ 'example.com': { records: { www: '192.0.2.1' } } })
  test.each<readonly [string, () => unknown, RegExp]>([
    ['no zones', () => createInternet(untyped('example.com')), /expected zones like .* found "example\.com"/],
    [
      'a field',
      () => createInternet(untyped({ 'a.test': { record: {} } })),
      /zone "a\.test": .*unknown field "record" \(did you mean "records"\?\)/,
    ],
    [
      'an address',
      () => createInternet(untyped({ 'a.test': { records: { www: '192.0.2.256' } } })),
      /zone "a\.test": www.*expected an address/,
    ],
    [
      'a type',
      () => createInternet(untyped({ 'a.test': { records: { www: { AA: '192.0.2.1' } } } })),
      /unknown type|expected a type/,
    ],
    [
      'zone text',
      () => createInternet(untyped({ 'a.test': { zone: 'www A 192.0.2.1\nbad A nope\n' } })),
      /zone "a\.test": zone:2:7: /,
    ],
    [
      'a file',
      () => createInternet(untyped({ 'a.test': { zoneFile: '/nowhere/at/all.zone' } })),
      /all\.zone does not exist/,
    ],
    [
      'CNAME and data',
      () => createInternet(untyped({ 'a.test': { records: { www: { CNAME: 'b.test', A: '192.0.2.1' } } } })),
      /zone a\.test: www\.a\.test\. has a CNAME and other data \([^)]*\): an alias has nothing else/,
    ],
    [
      'outside the zone',
      () => createInternet(untyped({ 'a.test': { records: { 'www.b.test.': '192.0.2.1' } } })),
      /"www\.b\.test\." is not in the zone a\.test/,
    ],
    [
      'a fault',
      () => createInternet(untyped({ 'a.test': { faults: { ns1: 'lam' } } })),
      /faults of "ns1": unknown misbehaviour "lam" \(did you mean "lame"\?\); there are lame, silent/,
    ],
    [
      'how a fault is written',
      () => createInternet(untyped({ 'a.test': { faults: { ns1: 'slow 200' } } })),
      /"slow 200" cannot be read: expected "slow", "slow\(200\)"/,
    ],
    [
      'a fault of nobody',
      () => createInternet(untyped({ 'a.test': { faults: { ns3: 'lame' } } })),
      /faults of ns3\.a\.test, which is no server of this zone; its servers are ns1\.a\.test, ns2\.a\.test/,
    ],
    [
      'ns',
      () => createInternet(untyped({ 'a.test': { ns: 'ns1' } })),
      /expected ns to be an array or an object, found the text "ns1": write \["ns1"\]/,
    ],
    ['no ns', () => createInternet(untyped({ 'a.test': { ns: [] } })), /expected at least one name server/],
    [
      'one address for two',
      () =>
        createInternet(untyped({ 'a.test': { ns: { ns1: { address: '192.0.2.1' }, ns2: { address: '192.0.2.1' } } } })),
      /two servers at 192\.0\.2\.1: ns1\.a\.test and ns2\.a\.test/,
    ],
    [
      'a zone twice',
      () => createInternet(untyped({ 'a.test': {}, 'A.test.': {} })),
      /the zone a\.test stands there twice/,
    ],
    [
      'an option',
      () => createInternet(untyped({ 'a.test': {} }), untyped({ sed: 5 })),
      /unknown field "sed" \(did you mean "seed"\?\)/,
    ],
    [
      'a port in memory',
      () => createInternet(untyped({ 'a.test': {} }), untyped({ port: 53 })),
      /an internet in memory has no port/,
    ],
    [
      'loss',
      () => createInternet(untyped({ 'a.test': {} }), untyped({ loss: 20 })),
      /expected loss to be a share from 0 to 1, found 20/,
    ],
    [
      'a clock',
      () => createInternet(untyped({ 'a.test': {} }), untyped({ clock: {} })),
      /expected clock to be one of createClock\(\)/,
    ],
    [
      'glue from afar',
      () => createInternet(untyped({ 'a.test': { ns: { 'ns.b.net': { glue: '192.0.2.1' } } } })),
      /test cannot give addresses of ns\.b\.net/,
    ],
    [
      'set',
      () => ok().set('www.example.com', { CNAME: 'b.test', TXT: 'x' }),
      /www\.example\.com\. has a CNAME and other data/,
    ],
    [
      'set beside',
      () => ok().set('www.example.com', 'CNAME', 'b.test'),
      /www\.example\.com\. has a CNAME and other data/,
    ],
    [
      'set where nothing is',
      () => ok().set('www.elsewhere.com', '192.0.2.1'),
      /no zone of this internet holds www\.elsewhere\.com/,
    ],
    [
      'set at nobody',
      () => ok().set('www.example.com', '192.0.2.2', { server: 'ns3.example.com' }),
      /there is no server "ns3\.example\.com" \(did you mean "ns[12]\.example\.com"\?\)/,
    ],
    [
      'set elsewhere',
      () => ok().set('www.example.com', '192.0.2.2', { server: 'a.nic.com' }),
      /a\.nic\.com does not serve example\.com; ns1\.example\.com, ns2\.example\.com do/,
    ],
    ['fault', () => ok().fault('ns1.example.com', 'sillent'), /did you mean "silent"/],
    ['fault of nobody', () => ok().fault('ns9.example.com', 'silent'), /there is no server/],
    [
      'removeDelegation',
      () => ok().removeDelegation('example.org'),
      /there is no zone example\.org; there are \., com, example\.com/,
    ],
    ['the root', () => ok().removeDelegation('.'), /the root has no delegation/],
    ['a question', () => ok().resolve('www..com'), /empty label/],
    ['a type of question', () => ok().resolver().query('www.com', 'AAAAA'), /did you mean/],
    ['queriesTo', () => ok().queriesTo('nobody'), /there is no server/],
    ['time', () => ok().clock.advance('59 seconds'), /expected a duration like "59s"/],
    ['time backwards', () => ok().clock.advance(-1), /time does not go back/],
    ['a date', () => createClock({ at: 'yesterday' }), /expected at to be a date/],
  ])('%s', (_what, call, message) => {
    const found = mistakeOf(call)
    expect(found.message).toMatch(message)
    expect(found.file).toMatch(/\/create-internet\.test\.ts/)
  })

  test('the stack of a mistake begins at the very line that made it', () => {
    const net = ok()
    const [here, mistake] = [new Error('here'), mistakeOf(() => net.fault('ns1.example.com', 'nothing such'))]
    expect(/:(\d+):\d+\)?$/.exec(mistake.file)?.[1]).toBe(/create-internet\.test\.ts:(\d+)/.exec(here.stack ?? '')?.[1])
  })

  test('what was refused has changed nothing', () => {
    const net = ok()
    const before = net.records('example.com')
    expect(mistakeOf(() => net.set('www.example.com', 'CNAME', 'b.test')).message).toMatch(/CNAME/)
    expect(net.records('example.com')).toEqual(before)
    expect(data(net.resolve('www.example.com'))).toEqual(['192.0.2.1'])
  })
})
