/**
 * Algorithms against the examples of their RFCs, keys at their bounds, digests, the hash of NSEC3, RDATA and its
 * bitmaps.
 */
import fc from 'fast-check'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseHex } from '../../src/dns/encoding-text.ts'
import {
  hasType,
  keyTagOf,
  nsec3Label,
  readDnskey,
  readDs,
  readNsec,
  readNsec3,
  readNsec3Label,
  readRrsig,
  typesOf,
} from '../../src/dns/rdata-dnssec.ts'
import { bitmapOf, dnskeyRdata, dsRdata, nsec3Rdata, nsecRdata, rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import {
  algorithmName,
  algorithmOf,
  digest,
  digestName,
  digestOf,
  isSupported,
  nsec3Hash,
  zoneKey,
} from '../../src/dnssec/algorithms.ts'
import { verifyKeys, verifyRRset } from '../../src/dnssec/signature.ts'
import { iteratedSha1 } from '../../src/dnssec/sha1.ts'
import { defaultLimits } from '../../src/limits.ts'
import { at, n, purse, rulesWith, setsOf } from './signing.ts'

const limits = defaultLimits.dnssec
const rules = rulesWith()
const runs = process.env.ROOTWALK_LONG === '1' ? 20_000 : 300

describe('examples of the RFCs', () => {
  it.each<[string, number, string, string]>([
    [
      'RFC 5702 section 6.1, RSA with SHA-256',
      9033,
      '20100101000000',
      `
example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=
www.example.net. 3600 IN A 192.0.2.91
www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==`,
    ],
    [
      'RFC 5702 section 6.2, RSA with SHA-512',
      3740,
      '20100101000000',
      `
example.net. 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL
www.example.net. 3600 IN A 192.0.2.91
www.example.net. 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=`,
    ],
    [
      'RFC 6605 section 6.1, P-256',
      55648,
      '20100820000000',
      `
example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==
example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17
www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==`,
    ],
    [
      'RFC 6605 section 6.2, P-384',
      10771,
      '20100820000000',
      `
example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40
example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6
www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm`,
    ],
    [
      'RFC 8080 section 6.1, Ed25519',
      3613,
      '20150801000000',
      `
example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=
example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==`,
    ],
    [
      'RFC 8080 section 6.1, Ed25519 again',
      35217,
      '20150801000000',
      `
example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=
example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==`,
    ],
    [
      'RFC 8080 section 6.2, Ed448',
      9713,
      '20150801000000',
      `
example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA
example.com. 3600 IN DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA`,
    ],
  ])('%s', (_, tag, time, text) => {
    const sets = setsOf('.', text)
    const dnskeys = sets.find(set => set.type === 48)
    const ds = sets.find(set => set.type === 43)
    const data = sets.find(set => set.signatures.length > 0)
    if (dnskeys === undefined || data === undefined) throw new Error('the example is incomplete')
    const key = dnskeys.rdatas.map(rdata => zoneKey(rdata, limits)).filter(one => one !== null)
    expect(key[0]?.tag).toBe(tag)
    expect(verifyRRset(data, { zone: dnskeys.name, keys: key }, rules, at(time), purse())).toMatchObject({
      kind: 'valid',
      keyTag: tag,
    })
    // Named by the DS, though the example does not sign the key set.
    if (ds !== undefined)
      expect(verifyKeys(dnskeys, { ds: ds.rdatas, keys: [] }, rules, at(time), purse())).toMatchObject({
        kind: 'bogus',
        ede: 10,
      })
  })

  it('RFC 4034 section 5.4 and RFC 4509 section 2.3: key tag and digests', () => {
    const [dnskey, ds] = setsOf(
      '.',
      `
dskey.example.com. 86400 IN DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==
dskey.example.com. 86400 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
dskey.example.com. 86400 IN DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A`,
    )
    expect(keyTagOf(dnskey?.rdatas[0] ?? new Uint8Array())).toBe(60485)
    for (const rdata of ds?.rdatas ?? []) {
      const made = digest(
        readDs(rdata)?.digestType ?? 0,
        Buffer.concat([Buffer.from(n('dskey.example.com.'), 'latin1'), dnskey?.rdatas[0] ?? new Uint8Array()]),
      )
      expect(Buffer.from(made ?? []).toString('hex')).toBe(Buffer.from(readDs(rdata)?.digest ?? []).toString('hex'))
    }
    expect(digest(3, new Uint8Array(3))).toBeNull()
  })

  it.each([
    ['example', '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom'],
    ['a.example', '35mthgpgcu1qg68fab165klnsnk3dpvl'],
    ['ai.example', 'gjeqe526plbf1g8mklp59enfd789njgi'],
    ['ns1.example', '2t7b4g4vsa5smi47k61mv5bv1a22bojr'],
    ['ns2.example', 'q04jkcevqvmu85r014c7dkba38o0ji5r'],
    ['w.example', 'k8udemvp1j2f7eg6jebps17vp3n8i58h'],
    ['*.w.example', 'r53bq7cc2uvmubfu5ocmm6pers9tk9en'],
    ['x.w.example', 'b4um86eghhds6nea196smvmlo4ors995'],
    ['y.w.example', 'ji6neoaepv8b5o6k4ev33abha8ht9fgc'],
    ['x.y.w.example', '2vptu5timamqttgl4luu9kg21e0aor3s'],
    ['xx.example', 't644ebqk9bibcna874givr6joj62mlhv'],
  ])('RFC 5155 appendix A: %s', (name, label) => {
    const hash = nsec3Hash(n(name), parseHex('aabbccdd') ?? new Uint8Array(), 12)
    expect(nsec3Label(hash)).toBe(label)
    expect(readNsec3Label(label.toUpperCase())).toEqual(hash)
  })
})

describe('SHA-1', () => {
  it('is that of the platform, whatever the lengths', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 255 }),
        fc.uint8Array({ maxLength: 255 }),
        fc.nat(3),
        (first, salt, iterations) => {
          let expected = createHash('sha1').update(first).update(salt).digest()
          for (let i = 0; i < iterations; i++) expected = createHash('sha1').update(expected).update(salt).digest()
          expect(Buffer.from(iteratedSha1(first, salt, iterations)).equals(expected)).toBe(true)
        },
      ),
      { numRuns: runs },
    )
  })
})

