/** The way to servers: each thing that can be wrong with it, against servers that are functions. */
import { describe, expect, it } from 'vitest'
import { checkPath } from '../../../src/cli/doctor/path.ts'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { encodeMessage } from '../../../src/dns/encode.ts'
import type { Message } from '../../../src/dns/message.ts'
import { ROOT } from '../../../src/dns/name.ts'
import { rrsigRdata } from '../../../src/dns/rdata-dnssec-make.ts'
import { RrClass, RrType } from '../../../src/dns/types.ts'
import type { Heard } from '../../../src/net/query-client.ts'
import type { ServerAddress } from '../../../src/ports.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import type { Outcome } from '../../../src/steps.ts'
import { rootHints } from '../../../src/zone/hints.ts'
import { configOf, lineOf, machine, type MachinePlan, NOW } from './world.ts'

const DAY_S = 86_400

interface Way {
  /** Does a query with EDNS get through? */
  readonly edns: 'passes' | 'dropped' | 'stripped' | 'unsigned'
  readonly tcp: boolean
  readonly ipv6: boolean
  readonly ipv4: boolean
  /** Another resolver answers in the place of the root servers. */
  readonly intercepted: boolean
  /** When the signatures of the root are valid, in seconds. */
  readonly signed: readonly [number, number]
}

const open: Way = {
  edns: 'passes',
  tcp: true,
  ipv6: true,
  ipv4: true,
  intercepted: false,
  signed: [NOW - 7 * DAY_S, NOW + 14 * DAY_S],
}

function reply(bytes: Uint8Array, way: Way): Uint8Array {
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error('the doctor sent what is no message')
  const { message } = decoded
  const signature = rrsigRdata({
    covered: RrType.DNSKEY,
    algorithm: 8,
    labels: 0,
    originalTtl: 172_800,
    inception: way.signed[0],
    expiration: way.signed[1],
    keyTag: 20_326,
    signer: ROOT,
    signature: new Uint8Array(700),
  })
  const isSigned = message.edns !== null && way.edns !== 'unsigned' && way.edns !== 'stripped'
  const answer: Message['answer'] = isSigned
    ? [{ owner: ROOT, type: RrType.RRSIG, class: RrClass.IN, ttl: 172_800, rdata: signature }]
    : []
  const said: Message = {
    ...message,
    response: true,
    authoritative: !way.intercepted,
    recursionAvailable: way.intercepted,
    answer,
    edns: way.edns === 'stripped' ? null : message.edns,
  }
  return encodeMessage(said, { maxBytes: 4_096 }).bytes
}

function worldOf(way: Way, plan: MachinePlan = {}): ReturnType<typeof machine> {
  const heard = (server: ServerAddress, query: Uint8Array, tcp: boolean): Heard => {
    if (!(server.ip.family === 4 ? way.ipv4 : way.ipv6)) return { kind: 'timeout' }
    const hasEdns = query[11] === 1
    if (tcp && !way.tcp) return { kind: 'refused', reason: 'ECONNREFUSED' }
    if (!tcp && hasEdns && way.edns === 'dropped') return { kind: 'timeout' }
    return { kind: 'reply', bytes: reply(query, way), tookMs: 1 }
  }
  return machine({
    datagram: (server, query) => Promise.resolve(heard(server, query, false)),
    stream: (server, query) => Promise.resolve(heard(server, query, true)),
    ...plan,
  })
}

async function linesFor(way: Partial<Way>, settings: object = {}, plan: MachinePlan = {}): Promise<readonly string[]> {
  const world = worldOf({ ...open, ...way }, plan)
  return (await checkPath(configOf(settings), rootHints(), world, new SimRandom(1))).map(lineOf)
}

const failure: Outcome = { kind: 'failure', rrsets: [], why: 'unreachable', ede: 22, text: 'silent' }

