/**
 * `createInternet(…, { dnssec })`: what is in order is secure, what is broken is bogus, and other people's validators
 * agree.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import {
  createClock,
  createInternet,
  createResolver,
  type InternetZones,
  type SigningWord,
  type SocketInternet,
} from '../../../src/testing/index.ts'
import { planOf, planWords } from '../../../src/signing/signing-plan.ts'
import { whereIs } from '../../daemons.mjs'
import { needs } from '../../tools.ts'
import { mistakeOf } from '../mistakes.ts'
import { ask } from '../raw.ts'

const zones: InternetZones = {
  'good.com': { records: { www: '192.0.2.1', '*.wild': '192.0.2.2', alias: { CNAME: 'www.plain.org' } } },
  'bad.com': { records: { www: '192.0.2.3' } },
  'plain.org': { records: { www: '192.0.2.4' } },
  'sub.good.com': { records: { www: '192.0.2.5' } },
}
const dnssec = {
  zones: { 'bad.com': 'expired', 'plain.org': false, 'sub.good.com': ['ed25519', 'nsec3', 'csk'] },
} as const

const untyped = <T>(value: unknown): T => JSON.parse(JSON.stringify(value))

describe('in memory', () => {
  test('all zones are signed, the resolver validates', () => {
    const net = createInternet(zones, { dnssec: true })
    for (const name of [
      'www.good.com',
      'x.wild.good.com',
      'nothing.good.com',
      'www.sub.good.com',
      'com',
      'www.plain.org',
      'alias.good.com',
    ])
      expect([name, net.resolve(name).security]).toEqual([name, 'secure'])
    expect(net.records('com').map(({ type }) => type)).not.toContain('DS')
    expect(net.resolve('good.com', 'DS').answers[0]?.data).toMatch(/^\d+ 13 2 /)
    expect(net.resolve('good.com', 'DNSKEY').answers).toHaveLength(2)
    expect(net.anchors).toEqual([expect.stringMatching(/^\. IN DS \d+ 13 2 /)])
    expect(net.anchorsOf('good.com')).toEqual([expect.stringMatching(/^good\.com\. IN DS \d+ 13 2 /)])
  })

  test('an internet without the option dnssec has no signature', () => {
    const net = createInternet(zones)
    expect(net.resolve('www.good.com')).toMatchObject({ rcode: 'NOERROR', security: 'indeterminate' })
    expect(net.anchors).toEqual([])
    expect(net.resolve('good.com', 'DNSKEY').answers).toEqual([])
  })

  test('one zone is signed and another is not', () => {
    const net = createInternet(zones, { dnssec })
    expect(net.resolve('www.bad.com')).toMatchObject({
      rcode: 'SERVFAIL',
      security: 'bogus',
      error: { code: 7, name: 'Signature Expired' },
      answers: [],
    })
    expect(net.resolve('www.plain.org')).toMatchObject({ security: 'insecure', answers: [{ data: '192.0.2.4' }] })
    expect(net.resolve('alias.good.com').security).toBe('insecure')
    expect(net.resolve('www.sub.good.com').security).toBe('secure')
    expect(net.resolve('sub.good.com', 'DNSKEY').answers.map(({ data }) => data)).toEqual([
      expect.stringMatching(/^257 3 15 /),
    ])
    expect(net.resolver({ validate: false }).query('www.bad.com')).toMatchObject({
      rcode: 'NOERROR',
      answers: [{ data: '192.0.2.3' }],
    })
  })

  test('everything in one way; equal seeds are equal keys', () => {
    const all = (seed: number): readonly string[] =>
      createInternet(zones, { seed, dnssec: { all: 'ed25519', zones: { 'good.com': true } } }).anchors
    expect(all(1)).toEqual(all(1))
    expect(all(1)).not.toEqual(all(2))
    expect(all(1)[0]).toMatch(/^\. IN DS \d+ 15 2 /)
    expect(createInternet(zones, { dnssec: { all: false, zones: { 'good.com': true } } }).anchors).toEqual([])
  })

  test('changes while it runs: new data is signed, keys stay, a zone breaks and is mended', () => {
    const net = createInternet(zones, { dnssec: true })
    const { anchors } = net
    net.set('new.good.com', '192.0.2.9')
    expect(net.anchors).toEqual(anchors)
    expect(net.resolve('new.good.com').security).toBe('secure')
    net.sign('bad.com', 'wrongKey')
    expect(net.resolve('www.bad.com')).toMatchObject({ security: 'bogus', error: { code: 6 } })
    net.sign('bad.com', true)
    net.clock.advance('1h')
    expect(net.resolve('www.bad.com').security).toBe('secure')
    net.removeDelegation('bad.com')
    net.clock.advance('2d')
    expect(net.resolve('www.bad.com')).toMatchObject({ rcode: 'NXDOMAIN', security: 'secure' })
    net.restoreDelegation('bad.com')
    net.clock.advance('1h')
    expect(net.resolve('www.bad.com').security).toBe('secure')
  })

  test('it stays valid however long the clock goes on', () => {
    const net = createInternet(zones, { dnssec: true })
    for (let i = 0; i < 5; i++) {
      expect(net.resolve('www.good.com').security).toBe('secure')
      net.clock.advance('100d')
    }
  })

  test('one bad server does not make a zone bad', () => {
    const net = createInternet(
      { 'a.com': { records: { www: '192.0.2.1' }, faults: { ns1: 'breaksSignatures' } } },
      { dnssec: true },
    )
    for (let i = 0; i < 8; i++) expect(net.resolver().query('www.a.com').security).toBe('secure')
  })

  test('zone text that is signed already is left as it is', () => {
    const key = 'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=='
    const net = createInternet({ 'a.com': { zone: `@ DNSKEY 257 3 13 ${key}\nwww A 192.0.2.1` } }, { dnssec: true })
    expect(net.resolve('a.com', 'DS').answers).toEqual([])
    expect(net.resolve('www.a.com').security).toBe('insecure')
  })

  test('a mistake in the option dnssec is an error that names it', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      ['yes', /expected dnssec to be true or like/],
      [{ zone: {} }, /zone/],
      [{ zones: { 'bad.con': 'expired' } }, /dnssec of bad\.con: there is no such zone \(did you mean "bad\.com"\?\)/],
      [
        { zones: { 'bad.com': 'expierd' } },
        /dnssec of bad\.com: "expierd" says nothing about signing \(did you mean "expired"\?\)/,
      ],
      [{ zones: { 'bad.com': 5 } }, /expected true, false or words like 'expired'/],
      [{ zones: { 'bad.com': ['expired(3)'] } }, /expired takes no number/],
      [{ zones: { 'bad.com': ['no', 'expired'] } }, /not signed is signed in no way/],
      [{ all: 'rot13' }, /dnssec: "rot13" says nothing/],
    ]
    for (const [given, message] of cases)
      expect(mistakeOf(() => createInternet(zones, untyped({ dnssec: given }))).message).toMatch(message)
    const net = createInternet(zones, { dnssec: { zones: { 'plain.org': false } } })
    expect(mistakeOf(() => net.anchorsOf('plain.org')).message).toMatch(/plain\.org is not signed here; signed are /)
    expect(mistakeOf(() => net.sign('nobody.com', 'expired')).message).toMatch(/there is no zone nobody\.com/)
    expect(mistakeOf(() => net.sign('bad.com', untyped('nonsense'))).message).toMatch(/says nothing about signing/)
    expect(mistakeOf(() => createResolver({ upstream: '127.0.0.1:53', anchors: ['nonsense'] })).message).toMatch(
      /anchors: line 1/,
    )
    expect(mistakeOf(() => createResolver({ upstream: '127.0.0.1:53', anchors: untyped('. DS') })).message).toMatch(
      /expected anchors to be lines/,
    )
  })

  test('every word is a word of the types', () => {
    expectTypeOf<'expired'>().toExtend<SigningWord>()
    expectTypeOf<'keyTrap(20)'>().toExtend<SigningWord>()
    expectTypeOf<'rsasha1-nsec3-sha1'>().toExtend<SigningWord>()
    expectTypeOf<'nonsense'>().not.toExtend<SigningWord>()
    for (const word of planWords) expect(() => planOf(word)).not.toThrow()
  })
})

describe('on sockets', () => {
  const open: SocketInternet[] = []
  afterEach(async () => {
    for (const net of open.splice(0)) await net.stop()
  })
  async function opened(clock = createClock()): Promise<SocketInternet> {
    const net = await createInternet(zones, { sockets: true, dnssec, clock })
    open.push(net)
    return net
  }

  test('its resolvers validate, by the clock of the test', async () => {
    const net = await opened()
    expect((await net.resolve('www.good.com')).security).toBe('secure')
    expect(await net.resolve('www.bad.com')).toMatchObject({ rcode: 'SERVFAIL', security: 'bogus' })
    expect(readFileSync(net.anchorsFile(), 'utf8')).toBe(`${net.anchors.join('\n')}\n`)
    await using own = createResolver({ roots: net.rootHints, anchors: net.anchors, ipv6: false })
    expect((await own.query('www.good.com')).security).toBe('secure')
    await using blind = createResolver({ roots: net.rootHints, ipv6: false })
    expect((await blind.query('www.good.com')).security).toBe('indeterminate')
    net.sign('good.com', 'badSignatures')
    await using late = net.resolver()
    expect((await late.query('www.good.com')).security).toBe('bogus')
  })

  test('the server in front of it sets AD and says what is wrong', async () => {
    const net = await opened()
    const { host, port } = await net.startResolver()
    expect(await ask({ host, port }, 'www.good.com.', 'A', { edns: 1232, dnssecOk: true })).toMatchObject({
      rcode: 0,
      authenticData: true,
      answer: [{ type: 1 }, { type: 46 }],
    })
    expect(await ask({ host, port }, 'www.plain.org.', 'A', { edns: 1232, dnssecOk: true })).toMatchObject({
      rcode: 0,
      authenticData: false,
    })
    expect(await ask({ host, port }, 'www.bad.com.', 'A', { edns: 1232, dnssecOk: true })).toMatchObject({
      rcode: 2,
      authenticData: false,
      answer: [],
    })
  })

  needs('delv')('with delv', () => {
    test('today is a day on which signatures are valid, whatever the clock of the test says', async () => {
      for (const clock of [createClock(), createClock({ at: '2031-05-05' })]) {
        const net = await opened(clock)
        const { port } = await net.startResolver({ validate: false })
        const [, , , tag = '', algorithm = '', type = '', ...digest] = net.anchors[0]?.split(' ') ?? []
        const file = net.anchorsFile()
        const { writeFileSync } = await import('node:fs')
        writeFileSync(file, `trust-anchors { . static-ds ${tag} ${algorithm} ${type} "${digest.join('')}"; };\n`)
        const delv = async (name: string): Promise<string> => {
          const { stdout, stderr } = await promisify(execFile)(whereIs('delv') ?? '', [
            '@127.0.0.1',
            '-p',
            String(port),
            '-a',
            file,
            '+root=.',
            name,
            'A',
          ]).catch((error: { stdout: string; stderr: string }) => error)
          return `${stdout}${stderr}`
        }
        expect(await delv('x.wild.good.com')).toMatch(/; fully validated/)
        expect(await delv('www.sub.good.com')).toMatch(/; fully validated/)
        expect(await delv('www.plain.org')).toMatch(/; unsigned answer/)
        expect(await delv('www.bad.com')).toMatch(/RRSIG has expired|resolution failed/)
      }
    })
  })
})