describe('keys', () => {
  const data = Buffer.from('signed octets')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const { n: modulus = '', e = '' } = rsa.publicKey.export({ format: 'jwk' })
  const n1 = Buffer.from(modulus, 'base64url')
  const e1 = Buffer.from(e, 'base64url')
  const verify = (
    algorithm: number,
    publicKey: Uint8Array,
    signature: Uint8Array = sign('sha256', data, rsa.privateKey),
  ) => zoneKey(dnskeyRdata({ flags: 257, protocol: 3, algorithm, publicKey }), limits)?.verify(data, signature)

  it.each<[string, Uint8Array, string]>([
    ['exponent length in one octet', Buffer.concat([Buffer.of(e1.length), e1, n1]), 'good'],
    [
      'exponent length in three octets (RFC 3110 section 2)',
      Buffer.concat([Buffer.of(0, 0, e1.length), e1, n1]),
      'good',
    ],
    ['other exponent', Buffer.concat([Buffer.of(1, 3), n1]), 'bad'],
    ['exponent one', Buffer.concat([Buffer.of(1, 1), n1]), 'bad-key'],
    ['even exponent', Buffer.concat([Buffer.of(1, 2), n1]), 'bad-key'],
    ['no exponent', Buffer.concat([Buffer.of(0, 0, 0), n1]), 'bad-key'],
    ['exponent of 65 bits', Buffer.concat([Buffer.of(9), Buffer.from('010000000000000001', 'hex'), n1]), 'bad-key'],
    ['exponent behind the end', Buffer.of(200, 1, 2, 3), 'bad-key'],
    ['modulus of 4,104 bits', Buffer.concat([Buffer.of(1, 3), Buffer.alloc(513, 0xff)]), 'bad-key'],
    ['modulus of 504 bits', Buffer.concat([Buffer.of(1, 3), Buffer.alloc(63, 0xff)]), 'bad-key'],
    ['no modulus', Buffer.of(1, 3), 'bad-key'],
    ['one octet', Buffer.of(0), 'bad-key'],
  ])('RSA: %s', (_, octets, verdict) => {
    expect(verify(8, octets)).toBe(verdict)
    // What was found the first time holds.
    const key = zoneKey(dnskeyRdata({ flags: 257, protocol: 3, algorithm: 8, publicKey: octets }), limits)
    expect([
      key?.verify(data, sign('sha256', data, rsa.privateKey)),
      key?.verify(data, sign('sha256', data, rsa.privateKey)),
    ]).toEqual([verdict, verdict])
  })

  it('RSA of 4,096 bits is within the bounds, 1,023 bits are too few for SHA-512 (RFC 5702 section 2.2)', () => {
    expect(verify(8, Buffer.concat([Buffer.of(1, 3), Buffer.alloc(512, 0xff)]))).toBe('bad')
    expect(verify(10, Buffer.concat([Buffer.of(1, 3), Buffer.alloc(128, 0x7f)]))).toBe('bad-key')
  })

  it('elliptic curves: lengths, points off the curve, signatures of another length or in DER', () => {
    expect(verify(13, new Uint8Array(64).fill(1), new Uint8Array(64))).toBe('bad-key')
    expect(verify(13, new Uint8Array(63), new Uint8Array(64))).toBe('bad-key')
    expect(verify(14, new Uint8Array(64), new Uint8Array(96))).toBe('bad-key')
    expect(verify(15, new Uint8Array(31), new Uint8Array(64))).toBe('bad-key')
    expect(verify(16, new Uint8Array(32), new Uint8Array(114))).toBe('bad-key')
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = ec.publicKey.export({ format: 'jwk' })
    const octets = Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
    const plain = sign('sha256', data, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
    expect(verify(13, octets, plain)).toBe('good')
    expect(verify(13, octets, plain.subarray(1))).toBe('bad')
    expect(verify(13, octets, sign('sha256', data, ec.privateKey))).toBe('bad')
    expect(verify(13, octets, new Uint8Array(64))).toBe('bad')
  })

  it('a key of an unknown algorithm is unsupported', () => {
    for (const algorithm of [0, 1, 3, 6, 12, 17, 23, 253, 255]) {
      expect(isSupported(algorithm)).toBe(false)
      expect(verify(algorithm, new Uint8Array(64))).toBe('unsupported')
    }
  })

  it('a mnemonic of an algorithm gives its number, and the number its mnemonic', () => {
    for (const algorithm of [5, 7, 8, 10, 13, 14, 15, 16]) expect(algorithmOf(algorithmName(algorithm))).toBe(algorithm)
    expect([algorithmOf('ecdsap256sha256'), algorithmOf('RSASHA1-NSEC3-SHA1'), algorithmOf('none')]).toEqual([
      13,
      7,
      null,
    ])
    expect(['SHA-1', 'sha1', 'SHA256', 'sha-384', 'GOST', 'md5'].map(digestOf)).toEqual([1, 1, 2, 4, 3, null])
    expect([1, 2, 3, 4, 99].map(digestName)).toEqual(['SHA-1', 'SHA-256', 'GOST R 34.11-94', 'SHA-384', '99'])
  })
})

describe('RDATA', () => {
  const types = fc.uniqueArray(fc.nat(65_535), { maxLength: 40 })

  it('a type bitmap that is encoded reads back as the same types', () => {
    fc.assert(
      fc.property(types, list => {
        const sorted = [...list].sort((x, y) => x - y)
        const nsec = readNsec(nsecRdata(n('next.example.'), list))
        expect(nsec === null ? null : typesOf(nsec.types)).toEqual(sorted)
        expect(sorted.every(type => hasType(bitmapOf(list), type))).toBe(true)
        expect(hasType(bitmapOf(list), 65_536 - 1)).toBe(list.includes(65_535))
      }),
      { numRuns: runs },
    )
  })

  it.each([
    '00',
    '0000',
    '000021',
    `0021${'01'.repeat(33)}`,
    '000140000140',
    '010140000140',
    '00024000',
    '00014001',
    '000100',
    'ff00',
  ])('bitmap %s is malformed', hex => {
    expect(readNsec(Buffer.from(`00${hex}`, 'hex'))).toBeNull()
    expect(readNsec3(Buffer.from(`0100000000${'14'}${'aa'.repeat(20)}${hex}`, 'hex'))).toBeNull()
  })

  it('every reader takes what its writer made, and nothing shorter', () => {
    const octets = Uint8Array.of(1, 2, 3)
    const rrsig = {
      covered: 1,
      algorithm: 13,
      labels: 2,
      originalTtl: 4_000_000_000,
      expiration: 3_000_000_000,
      inception: 7,
      keyTag: 65_535,
      signer: n('example.'),
      signature: octets,
    }
    expect(readRrsig(rrsigRdata(rrsig))).toEqual(rrsig)
    const dnskey = { flags: 257, protocol: 3, algorithm: 13, publicKey: octets }
    expect(readDnskey(dnskeyRdata(dnskey))).toEqual(dnskey)
    const ds = { keyTag: 65_535, algorithm: 13, digestType: 2, digest: octets }
    expect(readDs(dsRdata(ds))).toEqual(ds)
    const param = { hashAlgorithm: 1, flags: 1, iterations: 65_535, salt: octets }
    const nsec3 = { ...param, nextHash: octets }
    expect(readNsec3(nsec3Rdata(nsec3, [1]))).toEqual({ ...nsec3, types: bitmapOf([1]) })
    for (const [rdata, read] of [
      [rrsigRdata({ ...rrsig, signature: octets.subarray(0, 1) }), readRrsig],
      [dnskeyRdata({ ...dnskey, publicKey: octets.subarray(0, 1) }), readDnskey],
      [dsRdata({ ...ds, digest: octets.subarray(0, 1) }), readDs],
    ] as const) {
      for (let length = 0; length < rdata.length; length++) expect(read(rdata.subarray(0, length))).toBeNull()
    }
  })

  it('octets at random never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), octets => {
        for (const read of [readRrsig, readDnskey, readDs, readNsec, readNsec3])
          expect(() => read(octets)).not.toThrow()
        expect(typeof hasType(octets, 1)).toBe('boolean')
      }),
      { numRuns: runs },
    )
  })
})
