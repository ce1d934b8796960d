/** What is wrong or a likely slip in what is listened on, and who may ask: the entries as they fit each other. */
import { inAnyPrefix, inPrefix, type IpAddress, isLoopback, parseIp, parsePrefix, type Prefix } from '../dns/address.ts'
import type { Binding } from '../ports.ts'
import { bindingText } from './bindings.ts'
import type { JsonPath } from './json.ts'
import type { RawConfig } from './raw.ts'
import type { CertificateSource } from './types.ts'
import { SELF_SIGNED } from './values.ts'

/** `because`: the setting for want of which it is wrong. */
type Report = (path: JsonPath, message: string, because?: JsonPath) => void

/** `bindings` are those of `raw.listen`, one for one. */
export function checkListen(raw: RawConfig, bindings: readonly Binding[], complain: Report, warn: Report): void {
  checkServices(raw, bindings, complain, warn)
  checkCertificate(raw, bindings, complain, warn)
  warnAboutAccess(raw, bindings, warn)
}

/** Null when there is none. `path` makes absolute ones. */
export function certificateSource(
  { certificate, key }: RawConfig['tls'],
  path: (text: string, ...at: readonly string[]) => string,
): CertificateSource | null {
  if (certificate === SELF_SIGNED) return { kind: 'self-signed' }
  if (certificate === undefined || key === undefined) return null
  return { kind: 'files', certificate: path(certificate, 'tls', 'certificate'), key: path(key, 'tls', 'key') }
}

function checkServices(raw: RawConfig, bindings: readonly Binding[], complain: Report, warn: Report): void {
  const taken = new Map<string, number>()
  bindings.forEach((binding, index) => {
    const { service, address, port } = binding
    const place = `${parseIp(address)?.text ?? address} ${port}`
    const first = taken.get(place)
    if (first !== undefined && port !== 0)
      complain(['listen', index], `${bindingText(binding)} has the address and port of listen[${first}]`)
    else taken.set(place, index)
    if (service === undefined) return
    const { transport, proxy } = service
    if ((transport === 'tls' || transport === 'https') && raw.tls.certificate === undefined)
      complain(
        ['listen', index],
        `${transport}:// needs a certificate: set "tls": {"certificate": "cert.pem", "key": "key.pem"}, or ` +
          `"tls": {"certificate": "${SELF_SIGNED}"} for trials`,
        ['tls', 'certificate'],
      )
    if (proxy && raw.proxies.length === 0)
      complain(['listen', index], 'takes connections of proxies only: list their addresses in "proxies"', ['proxies'])
    if (transport === 'http' && !proxy && !isLoopback(parseIp(address)))
      warn(
        ['listen', index],
        'is not encrypted and can be reached from other hosts: bind it to 127.0.0.1 for a proxy on this host, ' +
          'or use https://',
      )
  })
}

function checkCertificate(
  { tls, admin }: RawConfig,
  bindings: readonly Binding[],
  complain: Report,
  warn: Report,
): void {
  const { certificate, key } = tls
  if (certificate === SELF_SIGNED && key !== undefined)
    complain(['tls', 'key'], `is made together with the certificate "${SELF_SIGNED}": leave it out`)
  if (certificate !== undefined && certificate !== SELF_SIGNED && key === undefined)
    complain(['tls'], 'has a certificate without "key", the PEM file of its private key')
  if (certificate === undefined && key !== undefined)
    complain(['tls'], 'has a key without "certificate", the PEM file of its certificate')
  const isUsed =
    bindings.some(({ service }) => service?.transport === 'tls' || service?.transport === 'https') ||
    [admin.listen].flat().some(text => text.startsWith('https://'))
  if (certificate !== undefined && !isUsed)
    warn(['tls'], 'is for tls:// and https:// listeners, of which there is none in "listen" or "admin.listen"')
}

/** The slips that make a resolver a weapon, or deaf. */
function warnAboutAccess(raw: RawConfig, bindings: readonly Binding[], warn: Report): void {
  raw.allow.forEach((text, index) => {
    if (parsePrefix(text)?.length === 0)
      warn(
        ['allow', index],
        'lets the whole Internet send queries; open resolvers are abused for floods, keep it behind a firewall',
      )
  })
  const onlyLoopback = raw.allow.every(text => isLoopback(parsePrefix(text)))
  // Behind a proxy the clients are those that it names.
  const outside = bindings.findIndex(({ address, service }) => service?.proxy !== true && !isLoopback(parseIp(address)))
  if (outside >= 0 && onlyLoopback)
    warn(['listen', outside], 'can be reached from other hosts, but "allow" lets only this one ask; others are refused')
  raw.proxies.forEach((text, index) => {
    const proxy = parsePrefix(text)
    if (proxy !== null && !allowed(raw).some(block => inPrefix(firstOf(proxy), block) && block.length <= proxy.length))
      warn(['proxies', index], `is not in "allow", which holds for proxies too: what comes by ${text} is refused`)
  })
  warnAboutLoopback(raw, bindings, warn)
}

const allowed = (raw: RawConfig): Prefix[] => raw.allow.flatMap(text => parsePrefix(text) ?? [])

const firstOf = ({ bytes }: Prefix): IpAddress => ({ family: bytes.length === 4 ? 4 : 6, bytes, text: '' })

/** A list of clients of a network, written without this host: what runs here asks from loopback, and is refused. */
function warnAboutLoopback(raw: RawConfig, bindings: readonly Binding[], warn: Report): void {
  for (const [family, address, block] of [
    [4, '127.0.0.1', '127.0.0.0/8'],
    [6, '::1', '::1/128'],
  ] as const) {
    const ip = parseIp(address)
    const listens = bindings.some(binding => {
      const own = parseIp(binding.address)
      return (
        binding.service?.proxy !== true &&
        own !== null &&
        own.family === family &&
        (isLoopback(own) || own.bytes.every(octet => octet === 0))
      )
    })
    if (ip === null || !listens || inAnyPrefix(ip, allowed(raw))) continue
    warn(['allow'], `does not let this host itself ask over ${address}: add "${block}"`)
  }
}
