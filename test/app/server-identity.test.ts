import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openIdentity, type ServerIdentity } from '../../src/app/server-identity.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { logLine } from '../../src/render/event.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { readCertificate } from '../../src/system/certificates.ts'
import { type CertificateWish, makeCertificate, type MadeCertificate } from '../../src/system/self-signed.ts'
import { systemRandom } from '../../src/system/system.ts'

const DAY = 86_400
const now = Math.floor(Date.now() / 1_000)
const directory = mkdtempSync(join(tmpdir(), 'rootwalk-certificates-'))
const closers: (() => void)[] = [() => rmSync(directory, { recursive: true })]
afterEach(() => {
  for (const close of closers.splice(1)) close()
})

const made = (changes: Partial<CertificateWish> = {}): MadeCertificate =>
  makeCertificate({ commonName: 'x', names: ['dns.example'], from: now - DAY, until: now + 60 * DAY, ...changes })
const root = made({ names: [], authority: true })

const path = (name: string): string => join(directory, name)
function file(name: string, text: string | Uint8Array): string {
  writeFileSync(path(name), text)
  return path(name)
}

interface Opened {
  readonly identity: ServerIdentity
  readonly clock: SimClock
  readonly events: Event[]
}

function open(
  pair: Pick<MadeCertificate, 'cert' | 'key'> | null,
  certificateCheckMs = defaultLimits.tls.certificateCheckMs,
): Opened {
  const clock = new SimClock(1_000, now)
  const events: Event[] = []
  if (pair !== null) {
    file('cert', pair.cert)
    file('key', pair.key)
  }
  const opened = openIdentity(
    {
      file: null,
      listen: [{ address: '127.0.0.1', port: 853, service: { transport: 'tls', path: '', proxy: false } }],
      tls: pair === null ? { kind: 'self-signed' } : { kind: 'files', certificate: path('cert'), key: path('key') },
    },
    {
      clock,
      random: systemRandom(),
      limits: { ...defaultLimits.tls, certificateCheckMs },
      events: event => events.push(event),
    },
  )
  if (opened.kind === 'invalid') throw new Error(opened.problems[0]?.message)
  closers.push(() => opened.identity.close())
  return { identity: opened.identity, clock, events }
}

const kinds = (events: readonly Event[]): string[] => events.map(({ kind }) => kind)

describe('certificates made here', () => {
  test('are read by OpenSSL as what they were made as', () => {
    const leaf = made({ names: ['dns.example', '*.dns.example', '192.0.2.1', '2001:db8::1'], issuer: root.issuer })
    const read = new X509Certificate(leaf.cert)
    expect(read.subjectAltName).toBe(
      'DNS:dns.example, DNS:*.dns.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
    )
    expect(read.verify(new X509Certificate(root.cert).publicKey)).toBe(true)
    expect(read.checkIssued(new X509Certificate(root.cert))).toBe(true)
    expect([read.ca, new X509Certificate(root.cert).ca]).toEqual([false, true])
    expect(read.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true)
    expect(read.checkHost('phone.dns.example')).toBe('*.dns.example')
    expect(read.checkIP('2001:db8::1')).toBe('2001:db8::1')
  })

  test.each([now, 2_500_000_000])('keep their times: %i', until => {
    const read = new X509Certificate(made({ until }).cert)
    expect(Date.parse(read.validTo)).toBe(until * 1_000)
  })

  test.each(['a b', 'münchen.example', ''])('are not made for %j', name => {
    expect(() => made({ names: [name] })).toThrow('is no name for a certificate')
  })
})

const good = made()
const other = made()
const chain = made({ issuer: root.issuer })

