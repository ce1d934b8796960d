/**
 * What is asked of the real internet, and what must come back: `answer` is type and data of every record of the answer
 * section. The same questions are put to another resolver, which must say the same.
 */
import { LONG_TEXT_STRINGS } from './internet.ts'

export interface RealQuestion {
  readonly about: string
  /** Name and type as for dig. */
  readonly ask: string
  readonly status: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL'
  readonly answer: readonly string[]
}

const letters = Array.from({ length: LONG_TEXT_STRINGS }, (_, i) => `"${String.fromCharCode(0x61 + i).repeat(250)}"`)
const www = ['A 198.18.5.1', 'A 198.18.5.2']

type Row = [about: string, ask: string, answer: readonly string[]]

const positive: readonly Row[] = [
  ['A', 'www.example.com A', www],
  ['AAAA', 'www.example.com AAAA', ['AAAA 2001:db8:5::1']],
  ['apex', 'example.com A', ['A 198.18.5.1']],
  ['MX', 'example.com MX', ['MX 10 mail.example.com.', 'MX 20 mail.example.org.']],
  ['TXT', 'example.com TXT', ['TXT "v=spf1 mx -all" "second string"']],
  ['NS, as the child says', 'example.com NS', ['NS ns1.example.com.', 'NS ns2.example.com.']],
  ['NS of a zone without glue', 'example.org NS', ['NS dns1.hosting.net.', 'NS dns2.hosting.net.']],
  ['NS of a TLD', 'com NS', ['NS a.gtld-servers.net.']],
  ['NS of the root', '. NS', ['NS a.root-servers.net.', 'NS b.root-servers.net.']],
  ['SOA', 'example.com SOA', ['SOA ns1.example.com. hostmaster.example.com. 2026010101 7200 3600 1209600 60']],
  ['SOA of the root', '. SOA', ['SOA a.root-servers.net. hostmaster.example.com. 2026010101 7200 3600 1209600 60']],
  ['PTR', '1.5.18.198.in-addr.arpa PTR', ['PTR www.example.com.']],
  [
    'PTR behind a CNAME (RFC 2317)',
    '3.5.18.198.in-addr.arpa PTR',
    ['CNAME 3.0-127.5.18.198.in-addr.arpa.', 'PTR classless.example.com.'],
  ],
  ['SRV', '_sip._tcp.example.com SRV', ['SRV 10 60 5060 www.example.com.', 'SRV 20 0 5061 sip.example.net.']],
  ['CAA', 'example.com CAA', ['CAA 0 issue "ca.example.net"', 'CAA 128 iodef "mailto:security@example.com"']],
  ['NAPTR', 'naptr.example.com NAPTR', ['NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .']],
  ['HTTPS', 'svc.example.com HTTPS', ['HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=198.18.5.1']],
  ['SVCB', 'svc.example.com SVCB', ['SVCB 0 www.example.com.']],
  ['SSHFP', 'host.example.com SSHFP', ['SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF1 23456789']],
  ['LOC', 'loc.example.com LOC', ['LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m']],
  [
    'TLSA',
    '_443._tcp.www.example.com TLSA',
    ['TLSA 3 1 1 0D6FCE3B3F6E4F8C6A1A0A1B2C3D4E5F60718293A4B5C6D7E8F90011 22334455'],
  ],
  ['URI', 'uri.example.com URI', ['URI 10 1 "https://www.example.com/"']],
  ['HINFO', 'hinfo.example.com HINFO', ['HINFO "PC" "a system"']],
  ['a type without a name', 'odd.example.com TYPE65400', ['TYPE65400 \\# 4 0A000001']],
  ['CNAME asked for', 'alias.example.com CNAME', ['CNAME www.example.com.']],
  ['CNAME followed', 'alias.example.com A', [...www, 'CNAME www.example.com.']],
  ['two CNAMEs', 'two.example.com A', [...www, 'CNAME alias.example.com.', 'CNAME www.example.com.']],
  [
    'CNAME over three zones',
    'across.example.com A',
    [...www, 'CNAME a.chain.example.net.', 'CNAME b.chain.example.org.', 'CNAME www.example.com.'],
  ],
  ['CNAME into another zone', 'host.example.org A', [...www, 'CNAME www.example.com.']],
  ['DNAME', 'www.old.example.com A', ['A 198.18.8.1', 'CNAME www.example.net.', 'DNAME example.net.']],
  ['DNAME asked for', 'old.example.com DNAME', ['DNAME example.net.']],
  ['wildcard', 'any.wild.example.com A', ['A 198.18.5.7']],
  ['wildcard, two labels', 'a.b.wild.example.com TXT', ['TXT "from the wildcard"']],
  ['a name beside a wildcard', 'exact.wild.example.com A', ['A 198.18.5.8']],
  ['wildcard CNAME', 'x.aliases.example.com A', [...www, 'CNAME www.example.com.']],
  ['below an empty non-terminal', 'a.b.ent.example.com A', ['A 198.18.5.9']],
  ['many labels', 'deep.er.and.deep.er.still.example.com A', ['A 198.18.5.10']],
  ['TTL 0', 'zero.example.com A', ['A 198.18.5.11']],
  ['a dot at the front of a label', '\\046dot.example.com A', ['A 198.18.5.13']],
  ['a dot within a label', 'with\\.dot.example.com A', ['A 198.18.5.14']],
  ['TXT longer than any UDP answer', 'big.example.com TXT', [`TXT ${letters.join(' ')}`]],
  [
    'TXT of 900 octets',
    'medium.example.com TXT',
    [`TXT ${['0', '1', '2', '3'].map(digit => `"${digit.repeat(225)}"`).join(' ')}`],
  ],
  ['a delegation below, with glue', 'www.sub.example.com A', ['A 198.18.6.1']],
  ['CNAME from below', 'back.sub.example.com AAAA', ['AAAA 2001:db8:5::1', 'CNAME www.example.com.']],
  ['servers in another TLD, no glue', 'www.example.org A', ['A 198.18.7.1']],
  ['one server refuses connections', 'www.half.com A', ['A 198.18.9.1']],
  ['one server is silent', 'www.quiet.com A', ['A 198.18.9.1']],
  ['one server is lame', 'www.lame.com A', ['A 198.18.9.1']],
  ['a signed zone', 'www.signed.com A', ['A 198.18.10.1']],
]

