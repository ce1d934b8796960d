/** RFC 6147 row by row: when AAAA records are made, of what, for whom, and what else comes with it. */
import { describe, expect, it } from 'vitest'
import { parsePrefix, type Prefix } from '../../../src/dns/address.ts'
import { RrType } from '../../../src/dns/types.ts'
import type { Query } from '../../../src/policy/handler.ts'
import { type Dns64, makeDns64 } from '../../../src/policy/shaping/dns64.ts'
import { WELL_KNOWN_PREFIX } from '../../../src/policy/shaping/nat64.ts'
import { parseRange } from '../../../src/policy/shaping/private-addresses.ts'
import type { FailureReason, Outcome } from '../../../src/steps.ts'
import { asked as askedFor, client, query } from '../../server/make.ts'
import { answering, denial, failed, positive, told } from './made.ts'

const blocks = (...texts: readonly string[]): readonly Prefix[] => texts.flatMap(text => parseRange(text) ?? [])
const settings: Dns64 = {
  prefix: WELL_KNOWN_PREFIX,
  clients: null,
  exclude: blocks('127.0.0.0/8', '10.0.0.0/8', '::ffff:0:0/96'),
}
const A = positive(['www.test. 300 IN A 192.0.2.1'])
const MADE = 'answer www.test. 100 AAAA 64:ff9b::c000:201'

interface Row {
  readonly aaaa: Outcome
  readonly a?: Outcome
  readonly change?: Partial<Query>
  readonly dns64?: Partial<Dns64>
}

async function ask({ aaaa, a = A, change, dns64 }: Row) {
  const { next, asked } = answering({ 'www.test. AAAA': aaaa, 'www.test. A': a })
  const stage = makeDns64({ ...settings, ...dns64 }, () => false, { synthesisTtl: 600 })
  const answer = await stage.handle(query({ question: askedFor('www.test.', RrType.AAAA), ...change }), next)
  return { answer, told: told(answer), asked }
}

