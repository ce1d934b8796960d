/** DNS64 next to BIND's: the same zones and settings in both, and every answer compared. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { answers, startProcess, temporaryDirectory } from '../daemons.mjs'
import { LONG_TEST_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig, type DigReply, type Endpoint } from './dig.ts'
import { freePort, type Rootwalk, startRootwalk } from './rootwalk.ts'

const ZONE = `$TTL 300
@ SOA ns h 1 7200 3600 1209600 120
@ NS ns
ns A 192.0.2.53
four A 192.0.2.1
four A 192.0.2.2
short 7 A 192.0.2.3
six AAAA 2001:db8::6
both A 192.0.2.4
both AAAA 2001:db8::4
mapped A 192.0.2.5
mapped AAAA ::ffff:192.0.2.99
mixed A 192.0.2.7
mixed AAAA ::ffff:192.0.2.99
mixed AAAA 2001:db8::7
private A 10.1.2.3
loop A 127.0.0.1
half A 10.1.2.3
half A 192.0.2.8
text TXT "no address"
to-four CNAME four
to-six CNAME six
to-private CNAME private
to-nothing CNAME nothing
chain CNAME to-four
tree DNAME branch
leaf.branch A 192.0.2.9
*.wild A 192.0.2.10
deep.ent A 192.0.2.11
service HTTPS 1 . ipv4hint=192.0.2.1
`
const REVERSE =
  '$TTL 300\n@ SOA ns.d64.example. h.d64.example. 1 7200 3600 1209600 120\n@ NS ns.d64.example.\n1 PTR four.d64.example.\n'
const EXCLUDED = ['10.0.0.0/8', '127.0.0.0/8']
/** Questions with another prefix, and at the same time. */
const SOME = 4
const TOGETHER = 8
const PREFIXES = ['64:ff9b::/96', '2001:db8:64::/48', '2001:db8:9::/64']

const names = [...ZONE.matchAll(/^([a-z*][\w.*-]*) /gm)].map(([, name = '']) => name.replace('*', 'some'))
const questions: readonly (readonly string[])[] = [
  ...[...new Set(names), 'nothing', 'ent', 'leaf.tree', 'other.tree', 'below.four'].map(name => [
    `${name}.d64.example.`,
    'AAAA',
  ]),
  ['four.d64.example.', 'A'],
  ['mapped.d64.example.', 'A'],
  ['service.d64.example.', 'HTTPS'],
  ['four.d64.example.', 'AAAA', '+dnssec'],
  ['four.d64.example.', 'AAAA', '+cd'],
  ['four.d64.example.', 'MX'],
  ['ipv4only.arpa.', 'AAAA'],
  ['ipv4only.arpa.', 'A'],
]

/** Status and records of the answer section. */
const told = ({ status, answer }: DigReply, withTtls: boolean): readonly string[] => [
  status,
  ...answer.map(({ owner, ttl, type, data }) => `${owner} ${withTtls ? ttl : ''} ${type} ${data}`).sort(),
]

async function startNamed(prefix: string): Promise<{ endpoint: Endpoint; stop(): Promise<void> }> {
  const temporary = temporaryDirectory('named')
  const port = await freePort()
  const file = (name: string, text: string): void => writeFileSync(join(temporary.path, name), text)
  file('d64.zone', ZONE)
  file('reverse.zone', REVERSE)
  file(
    'named.conf',
    `options { directory "${temporary.path}"; pid-file none; session-keyfile none; listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; }; recursion yes; allow-query { any; }; dnssec-validation no; empty-zones-enable no;
  dns64 ${prefix} { clients { any; }; exclude { ::ffff:0:0/96; };
    mapped { ${EXCLUDED.map(block => `!${block};`).join(' ')} any; }; break-dnssec yes; }; };
controls { };
zone "d64.example" { type primary; file "d64.zone"; check-names ignore; };
zone "2.0.192.in-addr.arpa" { type primary; file "reverse.zone"; };
`,
  )
  let output = ''
  const running = startProcess('named', ['-g', '-n', '1', '-c', join(temporary.path, 'named.conf')], {
    onOutput: text => (output += text),
  })
  const stop = async (): Promise<void> => {
    await running.stop()
    temporary.remove()
  }
  if (await answers('127.0.0.1', port, running.gone)) return { endpoint: { address: '127.0.0.1', port }, stop }
  await stop()
  throw new Error(`named does not answer:\n${output}`)
}

