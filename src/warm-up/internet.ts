/**
 * The internet that the engine is warmed up with: a root, three top-level domains and as many zones as are asked for,
 * all made up, behind the very code that talks to real servers over UDP. There is no socket in it; what a server says
 * is worked out when it is asked and delivered in the next turn of the loop.
 *
 * Invariants: nothing leaves the process; every question of `questions.ts` has the answer that it expects.
 */
import { ipFromBytes, type IpAddress } from '../dns/address.ts'
import { latin1, putU16, putU32, u16 } from '../dns/bytes.ts'
import { formatBase32Hex } from '../dns/encoding-text.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { foldName, labelCount, type Name, nameBytes, prependLabel, ROOT, suffixOf, trustWireName } from '../dns/name.ts'
import { nsec3Rdata, nsecRdata } from '../dns/rdata-dnssec-make.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { Rcode, RrClass, RrType } from '../dns/types.ts'
import { questionEnd } from '../dns/wire.ts'
import { NSEC3_SHA1, nsec3Hash } from '../dnssec/algorithms.ts'
import type { Limits } from '../limits.ts'
import { takeReply } from '../net/upstream/match-reply.ts'
import type { OpenedSocket, SocketUser, UpstreamSockets } from '../net/upstream/udp-sockets.ts'
import { UdpUpstream, type UpstreamParts } from '../net/upstream/udp.ts'
import type { Cancel, Clock, ExchangeResult, Network, Random, ServerAddress, Transport } from '../ports.ts'
import { HostKind, nameIn, ZoneKind } from './questions.ts'
import { ReplyWriter, type Said } from './reply.ts'
import type { WarmUpSigner } from './signer.ts'

export interface WarmUpInternetParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  /** Null when nothing is to be validated. */
  readonly signer: WarmUpSigner | null
  /** Told of what was thrown here. */
  readonly broke: (error: unknown) => void
}

/** What a server is for, told by its address. */
const Role = { Root: 0, TopLevel: 1, Zone: 2, Silent: 3 } as const
export const ROOT_ROLE: number = Role.Root
/** Of 4 and 16 octets. 198.18.0.0/15 and 2001:2::/48 are for measuring and nobody's (RFC 2544, RFC 5180). */
const ROLE_AT = { 4: 2, 16: 13 } as const
const SERVERS = 6

/** The `n`-th address of a role. */
export const warmUpAddresses = (role: number, n: number): readonly IpAddress[] =>
  [Uint8Array.of(198, 18, role, n), Uint8Array.of(0x20, 0x01, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, role, 0, n)].map(
    ipFromBytes,
  )

const roleOf = ({ bytes }: IpAddress): number => bytes[bytes.length === 4 ? ROLE_AT[4] : ROLE_AT[16]] ?? Role.Silent

export class WarmUpInternet {
  readonly #parts: WarmUpInternetParts
  readonly #servers: Servers
  readonly #sockets: MadeUpSockets
  readonly #udp: UdpUpstream
  #closed = false

  constructor(parts: WarmUpInternetParts) {
    const { clock, random, limits, signer, broke } = parts
    this.#parts = parts
    this.#servers = new Servers(signer)
    this.#sockets = new MadeUpSockets(this.#servers, broke)
    // As `createNetwork` makes them: V8 tells objects apart by how they were made.
    const upstream: UpstreamParts = { clock, random, limits: limits.upstream, exhausted: () => {} }
    this.#udp = new UdpUpstream({ ...upstream, sockets: this.#sockets })
  }

  /**
   * The port of the engine, in the form of the real one. `other` is the same by another function: what has been seen
   * calling two is compiled for calling any, the real one too.
   */
  port(other: boolean): Network {
    const usage = (): null => null
    const close = (): void => this.close()
    const one = {
      exchange: (...asked: Parameters<Network['exchange']>): Cancel => this.#exchange(...asked),
      usage,
      close,
    }
    const two = {
      exchange: (
        server: ServerAddress,
        transport: Transport,
        query: Uint8Array,
        timeoutMs: number,
        done: (result: ExchangeResult) => void,
      ): Cancel => this.#exchange(server, transport, query, timeoutMs, done),
      usage,
      close,
    }
    return other ? two : one
  }

