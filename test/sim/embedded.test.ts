/**
 * Every awkward one of the embedded internet does what it is named after, and the walks stay as they were (golden
 * files).
 */
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/steps.ts'
import { readInternet } from '../../src/simulation/internet.ts'
import { simulate } from '../../src/simulation/world.ts'
import { lines } from './support.ts'

const internet = readInternet()

type Expected = 'answer' | 'nodata' | 'nxdomain' | 'failure'
const table: readonly (readonly [string, string, Expected, RegExp])[] = [
  ['www.example.com.', 'A', 'answer', /192\.0\.2\.10$/],
  ['www.example.com.', 'AAAA', 'answer', /2001:db8::10$/],
  ['example.com.', 'MX', 'answer', /10 mail\.example\.com\./],
  ['example.com.', 'SOA', 'answer', /2026010100 7200/],
  ['example.com.', 'NS', 'answer', /ns1\.example\.com\./],
  ['example.com.', 'CAA', 'answer', /issue "ca\.example\.net"/],
  ['example.com.', 'HTTPS', 'answer', /alpn=/],
  ['example.com.', 'LOC', 'answer', /52 22 23\.000 N/],
  ['_sip._tcp.example.com.', 'SRV', 'answer', /10 60 5060 sip\.example\.com\./],
  ['sip.enum.example.com.', 'NAPTR', 'answer', /E2U\+sip/],
  ['_http._tcp.example.com.', 'URI', 'answer', /https:\/\/www\.example\.com\//],
  ['_25._tcp.mail.example.com.', 'TLSA', 'answer', /3 1 1/],
  ['mail.example.com.', 'SSHFP', 'answer', /4 2/],
  ['10.2.0.192.in-addr.arpa.', 'PTR', 'answer', /www\.example\.com\.$/],
  ['20.2.0.192.in-addr.arpa.', 'PTR', 'answer', /www\.example\.net\.$/],
  [
    '0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
    'PTR',
    'answer',
    /www\.example\.com\.$/,
  ],
  ['ttl5.example.com.', 'A', 'answer', / 5 IN A 192\.0\.2\.5$/],
  ['chain.example.com.', 'A', 'answer', /192\.0\.2\.21$/],
  ['loop.example.com.', 'A', 'failure', /$/],
  ['self.example.com.', 'A', 'failure', /$/],
  ['dangling.example.com.', 'A', 'nxdomain', /nothing\.example\.net\.$/],
  ['www.old.example.com.', 'A', 'answer', /203\.0\.113\.81$/],
  ['anything.wild.example.com.', 'A', 'answer', /^anything\.wild\.example\.com\. .*192\.0\.2\.99$/],
  ['below.known.wild.example.com.', 'A', 'nxdomain', /$/],
  ['known.wild.example.com.', 'A', 'nodata', /$/],
  ['ent.example.com.', 'A', 'nodata', /$/],
  ['deep.ent.example.com.', 'A', 'answer', /192\.0\.2\.30$/],
  ['nothing.example.com.', 'A', 'nxdomain', /$/],
  ['big.example.com.', 'TXT', 'answer', /24 of 24/],
  ['dotted\\.label.example.com.', 'TXT', 'answer', /^dotted\\\.label\.example\.com\./],
  ['www.child.example.net.', 'A', 'answer', /192\.0\.2\.56$/],
  ['www.voorbeeld.nl.', 'A', 'answer', /192\.0\.2\.72$/],
  ['www.glueless.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.one-lame.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.lame.example.', 'A', 'failure', /$/],
  ['www.one-silent.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.all-silent.example.', 'A', 'failure', /$/],
  ['www.slow.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.truncating.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.truncating-forever.example.', 'A', 'failure', /$/],
  ['www.ignores-edns.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.formerr-on-edns.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.drops-edns.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.refusing.example.', 'A', 'failure', /$/],
  ['www.servfailing.example.', 'A', 'failure', /$/],
  ['www.upward.example.', 'A', 'failure', /$/],
  ['www.garbage.example.', 'A', 'failure', /$/],
  ['www.wrong-case.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.spoofed.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.poisoning.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['circular-a.example.', 'A', 'failure', /$/],
  ['www.one-strips.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.mixed-algorithms.example.', 'A', 'answer', /192\.0\.2\.200$/],
  ['www.key-rollover.example.', 'A', 'answer', /192\.0\.2\.200$/],
]

/** What validation finds: `secure`, `insecure` with the code of its note, `bogus` with its code. */
const validated: readonly (readonly [string, string, string])[] = [
  ['www.example.com.', 'A', 'secure'],
  ['nothing.example.com.', 'A', 'secure'],
  ['ent.example.com.', 'A', 'secure'],
  ['anything.wild.example.com.', 'A', 'secure'],
  ['www.example.org.', 'A', 'secure'],
  ['www.old.example.com.', 'A', 'secure'],
  ['10.2.0.192.in-addr.arpa.', 'PTR', 'secure'],
  ['www.voorbeeld.nl.', 'A', 'secure'],
  ['nothing.nl.', 'A', 'secure'],
  ['big.example.com.', 'TXT', 'secure'],
  ['www.example.net.', 'A', 'insecure'],
  ['chain.example.com.', 'A', 'insecure'],
  ['www.child.example.net.', 'A', 'insecure'],
  ['www.slow.example.', 'A', 'insecure'],
  ['nothing.net.', 'A', 'insecure'],
  ['www.expired.example.', 'A', 'bogus 7'],
  ['www.not-yet-valid.example.', 'A', 'bogus 8'],
  ['www.wrong-key.example.', 'A', 'bogus 6'],
  ['www.wrong-ds.example.', 'A', 'bogus 9'],
  ['www.missing-signatures.example.', 'A', 'bogus 10'],
  ['www.stripped-ds.example.', 'A', 'bogus 12'],
  ['nothing.wrong-nsec3.example.', 'A', 'bogus 12'],
  ['www.wrong-nsec3.example.', 'A', 'secure'],
  ['www.broken-rollover.example.', 'A', 'bogus 9'],
  ['www.key-trap.example.', 'A', 'bogus 6'],
  ['www.key-rollover.example.', 'A', 'secure'],
  ['www.mixed-algorithms.example.', 'A', 'secure'],
  ['www.one-strips.example.', 'A', 'secure'],
  ['nothing.one-strips.example.', 'A', 'secure'],
  ['www.unsupported-algorithm.example.', 'A', 'insecure 1'],
  ['www.many-iterations.example.', 'A', 'secure'],
  ['nothing.many-iterations.example.', 'A', 'insecure 27'],
]

const security = (outcome: Outcome): string => {
  if (outcome.kind === 'failure') return `${outcome.why} ${outcome.ede}`
  const note = outcome.security.kind === 'insecure' ? outcome.security.note : undefined
  return `${outcome.security.kind}${note === undefined ? '' : ` ${note.ede}`}`
}

describe('the embedded internet, validated', () => {
  it.each(validated)('%s %s: %s', (name, type, expected) => {
    const world = simulate(internet)
    expect(security(world.resolve(name, type)), world.traceText()).toBe(expected)
  })
})

describe('the embedded internet, asked cold', () => {
  it.each(table)('%s %s: %s', (name, type, kind, last) => {
    for (const minimise of ['off', 'relaxed', 'strict'] as const) {
      for (const mixCase of [true, false]) {
        const world = simulate({ ...internet, settings: { minimise, mixCase } })
        const outcome = world.resolve(name, type)
        expect(outcome.kind, `${minimise} ${mixCase}\n${world.traceText()}`).toBe(kind)
        expect(lines(outcome).join('\n')).toMatch(last)
        world.run()
        expect(world.clock.pending).toBe(0)
      }
    }
  })

  it('asked one after the other in one world as well', () => {
    const world = simulate(internet)
    for (const [name, type, kind] of table)
      expect([name, type, world.resolve(name, type).kind]).toEqual([name, type, kind])
  })
})

describe('golden walks (update with -u, review the difference)', () => {
  const walks = [
    'www.example.com. A',
    'chain.example.com. A',
    'loop.example.com. A',
    'www.old.example.com. A',
    'www.glueless.example. A',
    'www.one-silent.example. A',
    'www.all-silent.example. A',
    'www.truncating.example. A',
    'www.formerr-on-edns.example. A',
    'www.lame.example. A',
    'www.wrong-case.example. A',
    'www.spoofed.example. A',
    'big.example.com. TXT',
    'ent.example.com. A',
    'nothing.example.com. A',
    'circular-a.example. A',
    '20.2.0.192.in-addr.arpa. PTR',
    'www.example.net. A',
    'www.expired.example. A',
    'www.key-trap.example. A',
    'nothing.many-iterations.example. A',
  ]
  it.each(walks)('%s', async walk => {
    const [name = '', type = ''] = walk.split(' ')
    const world = simulate(internet)
    world.resolve(name, type)
    await expect(`${world.traceText()}\n`).toMatchFileSnapshot(`../golden/walks/${name}${type}.txt`)
  })
})
