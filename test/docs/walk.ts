/**
 * One query in a simulated internet, and the same query again a minute later: every value that `docs/walkthrough.md`
 * shows, by the name of its block. Equal runs give equal values: seed, clock and servers are those of the simulation.
 */
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { type AskedQuestion, HEADER_OCTETS, type Message, type Question } from '../../src/dns/message.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { type Rr, type RRset, recordsOf } from '../../src/dns/rrset.ts'
import { formatName, parseName } from '../../src/presentation/text.ts'
import { foldName, ROOT, type WireName } from '../../src/dns/name.ts'
import { RrClass, RrType, typeName } from '../../src/dns/types.ts'
import { keyOf, newPeek, peekQuery } from '../../src/dns/wire.ts'
import { checkQuery } from '../../src/server/check-query.ts'
import { classify, type Verdict } from '../../src/resolver/classify.ts'
import { Trust } from '../../src/cache/trust.ts'
import { Counters } from '../../src/server/counters.ts'
import { makeServe } from '../../src/server/serve-parts.ts'
import { WaitingClients } from '../../src/server/pending-queries.ts'
import { simulate, type World } from '../../src/simulation/world.ts'
import { parsePrefix } from '../../src/dns/address.ts'
import { makeLocalZones } from '../../src/zone/local-zones.ts'
import { client } from '../server/make.ts'

const ROOT_SERVER = '198.51.100.1'
const COM_SERVER = '198.51.100.11'
const EXAMPLE_SERVER = '203.0.113.53'
const NAME = 'www.example.com.'
const OPT_OCTETS = 11
const soa = (master: string): string => `@ 3600 IN SOA ${master} hostmaster 1 7200 3600 86400 300`

const world = (): World =>
  simulate({
    seed: 7,
    delay: '20ms',
    zones: [
      {
        origin: '.',
        at: [ROOT_SERVER],
        text: [
          soa('a.root.'),
          '@ 86400 IN NS a.root.',
          `a.root. 86400 IN A ${ROOT_SERVER}`,
          'com. 86400 IN NS a.nic.com.',
          `a.nic.com. 86400 IN A ${COM_SERVER}`,
        ].join('\n'),
      },
      {
        origin: 'com.',
        at: [COM_SERVER],
        text: [
          soa('a.nic'),
          '@ 86400 IN NS a.nic',
          `a.nic 86400 IN A ${COM_SERVER}`,
          'example 3600 IN NS ns.example',
          `ns.example 3600 IN A ${EXAMPLE_SERVER}`,
        ].join('\n'),
      },
      {
        origin: 'example.com.',
        at: [EXAMPLE_SERVER],
        text: `${soa('ns')}\n@ 3600 IN NS ns\nns 3600 IN A ${EXAMPLE_SERVER}\nwww 300 IN A 192.0.2.10`,
      },
    ],
  })

/** Octets in hexadecimal, as many in a line as each of `parts` says; the rest in the last. */
function hex(bytes: Uint8Array, parts: readonly (readonly [number, string])[]): string {
  let at = 0
  return parts
    .map(([count, what]) => {
      const octets = [...bytes.subarray(at, at + count)].map(octet => octet.toString(16).padStart(2, '0')).join(' ')
      at += count
      return `${octets.padEnd(63)}  ${what}`.trimEnd()
    })
    .join('\n')
}

function query(id: number, cased: WireName): Uint8Array {
  const question: AskedQuestion = { name: foldName(cased), cased, type: RrType.A, class: RrClass.IN }
  const edns = { payloadSize: 1232, version: 0, dnssecOk: false, flags: 0, options: [] }
  return encodeQuery({ id, question, cased, recursionDesired: true, checkingDisabled: false, edns })
}

function wire(text: string): WireName {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(name.error)
  return name
}

function messageOf(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'format-error') throw new Error(decoded.why)
  return decoded.message
}

const question: Question = { name: foldName(wire(NAME)), type: RrType.A, class: RrClass.IN }

const setText = (set: RRset): string => recordsOf(set).map(recordText).join(', ')

const recordText = (record: Rr): string => formatRr(record).replaceAll('\t', ' ')

