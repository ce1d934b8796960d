import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import type { DnssecConfig } from '../../src/config/types.ts'
import { keyTagOf } from '../../src/dns/rdata-dnssec.ts'
import { foldName, ROOT, type Name } from '../../src/dns/name.ts'
import type { Question } from '../../src/dns/message.ts'
import type { RRset } from '../../src/dns/rrset.ts'
import { formatName, parseName } from '../../src/presentation/text.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { logLine } from '../../src/render/event.ts'
import { failure, indeterminate } from '../../src/resolver/outcome.ts'
import { questionText } from '../../src/resolver/trace.ts'
import type { Outcome } from '../../src/steps.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { signalName, tagsOf, TrustAnchorManager, type KeyResolver } from '../../src/app/trust-anchor-manager.ts'
import { releasedAt } from '../../src/system/version.ts'
import { dsOf, makeKey, revokedOf, signedKeys, type Key } from '../dnssec/signed-keys.ts'

const DAY = 86_400
const START = releasedAt + 100 * DAY
const [a, b] = [makeKey(), makeKey()]
const place = { directory: '' }
const stateIn = (): string => join(place.directory, 'keys')
const stateText = (): string => readFileSync(stateIn(), 'latin1')

beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-trust-'))
})
afterEach(() => rmSync(place.directory, { recursive: true }))

const name = (text: string): Name => {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(parsed.error)
  return foldName(parsed)
}
function settings(dnssec: object = {}): DnssecConfig {
  const result = readConfig({
    file: { path: join(place.directory, 'c.json'), text: JSON.stringify({ dnssec }) },
    overrides: [],
    directory: '/',
    wall: START,
  })
  if (result.kind === 'invalid') throw new Error(result.problems.map(({ message }) => message).join('\n'))
  return result.config.dnssec
}
const rootAnchor = (...keys: Key[]): TrustAnchor => ({ name: ROOT, ds: keys.map(key => dsOf(key)), keys: [] })

/** A resolver that answers DNSKEY questions with the set of the moment, and counts. */
class Zone implements KeyResolver {
  readonly asked: string[] = []
  changes = 0
  set: RRset | null = null

  resolve(question: Question, _options: unknown, done: (outcome: Outcome) => void): () => void {
    this.asked.push(questionText(question))
    done(
      this.set === null || this.set.name !== question.name
        ? failure('unreachable', 'no server answers')
        : {
            kind: 'answer',
            rrsets: [this.set],
            proof: [],
            security: indeterminate,
            authoritative: false,
            additional: [],
          },
    )
    return () => {}
  }

  validationChanged(): void {
    this.changes++
  }
}

interface Kept {
  readonly keeper: TrustAnchorManager
  readonly zone: Zone
  readonly clock: SimClock
  readonly told: () => string[]
}

function keep(
  dnssec: object = {},
  {
    anchors = [rootAnchor(a)],
    wall = START,
    start = true,
    set = signedNow([a], [a], wall),
  }: { anchors?: readonly TrustAnchor[]; wall?: number; start?: boolean; set?: RRset | null } = {},
): Kept {
  const clock = new SimClock(1_000, wall)
  const events: Event[] = []
  const zone = new Zone()
  zone.set = set
  const keeper = new TrustAnchorManager({
    clock,
    limits: defaultLimits.dnssec,
    events: event => events.push(event),
    settings: settings(dnssec),
    anchors,
  })
  if (start) {
    keeper.attach(zone)
    keeper.start()
  }
  return {
    keeper,
    zone,
    clock,
    told: () =>
      events
        .splice(0)
        .map(event => logLine(event))
        .map(({ level, message }) => `${level}: ${message}`),
  }
}

const signedNow = (keys: readonly Key[], by: readonly Key[], wall: number): RRset =>
  signedKeys(keys, by, { from: wall - 10 * DAY, until: wall + 20 * DAY })

