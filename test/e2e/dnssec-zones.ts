/**
 * The zones of a signed internet, as data: a signed root, top-level domains by each tool with each kind of denial,
 * children that are secure, insecure, or wrong in one way each. `dnssec-internet.ts` signs and serves them. Servers are
 * told by the last octet of their address.
 */
import {
  both,
  dataChanged,
  denialRemoved,
  nsecOf,
  setRemoved,
  signaturesBroken,
  signaturesRemoved,
  ttlRaised,
  typeRemoved,
  type Tamper,
} from './dnssec-tamper.ts'
import { withDsField, type Signing, type ZoneKeyFiles } from './dnssec-sign.ts'

/** What must come out for the name `www` of a zone; nothing else of a tampered zone may be worse. */
export type Standing = 'secure' | 'insecure' | 'bogus'

export interface ZonePlan {
  readonly origin: string
  readonly server: number
  readonly signing: Signing | null
  readonly standing: Standing
  /** The DS lines at the parent; SHA-256 of the key when absent. */
  readonly ds?: (keys: ZoneKeyFiles) => readonly string[]
  readonly tamper?: Tamper
  /**
   * A key pair of the same kind that signs in place of the one that the DS names: then its DNSKEY is served, or only
   * its signatures.
   */
  readonly otherKeys?: 'served' | 'hidden'
  /** It delegates `lost` to a server that knows nothing of it. */
  readonly lost?: boolean
  /** Extra trust anchor. */
  readonly anchored?: boolean
}

export const Server = { ROOT: 1, TLD: 2, LEAF: 3, SHARED: 4, PLAIN: 5 } as const

const nsec = (tool: Signing['tool'], ...algorithms: number[]): Signing => ({ tool, algorithms })
const nsec3 = (tool: Signing['tool'], algorithm: number, iterations = 0, optOut = false, salt = ''): Signing => ({
  tool,
  algorithms: [algorithm],
  nsec3: { iterations, salt, optOut },
})

const SHA1 = 1
const SHA256 = 2
const SHA384 = 4
const dsOf =
  (...types: number[]) =>
  (keys: ZoneKeyFiles): readonly string[] =>
    types.flatMap(type => keys.ds.get(type) ?? [])
const noDs = (): readonly string[] => []
const DIGEST = 3
const wrong = (line: string): string =>
  withDsField(
    line,
    DIGEST,
    (line.split(/\s+/)[6] ?? '').replace(/^../, pair => (pair === '00' ? '01' : '00')),
  )
const asAlgorithm = (line: string, algorithm: number): string => withDsField(line, 1, String(algorithm))
const asDigestType = (line: string, type: number): string => withDsField(line, 2, String(type))

const zone = (origin: string, signing: Signing | null, standing: Standing, more: Partial<ZonePlan> = {}): ZonePlan => ({
  origin,
  server: Server.LEAF,
  signing,
  standing,
  ...more,
})
const tld = (
  origin: string,
  signing: Signing | null,
  standing: Standing = signing === null ? 'insecure' : 'secure',
  more: Partial<ZonePlan> = {},
): ZonePlan => zone(origin, signing, standing, { server: Server.TLD, ...more })

const tops: readonly ZonePlan[] = [
  { origin: '.', server: Server.ROOT, signing: { tool: 'ldns', algorithms: [8], split: true }, standing: 'secure' },
  tld('alpha.', { tool: 'ldns', algorithms: [13], split: true }),
  tld('beta.', nsec3('ldns', 8, 1, false, 'aabbccdd')),
  tld('gamma.', { tool: 'bind', algorithms: [13], split: true, nsec3: { iterations: 0, salt: '', optOut: true } }),
  tld('delta.', nsec('bind', 14)),
  tld('omega.', nsec3('ldns', 15, 5, true, 'beef')),
  tld('plain.', null),
  // Its proofs are not looked at, but what it signs counts.
  tld('heavy.', nsec3('bind', 13, 120, false, 'ff')),
]

