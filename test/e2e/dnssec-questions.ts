/**
 * What is asked of the signed internet: for every zone the names that exist, those before, between, after and below
 * them, every kind of alias and wildcard, types that are and are not there, each with and without DO, AD and CD.
 */
import { RrType } from '../../src/dns/types.ts'
import type { Asked } from './dnssec-client.ts'
import { insecureChildren, Server, type ZonePlan } from './dnssec-zones.ts'

const { A, AAAA, TXT, MX, NS, SOA, DS, DNSKEY, NSEC, NSEC3PARAM, CNAME, DNAME, SRV } = RrType
const CAA = 257

type Row = readonly [label: string, ...types: readonly number[]]

const apex: readonly Row[] = [
  ['@', A, MX, NS, SOA, DS, DNSKEY, NSEC, NSEC3PARAM, TXT, CNAME, CAA],
  ['ns', A, AAAA],
]
const missing: readonly Row[] = [
  ['aaa', A],
  ['zzz', A, DS],
  ['m-iss', A, MX],
  ['x.www', A, TXT],
  ['x.y.www', A],
  ['below.deep.down.in.nothing', A],
  ['\\000', A],
  ['*', A],
]

const usual: readonly Row[] = [
  ...apex,
  ...missing,
  ['www', A, AAAA, MX, DS, CNAME, NSEC, SOA, NS, DNSKEY],
  ['mail', A, AAAA, TXT],
  ['MIXED', A, TXT],
  ['alias', A, CNAME, MX, DS],
  ['far', A, TXT],
  ['farhash', AAAA],
  ['farwild', A, TXT, MX],
  ['farplain', A],
  ['farbroken', A, AAAA],
  ['fargone', A],
  ['farnodata', AAAA],
  ['gone', A],
  ['some.w', A, TXT, MX, AAAA, DS],
  ['a.b.w', A, MX],
  ['exact.w', A, TXT],
  ['x.exact.w', A],
  ['sub.exact.w', TXT, A],
  ['w', A],
  ['*.w', A, MX],
  ['some.wc', A, CNAME, MX, AAAA],
  ['a.b.wc', TXT],
  ['some.wcfar', A, MX],
  ['some.wcgone', A],
  ['ent', A, DS],
  ['b.ent', A, TXT],
  ['a.b.ent', A, MX],
  ['c.b.ent', A],
  ['a.ent', A],
  ['went', A],
  ['x.went', A, NS],
  ['some.x.went', A, TXT],
  ['y.went', A],
  ['dn', A, DNAME],
  ['www.dn', A, AAAA, CNAME],
  ['no.dn', A],
  ['www.dnfar', A, MX],
  ['www.dnplain', A],
  ['some.w.dnfar', A],
  ['_sip._tcp', SRV, A],
  ['_tcp', SRV],
  ['zz', A, AAAA],
  ['zz.zz', A],
  ['ent2', A],
]

const below: readonly Row[] = [
  ['@', A, SOA, NS, DS, DNSKEY, TXT],
  ['www', A, AAAA, DS],
  ['up', A],
  ['none', A],
  ['some.w', A, TXT],
]
const top: readonly Row[] = [...apex, ['www', A, MX], ['none', A, NS], ['a.none', A], ['zzzz', DS], ['0', A]]

export interface Question extends Asked {
  readonly zone: ZonePlan
}

type Flags = Omit<Asked, 'name' | 'type'>

const DO: Flags = { dnssecOk: true, wantsAd: false, checkingDisabled: false }
/** Asked in turn beside DO. */
const others: readonly Flags[] = [
  { dnssecOk: false, wantsAd: true, checkingDisabled: false },
  { dnssecOk: false, wantsAd: false, checkingDisabled: false },
  { dnssecOk: true, wantsAd: true, checkingDisabled: false },
  { dnssecOk: true, wantsAd: false, checkingDisabled: true },
  { dnssecOk: false, wantsAd: true, checkingDisabled: true },
]

/** In an order in which zones alternate, the same for the same `seed`. */
export function questionsFor(zones: readonly ZonePlan[], seed: number): readonly Question[] {
  const made: Question[] = []
  for (const zone of zones) {
    const isTop = zone.server === Server.ROOT || zone.server === Server.TLD
    add(made, zone, zone.origin, isTop ? top : usual)
    if (!isTop) for (const label of insecureChildren) add(made, zone, `${label}.${zone.origin}`, below)
    if (zone.lost === true)
      add(made, zone, `lost.${zone.origin}`, [
        ['www', A],
        ['@', DS],
      ])
  }
  return shuffled(made, seed)
}

function add(made: Question[], zone: ZonePlan, origin: string, rows: readonly Row[]): void {
  for (const [label, ...types] of rows) {
    const name = label === '@' ? origin : `${label}.${origin === '.' ? '' : origin}`
    for (const type of types) {
      const other = others[made.length % others.length] ?? DO
      made.push({ zone, name, type, ...DO }, { zone, name, type, ...other })
    }
  }
}

/** Fisher and Yates with a small generator: a run can be repeated. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const all = [...items]
  let state = seed >>> 0
  for (let i = all.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    const a = all[i]
    const b = all[j]
    if (a !== undefined && b !== undefined) [all[i], all[j]] = [b, a]
  }
  return all
}