/** The zone lives through days, signing again each day. */
function live({ clock, zone }: Kept, days: number, keys: readonly Key[], by: readonly Key[]): void {
  for (let day = 0; day < days; day++) {
    zone.set = signedNow(keys, by, clock.wall())
    clock.advance(DAY * 1_000)
  }
}
const trustedTags = ({ keeper }: Kept): readonly number[] => keeper.rootKeyTags()
const tags = (...keys: Key[]): number[] => keys.map(({ rdata }) => keyTagOf(rdata)).sort((x, y) => x - y)

describe('what is believed', () => {
  test('the configured anchors, told when it starts', () => {
    const kept = keep()
    expect(kept.keeper.validation()).toMatchObject({
      validate: true,
      aggressive: true,
      rules: { nsec3MaxIterations: 50 },
    })
    expect(kept.told()).toEqual([`info: trust anchors: . (${tags(a).join('')}); answers below them are validated`])
    expect(trustedTags(kept)).toEqual(tags(a))
  })

  test.each<[string, object, readonly TrustAnchor[], string]>([
    ['no anchor', {}, [], 'warn: DNSSEC validation is off: there is no trust anchor'],
    [
      'switched off',
      { validate: false },
      [rootAnchor(a)],
      'warn: DNSSEC validation is off: "dnssec": {"validate": false}',
    ],
  ])('%s: nothing is validated, and that is said', (_what, dnssec, anchors, line) => {
    const kept = keep(dnssec, { anchors })
    expect(kept.keeper.validation().validate).toBe(false)
    expect(kept.told()).toEqual([line])
    expect(kept.zone.asked).toEqual([])
  })

  test('rules come from the configuration', () => {
    const { rules, aggressive } = keep({
      nsec3MaxIterations: 5,
      disallow: ['RSASHA1', 7, 'SHA-1'],
      aggressiveUse: false,
    }).keeper.validation()
    expect([
      rules.nsec3MaxIterations,
      [...rules.disallowedAlgorithms],
      [...rules.disallowedDigests],
      aggressive,
    ]).toEqual([5, [5, 7], [1], false])
  })

  test('another configuration makes a difference only when it is one', () => {
    const kept = keep()
    kept.keeper.configure(settings(), [rootAnchor(a)])
    expect(kept.zone.changes).toBe(0)
    kept.keeper.configure(settings({ negativeTrustAnchors: [{ name: 'broken.test', until: '2030-01-01' }] }), [
      rootAnchor(a),
    ])
    expect(kept.zone.changes).toBe(1)
    expect(kept.keeper.validation().points.negative(name('www.broken.test'), START)).toMatchObject({
      name: name('broken.test'),
    })
    kept.keeper.configure(settings(), [rootAnchor(b)])
    expect([kept.zone.changes, trustedTags(kept)]).toEqual([2, tags(b)])
    kept.keeper.configure(settings(), [])
    expect(kept.keeper.validation().validate).toBe(false)
  })

  test('a configuration that comes before the first look clears too', () => {
    const kept = keep({}, { start: false })
    kept.keeper.attach(kept.zone)
    kept.keeper.configure(settings(), [rootAnchor(b)])
    expect([kept.zone.changes, kept.zone.asked, kept.told().length]).toEqual([1, [], 2])
  })

  test('a negative anchor ends at its time, and what was judged under it is forgotten', () => {
    const until = new Date((START + 3 * DAY) * 1_000).toISOString().replace('.000', '')
    const kept = keep({ negativeTrustAnchors: [{ name: 'broken.test', until }] })
    kept.told()
    kept.clock.advance(3 * DAY * 1_000 - 1_000)
    expect([kept.zone.changes, kept.told()]).toEqual([0, []])
    kept.clock.advance(2_000)
    expect([kept.zone.changes, kept.told()]).toEqual([
      1,
      ['warn: the negative trust anchor for broken.test. has expired: names below it are validated again'],
    ])
  })
})