describe('AAAA', () => {
  it.each<[string, Row, string]>([
    ['NODATA: made', { aaaa: denial('nodata') }, MADE],
    [
      'NODATA without SOA: 600 s at most',
      { aaaa: denial('nodata', [], null), a: positive(['www.test. 900 IN A 192.0.2.1']) },
      MADE.replace('100', '600'),
    ],
    ['the TTL of the A records when it is less', { aaaa: denial('nodata', [], 900) }, MADE.replace('100', '300')],
    [
      'there: as it is',
      { aaaa: positive(['www.test. 60 IN AAAA 2001:db8::1']) },
      'answer www.test. 60 AAAA 2001:db8::1',
    ],
    ['NXDOMAIN: as it is', { aaaa: denial('nxdomain') }, 'nxdomain'],
    ['all mapped: made', { aaaa: positive(['www.test. 60 IN AAAA ::ffff:192.0.2.9']) }, MADE.replace('100', '300')],
    [
      'some mapped: the others',
      { aaaa: positive(['www.test. 60 IN AAAA ::ffff:192.0.2.9', 'www.test. 60 IN AAAA 2001:db8::1']) },
      'answer www.test. 60 AAAA 2001:db8::1',
    ],
    [
      'all mapped and no A: empty',
      { aaaa: positive(['www.test. 60 IN AAAA ::ffff:192.0.2.9']), a: denial('nodata') },
      'nodata',
    ],
    ['NODATA, and A is NODATA: as it is', { aaaa: denial('nodata'), a: denial('nodata') }, 'nodata'],
    ['NODATA, and A fails: as it is', { aaaa: denial('nodata'), a: failed('unreachable') }, 'nodata'],
    ['NODATA, and A is bogus: as it is', { aaaa: denial('nodata'), a: failed('bogus') }, 'nodata'],
    [
      'NODATA, and A is excluded: as it is',
      { aaaa: denial('nodata'), a: positive(['www.test. 5 IN A 127.0.0.1']) },
      'nodata',
    ],
    [
      'NODATA, and some A are excluded: of the others',
      { aaaa: denial('nodata'), a: positive(['www.test. 300 IN A 10.0.0.1', 'www.test. 300 IN A 192.0.2.1']) },
      MADE,
    ],
    [
      'behind an alias: the chain is kept',
      {
        aaaa: denial('nodata', ['www.test. 50 IN CNAME c.test.']),
        a: positive(['www.test. 50 IN CNAME c.test.', 'c.test. 80 IN A 192.0.2.1']),
      },
      'answer www.test. 50 CNAME c.test. | c.test. 80 AAAA 64:ff9b::c000:201',
    ],
    [
      'an alias alone counts as empty',
      {
        aaaa: positive(['www.test. 50 IN CNAME c.test.']),
        a: positive(['www.test. 50 IN CNAME c.test.', 'c.test. 80 IN A 192.0.2.1']),
      },
      'answer www.test. 50 CNAME c.test. | c.test. 80 AAAA 64:ff9b::c000:201',
    ],
    [
      'behind a DNAME: both are kept',
      {
        aaaa: denial('nodata'),
        a: positive(['test. 50 IN DNAME t.', 'www.test. 50 IN CNAME www.t.', 'www.t. 80 IN A 192.0.2.1']),
      },
      'answer test. 50 DNAME t. | www.test. 50 CNAME www.t. | www.t. 80 AAAA 64:ff9b::c000:201',
    ],
  ])('%s', async (_what, row, expected) => {
    const { answer, told: got } = await ask(row)
    expect(got).toBe(expected)
    // Neither made nor changed data is ever AD, and no A record is in an answer to AAAA.
    if (answer.kind === 'resolved' && answer.by === 'dns64' && answer.outcome.kind !== 'failure')
      expect(answer.outcome.security.kind).toBe('insecure')
    expect(got).not.toMatch(/ A /)
  })

  it.each<[FailureReason, string]>([
    ['unreachable', MADE.replace('100', '300')],
    ['all-servers-lame', MADE.replace('100', '300')],
    ['refused-by-servers', MADE.replace('100', '300')],
    ['upstreams-unreachable', MADE.replace('100', '300')],
    ['deadline', MADE.replace('100', '300')],
    ['cached', MADE.replace('100', '300')],
    ['bogus', 'failure bogus'],
    ['alias-chain', 'failure alias-chain'],
    ['name-too-long', 'failure name-too-long'],
    ['not-recursive', 'failure not-recursive'],
    ['bug', 'failure bug'],
  ])('that failed (%s) counts as empty where no answer came (section 5.1.2)', async (why, expected) => {
    expect((await ask({ aaaa: failed(why) })).told).toBe(expected)
  })

  it('that failed, next to bogus A records, is bogus', async () => {
    expect((await ask({ aaaa: failed('unreachable'), a: failed('bogus') })).told).toBe('failure bogus')
    expect((await ask({ aaaa: failed('unreachable'), a: failed('deadline') })).told).toBe('failure unreachable')
  })

  it.each<[boolean, boolean, string, readonly string[]]>([
    [false, false, MADE, ['www.test. AAAA', 'www.test. A']],
    [false, true, MADE, ['www.test. AAAA', 'www.test. A']],
    [true, false, MADE, ['www.test. AAAA +cd', 'www.test. A']],
    [true, true, 'nodata', ['www.test. AAAA +cd']],
  ])('section 5.5: CD=%s DO=%s', async (checkingDisabled, dnssecOk, expected, questions) => {
    const { told: got, asked } = await ask({ aaaa: denial('nodata'), change: { checkingDisabled, dnssecOk } })
    expect([got, asked]).toEqual([expected, questions])
  })

  it('an expired answer stays one', async () => {
    const stale = { expiredS: 5, because: 'failed' as const, reason: 'x' }
    const { answer } = await ask({ aaaa: denial('nodata'), a: positive(['www.test. 30 IN A 192.0.2.1'], { stale }) })
    expect(answer).toMatchObject({ by: 'dns64', outcome: { stale } })
  })

  it('of other classes and other types is not touched', async () => {
    for (const [type, klass] of [
      [RrType.AAAA, 3],
      [RrType.A, 1],
      [RrType.ANY, 1],
      [RrType.HTTPS, 1],
    ] as const) {
      const { asked } = await ask({ aaaa: denial('nodata'), change: { question: askedFor('www.test.', type, klass) } })
      expect(asked).toHaveLength(1)
    }
  })
})

