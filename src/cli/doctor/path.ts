/**
 * Checks of the way to servers: are root servers or forwarders reached, do EDNS and TCP come through, is IPv6 of use,
 * do signatures agree with the clock. A handful of queries, to servers that the configuration has asked anyway.
 */
import type { Config } from '../../config/types.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { encodeQuery } from '../../dns/encode.ts'
import type { Edns, Message } from '../../dns/message.ts'
import { ROOT } from '../../dns/name.ts'
import { readRrsig } from '../../dns/rdata-dnssec.ts'
import { PLAIN_PAYLOAD_OCTETS } from '../../dns/wire.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { outsideBy } from '../../dnssec/anchor-evidence.ts'
import type { Heard } from '../../net/query-client.ts'
import { type Random, type ServerAddress, serverAddress } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import { INTERCEPTED, INTERCEPTION_CURE, isIntercepted } from '../../resolver/interception.ts'
import type { RootHints } from '../../zone/hints.ts'
import { type Finding, finding } from './findings.ts'
import type { DoctorWorld } from './world.ts'

/** Of each family: enough to tell a server that is away from a way that is not there. */
const SERVERS_ASKED = 3
const PAYLOAD_OCTETS = 1_232
/** Signatures of the root are valid for days: less is the time that a query takes, and a clock that is nearly right. */
const CLOCK_SLACK_S = 60

interface Answered {
  readonly server: ServerAddress
  readonly message: Message
  readonly octets: number
}

/** All checks of the way. `hints` are the root servers of the configuration. */
export async function checkPath(
  config: Config,
  hints: RootHints,
  world: DoctorWorld,
  random: Random,
): Promise<readonly Finding[]> {
  const rootIsForwarded = config.forwarding.some(({ zone, kind }) => zone === ROOT && kind === 'forward')
  const forwarded = await checkForwarding(config, world)
  if (rootIsForwarded) return [...forwarded, ...(await checkPlainForwarder(config, world, random))]
  const { upstreamPort, ipv4, ipv6 } = config.engine
  const servers = hints.servers.flatMap(({ addresses }) => addresses.map(ip => serverAddress(ip, upstreamPort)))
  const some = (family: 4 | 6): readonly ServerAddress[] =>
    servers.filter(({ ip }) => ip.family === family).slice(0, SERVERS_ASKED)
  const asked = [...(ipv4 ? some(4) : []), ...(ipv6 === false ? [] : some(6))]
  const answered = (await Promise.all(asked.map(server => askPlainly(server, world, random)))).filter(
    one => one !== null,
  )
  return [
    ...checkRoots(asked, answered),
    ...forwarded,
    ...checkIpv6(config, world, asked, answered),
    ...(await checkServer(answered, config, world, random)),
  ]
}

function checkRoots(asked: readonly ServerAddress[], answered: readonly Answered[]): readonly Finding[] {
  if (answered.length === 0)
    return [
      finding(
        'upstream',
        'error',
        `none of ${asked.length} root servers answers: nothing can be resolved`,
        'is there a way out at all? ip route; ping -c 3 198.41.0.4',
        'a firewall has to let UDP and TCP to port 53 out, and what comes back in',
        'where port 53 is closed, forward over TLS: "forward": [{"zone": ".", "to": ["tls://9.9.9.9#dns.quad9.net"]}]',
      ),
    ]
  if (answered.every(({ message }) => isIntercepted(message, false)))
    return [finding('upstream', 'error', INTERCEPTED, INTERCEPTION_CURE)]
  const names = `${answered.length} of ${asked.length} root servers`
  return [finding('upstream', 'good', `${names} answered that were asked`)]
}

/** Servers that the configuration names for zones, asked as the server would ask them. */
async function checkForwarding(config: Config, world: DoctorWorld): Promise<readonly Finding[]> {
  const zones = config.forwarding.map(({ zone }) => zone)
  if (zones.length === 0) return []
  const outcomes = await world.lookUp(config, zones)
  if (outcomes === null) return []
  return config.forwarding.map(({ zone, kind, upstreams }, index) => {
    const outcome = outcomes[index]
    const where = `${kind} zone ${formatName(zone)} (${upstreams.map(({ text }) => text).join(', ')})`
    if (outcome === undefined || outcome.kind !== 'failure') return finding('upstream', 'good', `${where} answers`)
    return finding(
      'upstream',
      'error',
      `${where} does not answer: ${outcome.text}`,
      `to see it: rootwalk explain ${formatName(zone)} SOA; rootwalk query ${formatName(zone)} SOA @SERVER`,
    )
  })
}

/** What of the way is asked of a root server is asked of a forwarder in clear, where there is one. */
async function checkPlainForwarder(config: Config, world: DoctorWorld, random: Random): Promise<readonly Finding[]> {
  const plain = config.forwarding
    .filter(({ zone }) => zone === ROOT)
    .flatMap(({ upstreams }) => upstreams)
    .flatMap(upstream => (upstream.kind === 'address' && upstream.server.secure === undefined ? [upstream.server] : []))
  const answered = (await Promise.all(plain.map(server => askPlainly(server, world, random)))).filter(
    one => one !== null,
  )
  return checkServer(answered, config, world, random)
}

