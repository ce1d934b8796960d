/** What a client that waits no longer is told: what its resolution waits for at that moment. */
import { describe, expect, test } from 'vitest'
import { EdeCode } from '../../src/dns/types.ts'
import type { LimitChanges } from '../../src/limits.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { question } from '../../src/simulation/records.ts'
import { simulate, type World } from '../../src/simulation/world.ts'

const keys = new KeyStore()
const ROOT = '198.51.100.1'
const ZONE = '192.0.2.53'
const OTHER = '192.0.2.54'
const SERVERLESS = '192.0.2.55'

interface Odd {
  readonly name?: string
  readonly does?: Readonly<Record<string, readonly string[]>>
  readonly limits?: LimitChanges
  readonly signed?: boolean
}

function world({ does = {}, limits = {}, signed = false }: Odd): World {
  const soa = '@ 300 IN SOA ns h 1 7200 3600 86400 300'
  const sign = signed ? { sign: '' } : {}
  return simulate({
    ...(signed ? { keys } : {}),
    limits,
    zones: [
      {
        origin: '.',
        at: [ROOT],
        ...sign,
        text: `@ 86400 IN SOA a.root. h. 1 2 3 4 300
@ 86400 IN NS a.root.
a.root. 86400 IN A ${ROOT}
zone. 86400 IN NS ns.zone.
ns.zone. 86400 IN A ${ZONE}
two. 86400 IN NS ns1.two.
two. 86400 IN NS ns2.two.
ns1.two. 86400 IN A ${ZONE}
ns2.two. 86400 IN A ${OTHER}
glueless. 86400 IN NS ns.serverless.
serverless. 86400 IN NS ns.serverless.
ns.serverless. 86400 IN A ${SERVERLESS}
bare. 86400 IN NS ns.serverless.zone.`,
      },
      {
        origin: 'zone.',
        at: [ZONE],
        ...sign,
        text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${ZONE}\nwww 300 IN A 192.0.2.1\nserverless 300 IN NS ns.serverless\nns.serverless 300 IN A ${SERVERLESS}`,
      },
      {
        origin: 'two.',
        at: [ZONE, OTHER],
        text: `${soa}\n@ 300 IN NS ns1\nns1 300 IN A ${ZONE}\nwww 300 IN A 192.0.2.1`,
      },
    ],
    servers: Object.entries({ [SERVERLESS]: ['silent'], ...does }).map(([address, behaviours]) => ({
      at: [address],
      does: behaviours,
    })),
  })
}

describe('a client that waits no longer is told', () => {
  test.each<[string, EdeCode, string, Odd]>([
    [
      'which server has not answered',
      EdeCode.NoReachableAuthority,
      '192.0.2.53#53 has not answered www.zone. A',
      { does: { [ZONE]: ['silent'] } },
    ],
    [
      'the one that gives the addresses of servers',
      EdeCode.NoReachableAuthority,
      '192.0.2.55#53 has not answered ns.serverless.zone. A',
      { name: 'www.bare.' },
    ],
    [
      'the one that keeps its keys to itself',
      EdeCode.NoReachableAuthority,
      '192.0.2.53#53 has not answered zone. DNSKEY',
      { does: { [ZONE]: ['silent for * DNSKEY'] }, signed: true },
    ],
    [
      'what one server said, and that the other has not answered',
      EdeCode.NetworkError,
      'SERVFAIL, and 192.0.2.54#53 has not answered www.two. A',
      { name: 'www.two.', does: { [ZONE]: ['servfails'], [OTHER]: ['silent'] } },
    ],
    [
      'that we are short of sockets',
      EdeCode.Other,
      'no socket has become free for a query',
      { limits: { upstream: { udpSockets: 1 } }, does: { [ZONE]: ['silent'] } },
    ],
  ])('%s', (_about, ede, text, odd) => {
    const one = world(odd)
    if (odd.limits !== undefined) one.start('other.zone.', 'A')
    const name = odd.name ?? 'www.zone.'
    let said = one.resolver.notYet(question(name, 'A'), false)
    one.start(name, 'A')
    const seen = new Set<string>()
    for (let ms = 0; ms < 1_900; ms += 10) {
      one.advance(10)
      said = one.resolver.notYet(question(name, 'A'), false)
      if (said !== null) seen.add(`${said.ede} ${said.texts[0]}`)
    }
    expect([...seen]).toContain(`${ede} ${text}`)
    const lengths = said?.texts.map(({ length }) => length) ?? []
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a))
  })

  test('nothing of a question that is not being resolved', () => {
    const one = world({})
    one.resolve('www.zone.')
    expect(one.resolver.notYet(question('www.zone.', 'A'), false)).toBe(null)
  })
})