describe('the way to servers', () => {
  it.each<[string, Partial<Way>, readonly string[]]>([
    [
      'an open one is good in all respects',
      {},
      [
        'good upstream: 6 of 6 root servers answered that were asked',
        'good ipv6: servers are reached over IPv6',
        'good edns: EDNS comes through, in a reply of 758 octets',
        'good tcp: TCP to port 53 comes through',
      ],
    ],
    [
      'one where nothing answers is an error, and nothing more is said of it',
      { ipv4: false, ipv6: false },
      [
        'error upstream: none of 6 root servers answers: nothing can be resolved',
        'warning ipv6: this host has an IPv6 address, but no server answers over IPv6: look-ups wait for what does not come',
      ],
    ],
    [
      'IPv6 that leads nowhere is a warning',
      { ipv6: false },
      [
        'good upstream: 3 of 6 root servers answered that were asked',
        'warning ipv6: this host has an IPv6 address, but no server answers over IPv6: look-ups wait for what does not come',
        'good edns: EDNS comes through, in a reply of 758 octets',
        'good tcp: TCP to port 53 comes through',
      ],
    ],
  ])('%s', async (_name, way, expected) => expect(await linesFor(way)).toEqual(expected))

  it.each<[string, Partial<Way>, string]>([
    ['a resolver that answers for the root servers', { intercepted: true }, 'error upstream: port 53 is intercepted'],
    ['a way that drops EDNS', { edns: 'dropped' }, 'warning edns: 198.41.0.4 answers, but not a query with EDNS'],
    ['a way that takes EDNS out', { edns: 'stripped' }, 'error edns: the reply of 198.41.0.4 has lost its EDNS'],
    ['a way that takes signatures out', { edns: 'unsigned' }, 'error edns: the reply of 198.41.0.4 has lost its sig'],
    ['a way without TCP', { tcp: false }, 'warning tcp: 198.41.0.4 answers over UDP, but not over TCP (ECONNREFUSED)'],
    [
      'a clock that is slow',
      { signed: [NOW + 3 * DAY_S, NOW + 20 * DAY_S] },
      'error clock: by the signatures of the root the clock is slow by 3 days at least',
    ],
    [
      'a clock that is fast',
      { signed: [NOW - 20 * DAY_S, NOW - 7_200] },
      'error clock: by the signatures of the root the clock is fast by 2 hours at least',
    ],
  ])('%s is found', async (_name, way, expected) => {
    expect(await linesFor(way)).toContainEqual(expect.stringContaining(expected))
  })

  it('a host without an IPv6 address has a note, not a warning', async () => {
    expect(
      await linesFor({ ipv6: false }, {}, { addresses: ['127.0.0.1', '::1', 'fe80::1%eth0', 'fd00::1'] }),
    ).toContain('note ipv6: this host has no IPv6 address; IPv4 is used')
  })

  it('IPv6 that is switched off is not asked', async () => {
    expect(await linesFor({ ipv6: false }, { upstream: { ipv6: false } })).toEqual([
      'good upstream: 3 of 3 root servers answered that were asked',
      'good ipv6: IPv6 is switched off in the configuration',
      'good edns: EDNS comes through, in a reply of 758 octets',
      'good tcp: TCP to port 53 comes through',
    ])
  })
})

describe('forwarders', () => {
  const settings = { forward: [{ zone: '.', to: ['192.0.2.53'] }] }

  it('one that answers is good, and the way to it is looked at', async () => {
    expect(await linesFor({}, settings, { lookUp: () => Promise.resolve([{ kind: 'answer' } as Outcome]) })).toEqual([
      'good upstream: forward zone . (192.0.2.53) answers',
      'good edns: EDNS comes through, in a reply of 758 octets',
      'good tcp: TCP to port 53 comes through',
    ])
  })

  it('one that fails is an error with its reason, and no root server is asked', async () => {
    expect(await linesFor({ ipv4: false }, settings, { lookUp: () => Promise.resolve([failure]) })).toEqual([
      'error upstream: forward zone . (192.0.2.53) does not answer: silent',
    ])
  })

  it('one of a part of the names leaves the root servers in their place', async () => {
    const part = { forward: [{ zone: 'corp.example', to: ['192.0.2.53'] }] }
    const lines = await linesFor({}, part, { lookUp: () => Promise.resolve([failure]) })
    expect(lines.slice(0, 2)).toEqual([
      'good upstream: 6 of 6 root servers answered that were asked',
      'error upstream: forward zone corp.example. (192.0.2.53) does not answer: silent',
    ])
  })
})