  #exchange(
    server: ServerAddress,
    transport: Transport,
    query: Uint8Array,
    timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): Cancel {
    // Its time is not waited for.
    if (roleOf(server.ip) === Role.Silent) return this.#soon(() => done({ kind: 'timeout', mismatches: 0 }))
    if (transport === 'udp') return this.#udp.exchange(server, query, timeoutMs, done)
    const asked = Uint8Array.from(query)
    return this.#soon(() => {
      const bytes = this.#servers.reply(server.ip, asked, 'tcp')
      const { judgement } = takeReply(asked, bytes)
      done({ kind: 'reply', bytes, rttMs: 1, caseEchoed: judgement !== 'reply-wrong-case', mismatches: 0 })
    })
  }

  close(): void {
    this.#closed = true
    this.#udp.close()
  }

  #soon(then: () => void): Cancel {
    const later = setImmediate(() => {
      if (this.#closed) return
      try {
        then()
      } catch (error) {
        this.#parts.broke(error)
      }
    })
    return () => clearImmediate(later)
  }
}

interface Datagram {
  readonly server: ServerAddress
  readonly user: SocketUser
  readonly query: Uint8Array
}

/** Sockets that hear an answer in the turn after they sent, many in one turn like those of a busy server. */
class MadeUpSockets implements UpstreamSockets {
  readonly #servers: Servers
  readonly #broke: (error: unknown) => void
  #sent: Datagram[] = []
  #closed = false

  constructor(servers: Servers, broke: (error: unknown) => void) {
    this.#servers = servers
    this.#broke = broke
  }

