import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { dnskeyRdata, dsRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { keyTagOf } from '../../src/dns/rdata-dnssec.ts'
import { ROOT } from '../../src/dns/name.ts'
import { sameBytes } from '../../src/dns/rrset.ts'
import { digest } from '../../src/dnssec/algorithms.ts'
import { formatState, parseState } from '../../src/dnssec/anchor-state.ts'
import {
  newPoint,
  observe,
  refreshAfter,
  retryAfter,
  trustedAnchor,
  type ManagedPoint,
} from '../../src/dnssec/managed-anchors.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { problemText } from '../../src/render/problem.ts'

const limits = defaultLimits.dnssec
const DAY = 86_400
const START = 1_800_000_000

/** A key of the zone by a letter; what it holds does not matter here. */
const key = (letter: string): Uint8Array =>
  dnskeyRdata({ flags: 257, protocol: 3, algorithm: 13, publicKey: new Uint8Array(64).fill(letter.charCodeAt(0)) })
const dsOf = (letter: string): Uint8Array =>
  dsRdata({
    keyTag: keyTagOf(key(letter)),
    algorithm: 13,
    digestType: 2,
    digest: digest(2, Uint8Array.of(0, ...key(letter))) ?? new Uint8Array(0),
  })
const letterOf = (rdata: Uint8Array): string => String.fromCharCode(rdata.at(-1) ?? 0)

/**
 * One look: on that day the zone has those keys; `-` in front: it revokes itself; `!` alone: the set does not validate.
 */
interface Look {
  readonly day: number
  readonly keys: string
  readonly ttl?: number
}

function life(configured: TrustAnchor, looks: readonly Look[], from: ManagedPoint = newPoint(ROOT)): ManagedPoint {
  return looks.reduce((point, { day, keys, ttl = 172_800 }) => {
    const words = keys.split(' ').filter(word => word !== '')
    const seen = {
      keys: words.includes('!') ? null : words.filter(word => !word.startsWith('-')).map(key),
      revoked: words.filter(word => word.startsWith('-')).map(word => key(word.slice(1))),
      originalTtl: ttl,
    }
    return observe(point, configured, seen, START + day * DAY, limits).point
  }, from)
}

const states = (point: ManagedPoint): string => point.keys.map(one => `${letterOf(one.rdata)} ${one.state}`).join(', ')
const trusted = (point: ManagedPoint, configured: TrustAnchor): string => {
  const { ds, keys } = trustedAnchor(point, configured)
  return [
    ...keys.map(letterOf),
    ...ds.map(rdata => ['a', 'b', 'c'].find(letter => sameBytes(dsOf(letter), rdata))?.toUpperCase()),
  ].join(' ')
}
/** Configured are the DS of A, in capitals, or the key itself. */
const byDs: TrustAnchor = { name: ROOT, ds: [dsOf('a')], keys: [] }
const byKey: TrustAnchor = { name: ROOT, ds: [], keys: [key('a')] }
const daily = (from: number, to: number, keys: string, step = 1): Look[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => ({ day: from + index * step, keys }))

describe('RFC 5011: the life of a key', () => {
  test.each<[string, readonly Look[], string, string]>([
    ['nothing was seen', [], '', 'A'],
    ['a configured key is believed when it is seen', [{ day: 0, keys: 'a' }], 'a valid', 'a A'],
    ['a set that does not validate says nothing', [{ day: 0, keys: 'a b !' }], '', 'A'],
    ['a new key waits', [{ day: 0, keys: 'a' }, ...daily(1, 30, 'a b')], 'a valid, b add-pending', 'a A'],
    [
      'a new key is believed after 30 days',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b')],
      'a valid, b valid',
      'a b A',
    ],
    [
      'a look every 15 days is enough',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b', 15)],
      'a valid, b valid',
      'a b A',
    ],
    [
      'absent once in a validated set: from the start',
      [{ day: 0, keys: 'a' }, ...daily(1, 20, 'a b'), { day: 21, keys: 'a' }, ...daily(22, 51, 'a b')],
      'a valid, b add-pending',
      'a A',
    ],
    [
      'absent in a set that does not validate: nothing',
      [{ day: 0, keys: 'a' }, ...daily(1, 20, 'a b'), { day: 21, keys: 'a !' }, ...daily(22, 31, 'a b')],
      'a valid, b valid',
      'a b A',
    ],
    [
      'it must be seen after the hold-down',
      [{ day: 0, keys: 'a' }, ...daily(1, 30, 'a b'), { day: 32, keys: 'a' }],
      'a valid',
      'a A',
    ],
    [
      'a TTL of 40 days holds it down so long',
      [{ day: 0, keys: 'a' }, { day: 1, keys: 'a b', ttl: 40 * DAY }, ...daily(2, 40, 'a b')],
      'a valid, b add-pending',
      'a A',
    ],
    [
      'the TTL that counts is the first one',
      [{ day: 0, keys: 'a' }, { day: 1, keys: 'a b', ttl: 40 * DAY }, ...daily(2, 41, 'a b')],
      'a valid, b valid',
      'a b A',
    ],
    [
      'a key that is gone is missing, and still believed',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), ...daily(32, 400, 'b', 10)],
      'a missing, b valid',
      'a b A',
    ],
    [
      'and is back',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b' }, { day: 33, keys: 'a b' }],
      'a valid, b valid',
      'a b A',
    ],
    [
      'a revoked key is not believed from that moment, nor its DS',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b -a' }],
      'a revoked, b valid',
      'b',
    ],
    [
      'a missing key can be revoked',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b' }, { day: 33, keys: 'b -a' }],
      'a revoked, b valid',
      'b',
    ],
    [
      'revoking needs no other key',
      [
        { day: 0, keys: 'a' },
        { day: 1, keys: '! -a' },
      ],
      'a revoked',
      '',
    ],
    ['a configured key that was never seen can be revoked', [{ day: 0, keys: '! -a' }], 'a revoked', ''],
    [
      'a revoked key that comes back is not believed',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b -a' }, ...daily(33, 50, 'a b')],
      'a revoked, b valid',
      'b',
    ],
    [
      'after 30 days it is removed, and stays so',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b -a' }, ...daily(33, 300, 'a b')],
      'a removed, b valid',
      'b',
    ],
    [
      '29 days are not 30',
      [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b -a' }, ...daily(33, 61, 'b')],
      'a revoked, b valid',
      'b',
    ],
    [
      'revoked while it waits: forgotten',
      [{ day: 0, keys: 'a' }, ...daily(1, 20, 'a b'), { day: 21, keys: 'a -b' }],
      'a valid',
      'a A',
    ],
    [
      'strangers that revoke themselves are not remembered',
      [
        { day: 0, keys: 'a' },
        { day: 1, keys: 'a -x -y -z' },
      ],
      'a valid',
      'a A',
    ],
  ])('%s', (_what, looks, expectedStates, expectedTrust) => {
    const point = life(byDs, looks)
    expect(states(point)).toBe(expectedStates)
    expect(trusted(point, byDs)).toBe(expectedTrust)
  })

  it('each step in the life of a key is reported as a change', () => {
    const first = life(byDs, [{ day: 0, keys: 'a' }, ...daily(1, 30, 'a b')])
    const told = observe(
      first,
      byDs,
      { keys: [key('b')], revoked: [key('a')], originalTtl: 60 },
      START + 31 * DAY,
      limits,
    ).changes
    expect(told.map(({ rdata, from, to }) => `${letterOf(rdata)} ${from} ${to}`)).toEqual([
      'a valid revoked',
      'b add-pending valid',
    ])
  })

  it('configured as a DNSKEY is the same', () => {
    expect(trusted(life(byKey, [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b')]), byKey)).toBe('a b')
    expect(trusted(life(byKey, [{ day: 0, keys: '! -a' }]), byKey)).toBe('')
  })
})

describe('the hold-down is not passed', () => {
  const waiting = life(byDs, [
    { day: 0, keys: 'a' },
    { day: 1, keys: 'a b' },
  ])

  test.each<[string, readonly Look[]]>([
    [
      'by the same set again and again at one moment',
      daily(1, 1, 'a b').flatMap(look => Array.from({ length: 1_000 }, () => look)),
    ],
    ['by a clock that jumps 30 days', [{ day: 31, keys: 'a b' }]],
    ['by a clock that jumps a year', [{ day: 400, keys: 'a b' }]],
    [
      'by a clock that goes back and forth',
      Array.from({ length: 40 }, (_, index) => ({ day: index % 2 === 0 ? 1 : 3, keys: 'a b' })),
    ],
    [
      'by a clock before the first look',
      [
        { day: -400, keys: 'a b' },
        { day: -300, keys: 'a b' },
        { day: 1, keys: 'a b' },
      ],
    ],
  ])('%s', (_what, looks) => expect(states(life(byDs, looks, waiting))).toBe('a valid, b add-pending'))

  it('by an old state that is put back: the time since then counts once, at most 15 days', () => {
    const old = life(byDs, daily(2, 10, 'a b'), waiting)
    const restored = parseState(formatState([old]), 'F', START + 200 * DAY, limits)
    if (restored.kind === 'invalid') throw new Error(restored.problem.message)
    const [point = newPoint(ROOT)] = restored.points
    expect(states(life(byDs, [{ day: 200, keys: 'a b' }], point))).toBe('a valid, b add-pending')
    // And again the same file: nothing adds up.
    expect(states(life(byDs, [{ day: 201, keys: 'a b' }], point))).toBe('a valid, b add-pending')
  })

  it('by a state from the future', () => {
    const future = parseState(formatState([{ ...waiting, seenAt: START + 9_999 * DAY }]), 'F', START + 2 * DAY, limits)
    expect(future).toMatchObject({ kind: 'state', points: [{ seenAt: START + 2 * DAY }] })
  })

  it('whatever comes, in any order: no key is believed that was not in validated sets over 30 days', () => {
    const look = fc.record({
      day: fc.integer({ min: 0, max: 90 }),
      keys: fc.constantFrom('a', 'a b', 'a c', 'a b c', 'b', 'a b !', 'a -b', '! -a', ''),
    })
    fc.assert(
      fc.property(fc.array(look, { maxLength: 40 }), looks => {
        const ordered = [...looks].sort((one, other) => one.day - other.day)
        const point = life(byDs, ordered)
        for (const letter of ['b', 'c']) {
          const days = ordered
            .filter(({ keys }) => keys.split(' ').includes(letter) && !keys.includes('!'))
            .map(({ day }) => day)
          const span = days.length === 0 ? 0 : Math.max(...days) - Math.min(...days)
          if (span < 30) expect(trustedAnchor(point, byDs).keys.map(letterOf)).not.toContain(letter)
        }
        // Once revoked, never again.
        if (ordered.some(({ keys }) => keys.includes('-a'))) expect(trusted(point, byDs)).not.toMatch(/[aA]/)
      }),
      { numRuns: process.env.ROOTWALK_LONG === '1' ? 20_000 : 200 },
    )
  })
})

describe('configuration and state', () => {
  const rolled = life(byDs, [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b')])

  it('a key that is configured again is believed at once', () => {
    const both: TrustAnchor = { ...byDs, ds: [dsOf('a'), dsOf('c')] }
    expect(states(life(both, [{ day: 32, keys: 'a b c' }], rolled))).toBe('a valid, b valid, c valid')
    const pending = life(byDs, [{ day: 32, keys: 'a b c' }], rolled)
    expect(states(life(both, [{ day: 33, keys: 'a b c' }], pending))).toBe('a valid, b valid, c valid')
  })

  it('a configured key that was taken out of the configuration is not believed; one that was learnt is', () => {
    const other: TrustAnchor = { name: ROOT, ds: [dsOf('c')], keys: [] }
    expect(trusted(rolled, other)).toBe('b C')
    expect(states(life(other, [{ day: 32, keys: 'a b' }], rolled))).toBe('b valid, a add-pending')
  })

  it('the list is bounded, and what was revoked and is still configured stays in it', () => {
    const revoked = life(
      byDs,
      [
        { day: 40, keys: 'b -a' },
        { day: 80, keys: 'b' },
      ],
      rolled,
    )
    const letters = 'defghijklmnopqrstuvwxyz'.split('')
    const crowded = life(byDs, [{ day: 81, keys: `b ${letters.join(' ')}` }], revoked)
    expect(crowded.keys).toHaveLength(limits.managedKeys)
    expect(states(crowded)).toContain('a removed, b valid')
  })
})

describe('when it is looked again (RFC 5011 section 2.3)', () => {
  test.each<[number, number, number, number]>([
    // Of a TTL of two days and three weeks of signature: a day; hours; the bounds.
    [172_800, 21 * DAY, DAY, 17_280],
    [172_800, DAY, 43_200, 8_640],
    [60, 21 * DAY, 3_600, 3_600],
    [90 * DAY, 90 * DAY, 15 * DAY, DAY],
    [172_800, -5, 3_600, 3_600],
  ])('TTL %d, %d s of signature left', (ttl, left, query, retry) => {
    expect([refreshAfter(ttl, left, limits), retryAfter(ttl, left, limits)]).toEqual([query, retry])
  })
})

describe('the state as text', () => {
  const point = life(byDs, [{ day: 0, keys: 'a' }, ...daily(1, 31, 'a b'), { day: 32, keys: 'b c -a' }])
  const text = formatState([point, { ...newPoint(ROOT), name: newPoint(ROOT).name }].slice(0, 1))
  const now = START + 100 * DAY

  it('is read as it was written', () => {
    expect(parseState(text, 'F', now, limits)).toEqual({ kind: 'state', points: [point] })
    expect(text.split('\n')[2]).toBe(`point . seen ${START + 32 * DAY}`)
    expect(text).toContain(`key add-pending learnt since ${START + 32 * DAY} held 0 of 2592000 DNSKEY 257 3 13 Y2Nj`)
  })

  const changed = (from: string | RegExp, to: string): string => {
    expect(text.replace(from, to)).not.toBe(text)
    return text.replace(from, to)
  }
  test.each<[string, () => string, string]>([
    ['empty', () => '', 'F:1:1: expected "rootwalk-trust-anchors 1", the form that this version writes'],
    [
      'of another version',
      () => changed('anchors 1', 'anchors 2'),
      'F:1:1: expected "rootwalk-trust-anchors 1", the form that this version writes',
    ],
    [
      'without its end',
      () => changed(/end .*\n/, ''),
      'F:7:1: expected "key STATE ORIGIN since SECONDS held SECONDS of SECONDS DNSKEY …"',
    ],
    ['cut in a key', () => text.slice(0, 260), 'F:4:1:'],
    [
      'cut behind a line',
      () => text.slice(0, text.indexOf('\nkey valid')),
      'F:4:1: the end is missing: the file was cut off',
    ],
    [
      'with a line less',
      () => changed(/key valid.*\n/, ''),
      'F:6:1: expected "end 3" for the lines above: some are missing, or were added',
    ],
    ['with more behind the end', () => `${text}key`, 'F:8:1: expected nothing after the end'],
    [
      'with an unknown state',
      () => changed('key valid', 'key trusted'),
      'expected add-pending, valid, missing, revoked or removed, found "trusted"',
    ],
    [
      'with a hold-down that somebody shortened',
      () => changed('of 2592000 DNSKEY 257 3 13 Y2Nj', 'of 1 DNSKEY 257 3 13 Y2Nj'),
      'expected a hold-down of at least 2592000 seconds, found 1',
    ],
    [
      'with a number beyond reason',
      () => changed(/since \d+/, 'since 99999999999999999999'),
      'F:4:1: expected "key STATE',
    ],
    ['with a revoked flag', () => changed('257 3 13', '385 3 13'), 'expected a zone key: protocol 3, flags 257 or 256'],
    [
      'with a key twice',
      () => {
        const line = /key valid.*\n/.exec(text)?.[0] ?? ''
        return changed(line, line + line)
      },
      'the key stands here twice',
    ],
    ['with a point twice', () => changed(/(point .*\n)/, '$1$1'), 'F:4:1: the point . stands here twice'],
    [
      'with a key before its point',
      () => changed(/(point .*\n)(key .*\n)/, '$2$1'),
      'F:3:1: a key stands before the first point',
    ],
    ['with a relative name', () => changed('point .', 'point test'), 'is relative'],
    ['too long', () => text + ' '.repeat(limits.managedBytes), `F: has more than ${limits.managedBytes} characters`],
  ])('%s it is no state', (_what, make, message) => {
    const read = parseState(make(), 'F', now, limits)
    expect(read.kind === 'invalid' ? problemText(read.problem) : read).toContain(message)
  })

  it('no cut and no changed character makes it throw, or a state with another key', () => {
    const known = point.keys.map(({ rdata }) => Buffer.from(rdata).toString('hex'))
    for (let at = 0; at < text.length - 1; at++)
      expect(parseState(text.slice(0, at), 'F', now, limits).kind).toBe('invalid')
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 0, maxLength: 3, unit: 'binary' }), (at, other) => {
        const read = parseState(text.slice(0, at) + other + text.slice(at + 1), 'F', now, limits)
        if (read.kind === 'state') for (const one of read.points) expect(one.keys.length).toBe(known.length)
      }),
      { numRuns: 300 },
    )
  })
})
