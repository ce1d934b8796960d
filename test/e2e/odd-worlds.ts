/**
 * Worlds of odd but honest servers, made from seeds: what real ones were seen to do (see `test/real-world/`), with one
 * server or two, of which one or both are odd, signed or not. Each world has a top-level zone of its own, `w7.`, in
 * which `kab.w7.` is odd.
 */
import type { SimRandom } from '../../src/simulation/random.ts'
import {
  type Asked,
  honest,
  type Reply,
  replies,
  rrs,
  type Server,
  silent,
  soaOf,
  type ZoneRow,
} from '../real-world/world.ts'

export interface OddWorld {
  /** The kind of oddity, and how the seed turned out. */
  readonly title: string
  readonly zones: Readonly<Record<string, ZoneRow>>
  /** `www.kab.w7. A`, in the order in which they are asked. */
  readonly asks: readonly string[]
}

/** What a kind is made from. */
interface Making {
  readonly random: SimRandom
  /** `w7.` */
  readonly tld: string
  /** `kab.w7.` */
  readonly zone: string
  /** How zones here are signed; undefined: they are not. */
  readonly sign: string | undefined
  /** A name in the zone: `n('www')`. */
  n(label: string): string
  pick<T>(list: readonly T[]): T
}

/** The servers of `kab`, or everything. */
interface Kind {
  /** Without the honest server next to it there would be nothing to resolve. */
  readonly needsHonest?: boolean
  /** It has other data than the honest one: which of two is asked would be chance. */
  readonly contradicts?: boolean
  /** Means something in signed zones alone, or in unsigned ones alone. */
  readonly signed?: boolean
  readonly records?: (making: Making) => string
  readonly server?: (making: Making) => Server
  /** What the servers of the top-level zone do. */
  readonly parent?: (making: Making) => Server
  readonly zones?: (making: Making) => Readonly<Record<string, ZoneRow>>
  /** More questions, asked first; labels below `kab` or whole names. */
  readonly asks?: (making: Making) => readonly string[]
}

const PLAIN = [
  'www A 192.0.2.1',
  'www AAAA 2001:db8::1',
  'www HTTPS 1 . alpn=h2',
  'w0 A 192.0.2.10',
  'w1 A 192.0.2.11',
  'w1 AAAA 2001:db8::11',
  '@ A 192.0.2.2',
  '@ MX 10 www',
  '@ TXT "v=spf1 -all"',
  'alias CNAME www',
  'hop CNAME alias',
  'x.b.a A 192.0.2.3',
  '*.wild A 192.0.2.4',
  '*.wilder CNAME www',
  'old DNAME new',
  'p.new A 192.0.2.5',
].join('\n')

const USUAL = [
  'www A',
  'www AAAA',
  'www HTTPS',
  'w0 A',
  'w1 AAAA',
  'w0 AAAA',
  'alias A',
  'alias AAAA',
  'hop A',
  'x.b.a A',
  'b.a A',
  'q.wild A',
  'q.wilder A',
  'p.old A',
  'none A',
  'none.none AAAA',
]
/** `kab` is asked for these as well. */
const APEX = ['A', 'MX', 'TXT', 'NS', 'SOA', 'AAAA']

const on =
  (when: (ask: Asked) => boolean, says: (ask: Asked) => Reply): Server =>
  ask =>
    when(ask) ? says(ask) : undefined
const always =
  (says: (ask: Asked) => Reply): Server =>
  ask =>
    says(ask)
/** Not the names of servers, which others need. */
const isHost = ({ name }: Asked): boolean => !/^(ns\d?|h)\./.test(name)
const refused = (): Reply => replies('REFUSED')
const servfail = (): Reply => replies('SERVFAIL')
const formerr = (): Reply => ({ ...replies('SERVFAIL'), rcode: 1, edns: null })
const late =
  (afterMs: number) =>
  (ask: Asked): Reply =>
    isHost(ask) ? { afterMs } : undefined
const isDenial = ({ rcode, answer }: ReturnType<Asked['honest']>): boolean => rcode === 3 || answer.length === 0
/** The octets of the question in small letters: names have no octets from 65 to 90 but letters here. */
function lowered(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  for (let i = 12; i < out.length && out[i] !== 0; ) {
    const end = i + 1 + (out[i] ?? 0)
    for (i++; i < end; i++) if ((out[i] ?? 0) >= 0x41 && (out[i] ?? 0) <= 0x5a) out[i] = (out[i] ?? 0) | 0x20
  }
  return out
}
const truncated = (ask: Asked): Reply => ({
  ...ask.honest(),
  answer: [],
  authority: [],
  additional: [],
  truncated: true,
})
const soa = ({ zone }: Making): string => soaOf(zone)
const child = (making: Making): string => `glb.${making.zone}`

