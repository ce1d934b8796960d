/** What is said of forward and stub zones when they are new: hidden by local zones, denied by a signed zone above. */
import { describe, expect, test } from 'vitest'
import { hiddenZones, lookAfterForwarding } from '../../src/app/forwarding.ts'
import { makeTrustPoints } from '../../src/dnssec/trust-anchors.ts'
import type { Event } from '../../src/events.ts'
import { readZone } from '../../src/simulation/internet.ts'
import { nameOf } from '../../src/simulation/records.ts'
import type { WorldOptions } from '../../src/simulation/world.ts'
import { ForwardZones, type ForwardZone } from '../../src/zone/forward-zones.ts'
import { type LocalZones, makeLocalZones } from '../../src/zone/local-zones.ts'
import { builtInZones } from '../../src/zone/special-use.ts'
import { COMPANY_RESOLVER, CORP_SERVER, exempt, forwardWorld, OPEN_SERVER, RESOLVER } from '../sim/forward-world.ts'

describe('a zone that a signed zone above denies', () => {
  const warned = (options: Partial<WorldOptions>): string[] => {
    const world = forwardWorld(options)
    const events: Event[] = []
    const { resolver, caches, clock } = world
    const points = makeTrustPoints([], options.validation?.negative ?? [])
    lookAfterForwarding(
      { resolver, caches, clock },
      world.forwardZones,
      () => points,
      event => events.push(event),
    )
    world.run()
    return events.flatMap(event =>
      event.kind === 'forward-zone-undelegated' ? [`${event.zoneKind} ${event.zone}`] : [],
    )
  }
  const corp = [{ zone: 'corp.example', to: [CORP_SERVER] }]

  test.each<[string, Partial<WorldOptions>, string[]]>([
    ['a stub zone is warned of', { stub: corp }, ['stub corp.example.']],
    [
      'a forward zone is warned of',
      { forward: [{ zone: 'corp.example', to: [COMPANY_RESOLVER] }] },
      ['forward corp.example.'],
    ],
    [
      'behind a resolver for all names is warned of',
      { stub: corp, forward: [{ zone: '.', to: [RESOLVER] }] },
      ['stub corp.example.'],
    ],
    [
      'with a name that is there without a delegation is warned of',
      { stub: [{ zone: 'www.example', to: [CORP_SERVER] }] },
      ['stub www.example.'],
    ],
    ['with a negative trust anchor is in order', { stub: corp, validation: exempt }, []],
    ['without validation is in order', { stub: corp, validation: { validate: false } }, []],
  ])('%s', (_what, options, expected) => {
    expect(warned(options)).toEqual(expected)
  })

  test.each<[string, Partial<WorldOptions>]>([
    ['a signed zone that is delegated', { stub: [{ zone: 'example', to: ['198.51.100.2'] }] }],
    ['an unsigned zone that is delegated', { stub: [{ zone: 'open', to: [OPEN_SERVER] }] }],
    ['all names', { forward: [{ zone: '.', to: [RESOLVER] }] }],
  ])('%s is nothing to warn of', (_what, options) => {
    expect(warned(options)).toEqual([])
  })
})

describe('a zone that a local zone hides', () => {
  const local = (...texts: string[]): LocalZones =>
    makeLocalZones(
      texts.map(text => readZone({ origin: 'office.test.', text, at: [] })),
      builtInZones([]),
    )
  const SOA = '@ 60 SOA ns hostmaster 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n'
  const zone = (name: string, kind: ForwardZone['kind'] = 'stub'): ForwardZone => ({
    kind,
    zone: nameOf(name),
    upstreams: [],
    recurseOnFailure: false,
  })
  const hidden = (zones: LocalZones, ...ours: ForwardZone[]): string[] =>
    hiddenZones(new ForwardZones(ours), zones, 'c.json').map(({ severity, message }) => `${severity}: ${message}`)

  test('is warned of, at its name and below', () => {
    expect(hidden(local(SOA), zone('office.test.'), zone('a.b.office.test.', 'forward'), zone('test.'))).toEqual([
      'warning: the stub zone office.test. has no effect: the local zone office.test. answers for it',
      'warning: the forward zone a.b.office.test. has no effect: the local zone office.test. answers for it',
    ])
  })

  test('is not hidden where the local zone delegates it, nor by a built-in zone', () => {
    const delegating = local(`${SOA}lab 60 NS ns.lab\nns.lab 60 A 192.0.2.2\n`)
    expect(hidden(delegating, zone('lab.office.test.'), zone('10.in-addr.arpa.'), zone('home.arpa.'))).toEqual([])
  })
})
