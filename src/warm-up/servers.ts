/**
 * The servers of the internet that the engine is warmed up with: a root, three top-level domains and as many zones as
 * are asked for, all made up from their names (`names.ts`) when they are asked for. Messages are read and written by
 * the codec of the engine, which so has seen both directions when clients come.
 *
 * It does not keep zones (`zone/zone.ts`), since what is asked is not known before and most names are asked once.
 */
import { ipFromBytes, type IpAddress } from '../dns/address.ts'
import { putU16 } from '../dns/bytes.ts'
import { decodeMessage } from '../dns/decode.ts'
import { encodeMessage } from '../dns/encode.ts'
import { formatBase32Hex } from '../dns/encoding-text.ts'
import { type Edns, MAX_MESSAGE_OCTETS, type Message } from '../dns/message.ts'
import { foldName, labelCount, type Name, nameBytes, prependLabel, ROOT, suffixOf } from '../dns/name.ts'
import { nsRdata, soaRdata } from '../dns/rdata.ts'
import { nsec3Rdata, nsecRdata } from '../dns/rdata-dnssec-make.ts'
import { makeRRset, recordsOf, type Rr, type RRset } from '../dns/rrset.ts'
import { Opcode, Rcode, RrClass, RrType } from '../dns/types.ts'
import { NSEC3_SHA1, nsec3Hash } from '../dnssec/algorithms.ts'
import type { Transport } from '../ports.ts'
import { hostAt, hostLabel, nameIn, zoneNumber, zoneTraits } from './names.ts'
import type { WarmUpSigner } from './signer.ts'

/** The role of a server, by its address. */
const Role = { Root: 0, TopLevel: 1, Zone: 2, Silent: 3 } as const
export const ROOT_ROLE: number = Role.Root
/** Of 4 and 16 octets. 198.18.0.0/15 and 2001:2::/48 are reserved for benchmarks (RFC 2544, RFC 5180). */
const ROLE_AT = { 4: 2, 16: 13 } as const
const SERVERS = 6

/** The `n`-th address of a role. */
export const warmUpAddresses = (role: number, n: number): readonly IpAddress[] =>
  [Uint8Array.of(198, 18, role, n), Uint8Array.of(0x20, 0x01, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, role, 0, n)].map(
    ipFromBytes,
  )

const roleOf = ({ bytes }: IpAddress): number => bytes[bytes.length === 4 ? ROLE_AT[4] : ROLE_AT[16]] ?? Role.Silent

/** Is that the address of a server that answers nothing? */
export const isSilent = (address: IpAddress): boolean => roleOf(address) === Role.Silent

/** Seconds, of sets by the length of their names. */
const TTLS = [300, 3_600, 86_400] as const
const set = (name: Name, type: number, ...rdatas: readonly Uint8Array[]): RRset =>
  makeRRset(name, type, RrClass.IN, TTLS[name.length % TTLS.length] ?? TTLS[0], rdatas)
/** Of all fields of a SOA. */
const SOA_VALUE = 3_600

/** What a server says. */
interface Said {
  readonly rcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly answer: readonly RRset[]
  readonly authority: readonly RRset[]
  readonly additional: readonly RRset[]
}

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
export class WarmUpServers {
  readonly #signer: WarmUpSigner | null

  constructor(signer: WarmUpSigner | null) {
    this.#signer = signer
  }

