import { describe, expect, test } from 'vitest'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrClass } from '../../src/dns/types.ts'
import { indeterminate } from '../../src/resolver/outcome.ts'
import { nameOf, rrset } from '../../src/simulation/records.ts'
import { simulate, type World } from '../../src/simulation/world.ts'

const soa = '@ 300 SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n'
const CHILD = '192.0.2.9'

/** A resolver that holds corp.test. itself, in front of an internet with com. and the delegated sub.corp.test. */
const world = (): World =>
  simulate({
    zones: [
      {
        origin: '.',
        at: ['192.0.2.1'],
        text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 192.0.2.1\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n`,
      },
      { origin: 'com.', at: ['192.0.2.2'], text: `${soa}@ 3600 NS ns\nns 3600 A 192.0.2.2\nwww 60 A 198.51.100.1\n` },
      { origin: 'sub.corp.test.', at: [CHILD], text: `${soa}@ 60 NS ns\nns 60 A ${CHILD}\nx 60 A 198.51.100.7\n` },
    ],
    localZones: [
      {
        origin: 'corp.test.',
        text: `${soa}@ 60 NS ns\nns 60 A 127.0.0.1\nsub 60 NS ns.sub\nns.sub 60 A ${CHILD}\nout 60 CNAME www.com.\nin 60 CNAME x.sub\n*.w 60 CNAME out\nd 60 DNAME sub\n`,
      },
    ],
  })

const said = (w: World, name: string, type = 'A'): string => {
  const outcome = w.resolve(name, type)
  const aa = outcome.kind !== 'failure' && outcome.authoritative ? ' aa' : ''
  return [
    `${outcome.kind}${aa}`,
    ...outcome.rrsets.flatMap(set => recordsOf(set)).map(rr => formatRr(rr).replaceAll('\t', ' ')),
  ].join('; ')
}

describe('local zones and the world around them', () => {
  test.each([
    ['x.sub.corp.test.', 'A', 'answer; x.sub.corp.test. 60 IN A 198.51.100.7'],
    ['out.corp.test.', 'A', 'answer aa; out.corp.test. 60 IN CNAME www.com.; www.com. 60 IN A 198.51.100.1'],
    [
      'in.corp.test.',
      'A',
      'answer aa; in.corp.test. 60 IN CNAME x.sub.corp.test.; x.sub.corp.test. 60 IN A 198.51.100.7',
    ],
    [
      'a.w.corp.test.',
      'A',
      'answer aa; a.w.corp.test. 60 IN CNAME out.corp.test.; out.corp.test. 60 IN CNAME www.com.; www.com. 60 IN A 198.51.100.1',
    ],
    [
      'x.d.corp.test.',
      'A',
      'answer aa; d.corp.test. 60 IN DNAME sub.corp.test.; x.d.corp.test. 60 IN CNAME x.sub.corp.test.; x.sub.corp.test. 60 IN A 198.51.100.7',
    ],
    ['no.corp.test.', 'A', 'nxdomain aa'],
    ['no.sub.corp.test.', 'A', 'nxdomain'],
    ['w.corp.test.', 'A', 'nodata aa'],
    ['sub.corp.test.', 'DS', 'nodata aa'],
  ])('%s %s', (name, type, expected) => {
    expect(said(world(), name, type)).toBe(expected)
  })

  test('what the delegated servers said is remembered', () => {
    const w = world()
    for (const name of ['x.sub.corp.test.', 'no.sub.corp.test.']) {
      w.resolve(name)
      const asked = w.exchangesTo(CHILD).length
      w.resolve(name)
      expect(w.exchangesTo(CHILD).length).toBe(asked)
    }
  })

  test('a denial cached for a name above does not shadow a delegation of ours (CVE-2026-44687)', () => {
    const w = world()
    w.caches.negatives.putNxdomain(
      nameOf('test.'),
      RrClass.IN,
      rrset`. 300 IN SOA a. b. 1 2 3 4 300`,
      [],
      indeterminate,
      w.clock.now(),
    )
    expect(said(w, 'x.sub.corp.test.')).toContain('198.51.100.7')
  })

  test('a delegation cached from elsewhere does not win over a local zone', () => {
    const w = world()
    w.caches.delegations.put(
      { zone: nameOf('corp.test.'), servers: [], ds: null, expiresAt: Number.POSITIVE_INFINITY },
      Number.POSITIVE_INFINITY,
      w.clock.now(),
    )
    expect(said(w, 'x.sub.corp.test.')).toContain('198.51.100.7')
    expect(said(w, 'no.corp.test.')).toBe('nxdomain aa')
  })
})