describe('certificate files', () => {
  test.each<[string, string | Uint8Array | null, string | Uint8Array | null, string]>([
    ['a certificate that is missing', null, good.key, 'c does not exist'],
    ['a key that is missing', good.cert, null, 'k does not exist'],
    ['a key of another certificate', good.cert, other.key, 'is not the key of the certificate in'],
    ['both mixed up, the certificate', good.key, good.key, 'are "certificate" and "key" mixed up?'],
    ['both mixed up, the key', good.cert, good.cert, 'are "certificate" and "key" mixed up?'],
    ['a certificate in DER', new X509Certificate(good.cert).raw, good.key, 'openssl x509 -inform der'],
    ['a certificate that is text', 'hello', good.key, 'holds no certificate in PEM'],
    ['a key that is text', good.cert, 'hello', 'holds no private key in PEM'],
    ['a certificate that is cut', good.cert.replace(/\n.{64}\n/, '\n'), good.key, 'certificate 1 cannot be read'],
    ['a key that is cut', good.cert, good.key.replace(/\n.{64}\n/, '\n'), 'cannot be read as a private key'],
    [
      'a key with a passphrase',
      good.cert,
      createPrivateKey(good.key)
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
      'openssl pkey -in',
    ],
    ['a chain in the wrong order', root.cert + chain.cert, chain.key, 'is number 2 in it and must be the first'],
    [
      'a certificate of a megabyte',
      'x'.repeat(1024 * 1024 + 1),
      good.key,
      'octets, more than a certificate or key has',
    ],
  ])('with %s are refused', (_, cert, key, problem) => {
    const files = { certificate: path('c'), key: path('k') }
    for (const [name, text] of [
      ['c', cert],
      ['k', key],
    ] as const) {
      rmSync(path(name), { force: true })
      if (text !== null) file(name, text)
    }
    const read = readCertificate(files, now, defaultLimits.tls.certificateBytes)
    expect(read.kind === 'invalid' ? read.problems.join() : read.kind).toContain(problem)
  })

  test.each<[string, MadeCertificate, string]>([
    ['has expired', made({ until: now - 1 }), 'expired on'],
    ['is not valid yet', made({ from: now + DAY }), 'is valid from'],
    ['has no names', made({ names: [] }), 'names neither a host nor an address'],
  ])('whose certificate %s are used, with a warning', (_, pair, warning) => {
    const files = { certificate: file('c', pair.cert), key: file('k', pair.key) }
    const read = readCertificate(files, now, defaultLimits.tls.certificateBytes)
    expect(read.kind === 'certificate' ? read.warnings.join() : read.problems).toContain(warning)
  })

  test('of certbot, without the chain next to them, are used with a warning', () => {
    file('fullchain.pem', chain.cert + root.cert)
    const files = { certificate: file('cert.pem', chain.cert), key: file('k', chain.key) }
    const read = readCertificate(files, now, defaultLimits.tls.certificateBytes)
    expect(read.kind === 'certificate' ? read.warnings : []).toEqual([
      expect.stringContaining('is without the certificates it was signed by: clients may want'),
    ])
  })
})

describe('what listeners show', () => {
  test('changes when the files do, and keeps the ticket key', () => {
    const { identity, clock, events } = open(good)
    const before = identity.current()
    const seen: string[] = []
    identity.follow(({ cert }) => seen.push(cert))
    file('cert', other.cert)
    file('key', other.key)
    clock.advance(defaultLimits.tls.certificateCheckMs)
    expect(seen).toEqual([other.cert])
    expect(identity.current()).toMatchObject({ cert: other.cert, key: other.key, names: ['dns.example'] })
    expect(identity.current().ticketKeys).toBe(before.ticketKeys)
    expect(kinds(events)).toEqual(['certificate', 'certificate'])
  })

  test('stays while the new files do not fit, which is told at the second look, once', () => {
    const { identity, clock, events } = open(good)
    file('cert', other.cert)
    clock.advance(defaultLimits.tls.certificateCheckMs)
    expect(kinds(events)).toEqual(['certificate'])
    for (let i = 0; i < 3; i++) clock.advance(defaultLimits.tls.certificateCheckMs)
    expect(kinds(events)).toEqual(['certificate', 'certificate-rejected'])
    expect(identity.current().cert).toBe(good.cert)
    file('key', other.key)
    clock.advance(defaultLimits.tls.certificateCheckMs)
    expect(identity.current().cert).toBe(other.cert)
  })

  test('stays when the new certificate has expired, or the files are gone', () => {
    const { identity, clock } = open(good)
    const expired = made({ until: now - 1 })
    file('cert', expired.cert)
    file('key', expired.key)
    clock.advance(2 * defaultLimits.tls.certificateCheckMs)
    rmSync(path('cert'))
    clock.advance(2 * defaultLimits.tls.certificateCheckMs)
    expect(identity.current().cert).toBe(good.cert)
  })

  test('has another ticket key every twelve hours', () => {
    const { identity, clock } = open(good)
    const keys = [identity.current().ticketKeys.toString('hex')]
    for (let i = 0; i < 2; i++) {
      clock.advance(defaultLimits.tls.ticketKeyMs)
      keys.push(identity.current().ticketKeys.toString('hex'))
    }
    expect(new Set(keys).size).toBe(3)
    expect(keys.every(key => key.length === 96)).toBe(true)
  })

  test('is warned about 30, 7 and 1 days before its end, and after it', () => {
    const { clock, events } = open(made({ until: now + 40 * DAY }), DAY * 500)
    const warned: number[] = []
    for (let day = 0; day <= 41; day++) {
      if (events.splice(0).some(({ kind }) => kind === 'certificate-expires')) warned.push(40 - day)
      clock.advance(DAY * 1_000)
    }
    expect(warned).toEqual([30, 7, 1, 0])
  })

  test('is made here for trials: for this host and its address, with its fingerprint in the log', () => {
    const { identity, events } = open(null)
    const own = new X509Certificate(identity.current().cert)
    expect(own.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(own.checkHost('localhost')).toBe('localhost')
    const [told] = events
    if (told === undefined) throw new Error('nothing was told')
    expect(logLine(told).message).toContain(`SHA-256 ${own.fingerprint256}, pin-sha256 `)
    const before = identity.current().cert
    identity.check()
    expect(identity.current().cert).toBe(before)
  })
})
