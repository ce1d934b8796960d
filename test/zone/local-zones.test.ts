import { describe, expect, it } from 'vitest'
import { RrClass } from '../../src/dns/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { makeLocalZones, type LocalZones } from '../../src/zone/local-zones.ts'
import { builtInZones } from '../../src/zone/special-use.ts'
import type { Zone } from '../../src/zone/zone.ts'
import { ask, told, zone } from './made.ts'

const apex = '$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\n'
const whole = (origin: string, text = ''): Zone => zone(origin, apex + text)
const records = (text: string, origin = '.'): Zone => zone(origin, `$TTL 60\n${text}`, { recordsOnly: true })
const builtIn = builtInZones([])

/** The origin of the zone that answers, with `*` behind a record-only one. */
function who(zones: LocalZones, question: string): string {
  const found = zones.find(ask(question))
  return found === undefined ? 'nobody' : `${formatName(found.origin)}${found.recordsOnly ? '*' : ''}`
}

describe('find', () => {
  const zones = makeLocalZones([whole('example.'), whole('b.a.example.'), whole('10.in-addr.arpa.')], [])

  it.each([
    ['example. A', 'example.'],
    ['www.example. A', 'example.'],
    ['a.example. A', 'example.'],
    ['b.a.example. A', 'b.a.example.'],
    ['x.y.b.a.example. A', 'b.a.example.'],
    ['xexample. A', 'nobody'],
    ['. NS', 'nobody'],
    ['com. A', 'nobody'],
    ['1.0.0.10.in-addr.arpa. PTR', '10.in-addr.arpa.'],
    ['in-addr.arpa. A', 'nobody'],
  ])('%s: %s', (question, wanted) => {
    expect(who(zones, question)).toBe(wanted)
  })

  it('leaves DS at the apex to the parent (RFC 4035 section 3.1.4.1)', () => {
    expect(who(zones, 'b.a.example. DS')).toBe('example.')
    expect(who(zones, 'example. DS')).toBe('nobody')
    expect(who(zones, 'x.b.a.example. DS')).toBe('b.a.example.')
    expect(who(makeLocalZones([whole('.')], []), '. DS')).toBe('.')
  })

  it('a local zone is found for class IN only', () => {
    expect(zones.find({ ...ask('www.example. A'), class: RrClass.CH })).toBeUndefined()
  })

  it('takes the first of two zones with one origin', () => {
    const first = whole('example.', 'www A 192.0.2.1')
    const twice = makeLocalZones([first, whole('example.', 'www A 192.0.2.2')], [])
    expect(twice.find(ask('www.example. A'))).toBe(first)
    expect(twice.zones).toEqual([first])
  })

  it('has nothing when there is nothing', () => {
    expect(who(makeLocalZones([], []), 'www.example. A')).toBe('nobody')
  })
})

describe('record-only zones', () => {
  const zones = makeLocalZones(
    [
      records('www.example. A 192.0.2.1\nprinter.home.arpa. A 192.0.2.2\nad.test. A 192.0.2.3'),
      records('other.example. A 192.0.2.4'),
      whole('example.', 'www A 192.0.2.9\nmail A 192.0.2.8'),
    ],
    builtIn,
  )

  it.each([
    ['www.example. A', '.*'],
    ['www.example. AAAA', '.*'],
    ['other.example. A', '.*'],
    ['mail.example. A', 'example.'],
    ['printer.home.arpa. A', '.*'],
    ['scanner.home.arpa. A', 'home.arpa.'],
    ['ad.test. MX', '.*'],
    ['x.ad.test. A', 'test.'],
    ['localhost. A', 'localhost.'],
    ['www.elsewhere. A', 'nobody'],
  ])('%s: %s', (question, wanted) => {
    expect(who(zones, question)).toBe(wanted)
  })
})

describe('built-in zones against those of the user', () => {
  it('are all there when the user has none', () => {
    expect(makeLocalZones([], builtIn).zones).toEqual(builtIn)
    expect(makeLocalZones([whole('example.')], builtIn).zones).toHaveLength(builtIn.length + 1)
  })

  it('make way for the same name', () => {
    const own = whole('10.in-addr.arpa.', '1.0.0 PTR router.home.')
    const zones = makeLocalZones([own], builtIn)
    expect(zones.find(ask('1.0.0.10.in-addr.arpa. PTR'))).toBe(own)
    expect(zones.zones).toHaveLength(builtIn.length)
    expect(who(zones, '1.0.168.192.in-addr.arpa. PTR')).toBe('168.192.in-addr.arpa.')
  })

  it('keep the rest when the user zone is below', () => {
    const zones = makeLocalZones([whole('0.10.in-addr.arpa.')], builtIn)
    expect(who(zones, '1.0.0.10.in-addr.arpa. PTR')).toBe('0.10.in-addr.arpa.')
    expect(who(zones, '1.0.1.10.in-addr.arpa. PTR')).toBe('10.in-addr.arpa.')
    expect(who(zones, '0.10.in-addr.arpa. DS')).toBe('10.in-addr.arpa.')
  })

  it('make way for a zone above that says something about the name: data, names below it, or a delegation', () => {
    const own = whole('in-addr.arpa.', '1.0.0.10 PTR a.home.\n168.192 NS ns.home.\n31.172 TXT "here"')
    const zones = makeLocalZones([own], builtIn)
    for (const name of ['1.0.0.10', '9.9.10', '1.168.192', '1.31.172'])
      expect(who(zones, `${name}.in-addr.arpa. PTR`)).toBe('in-addr.arpa.')
    expect(who(zones, '1.16.172.in-addr.arpa. PTR')).toBe('16.172.in-addr.arpa.')
  })

  it('stay beside a copy of the root zone', () => {
    const zones = makeLocalZones([whole('.', 'arpa. NS ns.arpa.\ncom. NS ns.com.')], builtIn)
    expect(who(zones, 'www.localhost. A')).toBe('localhost.')
    expect(who(zones, '1.0.0.10.in-addr.arpa. PTR')).toBe('10.in-addr.arpa.')
    expect(who(zones, 'www.example.com. A')).toBe('.')
  })
})

describe('DS of special-use names', () => {
  const zones = makeLocalZones([], builtIn)
  it.each(['localhost.', 'test.', 'invalid.', 'local.', 'onion.', 'alt.'])('is not asked of the root for %s', name => {
    expect(told(zones.find(ask(`${name} DS`)), `${name} DS`)[0]).toBe('nodata')
  })

  it.each(['home.arpa.', 'service.arpa.', 'resolver.arpa.', '10.in-addr.arpa.'])(
    'is asked of the parent for %s, which has an insecure delegation',
    name => {
      expect(zones.find(ask(`${name} DS`))).toBeUndefined()
    },
  )
})
