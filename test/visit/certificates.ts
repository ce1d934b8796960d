/** Certificates for servers of tests: an authority, and leaves signed by it, for any names and times. X.509 by hand. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

export interface Certified {
  readonly key: string
  readonly cert: string
  readonly der: Uint8Array
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
}

export interface Authority extends Certified {
  readonly name: string
  readonly privateKey: KeyObject
}

export interface LeafOptions {
  readonly names: readonly string[]
  /** Days from now. */
  readonly from?: number
  readonly to?: number
}

const DAY_MS = 86_400_000

const tlv = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(parts)
  const { length } = body
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...head), body])
}
const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...parts)
const oid = (...octets: readonly number[]): Uint8Array => tlv(0x06, Uint8Array.from(octets))
const text = (tag: number, value: string): Uint8Array => tlv(tag, Buffer.from(value, 'latin1'))
const boolean = (): Uint8Array => tlv(0x01, Uint8Array.of(0xff))
const bits = (octets: Uint8Array): Uint8Array => tlv(0x03, Uint8Array.of(0), octets)

const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const nameOf = (common: string): Uint8Array => sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), text(0x0c, common))))
/** GeneralizedTime, so that any year will do. */
const time = (ms: number): Uint8Array => text(0x18, `${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')}`)
const extension = (id: number, value: Uint8Array, critical = false): Uint8Array =>
  sequence(oid(0x55, 0x1d, id), ...(critical ? [boolean()] : []), tlv(0x04, value))

const general = (name: string): Uint8Array =>
  isIP(name) === 4 ? tlv(0x87, Uint8Array.from(name.split('.'), Number)) : text(0x82, name)

interface Parts {
  readonly issuer: string
  readonly signer: KeyObject
  readonly subject: string
  readonly spki: Uint8Array
  readonly from: number
  readonly to: number
  readonly extensions: readonly Uint8Array[]
}

function certificate({ issuer, signer, subject, spki, from, to, extensions }: Parts): Uint8Array {
  const serial = randomBytes(8)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const now = Date.now()
  const body = sequence(
    tlv(0xa0, tlv(0x02, Uint8Array.of(2))),
    tlv(0x02, serial),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(time(now + from * DAY_MS), time(now + to * DAY_MS)),
    nameOf(subject),
    spki,
    tlv(0xa3, sequence(...extensions)),
  )
  return sequence(body, ECDSA_SHA256, bits(sign('sha256', body, signer)))
}

const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n')
    .trimEnd()}\n-----END CERTIFICATE-----\n`

const keys = (): { readonly privateKey: KeyObject; readonly key: string; readonly spki: Uint8Array } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    privateKey,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  }
}

export function authority(name = 'Test Authority'): Authority {
  const { privateKey, key, spki } = keys()
  const der = certificate({
    issuer: name,
    signer: privateKey,
    subject: name,
    spki,
    from: -1,
    to: 3650,
    extensions: [extension(0x13, sequence(boolean()), true)],
  })
  return { name, privateKey, key, cert: pem(der), der, spki }
}

/** `cert` has the authority's certificate after its own. */
export function leaf(by: Authority, { names, from = -1, to = 90 }: LeafOptions): Certified {
  const { key, spki } = keys()
  const der = certificate({
    issuer: by.name,
    signer: by.privateKey,
    subject: names[0] ?? '',
    spki,
    from,
    to,
    extensions: [extension(0x11, sequence(...names.map(general)))],
  })
  return { key, cert: `${pem(der)}${by.cert}`, der, spki }
}

export const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')