const empty: readonly [about: string, ask: string, status: RealQuestion['status'], answer: readonly string[]][] = [
  ['NXDOMAIN', 'missing.example.com A', 'NXDOMAIN', []],
  ['NXDOMAIN below a missing name', 'a.b.missing.example.com A', 'NXDOMAIN', []],
  ['NXDOMAIN from a TLD', 'www.missing-domain.com A', 'NXDOMAIN', []],
  ['NXDOMAIN from the root', 'www.missing-tld A', 'NXDOMAIN', []],
  ['NXDOMAIN behind a CNAME', 'nowhere.example.com A', 'NXDOMAIN', ['CNAME missing.example.com.']],
  ['NXDOMAIN below a DNAME', 'no.old.example.com A', 'NXDOMAIN', ['CNAME no.example.net.', 'DNAME example.net.']],
  ['NODATA', 'www.example.com MX', 'NOERROR', []],
  ['NODATA at an empty non-terminal', 'b.ent.example.com A', 'NOERROR', []],
  ['NODATA at a wildcard', 'any.wild.example.com AAAA', 'NOERROR', []],
  ['NODATA behind a CNAME', 'alias.example.com MX', 'NOERROR', ['CNAME www.example.com.']],
  ['NODATA at a zone cut for DS', 'example.com DS', 'NOERROR', []],
  ['all servers lame', 'www.alllame.com A', 'SERVFAIL', []],
  ['no server there', 'www.gone.com A', 'SERVFAIL', []],
  ['servers that need each other', 'www.circle.com A', 'SERVFAIL', []],
]

export const questions: readonly RealQuestion[] = [
  ...positive.map(([about, ask, answer]): RealQuestion => ({ about, ask, status: 'NOERROR', answer })),
  ...empty.map(([about, ask, status, answer]): RealQuestion => ({ about, ask, status, answer })),
]

/** Not in the table because there is no one right answer, but two resolvers should still agree. */
export const disputed: readonly string[] = [
  'loop1.example.com A',
  'toself.example.com A',
  'dangling.example.com A',
  'dns1.hosting.net A',
  'a.root-servers.net A',
  'a.gtld-servers.net A',
  'www.glueless.example.com A',
  'sub.example.com NS',
  'ns.sub.example.com A',
  'signed.com DS',
  'signed.com DNSKEY',
  'signed.com NS',
  'alias.signed.com A',
  'missing.signed.com A',
  'x.w.signed.com TXT',
  'arpa NS',
  'in-addr.arpa NS',
  '5.18.198.in-addr.arpa NS',
  'com SOA',
  'com A',
  'org NS',
  'nothing.org A',
  'short.example.com A',
  'MIXED.example.com A',
  'mail.example.org AAAA',
]
