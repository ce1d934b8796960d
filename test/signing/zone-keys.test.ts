import { createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { keyTagOf, readDnskey } from '../../src/dns/rdata-dnssec.ts'
import { zoneKey } from '../../src/dnssec/algorithms.ts'
import { defaultLimits } from '../../src/limits.ts'
import { collidingRsaKeys, malformedKeys } from '../../src/signing/crafted-keys.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { planOf, readPlan } from '../../src/signing/signing-plan.ts'
import { makeSigningKey, type SigningAlgorithm, signingAlgorithms } from '../../src/signing/zone-keys.ts'

const zone = nameOf('example.com.')
const data = new TextEncoder().encode('signed octets')
const algorithms: readonly SigningAlgorithm[] = [
  'RSASHA1',
  'RSASHA1-NSEC3-SHA1',
  'RSASHA256',
  'RSASHA512',
  'ECDSAP256SHA256',
  'ECDSAP384SHA384',
  'ED25519',
  'ED448',
]

describe('keys', () => {
  it.each(algorithms)('%s: equal seeds, equal keys and signatures; the platform verifies them', algorithm => {
    const [key, same] = [1, 2].map(() => makeSigningKey(algorithm, { seed: 7, zone, role: 'zsk' }))
    expect(key?.rdata).toEqual(same?.rdata)
    const signature = key?.sign(data) ?? new Uint8Array(0)
    expect(same?.sign(data)).toEqual(signature)
    const verifier = key === undefined ? null : zoneKey(key.rdata, defaultLimits.dnssec)
    expect(verifier?.verify(data, signature)).toBe('good')
    expect(verifier?.verify(Uint8Array.of(...data, 0), signature)).toBe('bad')
    expect([verifier?.algorithm, verifier?.tag, verifier?.flags]).toEqual([signingAlgorithms[algorithm], key?.tag, 256])
    if (algorithm.startsWith('RSA')) return
    for (const other of [
      { seed: 8, zone, role: 'zsk' },
      { seed: 7, zone: nameOf('example.org.'), role: 'zsk' },
      { seed: 7, zone, role: 'ksk' },
      { seed: 7, zone, role: 'zsk', generation: 1 },
    ] as const) {
      expect(readDnskey(makeSigningKey(algorithm, other).rdata)?.publicKey).not.toEqual(
        readDnskey(key?.rdata ?? data)?.publicKey,
      )
    }
  })

  it('ECDSA over many octets, against the platform itself', () => {
    for (const [algorithm, crv, hash, half] of [
      ['ECDSAP256SHA256', 'P-256', 'sha256', 32],
      ['ECDSAP384SHA384', 'P-384', 'sha384', 48],
    ] as const) {
      const key = makeSigningKey(algorithm, { seed: 1, zone, role: 'csk' })
      const point = Buffer.from(readDnskey(key.rdata)?.publicKey ?? [])
      const jwk = {
        kty: 'EC',
        crv,
        x: point.subarray(0, half).toString('base64url'),
        y: point.subarray(half).toString('base64url'),
      }
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
      for (let i = 0; i < 40; i++) {
        const octets = new Uint8Array(i).fill(i)
        const signature = key.sign(octets)
        expect(signature).toHaveLength(2 * half)
        expect(verify(hash, octets, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
      }
    }
  })
})

describe('crafted keys', () => {
  it.each([0, 1, 255, 256, 32_767, 32_768, 65_534, 65_535])('have the tag %i, all of them', tag => {
    const keys = [...collidingRsaKeys(8, tag, 20), ...malformedKeys(13, tag, 20)]
    expect(keys.map(keyTagOf)).toEqual(Array(40).fill(tag))
    expect(new Set(keys.map(key => Buffer.from(key).toString('hex'))).size).toBe(40)
  })

  it('RSA ones cost a verification, the others are no keys', () => {
    const [rsa, point] = [...collidingRsaKeys(8, 5, 1), ...malformedKeys(13, 5, 1)].map(key =>
      zoneKey(key, defaultLimits.dnssec),
    )
    expect(rsa?.verify(data, new Uint8Array(256).fill(1))).toBe('bad')
    expect(point?.verify(data, new Uint8Array(64).fill(1))).toBe('bad-key')
  })
})

describe('a signing plan', () => {
  it('is read from words in any order', () => {
    expect(planOf('')).toMatchObject({
      algorithms: ['ECDSAP256SHA256'],
      csk: false,
      denial: { kind: 'nsec' },
      digests: [2],
      ds: true,
      rollover: null,
    })
    expect(planOf('nsec3(5) Ed25519 salt(BEEF) csk optOut')).toMatchObject({
      algorithms: ['ED25519'],
      csk: true,
      denial: { kind: 'nsec3', iterations: 5, salt: Uint8Array.of(0xbe, 0xef), optOut: true },
    })
    expect(planOf('keyTrap(7) noDs')?.flaws).toEqual(new Map([['keyTrap', 7]]))
    expect(planOf('no')).toBeNull()
  })
  it.each([
    ['expird', /did you mean "expired"/],
    ['expired(2)', /takes no number/],
    ['no csk', /not signed is signed in no way/],
    ['nsec3(zz)', /says nothing/],
    ['keyTrap(a)', /a number is expected/],
  ])('%s is a mistake', (text, message) => {
    const plan = readPlan(text)
    expect(plan !== null && 'error' in plan ? plan.error : '').toMatch(message)
    expect(() => planOf(text)).toThrow(message)
  })
})
