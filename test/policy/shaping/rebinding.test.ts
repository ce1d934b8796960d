/** The rebinding guard: every range, as every type, in every section; and what is exempt. */
import { describe, expect, it } from 'vitest'
import { formatIp, parseIpv4, parseIpv6 } from '../../../src/dns/address.ts'
import { RrClass, RrType } from '../../../src/dns/types.ts'
import { addressesOf } from '../../../src/policy/shaping/addresses-of.ts'
import { embed, parseNat64Prefix } from '../../../src/policy/shaping/nat64.ts'
import { addressRanges, parseRange } from '../../../src/policy/shaping/private-addresses.ts'
import { makeRebinding } from '../../../src/policy/shaping/rebinding.ts'
import type { Outcome } from '../../../src/steps.ts'
import { asked, name, query } from '../../server/make.ts'
import { denial, failed, positive, resolved, sets, told } from './made.ts'

const own = parseNat64Prefix('2001:db8:64::/48')
const ownPrefix = 'error' in own ? null : own
const ranges = (...texts: readonly string[]) =>
  addressRanges(
    texts.flatMap(text => parseRange(text) ?? []),
    ownPrefix,
  )

interface Options {
  readonly words?: readonly string[]
  readonly question?: string
  readonly allow?: readonly string[]
  readonly local?: readonly string[]
  readonly zone?: string
}

async function guarded(outcome: Outcome, options: Options = {}) {
  const { words = ['private', 'loopback'], question = 'www.evil.', allow = [], local = [], zone } = options
  const stage = makeRebinding(
    { ranges: ranges(...words), allow: allow.map(name) },
    ({ name: owner }) => local.map(name).includes(owner),
    ({ name: owner }) => (zone !== undefined && owner.endsWith(name(zone)) ? name(zone) : null),
    { blockedTtl: 60 },
  )
  return stage.handle(query({ question: asked(question) }), () => Promise.resolve(resolved(outcome)))
}

const INSIDE4 = [
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '0.0.0.0',
  '127.0.0.1',
]
const OUTSIDE4 = [
  '9.255.255.255',
  '11.0.0.0',
  '172.15.0.1',
  '172.32.0.1',
  '192.167.1.1',
  '100.63.0.1',
  '100.128.0.1',
  '169.253.1.1',
  '192.0.2.1',
  '126.0.0.1',
  '128.0.0.1',
  '1.0.0.0',
]
const INSIDE6 = ['::', '::1', 'fc00::1', 'fdff::1', 'fe80::1', 'febf::1', 'fec0::1']
const OUTSIDE6 = ['2001:db8::1', '2600::1', 'fb00::1', 'ff02::1']

/** An IPv4 address in each way in which an IPv6 address can hold one. */
function within(text: string): readonly string[] {
  const ipv4 = parseIpv4(text) ?? new Uint8Array(4)
  const prefixes = ['64:ff9b::/96', '64:ff9b:1::/48', '2001:db8:64::/48'].flatMap(prefix => {
    const parsed = parseNat64Prefix(prefix)
    return 'error' in parsed ? [] : [formatIp(embed(parsed, ipv4))]
  })
  const hex = [...ipv4].map(octet => octet.toString(16).padStart(2, '0'))
  return [`::ffff:${text}`, ...prefixes, `2002:${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::1`]
}

/** A record of each type that carries an address. */
const records = (address: string): readonly string[] =>
  address.includes(':')
    ? [
        `www.evil. 60 IN AAAA ${address}`,
        `www.evil. 60 IN HTTPS 1 . alpn=h2 ipv6hint=2001:db8::1,${address}`,
        `www.evil. 60 IN SVCB 1 svc.evil. ipv6hint=${address}`,
      ]
    : [
        `www.evil. 60 IN A ${address}`,
        `www.evil. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9,${address}`,
        `www.evil. 60 IN SVCB 1 svc.evil. ipv4hint=${address} port=53`,
      ]

const inside = [...INSIDE4, ...INSIDE6, ...INSIDE4.flatMap(within)].flatMap(records)
const outside = [...OUTSIDE4, ...OUTSIDE6, ...OUTSIDE4.slice(0, -1).flatMap(within)].flatMap(records)

