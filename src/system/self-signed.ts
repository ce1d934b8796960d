/**
 * Certificates made here: for trials of a server that has none, and for tests. X.509 version 3 (RFC 5280), P-256 keys,
 * written in DER by hand, since Node reads certificates and makes none. Not a place for what is done with them.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { parseIp } from '../dns/address.ts'

/** A certificate and its key, both in PEM, and what signing others with it takes. */
export interface MadeCertificate {
  readonly cert: string
  readonly key: string
  readonly issuer: Issuer
}

interface Issuer {
  readonly commonName: string
  readonly privateKey: KeyObject
}

export interface CertificateWish {
  readonly commonName: string
  /** What it is valid for: DNS names, which may begin with `*.`, and addresses (RFC 5280 section 4.2.1.6). */
  readonly names: readonly string[]
  /** Seconds since 1970. */
  readonly from: number
  readonly until: number
  /** Who signs it; absent: it signs itself. */
  readonly issuer?: Issuer | undefined
  /** It signs others (RFC 5280 section 4.2.1.9). */
  readonly authority?: boolean | undefined
}

/** Throws for a name that is neither an address nor printable ASCII: those that make one know what they ask for. */
export function makeCertificate(wish: CertificateWish): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const issuer = wish.issuer ?? { commonName: wish.commonName, privateKey }
  const tbs = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    // RFC 5280 section 4.1.2.2: positive, at most 20 octets; 64 random bits at least by the rules of browsers.
    integer(positive(randomBytes(16))),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.commonName),
    sequence(time(wish.from), time(wish.until)),
    distinguishedName(wish.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions(wish))),
  )
  const signature = sign('sha256', tbs, issuer.privateKey)
  const der = sequence(tbs, ECDSA_WITH_SHA256, bits(signature))
  return {
    cert: pem('CERTIFICATE', der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    issuer: { commonName: wish.commonName, privateKey },
  }
}

function extensions({ names, authority }: CertificateWish): readonly Uint8Array[] {
  const critical = boolean(true)
  const isAuthority = authority === true
  // RFC 5280 section 4.2.1.3: bit 0 is digitalSignature, 5 keyCertSign, 6 cRLSign; the first octet counts unused bits.
  const usage = isAuthority ? Uint8Array.of(1, 0x06) : Uint8Array.of(7, 0x80)
  return [
    sequence(BASIC_CONSTRAINTS, critical, octets(isAuthority ? sequence(boolean(true)) : sequence())),
    sequence(KEY_USAGE, critical, octets(tagged(0x03, usage))),
    ...(isAuthority ? [] : [sequence(EXTENDED_KEY_USAGE, octets(sequence(SERVER_AUTH)))]),
    ...(names.length === 0 ? [] : [sequence(SUBJECT_ALT_NAME, octets(sequence(...names.map(generalName))))]),
  ]
}

/** RFC 5280 section 4.2.1.6: dNSName is [2] IA5String, iPAddress [7] with the octets of the address. */
function generalName(name: string): Uint8Array {
  const ip = parseIp(name)
  if (ip !== null) return tagged(0x87, ip.bytes)
  if (!/^[\x21-\x7e]+$/.test(name)) throw new RangeError(`"${name}" is no name for a certificate`)
  return tagged(0x82, ascii(name))
}

const distinguishedName = (commonName: string): Uint8Array =>
  sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName, 'utf8')))))

/** RFC 5280 section 4.1.2.5: UTCTime until 2049, then GeneralizedTime. */
function time(seconds: number): Uint8Array {
  const digits = new Date(seconds * 1_000).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? tagged(0x17, ascii(digits.slice(2))) : tagged(0x18, ascii(digits))
}

// --- DER (X.690): tag, length, content

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return Buffer.concat([Uint8Array.of(tag), lengthOctets(content.length), content])
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 0xff)
}

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tagged(0x30, ...parts)
const explicit = (number: number, content: Uint8Array): Uint8Array => tagged(0xa0 + number, content)
const octets = (content: Uint8Array): Uint8Array => tagged(0x04, content)
const bits = (content: Uint8Array): Uint8Array => tagged(0x03, Uint8Array.of(0), content)
const boolean = (value: boolean): Uint8Array => tagged(0x01, Uint8Array.of(value ? 0xff : 0))
const integer = (content: Uint8Array): Uint8Array => tagged(0x02, content)
const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const objectId = (...content: readonly number[]): Uint8Array => tagged(0x06, Uint8Array.from(content))

/** Neither negative nor with a leading zero octet. */
function positive(bytes: Uint8Array): Uint8Array {
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

/** RFC 5758 section 3.2. */
const ECDSA_WITH_SHA256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
/** RFC 5280 appendix A. */
const COMMON_NAME = objectId(0x55, 0x04, 0x03)
const BASIC_CONSTRAINTS = objectId(0x55, 0x1d, 0x13)
const KEY_USAGE = objectId(0x55, 0x1d, 0x0f)
const EXTENDED_KEY_USAGE = objectId(0x55, 0x1d, 0x25)
const SUBJECT_ALT_NAME = objectId(0x55, 0x1d, 0x11)
const SERVER_AUTH = objectId(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01)

/** RFC 7468. */
function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
