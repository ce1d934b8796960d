/** The demo as it runs: real sockets on loopback, real time, the embedded internet behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningServer } from '../../src/app/server.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { startEmbedded, embeddedConfig } from '../../src/demo/embedded.ts'
import { WalkPrinter } from '../../src/demo/walk-printer.ts'
import { welcome } from '../../src/demo/welcome.ts'
import type { Event } from '../../src/events.ts'
import { noPaint } from '../../src/render/walk.ts'
import { defaultLimits } from '../../src/limits.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { createNetwork } from '../../src/net/upstream/network.ts'
import { serverAddress, type Transport } from '../../src/ports.ts'
import { readInternet } from '../../src/simulation/internet.ts'
import { ip, question } from '../../src/simulation/records.ts'

const internet = readInternet()
const clock = systemClock()
const random = systemRandom()
const network = createNetwork({ clock, random, limits: defaultLimits, events: () => {} })
const events: Event[] = []
let printed = ''
let server: RunningServer
let port = 0

beforeAll(async () => {
  const printer = new WalkPrinter(text => {
    printed += text
  }, noPaint)
  server = await startEmbedded(internet, {
    port: 0,
    events: event => events.push(event),
    watch: printer.watch,
    onQuery: printer.onQuery,
  })
  port = server.addresses[0]?.port ?? 0
})
afterAll(async () => {
  await server.stop()
  network.close()
})

async function ask(
  name: string,
  type = 'A',
  transport: Transport = 'udp',
  dnssecOk = false,
  checkingDisabled = false,
): Promise<Message> {
  const query = encodeQuery({
    id: random.below(65_536),
    question: question(name, type),
    recursionDesired: true,
    checkingDisabled,
    edns: { payloadSize: 1232, version: 0, dnssecOk, flags: 0, options: [] },
  })
  const result = await new Promise<Parameters<Parameters<typeof network.exchange>[4]>[0]>(done =>
    network.exchange(serverAddress(ip('127.0.0.1'), port), transport, query, 10_000, done),
  )
  if (result.kind !== 'reply') throw new Error(result.kind)
  const decoded = decodeMessage(result.bytes)
  if (decoded.kind === 'format-error') throw new Error(decoded.why)
  return decoded.message
}
const answers = (message: Message): string[] => message.answer.map(record => formatRr(record).replaceAll('\t', ' '))

describe('the demo', () => {
  it('listens on UDP and TCP of one port', () => {
    expect(server.addresses.map(({ transport, address }) => `${transport} ${address}`).sort()).toEqual([
      'tcp 127.0.0.1',
      'udp 127.0.0.1',
    ])
    expect(new Set(server.addresses.map(address => address.port)).size).toBe(1)
  })

  it('walks, prints the walk, and answers again from the cache in one line', async () => {
    printed = ''
    expect(answers(await ask('www.example.com.'))).toEqual(['www.example.com. 300 IN A 192.0.2.10'])
    expect(printed).toMatch(
      /www\.example\.com\. A\n├─ zone \. from [\s\S]*zone com\. from referral[\s\S]*zone example\.com\.[\s\S]*→ answer: use it \[[\d.]+ ms\][\s\S]*sent: NOERROR, 60 octets over UDP/,
    )
    printed = ''
    expect(answers(await ask('www.example.com.', 'A', 'tcp'))[0]).toMatch(/ (300|299) IN A 192\.0\.2\.10$/)
    expect(printed).toMatch(/^www\.example\.com\. A from the cache: NOERROR, 60 octets over TCP \[[\d.]+ ms\]\n$/)
  })

  it('has reverse zones of documentation addresses', async () => {
    expect(answers(await ask('10.2.0.192.in-addr.arpa.', 'PTR'))).toEqual([
      '10.2.0.192.in-addr.arpa. 3600 IN PTR www.example.com.',
    ])
    expect(
      answers(await ask('0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.', 'PTR'))[0],
    ).toMatch(/PTR www\.example\.com\.$/)
  })

  it('truncates what does not fit, and gives it over TCP', async () => {
    expect(await ask('big.example.com.', 'TXT')).toMatchObject({ truncated: true })
    const whole = await ask('big.example.com.', 'TXT', 'tcp')
    expect(whole.truncated).toBe(false)
    expect(whole.answer[0]?.rdata.length).toBeGreaterThan(4_096)
  })

  it('says why something fails, and that it remembers', async () => {
    const reply = await ask('loop.example.com.')
    expect(reply.rcode).toBe(2)
    expect(
      reply.edns === null
        ? []
        : readExtendedErrors(reply.edns)
            .map(error => error.text)
            .join(),
    ).toMatch(/loop/)
    await ask('www.lame.example.')
    printed = ''
    await ask('www.lame.example.')
    expect(printed).toMatch(/^www\.lame\.example\. A from the failure cache: SERVFAIL/)
  })

  it('validates by the keys of its own root', async () => {
    printed = ''
    expect(await ask('www.example.com.', 'AAAA', 'udp', true)).toMatchObject({
      rcode: 0,
      authenticData: true,
      answer: [{ type: 28 }, { type: 46 }],
    })
    expect(printed).toMatch(
      /www\.example\.com\. AAAA: secure, signed by key \d+ of example\.com\., ECDSAP256SHA256, until 20\d\d/,
    )
    expect(await ask('www.example.net.', 'A', 'udp', true)).toMatchObject({
      rcode: 0,
      authenticData: false,
      answer: [{ type: 1 }],
    })
    const expired = await ask('www.expired.example.', 'A', 'udp', true)
    expect(expired).toMatchObject({ rcode: 2, authenticData: false, answer: [] })
    expect(expired.edns === null ? [] : readExtendedErrors(expired.edns)).toMatchObject([
      { code: 7, text: expect.stringMatching(/expired/) },
    ])
    expect(answers(await ask('wrong-key.example.', 'TXT', 'udp', true, true))[0]).toMatch(/signed by another key/)
    expect((await ask('www.one-strips.example.', 'A', 'udp', true)).authenticData).toBe(true)
  })

  it('mixes no walks of queries at the same time', async () => {
    printed = ''
    await Promise.all([
      ask('a.wild.example.com.'),
      ask('b.wild.example.com.'),
      ask('www.example.net.'),
      ask('a.wild.example.com.'),
    ])
    const walks = printed.split(/\n\n+/).filter(walk => walk.trim() !== '')
    expect(walks).toHaveLength(4)
    for (const walk of walks) {
      const name = /^\n?(\S+) A/.exec(walk)?.[1] ?? '?'
      expect(walk.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${name.replaceAll('.', '\\.')} A `))
    }
  })

  it('told nothing that is wrong', () => {
    const wrong = [
      'bug',
      'listener-failed',
      'priming-failed',
      'zone-rejected',
      'zone-warnings',
      'overloaded',
      'family-dead',
    ]
    expect(events.filter(event => wrong.includes(event.kind))).toEqual([])
    expect(events.map(event => event.kind)).toContain('primed')
  })

  it('suggests commands that ask for what is there', () => {
    const text = welcome(internet, 5300, noPaint)
    expect(text).toContain('  dig @127.0.0.1 -p 5300 www.example.com\n')
    expect(text.split('\n').filter(line => line.length > 80)).toEqual([])
    expect(text.split('\n').filter(line => line.startsWith('  dig '))).toHaveLength(internet.suggestions.length)
  })

  it('asks the documentation addresses only of its own internet', () => {
    const config = embeddedConfig(internet, { port: 5300 })
    expect(config.listen).toEqual([{ address: '127.0.0.1', port: 5300 }])
    expect(config.engine.doNotQuery).toEqual([])
    expect(config.zones).toEqual([])
  })
})
