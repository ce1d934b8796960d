/**
 * The zones of the real internet and the addresses that serve them, as data: root, com and net, org, arpa,
 * in-addr.arpa, and a few domains with everything that a resolver meets. Addresses are told by their last octet.
 */
import type { ZoneText } from '../daemons.mjs'

export interface NsdServer {
  readonly name: string
  readonly addresses: readonly string[]
  readonly zones: readonly ZoneText[]
}

export interface InternetPlan {
  readonly hints: string
  readonly servers: readonly NsdServer[]
  /** Delegated to, but nobody answers there. */
  readonly silentAddress: string
}

type Sign = (origin: string, text: string) => { readonly text: string; readonly ds: string }

const CLOSED = 13
const SILENT = 15
/** 5,000 octets of text: more than any UDP answer, upstream and to the client. */
export const LONG_TEXT_STRINGS = 20
const longText = Array.from(
  { length: LONG_TEXT_STRINGS },
  (_, i) => `"${String.fromCharCode(0x61 + i).repeat(250)}"`,
).join(' ')
/** 900 octets: fits between servers, not to a client without EDNS. */
const mediumText = Array.from({ length: 4 }, (_, i) => `"${String(i).repeat(225)}"`).join(' ')

export function internetOf(address: (n: number) => string, sign: Sign): InternetPlan {
  const at = (...n: number[]): string[] => n.map(address)
  const signed = sign('signed.com.', signedCom(address))
  return {
    silentAddress: address(SILENT),
    hints: `. 3600000 NS a.root-servers.net.\n. 3600000 NS b.root-servers.net.\na.root-servers.net. 3600000 A ${address(1)}\nb.root-servers.net. 3600000 A ${address(2)}\n`,
    servers: [
      { name: 'root', addresses: at(1, 2), zones: [root(address), rootServersNet(address)] },
      { name: 'gtld', addresses: at(3), zones: [com(address, signed.ds), net(address), gtldServersNet(address)] },
      { name: 'org', addresses: at(4), zones: [org(address)] },
      { name: 'arpa', addresses: at(5), zones: [arpa(address)] },
      { name: 'in-addr', addresses: at(6), zones: [inAddrArpa(address)] },
      { name: 'example-com', addresses: at(11, 12), zones: [exampleCom(address), reverse()] },
      {
        name: 'others',
        addresses: at(14, 16, 17),
        zones: [...awkward(address), { origin: 'signed.com.', text: signed.text }, subExampleCom(address)],
      },
      { name: 'example-org', addresses: at(21, 22), zones: [exampleOrg()] },
      { name: 'example-net', addresses: at(31), zones: [exampleNet(address), hostingNet(address)] },
    ],
  }
}

const head = (origin: string, server: string): string =>
  `$ORIGIN ${origin}\n$TTL 300\n@ IN SOA ${server} hostmaster.example.com. 2026010101 7200 3600 1209600 60\n@ NS ${server}\n`
const zone = (origin: string, server: string, body: string): ZoneText => ({
  origin,
  text: `${head(origin, server)}${body}`,
})

type At = (n: number) => string

const root = (a: At): ZoneText =>
  zone(
    '.',
    'a.root-servers.net.',
    `
@ NS b.root-servers.net.
a.root-servers.net. A ${a(1)}
b.root-servers.net. A ${a(2)}
com. NS a.gtld-servers.net.
net. NS a.gtld-servers.net.
a.gtld-servers.net. A ${a(3)}
org. NS a0.nic.org.
a0.nic.org. A ${a(4)}
arpa. NS a.ns.arpa.
a.ns.arpa. A ${a(5)}
`,
  )

const rootServersNet = (a: At): ZoneText =>
  zone('root-servers.net.', 'a.root-servers.net.', `@ NS b\na A ${a(1)}\nb A ${a(2)}\n`)
const gtldServersNet = (a: At): ZoneText => zone('gtld-servers.net.', 'a.gtld-servers.net.', `a A ${a(3)}\n`)

const com = (a: At, ds: string): ZoneText =>
  zone(
    'com.',
    'a.gtld-servers.net.',
    `
example NS ns1.example
example NS ns2.example
ns1.example A ${a(11)}
ns2.example A ${a(12)}
half NS ns1.half
half NS ns2.half
ns1.half A ${a(CLOSED)}
ns2.half A ${a(14)}
quiet NS ns1.quiet
quiet NS ns2.quiet
ns1.quiet A ${a(SILENT)}
ns2.quiet A ${a(14)}
lame NS ns1.lame
lame NS ns2.lame
ns1.lame A ${a(31)}
ns2.lame A ${a(14)}
alllame NS ns1.alllame
ns1.alllame A ${a(31)}
gone NS ns1.gone
ns1.gone A ${a(CLOSED)}
circle NS ns.circle.org.
signed NS ns.signed
ns.signed A ${a(16)}
${ds}
`,
  )