const honest: readonly ZonePlan[] = [
  zone('n8.alpha.', nsec('ldns', 8), 'secure'),
  zone('n10.alpha.', nsec('bind', 10), 'secure'),
  zone('n13.alpha.', nsec('ldns', 13), 'secure', { lost: true }),
  zone('n14.beta.', nsec('ldns', 14), 'secure'),
  zone('n15.alpha.', { tool: 'bind', algorithms: [15], split: true }, 'secure'),
  zone('n16.delta.', nsec('bind', 16), 'secure'),
  zone('n5.delta.', nsec('bind', 5), 'secure'),
  zone('h7.delta.', nsec3('bind', 7, 3, false, 'ab'), 'secure'),
  zone('h8.beta.', nsec3('ldns', 8, 10, false, '0123456789abcdef'), 'secure'),
  zone('h10.gamma.', nsec3('ldns', 10, 0), 'secure'),
  zone('h13.alpha.', nsec3('bind', 13), 'secure', { lost: true }),
  zone('h14.gamma.', nsec3('bind', 14, 50, false, 'aa'), 'secure'),
  zone('h15.beta.', nsec3('ldns', 15, 50), 'secure'),
  zone('h16.omega.', nsec3('ldns', 16, 1, false, 'c0ffee'), 'secure'),
  zone('o8.gamma.', nsec3('bind', 8, 0, true), 'secure'),
  zone('o13.gamma.', nsec3('bind', 13, 2, true, 'ee'), 'secure'),
  zone('o14.omega.', nsec3('ldns', 14, 0, true), 'secure'),
  zone('two.alpha.', nsec('bind', 8, 13), 'secure'),
  zone('un.alpha.', null, 'insecure'),
  zone('un.beta.', null, 'insecure'),
  zone('un.gamma.', null, 'insecure'),
  zone('un.delta.', null, 'insecure'),
  zone('un.omega.', null, 'insecure'),
  zone('un.heavy.', null, 'insecure'),
  zone('s.heavy.', nsec('ldns', 13), 'secure'),
  zone('deep.er.alpha.', nsec('ldns', 13), 'secure'),
  zone('deep.er.beta.', null, 'insecure'),
  zone('un.plain.', null, 'insecure'),
  zone('signed.plain.', nsec('ldns', 13), 'insecure', { ds: noDs }),
  zone('island.plain.', nsec('ldns', 13), 'secure', { ds: noDs, anchored: true }),
  zone('kid.island.plain.', nsec3('bind', 15), 'secure'),
  zone('nods.alpha.', nsec('ldns', 13), 'insecure', { ds: noDs }),
  zone('nods.gamma.', nsec3('bind', 13), 'insecure', { ds: noDs }),
  // Parent and child on one server: no referral shows the cut.
  zone('both.alpha.', nsec('ldns', 13), 'secure', { server: Server.SHARED }),
  zone('kid.both.alpha.', nsec3('ldns', 15), 'secure', { server: Server.SHARED }),
  zone('unkid.both.alpha.', null, 'insecure', { server: Server.SHARED }),
  zone('a.unkid.both.alpha.', null, 'insecure', { server: Server.SHARED }),
  zone('grand.kid.both.alpha.', nsec('bind', 13), 'secure', { server: Server.SHARED }),
  zone('x.y.both.alpha.', nsec('ldns', 13), 'secure', { server: Server.SHARED }),
  zone('opt.gamma.', nsec3('bind', 13, 0, true), 'secure', { server: Server.SHARED }),
  zone('s.opt.gamma.', nsec('ldns', 13), 'secure', { server: Server.SHARED }),
  zone('u.opt.gamma.', null, 'insecure', { server: Server.SHARED }),
  zone('under.u.opt.gamma.', nsec('ldns', 13), 'insecure', { server: Server.SHARED }),
]

const iterated: readonly ZonePlan[] = [
  zone('i51.alpha.', nsec3('ldns', 13, 51), 'secure'),
  zone('i150.beta.', nsec3('bind', 13, 150, true, 'dd'), 'secure'),
  zone('i500.gamma.', nsec3('ldns', 8, 500), 'secure'),
]

