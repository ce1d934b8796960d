import { expect, test } from 'vitest'
import { SipHash } from '../../../src/dns/cookies/siphash.ts'

/** Of the reference implementation: key 00 to 0f, message 00, 01, … of so many octets. */
test.each([
  [0, '310e0edd47db6f72'],
  [1, 'fd67dc93c539f874'],
  [7, '37d1018bf50002ab'],
  [8, '6224939a79f5f593'],
  [15, 'e545be4961ca29a1'],
  [16, 'db9bc2577fcc2a3f'],
])('SipHash-2-4 of %i octets is that of its authors', (length, hash) => {
  const octets = Uint8Array.from({ length: 16 }, (_, i) => i)
  const out = new Uint8Array(10)
  new SipHash(octets).write(octets, length, out, 1)
  expect(Buffer.from(out.subarray(1, 9)).toString('hex')).toBe(hash)
})