const net = (a: At): ZoneText =>
  zone(
    'net.',
    'a.gtld-servers.net.',
    `
root-servers NS a.root-servers
root-servers NS b.root-servers
a.root-servers A ${a(1)}
b.root-servers A ${a(2)}
gtld-servers NS a.gtld-servers
a.gtld-servers A ${a(3)}
example NS ns1.example
ns1.example A ${a(31)}
hosting NS ns1.hosting
ns1.hosting A ${a(31)}
`,
  )

const org = (a: At): ZoneText =>
  zone(
    'org.',
    'a0.nic.org.',
    `
a0.nic A ${a(4)}
example NS dns1.hosting.net.
example NS dns2.hosting.net.
circle NS ns.circle.com.
`,
  )

const arpa = (a: At): ZoneText =>
  zone(
    'arpa.',
    'a.ns.arpa.',
    `a.ns A ${a(5)}\nin-addr NS a.in-addr-servers.in-addr\na.in-addr-servers.in-addr A ${a(6)}\n`,
  )
const inAddrArpa = (a: At): ZoneText =>
  zone(
    'in-addr.arpa.',
    'a.in-addr-servers.in-addr.arpa.',
    `a.in-addr-servers A ${a(6)}\n5.18.198 NS ns1.example.com.\n5.18.198 NS ns2.example.com.\n`,
  )

const reverse = (): ZoneText =>
  zone(
    '5.18.198.in-addr.arpa.',
    'ns1.example.com.',
    `
@ NS ns2.example.com.
1 PTR www.example.com.
2 PTR mail.example.com.
3 CNAME 3.0-127
3.0-127 PTR classless.example.com.
`,
  )

const exampleCom = (a: At): ZoneText =>
  zone(
    'example.com.',
    'ns1.example.com.',
    `
@ NS ns2
ns1 A ${a(11)}
ns2 A ${a(12)}
@ A 198.18.5.1
@ MX 10 mail
@ MX 20 mail.example.org.
@ TXT "v=spf1 mx -all" "second string"
@ CAA 0 issue "ca.example.net"
@ CAA 128 iodef "mailto:security@example.com"
www A 198.18.5.1
www A 198.18.5.2
www AAAA 2001:db8:5::1
MiXeD A 198.18.5.3
mail A 198.18.5.2
_sip._tcp SRV 10 60 5060 www
_sip._tcp SRV 20 0 5061 sip.example.net.
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
svc HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=198.18.5.1
svc SVCB 0 www
host SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
_443._tcp.www TLSA 3 1 1 0d6fce3b3f6e4f8c6a1a0a1b2c3d4e5f60718293a4b5c6d7e8f9001122334455
odd TYPE65400 \\# 4 0a000001
uri URI 10 1 "https://www.example.com/"
hinfo HINFO "PC" "a system"
alias CNAME www
two CNAME alias
nowhere CNAME missing
across CNAME a.chain.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
toself CNAME toself
dangling CNAME nothing.gone.com.
*.wild A 198.18.5.7
*.wild TXT "from the wildcard"
exact.wild A 198.18.5.8
*.aliases CNAME www
a.b.ent A 198.18.5.9
old DNAME example.net.
big TXT ${longText}
medium TXT ${mediumText}
sub NS ns.sub
ns.sub A ${a(17)}
glueless NS dns1.hosting.net.
deep.er.and.deep.er.still A 198.18.5.10
zero 0 A 198.18.5.11
short 3600 A 198.18.5.12
\\046dot A 198.18.5.13
with\\.dot A 198.18.5.14
`,
  )

const subExampleCom = (a: At): ZoneText =>
  zone(
    'sub.example.com.',
    'ns.sub.example.com.',
    `ns A ${a(17)}\nwww A 198.18.6.1\nwww AAAA 2001:db8:6::1\nback CNAME www.example.com.\n`,
  )

const exampleOrg = (): ZoneText =>
  zone(
    'example.org.',
    'dns1.hosting.net.',
    `
@ NS dns2.hosting.net.
@ A 198.18.7.1
www A 198.18.7.1
mail A 198.18.7.2
mail AAAA 2001:db8:7::2
b.chain CNAME www.example.com.
host CNAME www.example.com.
`,
  )

const exampleNet = (a: At): ZoneText =>
  zone(
    'example.net.',
    'ns1.example.net.',
    `
ns1 A ${a(31)}
@ A 198.18.8.1
www A 198.18.8.1
sip A 198.18.8.2
a.chain CNAME b.chain.example.org.
`,
  )

const hostingNet = (a: At): ZoneText =>
  zone('hosting.net.', 'ns1.hosting.net.', `ns1 A ${a(31)}\ndns1 A ${a(21)}\ndns2 A ${a(22)}\n`)

const awkward = (a: At): ZoneText[] =>
  (['half', 'quiet', 'lame'] as const).map(label =>
    zone(
      `${label}.com.`,
      `ns1.${label}.com.`,
      `
@ NS ns2
ns1 A ${a({ half: CLOSED, quiet: SILENT, lame: 31 }[label])}
ns2 A ${a(14)}
www A 198.18.9.1
`,
    ),
  )

const signedCom = (a: At): string =>
  `${head('signed.com.', 'ns.signed.com.')}ns A ${a(16)}\nwww A 198.18.10.1\n*.w TXT "signed wildcard"\nalias CNAME www\n`
