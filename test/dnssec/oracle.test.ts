/**
 * Zones signed by ldns and by BIND, as oracle: every set validates, every true denial is proven by the zone's records
 * and no false one is, whatever the algorithm and the kind of denial.
 */
import { expect, it } from 'vitest'
import { isStrictlyWithin, isWithin, parentOf, wildcardOf, type Name } from '../../src/dns/name.ts'
import type { RRset } from '../../src/dns/rrset.ts'
import { formatName } from '../../src/presentation/text.ts'
import { RrType, typeName } from '../../src/dns/types.ts'
import { judgeDenial } from '../../src/dnssec/denial.ts'
import type { DenialClaim } from '../../src/dnssec/rules.ts'
import { verifyKeys, verifyRRset } from '../../src/dnssec/signature.ts'
import { needs } from '../tools.ts'
import { n, NOW, purse, rulesWith, run, setsOf, signWith, type SignedZone, type Signing } from './signing.ts'

const ORIGIN = 'example.'
const TEXT = `
$ORIGIN example.
$TTL 3600
@ SOA ns1 Hostmaster 1 7200 900 86400 300
@ NS ns1
@ NS NS2.Example.
@ MX 10 Mail
ns1 A 192.0.2.1
ns2 A 192.0.2.2
ns2 AAAA 2001:db8::2
mail A 192.0.2.3
mail A 192.0.2.4
mail TXT "one" "two"
alias CNAME Mail.Example.
*.wild A 192.0.2.5
*.wild TXT "wild"
deep.wild A 192.0.2.6
x.under.wild A 192.0.2.7
a.b.c.empty A 192.0.2.8
*.stars.stars A 192.0.2.9
*.cnames CNAME mail
secure NS ns1.secure
secure DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123
ns1.secure A 192.0.2.10
insecure NS ns1.insecure
ns1.insecure A 192.0.2.11
cut.below.ent NS ns1
moved DNAME Elsewhere.Test.
srv SRV 1 2 3 Mail
naptr NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@example.!" .
naptr2 NAPTR 1 2 "" "" "" Repl.Example.
rp RP A.Example. B.Example.
kx KX 1 Mail
svc HTTPS 1 Target.Example. alpn=h2
UPPER TYPE65280 \\# 4 01020304
\\000.odd A 192.0.2.12
\\200.odd A 192.0.2.13
`

const plain = setsOf(ORIGIN, TEXT)
const zone = n(ORIGIN)
const cuts = plain.filter(set => set.type === RrType.NS && set.name !== zone).map(set => set.name)
const dnames = plain.filter(set => set.type === RrType.DNAME).map(set => set.name)
const unsigned = (name: Name): boolean => cuts.some(cut => cut !== n('secure.example.') && isWithin(name, cut))
const occluded = (name: Name): boolean =>
  cuts.some(cut => isStrictlyWithin(name, cut)) || dnames.some(owner => isStrictlyWithin(name, owner))
const data = plain.filter(set => !occluded(set.name))
const exists = (name: Name): boolean => data.some(set => isWithin(set.name, name))
const typesAt = (name: Name): ReadonlySet<number> => new Set(data.filter(set => set.name === name).map(set => set.type))

function encloserOf(name: Name): Name {
  let encloser = name
  while (!exists(encloser)) encloser = parentOf(encloser)
  return encloser
}

/** Where data for a name comes from (RFC 4592): itself or a wildcard, null when nowhere. */
function sourceOf(name: Name): Name | null {
  if (exists(name)) return name
  const wildcard = wildcardOf(encloserOf(name))
  return wildcard !== null && exists(wildcard) ? wildcard : null
}

function isTrue(claim: DenialClaim): boolean {
  const { name } = claim
  if (occluded(name)) return false
  const source = sourceOf(name)
  const types = source === null ? new Set<number>() : typesAt(source)
  switch (claim.kind) {
    case 'nxdomain':
      return source === null
    case 'nodata':
      return (
        source !== null &&
        !types.has(claim.type) &&
        !types.has(RrType.CNAME) &&
        (claim.type === RrType.DS || !cuts.includes(source))
      )
    case 'no-ds':
      return name !== zone && source !== null && !types.has(RrType.DS) && !types.has(RrType.CNAME)
    // That the wildcard exists is known from its signature.
    case 'expansion':
      return !exists(name) && wildcardOf(encloserOf(name)) === claim.wildcard
    default:
      return claim satisfies never
  }
}

const names: readonly Name[] = [
  ...new Set([
    ...data.map(set => set.name),
    ...[
      'empty',
      'c.empty',
      'b.c.empty',
      'z.b.c.empty',
      'nothing',
      'below.nothing',
      'aaa',
      'zzz',
      'wild',
      'any.wild',
      'under.wild',
      'more.under.wild',
      'even.any.wild',
      'x.deep.wild',
      '*.wild',
      'below.*.wild',
      'stars',
      'x.stars',
      'stars.stars',
      'x.stars.stars',
      'y.x.stars.stars',
      'x.cnames',
      'cnames',
      'x.secure',
      'ns1.secure',
      'x.insecure',
      'below.ent',
      'ent',
      'x.below.ent',
      'x.cut.below.ent',
      'x.moved',
      'x.alias',
      'odd',
      'x.odd',
      '\\000.x.odd',
      '\\255.odd',
      'mail0',
      '-',
      '*',
      'x.*',
    ].map(text => n(`${text}.example.`)),
  ]),
]