  open(server: ServerAddress, user: SocketUser): OpenedSocket {
    return {
      kind: 'socket',
      socket: { send: query => this.#send({ server, user, query: Uint8Array.from(query) }), close: () => {} },
    }
  }

  close(): void {
    this.#closed = true
  }

  #send(datagram: Datagram): void {
    if (this.#sent.push(datagram) === 1) setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    const sent = this.#sent
    this.#sent = []
    try {
      // A socket that was closed meanwhile has no exchange any more, and does not listen.
      for (const { server, user, query } of sent)
        if (!this.#closed) user.received(this.#servers.reply(server.ip, query, 'udp'))
    } catch (error) {
      this.#broke(error)
    }
  }
}

/** Seconds, of sets by the length of their names. */
const TTLS = [300, 3_600, 86_400] as const
const set = (name: Name, type: number, ...rdatas: readonly Uint8Array[]): RRset =>
  makeRRset(name, type, RrClass.IN, TTLS[name.length % TTLS.length] ?? TTLS[0], rdatas)
/** Of all fields of a SOA. */
const SOA_VALUE = 3_600

const nothing: Said = {
  rcode: Rcode.NOERROR,
  authoritative: true,
  truncated: false,
  answer: [],
  authority: [],
  additional: [],
}
const MAIL_PREFERENCE = 10
/** Service priority 1, the owner itself, `alpn=h2` (RFC 9460). */
const HTTPS_RDATA = Uint8Array.of(0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32)
const TEXT = 'v=spf1 include:mail.example -all'
const NO_SALT = new Uint8Array(0)

/** All of them, each answering for what it is in charge of. */
class Servers {
  readonly #signer: WarmUpSigner | null
  readonly #writer = new ReplyWriter()

  constructor(signer: WarmUpSigner | null) {
    this.#signer = signer
  }

  reply(at: IpAddress, query: Uint8Array, transport: Transport): Uint8Array {
    const end = questionEnd(query)
    const name = foldName(trustWireName(latin1(query, HEADER_OCTETS, end - 4)))
    return this.#writer.write(query, name, this.#say(roleOf(at), name, u16(query, end - 4), transport))
  }

  #say(role: number, name: Name, type: number, transport: Transport): Said {
    const above = role === Role.Root ? 0 : role === Role.TopLevel ? 1 : 2
    const zone = suffixOf(name, above)
    if (role !== Role.Zone && labelCount(name) > above) return this.#above(zone, suffixOf(name, above + 1), name, type)
    if (name === zone) return this.#apex(zone, type)
    return this.#host(zone, name, type, transport)
  }

  /** What the parent says of a child and of what is below it. */
  #above(parent: Name, child: Name, name: Name, type: number): Said {
    const isTop = parent === ROOT
    const signer = this.#signer
    const ds =
      signer !== null && (isTop || child.charAt(1) === ZoneKind.Signed)
        ? [signer.signed(set(child, RrType.DS, signer.dsOf(child)), parent)]
        : []
    const proof = ds.length > 0 || signer === null ? ds : [signer.signed(unsignedChild(parent, child), parent)]
    if (name === child && type === RrType.DS)
      return ds.length > 0 ? { ...nothing, answer: ds } : { ...nothing, authority: [this.#soa(parent), ...proof] }
    const { ns, glue } = isTop ? serversOfTop(child) : serversOf(child)
    return { ...nothing, authoritative: false, authority: [ns, ...proof], additional: glue }
  }

  #apex(zone: Name, type: number): Said {
    if (type === RrType.DNSKEY && this.#signer !== null && this.#isSigned(zone))
      return { ...nothing, answer: [this.#signer.signed(set(zone, type, this.#signer.dnskey), zone)] }
    if (type === RrType.NS && labelCount(zone) > 1) return { ...nothing, answer: [this.#own(serversOf(zone).ns, zone)] }
    return this.#noData(zone, zone, [RrType.NS, RrType.SOA])
  }

  #host(zone: Name, name: Name, type: number, transport: Transport): Said {
    const { ns, glue } = serversOf(zone)
    const data = (...sets: readonly RRset[]): Said => ({
      ...nothing,
      answer: sets.map(one => this.#own(one, zone)),
      authority: [this.#own(ns, zone)],
      additional: glue,
    })
    switch (name.charAt(1)) {
      case HostKind.Missing:
        return { ...nothing, rcode: Rcode.NXDOMAIN, authority: [this.#soa(zone), ...this.#nothingThere(zone)] }
      case HostKind.AliasAway:
        return data(
          set(name, RrType.CNAME, nameBytes(nameIn(numberAt(name, name.indexOf('-') + 1), `h${numberAt(name, 2)}`))),
        )
      case HostKind.AliasInside: {
        const target = child('h-alias', zone)
        return data(set(name, RrType.CNAME, nameBytes(target)), addressSet(target, RrType.A))
      }
      case HostKind.Mail:
        return type === RrType.MX || type === RrType.TXT || type === RrType.HTTPS
          ? data(mailSet(zone, name, type))
          : this.#noData(zone, name, [RrType.MX, RrType.TXT, RrType.HTTPS])
      case HostKind.Truncated:
        return transport === 'udp'
          ? { ...nothing, truncated: true }
          : data(set(name, RrType.TXT, textRdata(TEXT), textRdata(`${TEXT} again`)))
      case HostKind.Branch:
        return this.#noData(zone, name, [])
      case HostKind.OnlyIpv4:
        return type === RrType.A ? data(addressSet(name, type)) : this.#noData(zone, name, [RrType.A])
      case 'n':
        return serverSets(zone, name).some(found => found.type === type)
          ? data(...serverSets(zone, name).filter(found => found.type === type))
          : this.#noData(zone, name, [RrType.A])
      default:
        return type === RrType.A || type === RrType.AAAA
          ? data(addressSet(name, type))
          : this.#noData(zone, name, [RrType.A, RrType.AAAA])
    }
  }

  #noData(zone: Name, name: Name, types: readonly number[]): Said {
    const proof = this.#isSigned(zone)
      ? [this.#own(set(name, RrType.NSEC, nsecRdata(child('\0', name), [...types, RrType.RRSIG, RrType.NSEC])), zone)]
      : []
    return { ...nothing, authority: [this.#soa(zone), ...proof] }
  }

  /** Neither the names that begin with the letter of missing ones, nor a wildcard. */
  #nothingThere(zone: Name): readonly RRset[] {
    if (!this.#isSigned(zone)) return []
    const apex = set(
      zone,
      RrType.NSEC,
      nsecRdata(child('a', zone), [RrType.NS, RrType.SOA, RrType.RRSIG, RrType.NSEC, RrType.DNSKEY]),
    )
    const before = set(
      child('w', zone),
      RrType.NSEC,
      nsecRdata(child('y', zone), [RrType.A, RrType.RRSIG, RrType.NSEC]),
    )
    return [this.#own(apex, zone), this.#own(before, zone)]
  }

  #soa(zone: Name): RRset {
    const names = [...nameBytes(child('ns1', zone)), ...nameBytes(child('hostmaster', zone))]
    const rdata = Uint8Array.of(...names, ...new Uint8Array(20))
    for (let field = 0; field < 5; field++) putU32(rdata, names.length + field * 4, SOA_VALUE)
    return this.#own(set(zone, RrType.SOA, rdata), zone)
  }

  #isSigned(zone: Name): boolean {
    return this.#signer !== null && (labelCount(zone) < 2 || zone.charAt(1) === ZoneKind.Signed)
  }

  #own(one: RRset, zone: Name): RRset {
    return this.#signer !== null && this.#isSigned(zone) ? this.#signer.signed(one, zone) : one
  }
}

function child(label: string, name: Name): Name {
  const made = prependLabel(label, name)
  if (made === null) throw new RangeError('a name that is too long')
  return foldName(made)
}

/** RFC 5155 section 7.2.1: there is a delegation of this name, and no DS. */
function unsignedChild(parent: Name, name: Name): RRset {
  const hash = nsec3Hash(name, NO_SALT, 0)
  const nextHash = Uint8Array.from(hash)
  nextHash[nextHash.length - 1] = ((hash.at(-1) ?? 0) + 1) & 0xff
  return set(
    child(formatBase32Hex(hash).toLowerCase(), parent),
    RrType.NSEC3,
    nsec3Rdata({ hashAlgorithm: NSEC3_SHA1, flags: 0, iterations: 0, salt: NO_SALT, nextHash }, [RrType.NS]),
  )
}

interface NameServers {
  readonly ns: RRset
  readonly glue: readonly RRset[]
}

function serversOfTop(top: Name): NameServers {
  const names = ['a', 'b'].map(label => child(label, child('nic', top)))
  return {
    ns: set(top, RrType.NS, ...names.map(nameBytes)),
    glue: names.flatMap((name, i) => addressSets(name, Role.TopLevel, i + 1)),
  }
}

/** Those of a zone without glue are in the zone before it, which has another top-level domain. */
function serversOf(zone: Name): NameServers {
  const number = numberAt(zone, 2)
  const away = zone.charAt(1) === ZoneKind.Glueless
  const names = ['ns1', 'ns2'].map(label => (away ? nameIn(number - 1, label) : child(label, zone)))
  return {
    ns: set(zone, RrType.NS, ...names.map(nameBytes)),
    glue: away ? [] : names.flatMap(name => serverSets(zone, name)),
  }
}

/**
 * The addresses of `ns1` or `ns2` of a zone. Of some zones only the first is reached over IPv6; it must be reached over
 * either.
 */
function serverSets(zone: Name, name: Name): readonly RRset[] {
  const number = numberAt(zone, 2)
  const isFirst = numberAt(name, 3) === 1
  const isHalfSilent = zone.charAt(1) === ZoneKind.HalfSilent
  const sets = addressSets(
    name,
    isFirst && isHalfSilent ? Role.Silent : Role.Zone,
    (isFirst ? 1 : 1 + SERVERS) + (number % SERVERS),
  )
  return isFirst || isHalfSilent || number % 2 === 0 ? sets : sets.filter(({ type }) => type === RrType.A)
}

const addressSets = (name: Name, role: number, n: number): RRset[] =>
  warmUpAddresses(role, n).map(({ family, bytes }) => set(name, family === 4 ? RrType.A : RrType.AAAA, bytes))

/** Of hosts, that nobody asks. */
function addressSet(name: Name, type: number): RRset {
  const rdata = new Uint8Array(type === RrType.A ? 4 : 16)
  rdata[0] = type === RrType.A ? 198 : 0x20
  rdata[1] = type === RrType.A ? 19 : 0x01
  putU16(rdata, rdata.length - 2, numberAt(name, 2) & 0xffff)
  return set(name, type, rdata)
}

function mailSet(zone: Name, name: Name, type: number): RRset {
  if (type === RrType.HTTPS) return set(name, type, HTTPS_RDATA)
  return set(
    name,
    type,
    type === RrType.MX ? Uint8Array.of(0, MAIL_PREFERENCE, ...nameBytes(child('h-mail', zone))) : textRdata(TEXT),
  )
}

const textRdata = (text: string): Uint8Array => Uint8Array.of(text.length, ...Buffer.from(text, 'latin1'))

/** The decimal digits in a name from an octet on; 0 when there are none. */
const numberAt = (name: Name, at: number): number => Number(/^\d+/.exec(name.slice(at, at + 8))?.[0] ?? 0)