describe('the clock', () => {
  test.each<[string, number, RRset | null, RegExp | null]>([
    ['is right', START, signedNow([a], [a], START), null],
    [
      'is before this version',
      releasedAt - 10 * 365 * DAY,
      null,
      /^error: the system clock says 2016-.* and looks slow by 9 years at least: it is before the day on which this version was made; signed names fail until the clock is set$/,
    ],
    ['is a day before this version, somewhere', releasedAt - DAY + 60, null, null],
    [
      'is years fast',
      START + 4 * 365 * DAY,
      signedNow([a], [a], START),
      /^error: the system clock says .* and looks fast by 3 years at least: every signature over the keys of \. has ended/,
    ],
    [
      'is weeks slow',
      START,
      signedNow([a], [a], START + 40 * DAY),
      /^error: the system clock says .* and looks slow by 30 days at least: every signature over the keys of \. begins later/,
    ],
    ['is hours fast', START + 20 * DAY + 3_600, signedNow([a], [a], START), null],
  ])('that %s', (_what, wall, set, expected) => {
    const lines = keep({}, { wall, set })
      .told()
      .filter(line => line.includes('the clock'))
    if (expected === null) expect(lines).toEqual([])
    else expect(lines).toEqual([expect.stringMatching(expected)])
  })

  test('is looked at once when keys are not managed, again only after a failure', () => {
    const kept = keep()
    kept.clock.advance(40 * DAY * 1_000)
    expect(kept.zone.asked).toEqual(['. DNSKEY'])
    const failing = keep({}, { set: null })
    expect(failing.told()).toContain(
      'error: the keys of the trust anchor . could not be refreshed, retrying: no server answers',
    )
    failing.clock.advance(2 * 3_600_000 + 1)
    expect([failing.zone.asked.length, failing.told()]).toEqual([3, []])
  })
})