needs('named', 'dig')('DNS64', () => {
  const all: { prefix: string; ours: Rootwalk; bind: Awaited<ReturnType<typeof startNamed>> }[] = []
  beforeAll(async () => {
    for (const prefix of PREFIXES) {
      const bind = await startNamed(prefix)
      const ours = await startRootwalk({
        hints: '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n',
        files: {
          'd64.example.zone': `$ORIGIN d64.example.\n${ZONE}`,
          '2.0.192.in-addr.arpa.zone': `$ORIGIN 2.0.192.in-addr.arpa.\n${REVERSE}`,
        },
        config: { zones: ['*.zone'], dns64: { prefix, exclude: [...EXCLUDED, '::ffff:0:0/96'] } },
      })
      all.push({ prefix, ours, bind })
    }
  })
  afterAll(() => Promise.all(all.flatMap(({ ours, bind }) => [ours.stop(), bind.stop()])))

  it(
    'gives what BIND gives, for every kind of name and prefix, also the second time',
    async () => {
      const differences: string[] = []
      const seen = new Set<string>()
      const compare = async ({ prefix, ours, bind }: (typeof all)[number], [name = '', ...rest]: readonly string[]) => {
        // What is made ages in our cache, and not at BIND, which has the zone; of `ipv4only.arpa.` each has its own TTL.
        const key = `${prefix} ${name} ${rest.join(' ')}`
        const withTtls = !seen.has(key) && !name.startsWith('ipv4only')
        seen.add(key)
        const [mine, theirs] = await Promise.all([dig(ours.endpoint, name, ...rest), dig(bind.endpoint, name, ...rest)])
        const [a, b] = [told(mine, withTtls), told(theirs, withTtls)]
        if (JSON.stringify(a) !== JSON.stringify(b))
          differences.push(`${key}: ${a.join(' | ')} and not ${b.join(' | ')}`)
      }
      for (const [index, both] of all.entries()) {
        // Every kind of name under one prefix; how an address is put under the others, by a few.
        const asked = index === 0 ? [...questions, ...questions.slice(0, SOME)] : questions.slice(0, SOME)
        for (let at = 0; at < asked.length; at += TOGETHER)
          await Promise.all(asked.slice(at, at + TOGETHER).map(one => compare(both, one)))
      }
      expect(differences).toEqual([])
    },
    LONG_TEST_MS,
  )

  it('makes nothing for a client that validates itself, which BIND leaves to "break-dnssec"', async () => {
    for (const { ours } of all) {
      const reply = await dig(ours.endpoint, 'four.d64.example.', 'AAAA', '+cd', '+dnssec')
      expect([reply.status, reply.answer]).toEqual(['NOERROR', []])
    }
  })

  it('names what is under the prefix, as BIND does', async () => {
    for (const { prefix, ours, bind } of all) {
      const made = (await dig(ours.endpoint, 'four.d64.example.', 'AAAA')).answer.map(({ data }) => data)
      for (const address of made) {
        const [mine, theirs] = await Promise.all([dig(ours.endpoint, '-x', address), dig(bind.endpoint, '-x', address)])
        const records = ({ answer }: DigReply): unknown => answer.map(({ owner, type, data }) => [owner, type, data])
        expect([prefix, mine.status, records(mine)]).toEqual([prefix, theirs.status, records(theirs)])
      }
    }
  })
})