describe('clients', () => {
  const some = parsePrefix('2001:db8:64::/64')
  const dns64 = { clients: some === null ? [] : [some] }
  const inside = { client: client('2001:db8:64::7') }
  const outside = { client: client('192.0.2.77') }
  const shareable = async (row: Row): Promise<unknown> => {
    const { answer } = await ask({ ...row, dns64 })
    return answer.kind === 'resolved' ? answer.shareable : null
  }

  it('that are not listed get what is there', async () => {
    expect((await ask({ aaaa: denial('nodata'), dns64, change: inside })).told).toBe(MADE)
    expect((await ask({ aaaa: denial('nodata'), dns64, change: outside })).told).toBe('nodata')
  })

  it('share only answers that are the same for all of them', async () => {
    const there = positive(['www.test. 60 IN AAAA 2001:db8::1'])
    expect(await shareable({ aaaa: denial('nodata'), change: inside })).toBe(false)
    expect(await shareable({ aaaa: denial('nodata'), change: outside })).toBe(false)
    expect(await shareable({ aaaa: there, change: inside })).toBe(true)
    expect(await shareable({ aaaa: there, change: outside })).toBe(true)
    expect((await ask({ aaaa: denial('nodata') })).answer).toMatchObject({ shareable: true })
  })
})

describe('the reverse tree under the prefix', () => {
  const reverse = (ipv4: string): string => `${ipv4}.${'0.'.repeat(16)}b.9.f.f.4.6.0.0.ip6.arpa.`
  const pointer = async (text: string, table: Readonly<Record<string, Outcome>>, local = false) => {
    const { next, asked } = answering(table)
    const stage = makeDns64(settings, () => local, { synthesisTtl: 600 })
    const answer = await stage.handle(query({ question: askedFor(text, RrType.PTR) }), next)
    return { told: told(answer), asked, answer }
  }
  const owner = reverse('1.0.2.0.0.0.0.c')

  it('is an alias to the name of the IPv4 address (section 5.3.1)', async () => {
    const table = { '1.2.0.192.in-addr.arpa. PTR': positive(['1.2.0.192.in-addr.arpa. 70 IN PTR www.test.']) }
    const { told: got, answer } = await pointer(owner, table)
    expect(got).toBe(`answer ${owner} 600 CNAME 1.2.0.192.in-addr.arpa. | 1.2.0.192.in-addr.arpa. 70 PTR www.test.`)
    expect(answer).toMatchObject({ outcome: { security: { kind: 'insecure' } } })
  })

  it('also when there is no such name, which the answer says', async () => {
    expect((await pointer(owner, {})).told).toBe(`nxdomain ${owner} 600 CNAME 1.2.0.192.in-addr.arpa.`)
  })

  it('leaves local zones, excluded addresses and other prefixes alone', async () => {
    expect((await pointer(owner, {}, true)).asked).toEqual([`${owner} PTR`])
    expect((await pointer(reverse('1.0.0.0.0.0.a.0'), {})).asked).toEqual([`${reverse('1.0.0.0.0.0.a.0')} PTR`])
    const other = owner.replace('b.9.f.f', 'c.9.f.f')
    expect((await pointer(other, {})).asked).toEqual([`${other} PTR`])
  })

  it('names the well-known addresses (RFC 8880)', async () => {
    const well = reverse('a.a.0.0.0.0.0.c')
    const { told: got, asked } = await pointer(well, {})
    expect(asked).toEqual([])
    expect(got).toBe(
      `answer ${well} 600 CNAME 170.0.0.192.in-addr.arpa. | 170.0.0.192.in-addr.arpa. 600 PTR ipv4only.arpa.`,
    )
  })
})

describe('ipv4only.arpa.', () => {
  const at = async (type: number, local = false) => {
    const { next, asked } = answering({})
    const stage = makeDns64(settings, () => local, { synthesisTtl: 600 })
    const answer = await stage.handle(query({ question: askedFor('ipv4only.arpa.', type) }), next)
    return [told(answer), asked] as const
  }

  it('shows the prefix to those who ask, and is asked of no one (RFC 7050, RFC 8880)', async () => {
    expect(await at(RrType.AAAA)).toEqual([
      'answer ipv4only.arpa. 600 AAAA 64:ff9b::c000:aa | ipv4only.arpa. 600 AAAA 64:ff9b::c000:ab',
      [],
    ])
    expect(await at(RrType.A)).toEqual([
      'answer ipv4only.arpa. 600 A 192.0.0.170 | ipv4only.arpa. 600 A 192.0.0.171',
      [],
    ])
    expect(await at(RrType.TXT)).toEqual(['nxdomain', ['ipv4only.arpa. TXT']])
  })

  it('is left to a local zone of that name', async () => {
    expect((await at(RrType.A, true))[1]).toEqual(['ipv4only.arpa. A'])
  })
})