describe('managed anchors', () => {
  const managed = (): { managedAnchors: string } => ({ managedAnchors: stateIn() })

  test('the life of a roll-over: new key, 30 days, believed; old key revoked; a restart knows it', async () => {
    const kept = keep(managed())
    expect(kept.told()).toContain(`info: key ${tags(a).join('')} (ED25519) of the trust anchor . is trusted`)
    live(kept, 29, [a, b], [a])
    expect(trustedTags(kept)).toEqual(tags(a))
    expect(kept.told()).toEqual([
      `info: key ${tags(b).join('')} (ED25519) of the trust anchor . is pending: trusted after the 30-day hold-down`,
    ])
    live(kept, 3, [a, b], [a])
    expect([trustedTags(kept), kept.zone.changes, kept.told()]).toEqual([
      tags(a, b),
      1,
      [`info: key ${tags(b).join('')} (ED25519) of the trust anchor . is trusted`],
    ])
    live(kept, 2, [revokedOf(a), b], [revokedOf(a), b])
    expect([trustedTags(kept), kept.zone.changes, kept.told()]).toEqual([
      tags(b),
      2,
      [`warn: key ${tags(a).join('')} (ED25519) of the trust anchor . is revoked and no longer trusted`],
    ])
    await kept.keeper.close()
    // The revoked key is still configured.
    const wall = kept.clock.wall()
    const again = keep(managed(), { wall, set: signedNow([b], [b], wall) })
    expect(trustedTags(again)).toEqual(tags(b))
    await again.keeper.close()
    expect(existsSync(`${stateIn()}.old`)).toBe(true)
  })

  test('it looks every half of the TTL, and every hour after a failure', () => {
    const kept = keep(managed())
    const count = (): number => kept.zone.asked.splice(0).length
    expect(count()).toBe(1)
    kept.clock.advance(DAY * 1_000)
    expect(count()).toBe(1)
    kept.zone.set = null
    // A tenth of two days, then, again and again.
    kept.clock.advance(DAY * 1_000 + 17_280_000)
    expect(count()).toBe(2)
    kept.zone.set = signedNow([a], [a], kept.clock.wall())
    kept.clock.advance(17_280_000)
    expect(count()).toBe(1)
  })

  test('all keys revoked: no trust point any more, and that is an error', () => {
    const kept = keep(managed())
    live(kept, 2, [revokedOf(a)], [revokedOf(a)])
    expect(kept.keeper.validation().validate).toBe(false)
    expect(kept.told().join('\n')).toMatch(/error: every key of the trust anchor \. is revoked/)
  })

  test('a key that only itself signs is never believed', () => {
    const kept = keep(managed())
    live(kept, 60, [b], [b])
    expect(trustedTags(kept)).toEqual(tags(a))
    expect(kept.told().join('\n')).toMatch(/could not be refreshed, retrying/)
  })

  test('an island has keys of its own', () => {
    const island = name('test')
    const kept = keep(managed(), { anchors: [rootAnchor(a), { name: island, ds: [dsOf(b, island)], keys: [] }] })
    expect(kept.zone.asked).toEqual(['. DNSKEY', 'test. DNSKEY'])
    expect(kept.told()[0]).toBe(
      `info: trust anchors: . (${tags(a).join('')}), test. (${tags(b).join('')}); answers below them are validated`,
    )
  })

  test('a damaged state is not used and is told; the one before is; without it the configured anchors', async () => {
    const kept = keep(managed())
    live(kept, 33, [a, b], [a])
    await kept.keeper.close()
    const good = stateText()
    const wall = kept.clock.wall()
    const set = signedNow([a, b], [a], wall)
    // A start that finds it good, and writes.
    await keep(managed(), { wall, set }).keeper.close()
    writeFileSync(stateIn(), good.slice(0, -20))
    const damaged = keep(managed(), { wall, set, start: false })
    expect([trustedTags(damaged), damaged.told()]).toEqual([
      tags(a, b),
      [expect.stringMatching(/^error: trust anchor state: the keys in .*keys are not used:\n.*keys:\d+:1: /)],
    ])
    writeFileSync(`${stateIn()}.old`, 'nonsense')
    const lost = keep(managed(), { wall, set, start: false })
    expect([trustedTags(lost), lost.told().length]).toEqual([tags(a), 2])
  })

  test('a state that cannot be written is told; validation goes on', async () => {
    const kept = keep({ managedAnchors: join(place.directory, 'nowhere', 'keys') })
    await kept.keeper.close()
    expect(kept.told().join('\n')).toMatch(/error: trust anchor state: .*ENOENT/)
    expect(kept.keeper.validation().validate).toBe(true)
  })

  test('after close nothing is asked any more', async () => {
    const kept = keep(managed())
    await kept.keeper.close()
    kept.clock.advance(100 * DAY * 1_000)
    expect(kept.zone.asked).toHaveLength(1)
  })
})

describe('telling which keys are trusted (RFC 8145)', () => {
  test.each<[string, readonly number[], string]>([
    ['.', [20326, 38696], '_ta-4f66-9728.'],
    ['example.test', [1], '_ta-0001.example.test.'],
    [
      '.',
      Array.from({ length: 20 }, (_, index) => index),
      '_ta-0000-0001-0002-0003-0004-0005-0006-0007-0008-0009-000a-000b.',
    ],
  ])('%s %j', (zone, keys, expected) => {
    const signal = signalName(name(zone), keys)
    expect(signal === null ? null : formatName(signal)).toBe(expected)
  })

  test('once a day when wanted, never unless', () => {
    const kept = keep({ trustAnchorSignal: true })
    const signal = `_ta-${tags(a)[0]?.toString(16).padStart(4, '0')}. NULL`
    kept.clock.advance(2 * DAY * 1_000 + 1)
    expect(kept.zone.asked.filter(question => question.endsWith(' NULL'))).toEqual([signal, signal, signal])
    const silent = keep()
    silent.clock.advance(2 * DAY * 1_000)
    expect(silent.zone.asked).toEqual(['. DNSKEY'])
  })

  test('tags of an anchor in both forms', () =>
    expect(tagsOf({ name: ROOT, ds: [dsOf(a)], keys: [a.rdata, b.rdata] })).toEqual(tags(a, b)))
})