const questionText = (question: Question): string => `${formatName(question.name)} ${typeName(question.type)}`

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'referral': {
      const { zone, servers, ttl } = verdict.referral
      const named = servers.map(
        ({ name, addresses }) => `${formatName(name)} ${addresses.map(ip => ip.text).join(' ')}`,
      )
      return `referral to ${formatName(zone)}, ttl ${ttl}, servers: ${named.join(', ')}`
    }
    case 'answer':
      return `answer${verdict.authoritative ? ' with authority' : ''}: ${setText(verdict.rrset)}`
    default:
      return verdict.kind
  }
}

/** What was sent to servers, as the effects say it, and the verdict on what came. */
function exchangesText(on: World, startedAt: number, timeouts: readonly number[]): string {
  let zone = ROOT
  return on.exchanges
    .map(({ atMs, server, transport, query: sent, result }, index) => {
      if (result?.kind !== 'reply') return `${server.key}: ${result?.kind}`
      const asked = messageOf(sent)
      const { question } = asked
      if (question === null) throw new Error('a query without a question')
      const verdict = classify({ question, zone, hardenGlue: true }, messageOf(result.bytes), on.limits.engine)
      const at = `${String(Math.round(atMs - startedAt)).padStart(2)} ms`
      const cased = `${formatName(question.cased)} ${typeName(question.type)}`
      const text = [
        `${at}  exchange: ${server.key} over ${transport}, ${cased}, EDNS ${asked.edns?.payloadSize ?? 'no'}, ` +
          `id ${asked.id}, time-out ${Math.round(timeouts[index] ?? 0)} ms`,
        `       reply of ${result.bytes.length} octets after ${Math.round(result.rttMs)} ms`,
        `       verdict: ${verdictText(verdict)}`,
      ].join('\n')
      if (verdict.kind === 'referral') zone = verdict.referral.zone
      return text
    })
    .join('\n')
}

const trustName = (trust: number): string => Object.entries(Trust).find(([, value]) => value === trust)?.[0] ?? '?'

function cacheText(on: World): string {
  const now = on.clock.now()
  const left = (expiresAt: number): string => `${Math.round((expiresAt - now) / 1_000)} s left`
  const delegations = ['com.', 'example.com.'].map(zone => {
    const found = on.caches.delegations.get(foldName(wire(zone)), now)
    const names = found?.servers.map(({ name }) => formatName(name)).join(' ')
    return `delegations  ${zone}: ${names}, ${left(found?.expiresAt ?? now)}`
  })
  const entry = on.caches.rrsets.get(foldName(wire(NAME)), RrType.A, RrClass.IN, now)
  const set =
    entry === undefined
      ? 'nothing'
      : `trust ${trustName(entry.trust)}, security ${entry.security.kind}, ${left(entry.expiresAt)}`
  const servers = [ROOT_SERVER, COM_SERVER, EXAMPLE_SERVER].map(address => {
    const facts = on.caches.servers.facts(`${address}#53`, now)
    const timeoutMs = Math.round(on.caches.servers.timeoutOf(facts))
    return `servers      ${address}#53: round trip ${facts.srttMs} ms, next time-out ${timeoutMs} ms`
  })
  return [...delegations, `rrsets       ${NAME} A: ${set}`, ...servers].join('\n')
}