describe('an address', () => {
  it.each(inside)('inside, in the answer, empties it: %s', async record => {
    const answer = await guarded(positive(['www.evil. 60 IN TXT "x"', record]))
    expect(told(answer)).toBe('given 0 ede 15')
    expect(answer).toMatchObject({ by: 'rebinding', content: { secure: false, authoritative: false } })
    expect(answer.kind === 'given' ? answer.content.authority.map(({ type, ttl }) => [type, ttl]) : []).toEqual([
      [RrType.SOA, 60],
    ])
  })

  it.each(inside)('inside, in the authority section, empties it: %s', async record => {
    expect(told(await guarded(positive(['www.evil. 60 IN A 192.0.2.1'], { proof: sets(record) })))).toBe(
      'given 0 ede 15',
    )
  })

  it.each(inside)('inside, in the additional section, is left out: %s', async record => {
    const additional = sets(record, 'ok.evil. 60 IN A 192.0.2.5')
    const answer = await guarded(positive(['www.evil. 60 IN MX 1 mx.evil.'], { additional }))
    expect(answer).toMatchObject({ kind: 'resolved', outcome: { additional: [{ name: name('ok.evil.') }] } })
  })

  it.each(outside)('outside changes nothing: %s', async record => {
    const outcome = positive([record], { additional: sets(record), proof: sets(record) })
    expect(await guarded(outcome)).toEqual(resolved(outcome))
  })

  it('127.0.0.0/8 is let through without "loopback", also inside of others, as block lists need it', async () => {
    for (const record of ['127.0.0.2', ...within('127.0.0.2')].flatMap(records))
      expect(told(await guarded(positive([record]), { words: ['private'] }))).toMatch(/^answer/)
  })

  it("of a range of one's own counts, by IPv6 block too", async () => {
    const own = { words: ['203.0.113.0/24', '2001:db8:7::/48'] }
    expect(told(await guarded(positive(['www.evil. 60 IN A 203.0.113.9']), own))).toBe('given 0 ede 15')
    expect(told(await guarded(positive(['www.evil. 60 IN AAAA 2001:db8:7::9']), own))).toBe('given 0 ede 15')
    expect(told(await guarded(positive(['www.evil. 60 IN A 10.0.0.9']), own))).toMatch(/^answer/)
  })

  it('behind an alias counts', async () => {
    expect(told(await guarded(positive(['www.evil. 60 IN CNAME x.evil.', 'x.evil. 60 IN A 10.0.0.1'])))).toBe(
      'given 0 ede 15',
    )
  })
})

describe('exempt', () => {
  const PRIVATE = ['www.evil. 60 IN CNAME inside.corp.', 'inside.corp. 60 IN A 10.0.0.1']

  it.each<[string, Outcome, Options, boolean]>([
    ['a name of `allow`', positive(PRIVATE), { allow: ['www.evil.'] }, true],
    ['a name below one of `allow`', positive(PRIVATE), { allow: ['evil.'] }, true],
    ['not an alias to a name of `allow`', positive(PRIVATE), { allow: ['corp.'] }, false],
    ['not a name that only ends alike', positive(PRIVATE), { allow: ['vil.'] }, false],
    ['a name of a forward or stub zone', positive(PRIVATE), { zone: 'evil.' }, true],
    ['not one of the root that is forwarded', positive(PRIVATE), { zone: '.' }, false],
    ['not an alias into a forward zone', positive(PRIVATE), { zone: 'corp.' }, false],
    ['local data', positive(PRIVATE, { authoritative: true }), { local: ['www.evil.', 'inside.corp.'] }, true],
    [
      'local aliases into a forward zone',
      positive(PRIVATE, { authoritative: true }),
      { local: ['www.evil.'], zone: 'corp.' },
      true,
    ],
    ['not local aliases to others', positive(PRIVATE, { authoritative: true }), { local: ['www.evil.'] }, false],
    ['not aliases of others to local data', positive(PRIVATE), { local: ['inside.corp.'] }, false],
  ])('%s', async (_what, outcome, options, isExempt) => {
    expect(told(await guarded(outcome, options))).toMatch(isExempt ? /^answer/ : /^given 0 ede 15$/)
  })

  it('failures and denials pass as they are', async () => {
    for (const outcome of [failed('bogus'), failed('unreachable'), denial('nodata'), denial('nxdomain')])
      expect(await guarded(outcome)).toEqual(resolved(outcome))
  })
})

describe('the addresses of a record', () => {
  const set = (type: number, rdata: readonly number[]) => ({
    owner: name('x.'),
    name: name('x.'),
    type,
    class: RrClass.IN,
    ttl: 1,
    rdatas: [Uint8Array.from(rdata)],
    signatures: [],
  })

  it('of octets that are no record are those before what is wrong', () => {
    const { HTTPS, A, AAAA } = RrType
    expect(addressesOf(set(A, [1, 2, 3]))).toEqual([])
    expect(addressesOf(set(AAAA, [1, 2, 3, 4]))).toEqual([])
    for (const octets of [
      [],
      [0],
      [0, 1],
      [0, 1, 5, 97],
      [0, 1, 0, 0, 4],
      [0, 1, 0, 0, 4, 0, 9, 1, 2, 3],
      [0, 1, 64, 1],
    ])
      expect(addressesOf(set(HTTPS, octets))).toEqual([])
    expect(addressesOf(set(HTTPS, [0, 1, 0, 0, 4, 0, 9, 10, 0, 0, 1, 10]))).toEqual([Uint8Array.of(10, 0, 0, 1)])
    expect(parseIpv6('::1')).toHaveLength(16)
  })
})