function checkIpv6(
  { engine }: Config,
  { addresses }: DoctorWorld,
  asked: readonly ServerAddress[],
  answered: readonly Answered[],
): readonly Finding[] {
  if (engine.ipv6 === false) return [finding('ipv6', 'good', 'IPv6 is switched off in the configuration')]
  // Unique local addresses (RFC 4193) lead nowhere beyond the site.
  const hasAddress = addresses.some(text => text.includes(':') && !/^(?:::1$|fe[89ab]|f[cd])/i.test(text))
  const reached = answered.some(({ server }) => server.ip.family === 6)
  if (reached) return [finding('ipv6', 'good', 'servers are reached over IPv6')]
  if (!asked.some(({ ip }) => ip.family === 6)) return [finding('ipv6', 'note', 'no root server with IPv6 is known')]
  if (!hasAddress) return [finding('ipv6', 'note', 'this host has no IPv6 address; IPv4 is used')]
  return [
    finding(
      'ipv6',
      'warning',
      'this host has an IPv6 address, but no server answers over IPv6: look-ups wait for what does not come',
      'repair the way: ip -6 route; ping -6 -c 3 2001:500:2::c',
      'or leave it out: "upstream": {"ipv6": false}',
    ),
  ]
}

/** EDNS, larger replies, TCP and the clock, by the first server that answered. */
async function checkServer(
  answered: readonly Answered[],
  { dnssec }: Config,
  world: DoctorWorld,
  random: Random,
): Promise<readonly Finding[]> {
  const [first] = answered
  if (first === undefined) return []
  const keys = query(RrType.DNSKEY, edns, random)
  const [byDatagram, byStream] = await Promise.all([
    world.datagram(first.server, keys),
    world.stream(first.server, keys),
  ])
  const overUdp = messageOf(first.server, byDatagram)
  const overTcp = messageOf(first.server, byStream)
  return [
    ednsFinding(first.server, overUdp, dnssec.validate),
    tcpFinding(first.server, overTcp, byStream),
    ...clockFindings(overTcp ?? overUdp, world.wall),
  ]
}

/** `wantsSignatures`: the root is validated, and so has to be signed. */
function ednsFinding({ ip }: ServerAddress, reply: Answered | null, wantsSignatures: boolean): Finding {
  const todo = [
    'a firewall or a router on the way drops or changes what it does not know: let UDP with EDNS (RFC 6891) pass',
    'where that cannot be had, forward over TLS: nothing on the way can look into it',
  ]
  if (reply === null)
    return finding('edns', 'warning', `${ip.text} answers, but not a query with EDNS: DNSSEC needs TCP here`, ...todo)
  if (reply.message.edns === null)
    return finding('edns', 'error', `the reply of ${ip.text} has lost its EDNS: no signature can be had`, ...todo)
  if (wantsSignatures && !reply.message.truncated && !hasSignature(reply.message))
    return finding('edns', 'error', `the reply of ${ip.text} has lost its signatures: signed names fail`, ...todo)
  const large = reply.octets > PLAIN_PAYLOAD_OCTETS
  return finding('edns', 'good', `EDNS comes through${large ? `, in a reply of ${reply.octets} octets` : ''}`)
}

function tcpFinding({ ip }: ServerAddress, reply: Answered | null, heard: Heard): Finding {
  if (reply !== null) return finding('tcp', 'good', 'TCP to port 53 comes through')
  const why = heard.kind === 'refused' ? heard.reason : 'no answer'
  return finding(
    'tcp',
    'warning',
    `${ip.text} answers over UDP, but not over TCP (${why}): long answers cannot be had`,
    'let TCP to port 53 out of the firewall (RFC 7766)',
  )
}

/** The signatures over the root's keys are made again every few days: a clock outside of them is wrong. */
function clockFindings(reply: Answered | null, wall: number): readonly Finding[] {
  const offs = (reply?.message.answer ?? []).flatMap(({ type, rdata }) => {
    const signature = type === RrType.RRSIG ? readRrsig(rdata) : null
    return signature === null ? [] : [outsideBy(signature, wall)]
  })
  const least = offs.reduce<number | null>((best, off) => {
    return best === null || Math.abs(off) < Math.abs(best) ? off : best
  }, null)
  if (least === null || Math.abs(least) <= CLOCK_SLACK_S) return []
  const hours = Math.abs(least) / 3_600
  const amount = hours < 48 ? `${Math.ceil(hours)} hours` : `${Math.ceil(hours / 24)} days`
  return [
    finding(
      'clock',
      'error',
      `by the signatures of the root the clock is ${least > 0 ? 'fast' : 'slow'} by ${amount} at least`,
      'set it: sudo timedatectl set-ntp true',
    ),
  ]
}

const hasSignature = ({ answer }: Message): boolean => answer.some(({ type }) => type === RrType.RRSIG)

const edns: Edns = { payloadSize: PAYLOAD_OCTETS, version: 0, dnssecOk: true, flags: 0, options: [] }

const query = (type: number, options: Edns | null, random: Random): Uint8Array =>
  encodeQuery({
    id: random.below(0x1_0000),
    question: { name: ROOT, type, class: RrClass.IN },
    recursionDesired: false,
    edns: options,
  })

/** The oldest form of a question, which every way lets through that lets any. */
async function askPlainly(server: ServerAddress, world: DoctorWorld, random: Random): Promise<Answered | null> {
  const heard = await world.datagram(server, query(RrType.SOA, null, random))
  return messageOf(server, heard)
}

function messageOf(server: ServerAddress, heard: Heard): Answered | null {
  if (heard.kind !== 'reply') return null
  const decoded = decodeMessage(heard.bytes)
  return decoded.kind === 'message' ? { server, message: decoded.message, octets: heard.bytes.length } : null
}
