/**
 * `rootwalk ddr`: what clients learn of the encrypted listeners of a configuration: the records that they find
 * (RFC 9462), and options for DHCP and router advertisements that say the same (DNR, RFC 9463) as lines for the servers
 * that send them. Nothing is sent or changed.
 */
import { designationOf } from '../config/designation.ts'
import type { ConfigResult } from '../config/types.ts'
import { putU16 } from '../dns/bytes.ts'
import { parseIp } from '../dns/address.ts'
import { nameBytes } from '../dns/name.ts'
import { type Designation, type DesignatedService, designationRecords, serviceText } from '../policy/designation.ts'
import { parseRr } from '../presentation/rr-text.ts'
import { parseName } from '../presentation/text.ts'
import { problemText } from '../render/problem.ts'
import { readCertificate } from '../system/certificates.ts'
import type { Output } from './output.ts'
import { Exit } from './startup-problems.ts'

export function runDdr(result: ConfigResult, output: Output): number {
  if (result.kind === 'invalid') {
    output.err(result.problems.map(problem => `${problemText(problem)}\n`).join(''))
    return Exit.BadConfig
  }
  const { tls, listen, limits, ddr } = result.config
  if (tls === null || tls.kind === 'self-signed')
    return refuse(
      output,
      'nothing is designated: that needs tls:// or https:// in "listen" and a certificate that clients trust',
    )
  const read = readCertificate(tls, Math.floor(Date.now() / 1_000), limits.tls.certificateBytes)
  if (read.kind === 'invalid') return refuse(output, read.problems.join('\nrootwalk: '))
  const designation = designationOf(listen, read.certificate.names)
  if (designation === null)
    return refuse(output, 'nothing is designated: no listener is reached directly, or the certificate has no DNS name')
  output.out(`${designationText(designation).join('\n')}\n`)
  if (!ddr) output.err('rootwalk: "ddr" is false, so clients that ask for these records get none\n')
  return Exit.Ok
}

function refuse(output: Output, why: string): number {
  output.err(`rootwalk: ${why}\n`)
  return Exit.BadConfig
}

/** Lines; those that begin with `#` are comments in each of the files that the others belong to. */
export function designationText(designation: Designation): readonly string[] {
  const { services, target, ipv4, ipv6 } = designation
  const v4 = ipv4.length === 0 ? null : Buffer.concat(services.map(service => dhcpv4(designation, service)))
  const v6 = ipv6.length === 0 ? [] : services.map(service => dhcpv6(designation, service))
  const listed = (option: Uint8Array): string =>
    Buffer.from(option)
      .toString('hex')
      .replace(/..(?=.)/g, '$&:')
  const plain = (option: Uint8Array): string => Buffer.from(option).toString('hex').toUpperCase()
  const kea = (code: number, space: string, option: Uint8Array): string =>
    `{ "code": ${code}, "space": "${space}", "csv-format": false, "data": "${plain(option)}" }`
  const missing = (family: string): string =>
    `# no ${family} address is listened on by itself, so there is no option with one: add one to "listen"`
  const addresses = ipv6.length + ipv4.length === 0 ? [] : [[...ipv6, ...ipv4].join(',')]
  return [
    '# records that clients find by asking this server (RFC 9462)',
    ...designationRecords(designation),
    '',
    '# dnsmasq.conf: DHCP option 162, DHCPv6 option 144 (RFC 9463)',
    ...(v4 === null ? [missing('IPv4')] : [`dhcp-option-force=162,${listed(v4)}`]),
    ...(v6.length === 0 ? [missing('IPv6')] : v6.map(option => `dhcp-option=option6:144,${listed(option)}`)),
    '',
    '# kea-dhcp4.conf and kea-dhcp6.conf, in "option-data"',
    ...(v4 === null ? [missing('IPv4')] : [kea(162, 'dhcp4', v4)]),
    ...(v6.length === 0 ? [missing('IPv6')] : v6.map(option => kea(144, 'dhcp6', option))),
    '',
    '# router advertisements, option 144: odhcpd (OpenWrt, /etc/config/dhcp) has a setting for it',
    ...services.map(
      service => `list dnr '${[service.priority, target, ...addresses, serviceText(service, NO_HINTS)].join(' ')}'`,
    ),
    '# radvd has no setting for it in its releases; the whole option, in hex, for what takes raw options:',
    ...services.map(service => `# ${plain(advertised(designation, service))}`),
  ]
}

/** RFC 9463 section 3.1: addresses have fields of their own. */
const NO_HINTS = { ipv4: [], ipv6: [] } as const

const u16Octets = (value: number): Uint8Array => {
  const octets = new Uint8Array(2)
  putU16(octets, 0, value)
  return octets
}

const addressOctets = (addresses: readonly string[]): Uint8Array =>
  Buffer.concat(addresses.flatMap(text => parseIp(text)?.bytes ?? []))

function nameOctets(target: string): Uint8Array {
  const name = parseName(`${target}.`, null)
  return typeof name === 'string' ? nameBytes(name) : new Uint8Array(0)
}

/** Parameters on the wire: what is after the priority and the target of a record with them. */
function parameterOctets(target: string, service: DesignatedService): Uint8Array {
  const rr = parseRr(`_dns. 0 IN SVCB ${service.priority} ${target}. ${serviceText(service, NO_HINTS)}`)
  return 'error' in rr ? new Uint8Array(0) : rr.rdata.subarray(2 + nameOctets(target).length)
}

/** RFC 9463 section 5.1: the length of the instance, priority, name, addresses after an octet of length, parameters. */
function dhcpv4({ target, ipv4 }: Designation, service: DesignatedService): Uint8Array {
  const name = nameOctets(target)
  const addresses = addressOctets(ipv4)
  const instance = Buffer.concat([
    u16Octets(service.priority),
    Uint8Array.of(name.length),
    name,
    Uint8Array.of(addresses.length),
    addresses,
    parameterOctets(target, service),
  ])
  return Buffer.concat([u16Octets(instance.length), instance])
}

/** RFC 9463 section 4.1: lengths have two octets, and each instance is an option. */
function dhcpv6({ target, ipv6 }: Designation, service: DesignatedService): Uint8Array {
  const name = nameOctets(target)
  const addresses = addressOctets(ipv6)
  return Buffer.concat([
    u16Octets(service.priority),
    u16Octets(name.length),
    name,
    u16Octets(addresses.length),
    addresses,
    parameterOctets(target, service),
  ])
}

const RA_OPTION = 144
/** RFC 4861 section 4.6: the unit of an option's length. */
const RA_UNIT_OCTETS = 8
/** As long as router advertisements are usually valid (RFC 4861 section 6.2.1, three times ten minutes). Seconds. */
const RA_LIFETIME = 1_800

/** RFC 9463 section 6.1: type and length, priority, lifetime, then what is in DHCPv6 with the length of parameters. */
function advertised({ target, ipv6 }: Designation, service: DesignatedService): Uint8Array {
  const name = nameOctets(target)
  const addresses = addressOctets(ipv6)
  const parameters = parameterOctets(target, service)
  const body = Buffer.concat([
    u16Octets(service.priority),
    u16Octets(RA_LIFETIME >> 16),
    u16Octets(RA_LIFETIME & 0xffff),
    u16Octets(name.length),
    name,
    u16Octets(addresses.length),
    addresses,
    u16Octets(parameters.length),
    parameters,
  ])
  const units = Math.ceil((2 + body.length) / RA_UNIT_OCTETS)
  return Buffer.concat([Uint8Array.of(RA_OPTION, units), body, Buffer.alloc(units * RA_UNIT_OCTETS - 2 - body.length)])
}