const delegated: readonly ZonePlan[] = [
  zone('ds1.alpha.', nsec('ldns', 13), 'secure', { ds: dsOf(SHA1) }),
  zone('ds4.alpha.', nsec('ldns', 13), 'secure', { ds: dsOf(SHA384) }),
  zone('ds124.beta.', nsec('ldns', 13), 'secure', { ds: dsOf(SHA1, SHA256, SHA384) }),
  zone('ds1wrong2right.alpha.', nsec('ldns', 13), 'secure', {
    ds: keys => [...dsOf(SHA1)(keys).map(wrong), ...dsOf(SHA256)(keys)],
  }),
  zone('ds1right2wrong.alpha.', nsec('ldns', 13), 'bogus', {
    ds: keys => [...dsOf(SHA1)(keys), ...dsOf(SHA256)(keys).map(wrong)],
  }),
  zone('dstwice.alpha.', nsec('ldns', 13), 'secure', {
    ds: keys => [...dsOf(SHA256)(keys), ...dsOf(SHA256)(keys).map(wrong)],
  }),
  zone('dswrong.alpha.', nsec('ldns', 13), 'bogus', { ds: keys => dsOf(SHA256)(keys).map(wrong) }),
  zone('dswrong.gamma.', nsec3('bind', 13), 'bogus', { ds: keys => dsOf(SHA256)(keys).map(wrong) }),
  zone('dstag.beta.', nsec('ldns', 13), 'bogus', {
    ds: keys => dsOf(SHA256)(keys).map(line => withDsField(line, 0, '12')),
  }),
  zone('dsunknownalg.alpha.', nsec('ldns', 13), 'insecure', {
    ds: keys => dsOf(SHA256)(keys).map(line => asAlgorithm(line, 200)),
  }),
  zone('dsunknownalg.gamma.', nsec('ldns', 13), 'insecure', {
    ds: keys => dsOf(SHA256)(keys).map(line => asAlgorithm(line, 3)),
  }),
  zone('dsunknowndigest.alpha.', nsec('ldns', 13), 'insecure', {
    ds: keys => dsOf(SHA256)(keys).map(line => asDigestType(line, 100)),
  }),
  zone('dsmixed.alpha.', nsec('ldns', 13), 'secure', {
    ds: keys => [...dsOf(SHA256)(keys), ...dsOf(SHA256)(keys).map(line => asAlgorithm(line, 200))],
  }),
  zone('dsmixedwrong.alpha.', nsec('ldns', 13), 'bogus', {
    ds: keys => [...dsOf(SHA256)(keys).map(wrong), ...dsOf(SHA256)(keys).map(line => asAlgorithm(line, 200))],
  }),
  zone('nokey.alpha.', null, 'bogus', { ds: () => [`nokey.alpha. IN DS 4711 13 2 ${'ab'.repeat(32)}`] }),
  zone('nokey.gamma.', null, 'bogus', { ds: () => [`nokey.gamma. IN DS 4711 13 2 ${'ab'.repeat(32)}`] }),
  zone('nokey.heavy.', null, 'bogus', { ds: () => [`nokey.heavy. IN DS 4711 13 2 ${'ab'.repeat(32)}`] }),
]

const broken = (
  label: string,
  tamper: Tamper,
  standing: Standing = 'bogus',
  signing: Signing = nsec('ldns', 13),
): ZonePlan => zone(`${label}.alpha.`, signing, standing, { tamper })
const HASHED = nsec3('bind', 13)
const nsec3With = (...types: string[]) =>
  denialRemoved(line => line.type === 'NSEC3' && line.text.endsWith(types.join(' ')))

const tampered: readonly ZonePlan[] = [
  broken('t-data', dataChanged('www', 'A', '198.18.5.1', '198.18.66.6')),
  broken('t-data3', dataChanged('www', 'A', '198.18.5.1', '198.18.66.6'), 'bogus', HASHED),
  broken('t-nosig', signaturesRemoved('www', 'A')),
  broken('t-nosigs', signaturesRemoved('*', '*')),
  broken('t-nosigs3', signaturesRemoved('*', '*'), 'bogus', HASHED),
  broken('t-badsig', signaturesBroken('www', 'A')),
  broken('t-badsigs8', signaturesBroken('*', 'A'), 'bogus', nsec('bind', 8)),
  broken('t-badsigs15', signaturesBroken('*', 'A'), 'bogus', nsec('ldns', 15)),
  zone('t-expired.alpha.', { ...nsec('ldns', 13), valid: 'expired' }, 'bogus'),
  zone('t-expired.gamma.', { ...HASHED, valid: 'expired' }, 'bogus'),
  zone('t-future.alpha.', { ...nsec('bind', 13), valid: 'future' }, 'bogus'),
  zone('t-future.beta.', { ...nsec('ldns', 13), valid: 'future' }, 'bogus'),
  zone('t-otherkey.alpha.', nsec('ldns', 13), 'bogus', { otherKeys: 'served' }),
  zone('t-otherkey.beta.', nsec('bind', 8), 'bogus', { otherKeys: 'served' }),
  zone('t-hiddenkey.alpha.', nsec('ldns', 13), 'bogus', { otherKeys: 'hidden' }),
  broken('t-keysig', signaturesRemoved('@', 'DNSKEY')),
  broken('t-badkeysig', signaturesBroken('@', 'DNSKEY')),
  broken('t-nodnskey', setRemoved('@', 'DNSKEY')),
  broken('t-nonsec', typeRemoved('NSEC'), 'secure'),
  broken('t-cut', denialRemoved(nsecOf('alias')), 'secure'),
  broken('t-apexnsec', denialRemoved(nsecOf('@')), 'secure'),
  broken('t-wildnsec', denialRemoved(nsecOf('exact.w')), 'secure'),
  broken('t-nsecsig', signaturesBroken('*', 'NSEC'), 'secure'),
  broken('t-nsecdata', dataChanged('www', 'NSEC', ' AAAA', ''), 'secure'),
  broken('t-apex3', nsec3With('NS', 'SOA', 'MX', 'TXT', 'RRSIG', 'DNSKEY', 'NSEC3PARAM'), 'secure', HASHED),
  broken('t-cut3', nsec3With('CNAME', 'RRSIG'), 'secure', HASHED),
  broken('t-nsec3sig', signaturesBroken('*', 'NSEC3'), 'secure', HASHED),
  broken('t-soasig', signaturesRemoved('@', 'SOA'), 'secure'),
  broken('t-badsoasig3', signaturesBroken('@', 'SOA'), 'secure', HASHED),
  broken('t-nssig', signaturesRemoved('@', 'NS'), 'secure'),
  broken('t-cname', signaturesRemoved('alias', 'CNAME'), 'secure'),
  broken('t-dname', signaturesBroken('dn', 'DNAME'), 'secure'),
  broken('t-target', dataChanged('alias', 'CNAME', 'www', 'mail'), 'secure'),
  broken('t-ttl', ttlRaised('www', 'A', 86_400), 'secure'),
  // Faults of the parent.
  tld('tau.', nsec('ldns', 13), 'secure', {
    tamper: both(
      signaturesRemoved('dssig', 'DS'),
      signaturesBroken('dsbad', 'DS'),
      denialRemoved(nsecOf('nonsec')),
      setRemoved('dsgone', 'DS'),
      signaturesRemoved('nonsecsig', 'NSEC'),
    ),
  }),
  zone('dssig.tau.', nsec('ldns', 13), 'bogus'),
  zone('dsbad.tau.', nsec('ldns', 13), 'bogus'),
  zone('dsgone.tau.', nsec('ldns', 13), 'bogus'),
  zone('nonsec.tau.', null, 'bogus'),
  zone('nonsecsig.tau.', null, 'bogus'),
  zone('fine.tau.', nsec('ldns', 13), 'secure'),
  zone('un.tau.', null, 'insecure'),
]