const kinds: Readonly<Record<string, Kind>> = {
  'nothing odd': { server: () => honest },
  'REFUSED to everything': { needsHonest: true, server: () => refused },
  'SERVFAIL to everything': { needsHonest: true, server: () => servfail },
  'lame: NOERROR without AA and data': { needsHonest: true, server: () => () => replies('NOERROR', { aa: false }) },
  'refers to the root': {
    needsHonest: true,
    server: () => () => replies('NOERROR', { aa: false, authority: '. NS ns1.' }),
  },
  'refers to itself': {
    needsHonest: true,
    server:
      ({ zone, n }) =>
      () =>
        replies('NOERROR', { aa: false, authority: `${zone} NS ${n('ns1')}` }),
  },
  'refers to the root with AA for one type': {
    server: ({ pick }) => {
      const type = pick(['AAAA', 'HTTPS'])
      return on(
        ask => ask.type === type && isHost(ask),
        () => replies('NOERROR', { authority: '. NS ns1.' }),
      )
    },
  },
  silent: { needsHonest: true, server: () => silent },
  'never AA': { server: () => ask => ({ ...ask.honest(), authoritative: false }) },
  'RA and no AA': { server: () => ask => ({ ...ask.honest(), authoritative: false, recursionAvailable: true }) },
  'RA and AA': { server: () => ask => ({ ...ask.honest(), recursionAvailable: true }) },
  'drops EDNS': { signed: false, server: () => on(({ edns }) => edns, silent) },
  'FORMERR to EDNS': { signed: false, server: () => on(({ edns }) => edns, formerr) },
  'NOTIMP to EDNS': {
    signed: false,
    server: () =>
      on(
        ({ edns }) => edns,
        () => ({ ...replies('NOTIMP'), edns: null }),
      ),
  },
  'SERVFAIL to EDNS': {
    signed: false,
    server: () =>
      on(
        ({ edns }) => edns,
        () => ({ ...replies('SERVFAIL'), edns: null }),
      ),
  },
  'ignores EDNS': { signed: false, server: () => ask => ({ ...ask.honest(), edns: null }) },
  'reads nothing that has EDNS': {
    signed: false,
    server: () =>
      on(
        ({ edns }) => edns,
        () => ({ octets: bytes => bytes.subarray(0, bytes.length - 9) }),
      ),
  },
  'question in small letters': { server: () => always(() => ({ octets: lowered })) },
  'errs on mixed letters': {
    server: ({ pick }) => {
      const says = pick<(ask: Asked) => Reply>([refused, servfail, silent, formerr, () => replies('NOTIMP')])
      return on(({ mixed }) => mixed, says)
    },
  },
  'denies mixed letters': {
    signed: false,
    server: making =>
      on(
        ({ mixed }) => mixed,
        () => replies('NXDOMAIN', { authority: soa(making) }),
      ),
  },
  'truncates everything': {
    server: () => on(({ transport }) => transport === 'udp', truncated),
  },
  'truncates with half the data': {
    server: () =>
      on(
        ({ transport }) => transport === 'udp',
        ask => {
          const { answer, ...rest } = ask.honest()
          return { ...rest, answer: answer.slice(0, answer.length >> 1), truncated: true }
        },
      ),
  },
  'truncates, and TCP is closed': {
    needsHonest: true,
    server: () => ask => (ask.transport === 'tcp' ? 'closed' : truncated(ask)),
  },
  'truncates, and TCP is closed for a type': {
    server: ({ pick }) => {
      const type = pick(['TXT', 'HTTPS', 'AAAA'])
      return on(
        ask => ask.type === type,
        ask => (ask.transport === 'tcp' ? 'closed' : truncated(ask)),
      )
    },
  },
  'TCP is closed': {
    server: () =>
      on(
        ({ transport }) => transport === 'tcp',
        () => 'closed',
      ),
  },
  'closes after one query over TCP': {
    server: () => ask => (ask.transport === 'tcp' ? { isLast: true } : truncated(ask)),
    asks: () => ['www A', 'www AAAA', 'w0 A', 'w1 A', 'alias A'],
  },
  'answers ANY with a little of what there is': {
    server: making => ask =>
      ask.type === 'ANY' && ask.name === making.zone
        ? { ...ask.honest(), answer: ask.honest(ask.name, 'MX').answer }
        : undefined,
    asks: () => [' ANY', 'www ANY', 'alias ANY', 'none ANY', 'b.a ANY', 'www A'],
  },
  'refuses ANY': {
    server: ({ pick }) => {
      const says = pick<(ask: Asked) => Reply>([refused, () => replies('NOTIMP'), silent])
      return on(({ type }) => type === 'ANY', says)
    },
    asks: () => [' ANY', 'www ANY', 'www A', 'none ANY'],
  },
  'denies the target next to an alias': {
    signed: false,
    server: making =>
      on(
        ({ name }) => name === making.n('alias') || name === making.n('hop'),
        ask => ({
          ...ask.honest(making.n('alias'), 'CNAME'),
          ...(ask.name === making.n('alias') ? {} : { answer: rrs(`${making.n('hop')} CNAME ${making.n('alias')}`) }),
          rcode: 3,
          authority: rrs(soa(making)),
        }),
      ),
    asks: () => ['alias A', 'www A', 'hop A'],
  },
  'denies a target in a zone below': {
    records: making => `${PLAIN}\nbanking CNAME banking.${child(making)}`,
    zones: making => ({ [child(making)]: { records: 'banking A 192.0.2.30', sign: making.sign } }),
    server: making =>
      on(
        ({ name }) => name === making.n('banking'),
        () =>
          replies('NXDOMAIN', {
            answer: `${making.n('banking')} CNAME banking.${child(making)}`,
            authority: soa(making),
          }),
      ),
    signed: false,
    asks: making => ['banking A', `banking.${child(making)} A`, 'banking AAAA'],
  },
  'answers for a zone below with other data': {
    signed: false,
    records: making => `${PLAIN}\nbanking CNAME host.${child(making)}`,
    zones: making => ({ [child(making)]: { records: 'host A 192.0.2.84\nhost AAAA 2001:db8::84' } }),
    server: making =>
      on(
        ({ name, type }) => name === making.n('banking') && type === 'A',
        () =>
          replies('NOERROR', {
            answer: `${making.n('banking')} CNAME host.${child(making)}\nhost.${child(making)} 3600 A 192.0.2.66`,
          }),
      ),
    asks: making => ['banking A', `host.${child(making)} A`, 'banking AAAA'],
  },
  'what follows an alias is unsigned': {
    signed: true,
    server: making =>
      on(
        ({ name, type }) => name === making.n('alias') && type === 'A',
        ask => ({
          ...ask.honest(making.n('alias'), 'CNAME'),
          answer: [...ask.honest(making.n('alias'), 'CNAME').answer, ...rrs(`${making.n('www')} A 192.0.2.66`)],
        }),
      ),
    asks: () => ['alias A', 'www A'],
  },
  'records in another order': { server: () => ask => ({ ...ask.honest(), answer: ask.honest().answer.toReversed() }) },
  'every record twice': {
    server: () => ask => {
      const { answer, ...rest } = ask.honest()
      return { ...rest, answer: [...answer, ...answer] }
    },
  },
  'aliases without their target': {
    server: () => ask => {
      const { answer, ...rest } = ask.honest()
      return { ...rest, answer: answer.filter(({ type }) => type === 5 || type === 39 || answer[0]?.type !== 5) }
    },
  },
  'DNAME without CNAME': {
    server: () => ask => {
      const { answer, ...rest } = ask.honest()
      const isByDname = answer.some(({ type }) => type === 39)
      return { ...rest, answer: answer.filter(({ type }) => !isByDname || type !== 5) }
    },
    asks: () => ['p.old A', 'p.old AAAA', 'q.old A'],
  },
  'CNAME without its DNAME': {
    signed: false,
    server: () => ask => {
      const { answer, ...rest } = ask.honest()
      return { ...rest, answer: answer.filter(({ type }) => type !== 39) }
    },
    asks: () => ['p.old A', 'p.old AAAA'],
  },
  'DNAME at the apex': {
    records: ({ tld }) => `@ DNAME real.${tld}\n@ A 192.0.2.2`,
    zones: ({ tld, sign }) => ({ [`real.${tld}`]: { records: PLAIN, sign } }),
  },
  'alias loop': { records: () => `${PLAIN}\nl1 CNAME l2\nl2 CNAME l3\nl3 CNAME l1`, asks: () => ['l1 A', 'l2 AAAA'] },
  'aliases over zones': {
    records: ({ tld }) => `${PLAIN}\nfar CNAME a.real.${tld}\nfarther CNAME b.real.${tld}`,
    zones: ({ tld, zone, sign, random }) => ({
      [`real.${tld}`]: {
        records: `a A 192.0.2.77\nb CNAME alias.${zone}`,
        sign: random.chance(500) ? sign : undefined,
      },
    }),
    asks: () => ['far A', 'farther A', 'farther AAAA'],
  },
  'alias to nowhere': {
    records: ({ tld }) => `${PLAIN}\nlost CNAME nothing.${tld}\nlost2 CNAME x.nothing.${tld}`,
    asks: () => ['lost A', 'lost2 AAAA'],
  },
  'CNAME at the apex': {
    contradicts: true,
    signed: false,
    server: making =>
      on(
        ({ name, type }) => name === making.zone && type !== 'SOA' && type !== 'NS',
        () => replies('NOERROR', { answer: `${making.zone} CNAME ${making.n('www')}` }),
      ),
  },
  'CNAME at the apex for NS and SOA too': {
    contradicts: true,
    signed: false,
    server: making =>
      on(
        ({ name }) => name === making.zone,
        () => replies('NOERROR', { answer: `${making.zone} CNAME ${making.n('www')}` }),
      ),
  },
  'data next to a CNAME': {
    contradicts: true,
    signed: false,
    server: making =>
      on(
        ({ name, type }) => name === making.n('alias') && type === 'TXT',
        () => replies('NOERROR', { answer: `${making.n('alias')} TXT "next to it"` }),
      ),
    asks: () => ['alias TXT', 'alias A', 'alias TXT'],
  },
  'referrals without glue': {
    parent: making => ask => {
      if (!ask.name.endsWith(making.zone)) return undefined
      const said = ask.honest()
      if (!/^ns\d\.kab\./.test(ask.name)) return { ...said, additional: [] }
      return ask.type === 'A'
        ? { ...said, authority: [], answer: said.additional.filter(({ type }) => type === 1) }
        : { ...said, additional: [] }
    },
  },
  'glue of one server is missing': {
    parent: making => ask => {
      if (!ask.name.endsWith(making.zone)) return undefined
      const said = ask.honest()
      return { ...said, additional: said.additional.slice(0, 1) }
    },
  },
  'glue of one server is dead': {
    records: making => `${PLAIN}\nns9 A 127.0.0.99\n@ NS ${making.n('ns9')}`,
    parent: making => ask => {
      const said = ask.honest()
      if (!ask.name.endsWith(making.zone) || said.authority.length === 0 || said.answer.length > 0) return undefined
      return {
        ...said,
        authority: [...rrs(`${making.zone} NS ${making.n('ns9')}`), ...said.authority],
        additional: [...rrs(`${making.n('ns9')} A 127.0.0.99`), ...said.additional],
      }
    },
    signed: false,
  },
  'the child names other servers, which are dead': {
    contradicts: true,
    signed: false,
    records: () => `${PLAIN}\nns9 A 127.0.0.99`,
    server: making => {
      const other = rrs(`${making.zone} NS ${making.n('ns9')}`)
      return ask => {
        const said = ask.honest()
        if (ask.name === making.zone && ask.type === 'NS') return { ...said, answer: other, additional: [] }
        return said.answer.length > 0
          ? { ...said, authority: other, additional: rrs(`${making.n('ns9')} A 127.0.0.99`) }
          : undefined
      }
    },
    asks: () => ['www A', ' NS', 'w0 A', 'w1 A'],
  },
  'the child names servers that do not exist': {
    contradicts: true,
    signed: false,
    server: making => {
      const other = rrs(`${making.zone} NS gone.${making.tld}`)
      return ask => {
        const said = ask.honest()
        if (ask.name === making.zone && ask.type === 'NS') return { ...said, answer: other, additional: [] }
        return said.answer.length > 0 ? { ...said, authority: other, additional: [] } : undefined
      }
    },
    asks: () => ['www A', ' NS', 'w0 A', 'w1 A'],
  },
  'NXDOMAIN for empty non-terminals': {
    contradicts: true,
    signed: false,
    server: making => ask =>
      [making.n('b.a'), making.n('a'), making.n('wild'), making.n('new')].includes(ask.name)
        ? replies('NXDOMAIN', { authority: soa(making) })
        : undefined,
    asks: () => ['b.a A', 'x.b.a A', 'q.wild A', 'p.old A'],
  },
  'REFUSED for empty non-terminals': {
    server: making => ask =>
      [making.n('b.a'), making.n('a'), making.n('wild')].includes(ask.name) ? refused() : undefined,
    asks: () => ['x.b.a A', 'q.wild A'],
  },
  'SERVFAIL for empty non-terminals': {
    server: making => ask =>
      [making.n('b.a'), making.n('a'), making.n('wild')].includes(ask.name) ? servfail() : undefined,
    asks: () => ['x.b.a A', 'q.wild A'],
  },
  'silent for empty non-terminals': {
    server: making => ask => ([making.n('b.a'), making.n('a')].includes(ask.name) ? 'silent' : undefined),
    asks: () => ['x.b.a A'],
  },
  'denials without SOA': {
    signed: false,
    server: () => ask => (isDenial(ask.honest()) ? { ...ask.honest(), authority: [] } : undefined),
  },
  'denials with the SOA of the zone above': {
    signed: false,
    server: making => ask =>
      isDenial(ask.honest()) ? { ...ask.honest(), authority: rrs(soaOf(making.tld)) } : undefined,
  },
  'denials with the SOA of another zone': {
    signed: false,
    server: () => ask => (isDenial(ask.honest()) ? { ...ask.honest(), authority: rrs(soaOf('other.')) } : undefined),
  },
  'an error for one type': {
    server: ({ pick }) => {
      const type = pick(['AAAA', 'HTTPS', 'TXT', 'MX'])
      const says = pick<(ask: Asked) => Reply>([
        servfail,
        refused,
        formerr,
        () => replies('NOTIMP'),
        () => replies('NXDOMAIN', { authority: soaOf('kab.') }),
      ])
      return on(ask => ask.type === type && isHost(ask), says)
    },
  },
  'silent for types it does not know': {
    server: () =>
      on(ask => !['A', 'AAAA', 'NS', 'SOA', 'DS', 'DNSKEY', 'CNAME', 'MX', 'TXT'].includes(ask.type), silent),
  },
  'silent for everything but A': {
    signed: false,
    server: () => on(ask => ask.type !== 'A' && ask.type !== 'NS', silent),
  },
  'the first is slow: 0.8 s': { server: () => late(800) },
  'the first is slow: 1.5 s': { server: () => late(1_500) },
  'the first is slow: 3 s': { needsHonest: true, server: () => late(3_000) },
  'loses the first packet of each name': {
    server: () => {
      const seen = new Set<string>()
      return ask => {
        const key = `${ask.name} ${ask.type}`
        if (seen.has(key) || !isHost(ask)) return undefined
        seen.add(key)
        return 'silent'
      }
    },
  },
  'octets after the last record': {
    server: () => always(() => ({ octets: b => Uint8Array.of(...b, 0, 0, 0, 0, 0, 0, 0) })),
  },
  'cannot be read for one type': {
    server: ({ pick }) => {
      const type = pick(['AAAA', 'HTTPS', 'MX'])
      return on(
        ask => ask.type === type,
        () => ({ octets: bytes => bytes.subarray(0, bytes.length - 14) }),
      )
    },
  },
  'records of other zones in all sections': {
    server: making => ask => {
      const said = ask.honest()
      return {
        ...said,
        answer: [...said.answer, ...rrs(`www.other. A 192.0.2.66\nwww.${making.tld} A 192.0.2.66`)],
        authority: [...said.authority, ...rrs(`other. NS ns.other.\n${making.tld} NS ns.other.`)],
        additional: [...said.additional, ...rrs('ns.other. A 192.0.2.66')],
      }
    },
    signed: false,
  },
  'NS records of its zone with every reply': {
    server: making => ask => {
      const said = ask.honest()
      return { ...said, authority: [...said.authority, ...rrs(`${making.zone} NS ${making.n('ns1')}`)] }
    },
    signed: false,
  },
  'YXDOMAIN with an address': {
    needsHonest: true,
    server: making =>
      on(
        ({ name, type }) => name === making.n('www') && type === 'A',
        () => replies('YXDOMAIN', { answer: `${making.n('www')} A 192.0.2.66` }),
      ),
  },
  'NXDOMAIN with data': {
    signed: false,
    server: making =>
      on(
        ({ name, type }) => name === making.n('www') && type === 'A',
        ask => ({ ...ask.honest(), rcode: 3 }),
      ),
  },
  'TTL 0 and TTLs with the first bit': {
    records: () => `${PLAIN}\nzero 0 A 192.0.2.40\nlong 2147483647 A 192.0.2.41`,
    asks: () => ['zero A', 'zero A', 'long A'],
  },
  'without signatures at one server': {
    signed: true,
    needsHonest: true,
    server: () => ask => {
      const said = ask.honest()
      const isPlain = ({ type }: { readonly type: number }): boolean => ![46, 47, 50].includes(type)
      return { ...said, answer: said.answer.filter(isPlain), authority: said.authority.filter(isPlain) }
    },
  },
  'no DS of the zone below at one server': {
    signed: true,
    records: () => PLAIN,
    zones: making => ({ [child(making)]: { records: 'host A 192.0.2.84', sign: making.sign } }),
    asks: making => [`host.${child(making)} A`, `none.${child(making)} A`, `${child(making)} DS`],
  },
  'an unsigned zone below': {
    signed: true,
    zones: making => ({ [child(making)]: { records: 'host A 192.0.2.84' } }),
    asks: making => [`host.${child(making)} A`, `none.${child(making)} A`, `${child(making)} DS`],
  },
  'a zone below at the same servers, signed in another way': {
    signed: true,
    zones: making => ({
      [child(making)]: { records: 'host A 192.0.2.84', sign: making.pick(['unsupportedAlgorithm', 'doubleDs', 'csk']) },
    }),
    asks: making => [`host.${child(making)} A`, `none.${child(making)} A`],
  },
  'many addresses': {
    records: () => `${PLAIN}\n${Array.from({ length: 60 }, (_, i) => `many A 192.0.2.${i + 100}`).join('\n')}`,
    asks: () => ['many A'],
  },
}