  /** What the server at that address replies to a query of the engine. */
  reply(at: IpAddress, query: Uint8Array, transport: Transport): Uint8Array {
    const decoded = decodeMessage(query)
    if (decoded.kind !== 'message' || decoded.message.question === null) throw new TypeError('a query that is none')
    const { question } = decoded.message
    const said = this.#say(roleOf(at), question.name, question.type, transport)
    return encodeMessage(replyOf(decoded.message, said), { maxBytes: MAX_MESSAGE_OCTETS }).bytes
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
      signer !== null && (isTop || zoneTraits(zoneNumber(child)).isSigned)
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
    const host = hostAt(name)
    switch (host.kind) {
      case 'missing':
        return { ...nothing, rcode: Rcode.NXDOMAIN, authority: [this.#soa(zone), ...this.#nothingThere(zone)] }
      case 'alias-away': {
        const target = nameIn(host.target, hostLabel('addresses', host.number))
        return data(set(name, RrType.CNAME, nameBytes(target)))
      }
      case 'alias-inside': {
        const target = child('h-alias', zone)
        return data(set(name, RrType.CNAME, nameBytes(target)), addressSet(target, RrType.A))
      }
      case 'mail':
        return type === RrType.MX || type === RrType.TXT || type === RrType.HTTPS
          ? data(mailSet(zone, name, type))
          : this.#noData(zone, name, [RrType.MX, RrType.TXT, RrType.HTTPS])
      case 'truncated':
        return transport === 'udp'
          ? { ...nothing, truncated: true }
          : data(set(name, RrType.TXT, textRdata(TEXT), textRdata(`${TEXT} again`)))
      case 'branch':
        return this.#noData(zone, name, [])
      case 'only-ipv4':
        return type === RrType.A ? data(addressSet(name, type)) : this.#noData(zone, name, [RrType.A])
      case 'name-server': {
        const sets = serverSets(zone, name).filter(found => found.type === type)
        return sets.length > 0 ? data(...sets) : this.#noData(zone, name, [RrType.A])
      }
      case 'addresses':
        return type === RrType.A || type === RrType.AAAA
          ? data(addressSet(name, type))
          : this.#noData(zone, name, [RrType.A, RrType.AAAA])
      default:
        return host.kind satisfies never
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
    const rdata = soaRdata({
      mname: child(hostLabel('name-server', 1), zone),
      rname: child('hostmaster', zone),
      serial: SOA_VALUE,
      refresh: SOA_VALUE,
      retry: SOA_VALUE,
      expire: SOA_VALUE,
      minimum: SOA_VALUE,
    })
    return this.#own(set(zone, RrType.SOA, rdata), zone)
  }

  #isSigned(zone: Name): boolean {
    return this.#signer !== null && (labelCount(zone) < 2 || zoneTraits(zoneNumber(zone)).isSigned)
  }

  #own(one: RRset, zone: Name): RRset {
    return this.#signer !== null && this.#isSigned(zone) ? this.#signer.signed(one, zone) : one
  }
}

/** RFC 6891 section 6.1.1: an OPT answers an OPT. */
const OUR_EDNS: Edns = { payloadSize: 1_232, version: 0, dnssecOk: true, flags: 0, options: [] }

/** The fields in the order of `server/respond.ts`: to V8 it is then one kind of object. */
const replyOf = ({ id, question, edns }: Message, said: Said): Message => ({
  id,
  response: true,
  opcode: Opcode.QUERY,
  authoritative: said.authoritative,
  truncated: said.truncated,
  recursionDesired: false,
  recursionAvailable: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: said.rcode,
  question,
  answer: recordsIn(said.answer),
  authority: recordsIn(said.authority),
  additional: recordsIn(said.additional),
  edns: edns === null ? null : OUR_EDNS,
})

const recordsIn = (sets: readonly RRset[]): readonly Rr[] => sets.flatMap(one => recordsOf(one, true))

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
    ns: set(top, RrType.NS, ...names.map(nsRdata)),
    glue: names.flatMap((name, i) => addressSets(name, Role.TopLevel, i + 1)),
  }
}

/** Those of a zone without glue are in the zone before it, which has another top-level domain. */
function serversOf(zone: Name): NameServers {
  const number = zoneNumber(zone)
  const away = zoneTraits(number).isGlueless
  const names = [1, 2].map(n => {
    const label = hostLabel('name-server', n)
    return away ? nameIn(number - 1, label) : child(label, zone)
  })
  return {
    ns: set(zone, RrType.NS, ...names.map(nsRdata)),
    glue: away ? [] : names.flatMap(name => serverSets(zone, name)),
  }
}

/**
 * The addresses of `ns1` or `ns2` of a zone. Of some zones only the first is reached over IPv6; it must be reached over
 * either.
 */
function serverSets(zone: Name, name: Name): readonly RRset[] {
  const number = zoneNumber(zone)
  const isFirst = hostAt(name).number === 1
  const { isHalfSilent } = zoneTraits(number)
  const sets = addressSets(
    name,
    isFirst && isHalfSilent ? Role.Silent : Role.Zone,
    (isFirst ? 1 : 1 + SERVERS) + (number % SERVERS),
  )
  return isFirst || isHalfSilent || number % 2 === 0 ? sets : sets.filter(({ type }) => type === RrType.A)
}

const addressSets = (name: Name, role: number, n: number): RRset[] =>
  warmUpAddresses(role, n).map(({ family, bytes }) => set(name, family === 4 ? RrType.A : RrType.AAAA, bytes))

/** Of hosts that are never queried. */
function addressSet(name: Name, type: number): RRset {
  const rdata = new Uint8Array(type === RrType.A ? 4 : 16)
  rdata[0] = type === RrType.A ? 198 : 0x20
  rdata[1] = type === RrType.A ? 19 : 0x01
  putU16(rdata, rdata.length - 2, hostAt(name).number & 0xffff)
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