export const allZones: readonly ZonePlan[] = [...tops, ...honest, ...iterated, ...delegated, ...tampered]

/**
 * The name of its server: of the root's where the zone itself is wrong. Unbound validates addresses of servers too, and
 * finds no way to a zone that signs those of its own server wrongly.
 */
export const serverNameOf = ({ origin, standing, tamper, server }: ZonePlan): string =>
  server === Server.LEAF && (standing === 'bogus' || tamper !== undefined)
    ? SHARED_NAME
    : `ns.${origin === '.' ? '' : origin}`

const SHARED_NAME = 'ns-leaf.'

/** The records of a zone. Delegations and DS records of children are added by who knows them. */
export function recordsOf(plan: ZonePlan, address: (n: number) => string): string {
  const { origin, server, lost = false } = plan
  const lame = lost ? `lost NS ns.lost\nns.lost A ${address(Server.PLAIN)}\n` : ''
  const head = `$ORIGIN ${origin}\n$TTL 600\n@ IN SOA ns hostmaster 2026010101 7200 3600 1209600 300\n@ NS ${serverNameOf(plan)}\nns A ${address(server)}\n${lame}`
  if (origin === '.') return `${head}www A 198.18.5.1\n${SHARED_NAME} A ${address(Server.LEAF)}\n`
  if (server === Server.TLD) return `${head}www A 198.18.5.1\n`
  return `${head}
@ MX 10 mail
@ TXT "apex"
www A 198.18.5.1
www A 198.18.5.3
www AAAA 2001:db8:5::1
mail A 198.18.5.2
alias CNAME www
far CNAME www.n13.alpha.
farhash CNAME www.h14.gamma.
farwild CNAME some.w.h8.beta.
farplain CNAME www.un.beta.
farbroken CNAME www.t-data.alpha.
fargone CNAME nothing.n8.alpha.
farnodata CNAME mail.h15.beta.
gone CNAME missing
*.w A 198.18.5.7
*.w TXT "wild"
exact.w A 198.18.5.8
sub.exact.w TXT "below"
*.wc CNAME www
*.wcfar CNAME www.n13.alpha.
*.wcgone CNAME missing
a.b.ent A 198.18.5.9
*.x.went A 198.18.5.10
dn DNAME target
www.target A 198.18.5.11
dnfar DNAME n13.alpha.
dnplain DNAME un.alpha.
MiXeD A 198.18.5.12
_sip._tcp SRV 1 2 5060 www
in NS ns.in
ns.in A ${address(Server.PLAIN)}
in2.ent2 NS ns.in
zz A 198.18.5.13
`
}

/** The unsigned zones that every zone with the usual records delegates. */
export const insecureChildren = ['in', 'in2.ent2'] as const

export const insecureChildOf = (label: string, origin: string, address: (n: number) => string): string =>
  `$ORIGIN ${label}.${origin}\n$TTL 600\n@ IN SOA ns.in.${origin} hostmaster 1 7200 3600 1209600 300\n@ NS ns.in.${origin}\nns A ${address(Server.PLAIN)}\nwww A 198.18.9.1\nup CNAME www.${origin}\n*.w A 198.18.9.2\n`
