/** Every awkward one of the embedded internet does what it is named after, and the walks stay as they were (golden files). */
import { describe, expect, it } from 'vitest'
import { readInternet } from '../../src/testing/internet.ts'
import { simulate } from '../../src/testing/world.ts'
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
  ['0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.', 'PTR', 'answer', /www\.example\.com\.$/],
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
]

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
    for (const [name, type, kind] of table) expect([name, type, world.resolve(name, type).kind]).toEqual([name, type, kind])
  })
})

describe('golden walks (update with -u, review the difference)', () => {
  const walks = [
    'www.example.com. A', 'chain.example.com. A', 'loop.example.com. A', 'www.old.example.com. A', 'www.glueless.example. A', 'www.one-silent.example. A',
    'www.all-silent.example. A', 'www.truncating.example. A', 'www.formerr-on-edns.example. A', 'www.lame.example. A', 'www.wrong-case.example. A',
    'www.spoofed.example. A', 'big.example.com. TXT', 'ent.example.com. A', 'nothing.example.com. A', 'circular-a.example. A', '20.2.0.192.in-addr.arpa. PTR',
  ]
  it.each(walks)('%s', async walk => {
    const [name = '', type = ''] = walk.split(' ')
    const world = simulate(internet)
    world.resolve(name, type)
    await expect(`${world.traceText()}\n`).toMatchFileSnapshot(`../golden/walks/${name}${type}.txt`)
  })
})