const SIGNS = ['', 'nsec3(0)', 'nsec3(1) salt(beef)', 'nsec3(0) optOut', 'ed25519', 'csk', 'rsasha256']
const ASKS = 7
export const KINDS = Object.keys(kinds).length

/** The world of this number; the first `KINDS` of them are of as many kinds. */
export function oddWorld(number: number, random: SimRandom): OddWorld {
  const names = Object.keys(kinds)
  const name = names[(number - 1) % names.length] ?? ''
  const kind = kinds[name] ?? {}
  const pick = <T>(list: readonly T[]): T => {
    const one = list[random.below(list.length)]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }
  const tld = `w${number}.`
  const zone = `kab.${tld}`
  const isSigned = kind.signed ?? random.chance(400)
  const making: Making = {
    random,
    tld,
    zone,
    sign: isSigned ? pick(SIGNS) : undefined,
    n: label => `${label}.${zone}`,
    pick,
  }
  const odd = kind.server?.(making) ?? honest
  const places =
    kind.needsHonest === true
      ? ['first', 'second']
      : kind.contradicts === true
        ? ['only', 'both']
        : ['only', 'first', 'second', 'both']
  const place = pick(places)
  const servers = { only: [odd], first: [odd, honest], second: [honest, odd], both: [odd, odd] }[place] ?? [odd]
  const row: ZoneRow = {
    records: kind.records?.(making) ?? PLAIN,
    sign: making.sign,
    servers,
  }
  const upper: ZoneRow = { sign: '', ...(kind.parent === undefined ? {} : { servers: [kind.parent(making)] }) }
  const usual = [...USUAL.map(ask => ask), ...APEX.map(type => ` ${type}`)]
  const asks = [...(kind.asks?.(making) ?? []), ...Array.from({ length: ASKS }, () => pick(usual))].map(ask => {
    const [owner = '', type = ''] = ask.split(' ')
    const full = owner === '' ? zone : owner.endsWith('.') ? owner : making.n(owner)
    return `${full} ${type}`
  })
  return {
    title: `${name}, ${place} server, ${making.sign === undefined ? 'unsigned' : `signed "${making.sign}"`}`,
    zones: { [tld]: upper, [zone]: row, ...kind.zones?.(making) },
    asks: [...new Set(asks)],
  }
}