/** A server over the world, and what it kept. */
function serverOver(on: World): {
  ask(bytes: Uint8Array): Promise<Uint8Array>
  kept: () => string
  readonly counters: Counters
} {
  const counters = new Counters()
  const { answers } = on.caches
  let kept = ''
  const put = answers.put.bind(answers)
  answers.put = (...args) => {
    const { key, dnssecOk, checkingDisabled, wire, ttlOffsets, ttlSeconds } = args[0]
    const type = key.charCodeAt(key.length - 2)
    const asked = `${questionText({ ...question, type })}, DO ${dnssecOk}, CD ${checkingDisabled}`
    kept = `put: ${asked}: ${wire.length} octets, TTL at octet ${[...ttlOffsets].join(', ')}, for ${ttlSeconds} s`
    return put(...args)
  }
  const noZones = makeLocalZones([], [])
  const serve = makeServe({
    engine: {
      clock: on.clock,
      random: { below: () => 0 },
      caches: on.caches,
      resolver: on.resolver,
      zones: { current: () => noZones },
    },
    allow: ['127.0.0.0/8'].flatMap(text => parsePrefix(text) ?? []),
    identity: { version: null, id: null },
    limits: on.limits,
    watch: () => step => on.trace.push(step),
    waiting: new WaitingClients(on.limits.server),
    counters,
    events: () => {},
    queryLog: null,
  })
  const ask = async (bytes: Uint8Array): Promise<Uint8Array> => {
    let reply: Uint8Array | null = null
    serve(bytes, bytes.length, client(), (octets, length) => {
      reply = octets.slice(0, length)
    })
    on.run()
    // The policy stages are promises: the reply is made in the turn after the resolution ended.
    for (let turns = 0; reply === null && turns < 10; turns++) await Promise.resolve()
    if (reply === null) throw new Error('no reply')
    return reply
  }
  return { ask, kept: () => kept, counters }
}

/** Where two messages differ, octet by octet. */
function differencesText(first: Uint8Array, second: Uint8Array): string {
  const ttl = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
  const changed = [...first.keys()].filter(at => first[at] !== second[at])
  return `octets that differ: ${changed.join(', ')}; TTL ${ttl(first, 39)} -> ${ttl(second, 39)}`
}

/** All values, by block. */
export async function walkthrough(): Promise<Readonly<Record<string, string>>> {
  const on = world()
  const { ask, kept, counters } = serverOver(on)
  const timeouts: number[] = []
  const exchange = on.network.exchange.bind(on.network)
  on.network.exchange = (server, transport, sent, timeoutMs, done) => {
    timeouts.push(timeoutMs)
    return exchange(server, transport, sent, timeoutMs, done)
  }
  const first = query(0x2a01, wire(NAME))
  const peek = newPeek()
  const understood = peekQuery(first, first.length, peek)
  const checked = checkQuery(decodeMessage(first), 'udp')
  const startedAt = on.clock.now()
  const reply = await ask(first)
  const trace = on.traceText()
  const cache = cacheText(on)
  on.advance('60s')
  const again = query(0x2a02, wire('WWW.example.COM.'))
  const hit = await ask(again)
  const questionOctets = first.length - HEADER_OCTETS - OPT_OCTETS
  const counted = counters.snapshot()
  const parts = (header: string, asked: string, answer: string): readonly (readonly [number, string])[] => [
    [HEADER_OCTETS, header],
    [questionOctets, asked],
    ...(answer === '' ? [] : [[16, answer] as const]),
    [OPT_OCTETS, 'OPT: 1232 octets'],
  ]
  return {
    query: hex(first, parts('ID 0x2a01, RD, one question, one additional record', `${NAME} A IN`, '')),
    peek: [
      `peekQuery: ${understood}; the question ends at octet ${peek.questionEnd}, type ${peek.type}, DO ${peek.dnssecOk},`,
      `           payload ${peek.payloadSize}; the key has ${keyOf(peek).length} octets`,
    ].join('\n'),
    checked: `checkQuery: ${checked.kind}${checked.kind === 'query' ? `, ${questionText(checked.asked.question)}` : ''}`,
    exchanges: exchangesText(on, startedAt, timeouts),
    trace,
    cache,
    reply: hex(
      reply,
      parts('ID 0x2a01, QR RD RA, one answer', `${NAME} A IN`, 'pointer to octet 12, A IN, TTL 300, 192.0.2.10'),
    ),
    kept: kept(),
    hit: hex(hit, parts('ID 0x2a02', 'WWW.example.COM. A IN', 'TTL 240')),
    difference: differencesText(reply, hit),
    counted: [
      `queries ${counted.udpQueries}: from the cache ${counted.answeredFromCache}, ` +
        `by the value path ${counted.answeredByValuePath}`,
      `messages to servers: ${on.exchanges.length}`,
    ].join('\n'),
  }
}
