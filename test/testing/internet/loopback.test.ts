import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCaches } from '../../../src/cache/caches.ts'
import { formatRr } from '../../../src/presentation/rr-text.ts'
import { recordsOf } from '../../../src/dns/rrset.ts'
import { defaultLimits } from '../../../src/limits.ts'
import { systemClock, systemRandom } from '../../../src/system/system.ts'
import { createNetwork } from '../../../src/net/upstream/network.ts'
import { Resolver } from '../../../src/resolver/resolver.ts'
import type { Outcome } from '../../../src/steps.ts'
import { readInternet } from '../../../src/simulation/internet.ts'
import { type LoopbackInternet, onLoopback, openLoopbackInternet } from '../../../src/testing/internet/loopback.ts'
import { question } from '../../../src/simulation/records.ts'
import { noForwardZones } from '../../../src/zone/forward-zones.ts'
import { makeLocalZones } from '../../../src/zone/local-zones.ts'
import { unless } from '../../tools.ts'

const source = readInternet()

it('moves servers to loopback addresses, in the zones too', () => {
  const { source: moved, addresses } = onLoopback(source)
  expect(addresses.get('198.51.100.1')).toBe('127.53.0.1')
  expect(new Set(addresses.values()).size).toBe(addresses.size)
  expect(moved.zones[0]?.text).toContain('IN A    127.53.0.1\n')
  expect(moved.zones.flatMap(zone => zone.at).every(address => address.startsWith('127.53.'))).toBe(true)
  // Data that is no server's address stays.
  expect(moved.zones.find(zone => zone.origin === 'example.com.')?.text).toContain('192.0.2.10')
})

unless(process.platform === 'linux' ? null : 'only Linux answers on all of 127.0.0.0/8')(
  'the loopback internet',
  () => {
    const clock = systemClock()
    const random = systemRandom()
    const network = createNetwork({ clock, random, limits: defaultLimits, events: () => {} })
    let internet: LoopbackInternet
    let resolver: Resolver

    beforeAll(async () => {
      internet = await openLoopbackInternet(source, clock, random, { latency: false })
      const local = makeLocalZones([], [])
      resolver = new Resolver({
        clock,
        random,
        network,
        limits: defaultLimits,
        caches: createCaches(defaultLimits.cache),
        localZones: () => local,
        forwardZones: () => noForwardZones,
        hints: () => internet.hints,
        events: () => {},
        settings: () => ({
          minimise: 'relaxed',
          mixCase: true,
          ipv4: true,
          ipv6: false,
          upstreamPort: internet.port,
          doNotQuery: [],
          hardenGlue: true,
        }),
      })
    })
    afterAll(async () => {
      network.close()
      await internet.close()
    })
    const resolve = (name: string, type = 'A'): Promise<Outcome> =>
      new Promise(done => resolver.resolve(question(name, type), { recursionDesired: true, because: 'client' }, done))

    it.each([
      ['www.example.com.', 'A', / 192\.0\.2\.10$/],
      ['chain.example.com.', 'A', / 192\.0\.2\.21$/],
      ['big.example.com.', 'TXT', /24 of 24/],
      ['www.glueless.example.', 'A', / 192\.0\.2\.200$/],
      ['www.truncating.example.', 'A', / 192\.0\.2\.200$/],
      ['www.formerr-on-edns.example.', 'A', / 192\.0\.2\.200$/],
      ['www.wrong-case.example.', 'A', / 192\.0\.2\.200$/],
      ['www.spoofed.example.', 'A', / 192\.0\.2\.200$/],
      ['www.poisoning.example.', 'A', / 192\.0\.2\.200$/],
    ])('%s %s over real sockets', async (name, type, last) => {
      const outcome = await resolve(name, type)
      expect(
        outcome.rrsets
          .flatMap(set => recordsOf(set))
          .map(formatRr)
          .join('\n')
          .replaceAll('\t', ' '),
      ).toMatch(last)
    })

    it('a lame server fails as in the simulation', async () => {
      expect((await resolve('www.lame.example.')).kind).toBe('failure')
    })

    it('tells when a port is taken, and leaves nothing open', async () => {
      await expect(openLoopbackInternet(source, clock, random, { port: internet.port })).rejects.toMatchObject({
        code: 'EADDRINUSE',
      })
    })
  },
)