const claims: readonly DenialClaim[] = names
  .flatMap((name): DenialClaim[] => [
    { kind: 'nxdomain', name },
    { kind: 'no-ds', name },
    ...[RrType.A, RrType.TXT, RrType.NS, RrType.CNAME, RrType.SOA, RrType.MX].map(
      (type): DenialClaim => ({ kind: 'nodata', name, type }),
    ),
    ...['*.example.', '*.wild.example.', '*.stars.stars.example.', '*.cnames.example.'].map(
      (text): DenialClaim => ({ kind: 'expansion', name, wildcard: n(text) }),
    ),
  ])
  .filter(
    claim =>
      claim.kind !== 'expansion' ||
      (isStrictlyWithin(claim.name, parentOf(claim.wildcard)) && claim.name !== claim.wildcard),
  )

const rules = rulesWith({ limits: { denialRecords: 1_000 } })

function validate(signed: SignedZone): void {
  const keys = verifyKeys(signed.dnskeys, { ds: signed.ds, keys: [] }, rules, NOW, purse())
  if (keys.kind !== 'secure') throw new Error(`${keys.kind}: ${'text' in keys ? keys.text : keys.note.text}`)
  for (const set of signed.sets) {
    const verdict = verifyRRset(set, keys.keys, rules, NOW, purse())
    const what = `${formatName(set.name)} ${typeName(set.type)}`
    // Delegations and glue are not signed.
    if (set.signatures.length === 0)
      expect([what, cuts.some(cut => isWithin(set.name, cut)), verdict]).toMatchObject([
        what,
        true,
        { kind: 'bogus', ede: 10 },
      ])
    else expect([what, verdict]).toMatchObject([what, { kind: 'valid', expansion: null }])
  }
  for (const set of signed.sets.filter(({ name }) => formatName(name) === '*.wild.example.' && name !== zone)) {
    const name = n('Some.Name.wild.example.')
    const expanded: RRset = { ...set, owner: name, name }
    expect(verifyRRset(expanded, keys.keys, rules, NOW, purse())).toMatchObject({
      kind: 'valid',
      expansion: { wildcard: n('*.wild.example.') },
    })
  }
}

function deny(signed: SignedZone, optOut: boolean): void {
  const records = signed.sets.filter(set => set.type === RrType.NSEC || set.type === RrType.NSEC3)
  expect(records.length).toBeGreaterThan(15)
  const surprises: string[] = []
  for (const claim of claims) {
    const verdict = run(judgeDenial(claim, zone, records, rules, purse()))
    const expected = isTrue(claim) ? 'proven' : 'bogus'
    // Under opt-out nobody can tell an unsigned delegation from nothing; a name with signed data is told from both.
    const hidden = !exists(claim.name) || unsigned(claim.name) || cuts.some(cut => isWithin(cut, claim.name))
    const lenient = optOut && verdict.kind === 'insecure' && hidden
    if (verdict.kind !== expected && !lenient) {
      surprises.push(
        `${JSON.stringify(claim.kind)} ${formatName(claim.name)} ${'type' in claim ? typeName(claim.type) : ''}${'wildcard' in claim ? formatName(claim.wildcard) : ''}: ${verdict.kind}, not ${expected}: ${'text' in verdict ? verdict.text : ''}`,
      )
    }
    if (claim.kind === 'no-ds' && verdict.kind === 'proven')
      expect([formatName(claim.name), verdict.delegation]).toEqual([formatName(claim.name), cuts.includes(claim.name)])
    // What was needed is enough.
    if (verdict.kind === 'proven')
      expect(run(judgeDenial(claim, zone, verdict.sets, rulesWith(), purse())).kind).toBe('proven')
  }
  expect(surprises).toEqual([])
}

const cases: readonly Signing[] = [
  { tool: 'ldns', algorithms: ['ECDSAP256SHA256'] },
  { tool: 'ldns', algorithms: ['ED25519'], nsec3: { iterations: 0, salt: '', optOut: false } },
  { tool: 'ldns', algorithms: ['RSASHA256'], nsec3: { iterations: 5, salt: 'aabbccdd', optOut: true } },
  { tool: 'ldns', algorithms: ['RSASHA1'] },
  { tool: 'bind', algorithms: ['ECDSAP384SHA384', 'RSASHA512'] },
  { tool: 'bind', algorithms: ['ED448'], nsec3: { iterations: 1, salt: 'ff', optOut: false } },
  { tool: 'bind', algorithms: ['ECDSAP256SHA256'], nsec3: { iterations: 0, salt: '', optOut: true } },
]

needs(
  'ldns-keygen',
  'ldns-signzone',
  'dnssec-keygen',
  'dnssec-signzone',
)('zones signed by others', () => {
  it('the claims are of both kinds', () => {
    const truths = claims.filter(isTrue).length
    expect(truths).toBeGreaterThan(150)
    expect(claims.length - truths).toBeGreaterThan(150)
  })

  for (const signing of cases) {
    const denial =
      signing.nsec3 === undefined
        ? 'NSEC'
        : `NSEC3${signing.nsec3.optOut ? ' with opt-out' : ''}, ${signing.nsec3.iterations} iterations`
    it(`${signing.tool}, ${signing.algorithms.join(' and ')}, ${denial}`, () => {
      const signed = signWith(ORIGIN, TEXT, signing)
      validate(signed)
      deny(signed, signing.nsec3?.optOut === true)
    })
  }
})
