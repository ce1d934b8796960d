import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/events.ts'
import { createResolver } from '../../src/index.ts'
import { createDnsStub } from '../../src/testing/index.ts'
import { openLoopbackInternet, type LoopbackInternet } from '../../src/testing/internet/loopback.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { formatName } from '../../src/presentation/text.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { smallInternet } from './inside.ts'

describe('a resolver in a program', () => {
  test('answers what it knows by itself', async () => {
    using resolver = createResolver({ records: { 'printer.home': { A: '192.0.2.7', TXT: 'a printer' } } })
    expect(await resolver.resolve('printer.home')).toMatchObject({
      status: 'NOERROR',
      records: [{ name: 'printer.home.', type: 'A', class: 'IN', ttl: 300, data: '192.0.2.7' }],
      error: null,
      steps: [],
    })
    expect((await resolver.resolve('localhost', 'AAAA')).records.map(record => record.data)).toEqual(['::1'])
    expect(await resolver.resolve('nothing.onion', 'A')).toMatchObject({
      status: 'NXDOMAIN',
      records: [],
      soa: { type: 'SOA' },
      authoritative: true,
    })
  })

  test('forwards when it is told to, and says where', async () => {
    const dns = await createDnsStub({ records: { 'app.internal': { A: '192.0.2.1' } } })
    try {
      using resolver = createResolver({
        forward: [{ zone: '.', to: dns.address, recurseOnFailure: false }],
        dnssec: { validate: false },
      })
      const found = await resolver.resolve('app.internal', 'A', { trace: true })
      expect(found.records.map(({ data }) => data)).toEqual(['192.0.2.1'])
      expect(found.steps).toContainEqual(expect.objectContaining({ kind: 'cut', from: 'forward zone', zone: '.' }))
      expect(found.steps).toContainEqual(
        expect.objectContaining({ kind: 'exchange', server: dns.address, transport: 'udp', verdict: 'answer' }),
      )
      expect(() => createResolver({ forward: [{ zone: '.', to: 'tls://9.9.9.9' }] })).toThrow(/how the server proves/)
    } finally {
      await dns.stop()
    }
  })

  test('wrong use is a TypeError that says all that is wrong', async () => {
    expect(() => createResolver({ cache: { bytes: 5 }, records: { 'a..b': { A: '1' } } })).toThrow(/cache\.bytes/)
    expect(() => createResolver({ records: { 'a.test': { A: 'x' }, 'b.test': { A: 'y' } } })).toThrow(
      /records\.a\.test\.A[\s\S]*records\.b\.test\.A/,
    )
    expect(() => createResolver({ rootHints: '/nowhere/at/all' })).toThrow(/does not exist/)
    expect(() => createResolver({ zones: ['/nowhere/at.zone'] })).toThrow(/does not exist/)
    expect(() => createResolver({ dnssec: { trustAnchors: '/nowhere/anchors' } })).toThrow(/does not exist/)
    using resolver = createResolver()
    await expect(resolver.resolve('a..b')).rejects.toThrow(TypeError)
    await expect(resolver.resolve('a.test', 'NOTYPE')).rejects.toThrow('"NOTYPE" is no record type')
  })

  // Other systems have only 127.0.0.1 of 127.0.0.0/8.
  test('an option is read as it is: a function is a mistake, and what is undefined is not given', () => {
    const asGiven = (options: object): (() => void) => {
      const wanted: Parameters<typeof createResolver>[0] = options
      return () => createResolver(wanted)[Symbol.dispose]()
    }
    const rows: readonly (readonly [object, RegExp | null])[] = [
      [{ zones: () => ['a.zone'] }, /^zones: expected a list, found a function$/],
      [{ cache: { maxTtl: Number.NaN, bytes: 5 } }, /cache\.bytes.*\ncache\.maxTtl.*NaN/],
      [{ budget: { depth: 3n } }, /^budget\.depth: expected a number, found a bigint$/],
      [{ zonez: [] }, /unknown key "zonez" \(did you mean "zones"\?\)/],
      [{ zones: undefined, cache: undefined, dnssec: { trustAnchors: undefined, validate: undefined } }, null],
      [{ records: { 'a.test': { A: undefined, TXT: 'x' } } }, null],
      [{ records: { 'a.test': { A: '192.0.2.1', CNAME: 'b.test.' } } }, /^options: .*CNAME/],
    ]
    for (const [options, message] of rows) {
      if (message === null) expect(asGiven(options)).not.toThrow()
      else expect(asGiven(options)).toThrow(message)
    }
  })

  test.runIf(platform() === 'linux')('walks from the root over real sockets, and tells how', async () => {
    const internet = await openLoopbackInternet(smallInternet, systemClock(), systemRandom(), { latency: false })
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-library-'))
    try {
      writeFileSync(join(directory, 'hints'), hintsText(internet))
      using resolver = createResolver({
        rootHints: join(directory, 'hints'),
        dnssec: { validate: false },
        upstream: { port: internet.port, doNotQuery: [], ipv6: false },
      })
      const got = await resolver.resolve('alias.shop', 'A', { trace: true })
      expect(got.records.map(({ type, data }) => `${type} ${data}`)).toEqual(['CNAME www.shop.', 'A 192.0.2.80'])
      expect(got.steps.filter(step => step.kind === 'exchange').map(step => step.serverName)).toEqual(
        expect.arrayContaining(['a.root.', 'ns.shop.']),
      )
      expect(await resolver.resolve('nothing.shop', 'MX')).toMatchObject({
        status: 'NXDOMAIN',
        authoritative: false,
        security: 'indeterminate',
      })
      // The keys of the real root did not sign this one.
      const events: Event[] = []
      using validating = createResolver({
        rootHints: join(directory, 'hints'),
        upstream: { port: internet.port, doNotQuery: [], ipv6: false },
        onEvent: event => events.push(event),
      })
      expect(await validating.resolve('alias.shop')).toMatchObject({
        status: 'SERVFAIL',
        security: 'bogus',
        records: [],
      })
      expect(events).toContainEqual({ kind: 'trust-anchors', anchors: ['. (20326, 38696)'] })
    } finally {
      rmSync(directory, { recursive: true })
      await internet.close()
    }
  })
})

const hintsText = ({ hints }: LoopbackInternet): string =>
  hints.servers
    .map(
      ({ name, addresses }) =>
        `. 3600 NS ${formatName(name)}\n${addresses.map(ip => `${formatName(name)} 3600 A ${ip.text}\n`).join('')}`,
    )
    .join('')
