/**
 * Small internets for tables of what real servers do: zones with their servers, each server a function of a few lines,
 * and the questions that clients ask, in order, as text. Everything runs on the virtual clock.
 *
 *     zones: { 'kab.test.': { records: 'www A 192.0.2.1', servers: [ask => replies('REFUSED')] } }
 *     script: ['www.kab.test. AAAA -> SERVFAIL', 'wait 30s', 'lose 1', 'www.kab.test. A -> NOERROR 192.0.2.1']
 *
 * The root and the top-level zones are made when they are not given; they are signed when a zone is. SOA, NS, glue and
 * DS records are made for each zone.
 */
import { expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { groupRRsets, recordsOf, type Rr } from '../../src/dns/rrset.ts'
import { formatName } from '../../src/presentation/text.ts'
import { Rcode, RrType, typeName } from '../../src/dns/types.ts'
import { signedLabels, signedOctets, signedOwner } from '../../src/dnssec/canonical.ts'
import type { Transport } from '../../src/ports.ts'
import type { Outcome } from '../../src/steps.ts'
import type { ZoneSource } from '../../src/simulation/internet.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { nameOf, question, records } from '../../src/simulation/records.ts'
import { planOf } from '../../src/signing/signing-plan.ts'
import type { Responder } from '../../src/simulation/network.ts'
import type { Reaction } from '../../src/simulation/server.ts'
import { simSettings } from '../../src/simulation/settings.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'

/** TTL in seconds of everything, denials included. */
export const TTL = 300

/** A question as a server gets it. `name` in lower case with its last dot. */
export interface Asked {
  readonly name: string
  readonly type: string
  readonly transport: Transport
  /** Has the question a letter in upper case? */
  readonly mixed: boolean
  /** Came the question with an OPT record? */
  readonly edns: boolean
  /** What this server says honestly, to this question or to another one. */
  honest(name?: string, type?: string): Message
}

/**
 * Undefined: the honest answer. Sections that are not given are empty; `edns: null` is a reply without OPT record.
 * `closed`: the connection ends, or the host says that nothing listens.
 */
export type Reply = 'silent' | 'closed' | Partial<Message> | Changed | undefined

/** The honest answer, late, with other octets, or as the last on its connection. */
interface Changed {
  readonly afterMs?: number
  readonly isLast?: true
  readonly octets?: (honest: Uint8Array) => Uint8Array
}
export type Server = (ask: Asked) => Reply

export interface ZoneRow {
  /** Master-file text below the zone's own SOA and NS records. */
  readonly records?: string
  /** How it is signed, in the words of `signing-plan.ts`; without it is not. */
  readonly sign?: string | undefined
  /** Its servers; one honest one when there are none. */
  readonly servers?: readonly Server[]
  /** The names of its servers, when they are in other zones: no glue is made. Default `ns1`, `ns2` … in the zone. */
  readonly ns?: readonly string[]
  /** The addresses of its servers. Default some of 198.51.100.0/24. */
  readonly at?: readonly string[]
  /** RDATA of the DS records at the parent, as text, from those that it would have. */
  readonly ds?: (own: readonly string[]) => readonly string[]
}

export interface Row {
  /** A sentence. */
  readonly title: string
  readonly zones: Readonly<Record<string, ZoneRow>>
  /** Steps, see `play`. */
  readonly script: readonly string[]
  readonly minimise?: 'off' | 'relaxed' | 'strict'
  readonly validation?: NonNullable<WorldOptions['validation']>
}

export const honest: Server = () => undefined
export const silent: Server = () => 'silent'

/** `kab.test. SOA …` of a zone, as every zone here has it. */
export const soaOf = (zone: string): string => `${zone} SOA ns1.${zone === '.' ? '' : zone} h. 1 7200 3600 86400 ${TTL}`

/** Records out of lines such as `www.kab.test. A 192.0.2.1`, which may have a TTL. */
export const rrs = (text: string): readonly Rr[] =>
  records(
    text.replaceAll(
      /^\s*(\S+)\s+(\d+\s+)?(?:IN\s+)?/gm,
      (_, owner: string, ttl?: string) => `${owner} ${ttl ?? TTL} IN `,
    ),
  )

export interface Sections {
  readonly answer?: string | readonly Rr[]
  readonly authority?: string | readonly Rr[]
  readonly aa?: boolean
}

/** A reply with this rcode, with AA unless it is an error or says otherwise. */
export function replies(
  rcode: 'NOERROR' | 'NXDOMAIN' | 'YXDOMAIN' | 'REFUSED' | 'SERVFAIL' | 'NOTIMP',
  sections: Sections = {},
): Partial<Message> {
  const read = (section: string | readonly Rr[] = []): readonly Rr[] =>
    typeof section === 'string' ? rrs(section) : section
  const authoritative = sections.aa ?? (rcode === 'NOERROR' || rcode === 'NXDOMAIN' || rcode === 'YXDOMAIN')
  return { rcode: Rcode[rcode], authoritative, answer: read(sections.answer), authority: read(sections.authority) }
}

/** Keys are the same in all these worlds: they are made once. */
const store = new KeyStore()

const keysOf = (zone: string, sign: string): ReturnType<KeyStore['keysOf']> => {
  const plan = planOf(sign)
  if (plan === null) throw new Error(`${zone} is not signed`)
  return store.keysOf(nameOf(zone), simSettings.keySeed, plan)
}

const DAY_S = 86_400

export interface SignatureChanges {
  readonly labels?: number
  /** Another key tag than that of the key. */
  readonly keyTag?: number
  /** The name that the signature says signed it. */
  readonly signer?: string
  /** Octets instead of a signature. */
  readonly junk?: boolean
}

/** The signatures by a zone's key over each set of `text`, or over `text` as records. */
export function signaturesBy(
  zone: string,
  text: string | readonly Rr[],
  changes: SignatureChanges = {},
  sign = '',
): readonly Rr[] {
  const [key] = keysOf(zone, sign).zoneSigners
  if (key === undefined) throw new Error(`${zone} has no key`)
  return groupRRsets(typeof text === 'string' ? rrs(text) : text).map(set => {
    const labels = changes.labels ?? signedLabels(set.name)
    const fields = {
      covered: set.type,
      algorithm: key.algorithm,
      labels,
      originalTtl: set.ttl,
      keyTag: changes.keyTag ?? key.tag,
      expiration: simSettings.wallStartS + 7 * DAY_S,
      inception: simSettings.wallStartS - DAY_S,
      signer: nameOf(changes.signer ?? zone),
    }
    const head = rrsigRdata({ ...fields, signature: new Uint8Array(0) })
    const owner = signedOwner(set.name, labels) ?? set.name
    const signature =
      changes.junk === true ? new Uint8Array(64).fill(7) : key.sign(signedOctets(head, set, owner, set.ttl))
    return {
      owner: set.owner,
      type: RrType.RRSIG,
      class: set.class,
      ttl: set.ttl,
      rdata: rrsigRdata({ ...fields, signature }),
    }
  })
}

/** `text` with the signatures of the zone. */
export const signedBy = (zone: string, text: string): readonly Rr[] => [...rrs(text), ...signaturesBy(zone, text)]

/** What is going on in a world while its script runs. */
export interface Control {
  /** Packets to the servers of given zones that are lost next. */
  lose: number
  /** From now on all servers are honest. */
  honest: boolean
}

const SERVERS_PER_ZONE = 10

interface Planned extends ZoneRow {
  readonly origin: string
  readonly at: readonly string[]
}

/** The j-th address of the i-th zone. */
const documentationAddress = (i: number, j: number): string => `198.51.100.${1 + SERVERS_PER_ZONE * i + j}`

/** The root and top-level zones that are missing, then everything with its addresses. */
function planned(
  zones: Readonly<Record<string, ZoneRow>>,
  addressOf: (zone: number, server: number) => string = documentationAddress,
): readonly Planned[] {
  const upper: ZoneRow = Object.values(zones).some(({ sign }) => sign !== undefined) ? { sign: '' } : {}
  const tops = Object.keys(zones).map(origin => `${origin.split('.').at(-2) ?? ''}.`)
  const all = { ...Object.fromEntries(['.', ...tops].map(origin => [origin, upper])), ...zones }
  return Object.entries(all).map(([origin, row], i) => {
    const at = row.at ?? (row.servers ?? [honest]).map((_, j) => addressOf(i, j))
    return { ...row, origin, at }
  })
}

const isBelow = (name: string, zone: string): boolean => name !== zone && (zone === '.' || name.endsWith(`.${zone}`))
const inZone = (host: string, zone: string): string => (zone === '.' ? `${host}.` : `${host}.${zone}`)

function textOf(zone: Planned, all: readonly Planned[]): string {
  const servers = ({ origin, at, ns }: Planned): string[] =>
    ns?.map(name => `${origin} NS ${name}`) ??
    at.map((address, j) => `${origin} NS ${inZone(`ns${j + 1}`, origin)}\n${inZone(`ns${j + 1}`, origin)} A ${address}`)
  const children = all.filter(
    child =>
      isBelow(child.origin, zone.origin) &&
      !all.some(between => isBelow(child.origin, between.origin) && isBelow(between.origin, zone.origin)),
  )
  const ds = children.flatMap(child => {
    const own =
      child.sign === undefined ? [] : keysOf(child.origin, child.sign).ds.map(rdata => formatRdata(RrType.DS, rdata))
    return (child.ds?.(own) ?? []).map(rdata => `${child.origin} DS ${rdata}`)
  })
  return [
    `$TTL ${TTL}`,
    soaOf(zone.origin),
    ...servers(zone),
    zone.records ?? '',
    ...children.flatMap(servers),
    ...ds,
    '',
  ].join('\n')
}

/** Zones as they are served, and who answers instead at which address. */
export interface OddInternet {
  readonly zones: readonly ZoneSource[]
  readonly keys: KeyStore
  /** By address; each at one address stands before the one before it. */
  readonly behaviours: readonly (readonly [address: string, server: Server])[]
}

/** `zones` with all that is made for them; `addressOf` gives the servers' addresses where a zone gives none. */
export function oddInternet(
  zones: Readonly<Record<string, ZoneRow>>,
  addressOf?: (zone: number, server: number) => string,
): OddInternet {
  const all = planned(zones, addressOf)
  return {
    zones: all.map(
      (zone): ZoneSource => ({
        origin: zone.origin,
        text: textOf(zone, all),
        at: zone.at,
        sign: zone.sign,
      }),
    ),
    keys: store,
    behaviours: all
      .filter(({ origin }) => zones[origin] !== undefined)
      .flatMap(({ at, servers = [honest] }) => at.map((address, j) => [address, servers[j] ?? honest] as const)),
  }
}

function worldOf(row: Row, control: Control, seed: number): World {
  const { zones, behaviours } = oddInternet(row.zones)
  const world = simulate({
    seed,
    zones,
    keys: store,
    settings: { minimise: row.minimise ?? 'relaxed' },
    ...(row.validation === undefined ? {} : { validation: row.validation }),
  })
  for (const [address, server] of behaviours) {
    const host = world.internet.hosts.get(address)
    if (host !== undefined) host.server.react = reacting(host.server, server, control)
  }
  return world
}

function messageOf(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message
}

/** The honest server with what `server` says instead. */
export function reacting(honestServer: Responder, server: Server, control: Control): Responder['react'] {
  const react = honestServer.react.bind(honestServer)
  return (query, transport, at): Reaction => {
    if (control.lose > 0) {
      control.lose--
      return { kind: 'arrivals', arrivals: [] }
    }
    const asked = messageOf(query)
    if (asked.question === null || control.honest) return react(query, transport, at)
    const name = formatName(asked.question.name)
    const type = typeName(asked.question.type)
    const said = server({
      name,
      type,
      transport,
      edns: asked.edns !== null,
      mixed: asked.question.cased !== asked.question.name,
      honest: (otherName = name, otherType = type) => {
        const other = question(otherName, otherType)
        const reaction = react(
          encodeMessage({ ...asked, question: { ...other, cased: other.name } }, { maxBytes: simSettings.tcpBytes })
            .bytes,
          'tcp',
          at,
        )
        const [first] = reaction.kind === 'arrivals' ? reaction.arrivals : []
        if (first === undefined) throw new Error('an honest server answers')
        return messageOf(first.bytes)
      },
    })
    if (said === undefined) return react(query, transport, at)
    if (said === 'silent') return { kind: 'arrivals', arrivals: [] }
    if (said === 'closed') return { kind: 'closed' }
    if ('afterMs' in said || 'octets' in said || 'isLast' in said) {
      const { afterMs = 0, octets = bytes => bytes, isLast = false } = said
      const reaction = react(query, transport, at)
      if (reaction.kind !== 'arrivals') return reaction
      return {
        kind: 'arrivals',
        arrivals: reaction.arrivals.map(({ bytes, ...rest }) => ({ ...rest, bytes: octets(bytes), afterMs, isLast })),
      }
    }
    const empty: Message = {
      ...asked,
      response: true,
      authoritative: false,
      truncated: false,
      recursionAvailable: false,
      authenticData: false,
      rcode: Rcode.NOERROR,
      answer: [],
      authority: [],
      additional: [],
    }
    const reply = {
      ...empty,
      ...said,
      id: asked.id,
      question: asked.question,
      edns: asked.edns === null || ('edns' in said && said.edns === null) ? null : { ...asked.edns, options: [] },
    }
    return {
      kind: 'arrivals',
      arrivals: [{ bytes: encodeMessage(reply, { maxBytes: simSettings.tcpBytes }).bytes, afterMs: 0 }],
    }
  }
}

/** `NOERROR AD 192.0.2.1 | 192.0.2.2`; only the data of the type that was asked for, in order. */
function summaryOf(outcome: Outcome, type: string): string {
  if (outcome.kind === 'failure')
    return outcome.why === 'name-too-long'
      ? ['YXDOMAIN', ...outcome.rrsets.map(set => typeName(set.type))].join(' ')
      : 'SERVFAIL'
  const ad = outcome.security.kind === 'secure' ? ' AD' : ''
  if (outcome.kind !== 'answer') return `${outcome.kind === 'nodata' ? 'NODATA' : 'NXDOMAIN'}${ad}`
  const wanted = outcome.rrsets.filter(set => type === 'ANY' || typeName(set.type) === type)
  const data = wanted.flatMap(set => recordsOf(set).map(({ rdata }) => formatRdata(set.type, rdata)))
  return `NOERROR${ad} ${data.sort().join(' | ')}`
}

/** With ` any` for whatever data there is, or ` own` for what came by no alias, when that is what is expected. */
function shownAs(expected: string, text: string, { rrsets }: Outcome): string {
  if (expected.endsWith(' any')) return text.replace(/^(NOERROR(?: AD)?) .+$/, '$1 any')
  if (!expected.endsWith(' own')) return text
  return text.replace(
    /^(\S+(?: AD)?).*$/,
    rrsets.some(({ type }) => type === RrType.CNAME) ? '$1 by an alias' : '$1 own',
  )
}

const QUESTION = /^(\+cd )?(\S+) (\S+) -> (.+?)(?:; (at most |at least )?(\d+) packets?)?$/

/**
 * One step of a script, which is one of
 *
 *     www.kab.test. A -> NOERROR AD 192.0.2.1         a question, and what the client gets: rcode or NODATA, AD, data
 *     +cd www.kab.test. A -> NOERROR any; 2 packets   with CD=1; any data; queries sent for it, to all zones together
 *     www.kab.test. A -> NODATA or NXDOMAIN           either
 *     www.kab.test. A -> YXDOMAIN CNAME DNAME         with the types of the sets that are shown with it
 *     www.kab.test. NSEC -> NOERROR AD own            data, or NODATA, of the very name: no alias led there
 *     wait 30s                                        time passes
 *     lose 1                                          that many of the next packets to servers of given zones are lost
 *     all honest                                      from now on every server is honest
 */
function play(world: World, control: Control, step: string): void {
  const [verb, argument = ''] = step.split(' ')
  if (verb === 'wait') {
    world.advance(argument)
    return
  }
  if (verb === 'lose') {
    control.lose = Number(argument)
    return
  }
  if (step === 'all honest') {
    control.honest = true
    return
  }
  const [, cd, name = '', type = '', expected = '', bound, count] = QUESTION.exec(step) ?? []
  if (name === '') throw new Error(`"${step}" is no step`)
  const [before, traced] = [world.network.started, world.trace.length]
  const outcome = world.resolve(name, type, { checkingDisabled: cd !== undefined })
  const sent = world.network.started - before
  const found = shownAs(expected, summaryOf(outcome, type), outcome)
  const walk = `${step}\n${world.traceText().split('\n').slice(traced).join('\n')}`
  const either = expected.split(' or ')
  if (either.length > 1) expect(either, walk).toContain(found)
  else expect(found, walk).toBe(expected)
  if (count === undefined) return
  if (bound === 'at most ') expect(sent, walk).toBeLessThanOrEqual(Number(count))
  else if (bound === 'at least ') expect(sent, walk).toBeGreaterThanOrEqual(Number(count))
  else expect(sent, walk).toBe(Number(count))
}

/** Which of several servers is asked first must not matter. */
const SEEDS = [1, 2, 3, 4]

/** A test for each row, with several seeds when a zone has several servers. */
export function rows(table: readonly Row[]): void {
  for (const row of table) {
    const several = Object.values(row.zones).some(({ servers = [honest] }) => servers.length > 1)
    it(row.title, () => {
      for (const seed of several ? SEEDS : SEEDS.slice(0, 1)) {
        const control: Control = { lose: 0, honest: false }
        const world = worldOf(row, control, seed)
        for (const step of row.script) play(world, control, step)
      }
    })
  }
}
