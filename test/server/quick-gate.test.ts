import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inAnyPrefix, ipFromBytes, parsePrefix } from '../../src/dns/address.ts'
import type { GateVerdict } from '../../src/policy/handler.ts'
import type { Client } from '../../src/ports.ts'
import { makeAdmission } from '../../src/server/pipeline.ts'
import { QuickGate } from '../../src/server/quick-gate.ts'

const wordsOf = (octets: readonly number[]): Uint32Array =>
  new Uint32Array(Uint8Array.from([9, 9, 9, 9, ...octets, ...new Array(16 - octets.length).fill(0)]).buffer)
const addressOf = (words: Uint32Array, at: number, family: 4 | 6) =>
  ipFromBytes(new Uint8Array(words.buffer.slice(at * 4, at * 4 + (family === 4 ? 4 : 16))))
const familyOf = (octets: readonly number[]): 4 | 6 => (octets.length === 4 ? 4 : 6)

describe('QuickGate', () => {
  it('says what the gates say, for every address and every time', () => {
    const allow = ['10.0.0.0/9', '192.0.2.1/32', '2001:db8::/33'].flatMap(text => parsePrefix(text) ?? [])
    const gate = new QuickGate(makeAdmission({ allow, limits: { accessVerdicts: 10 } }))
    const v4 = fc
      .tuple(fc.constantFrom(10, 192, 11), fc.constantFrom(0, 127, 128), fc.constantFrom(0, 2), fc.nat(255))
      .map(octets => [...octets])
    const v6 = fc
      .tuple(fc.constantFrom([0x20, 1, 0xd, 0xb8], [10, 0, 0, 0]), fc.constantFrom(0, 0x7f, 0x80), fc.nat(255))
      .map(([head, next, last]) => [...head, next, ...new Array<number>(10).fill(0), last])
    fc.assert(
      fc.property(fc.array(fc.oneof(v4, v6), { minLength: 1, maxLength: 40 }), all => {
        for (const octets of [...all, ...all]) {
          const expected = inAnyPrefix(ipFromBytes(Uint8Array.from(octets)), allow) ? 'pass' : 'refuse'
          expect(gate.verdict(wordsOf(octets), 1, familyOf(octets), 53, addressOf)).toBe(expected)
        }
      }),
      { numRuns: 200, seed: 11 },
    )
  })

  it('remembers the view of a client with its verdict', () => {
    const gate = new QuickGate({
      admit: () => 'pass',
      viewOf: ({ ip }) => (ip.family === 6 ? 255 : (ip.bytes[3] ?? 0)),
    })
    const seen = [1, 2, 1, 6, 2].map(last => {
      const octets = last === 6 ? [0x20, 1, 0xd, 0xb8, ...new Array<number>(12).fill(0)] : [192, 0, 2, last]
      gate.verdict(wordsOf(octets), 1, familyOf(octets), 53, addressOf)
      return gate.view
    })
    expect(seen).toEqual([1, 2, 1, 255, 2])
  })

  it('asks once for a client that comes again, and knows an IPv4 address from the IPv6 one that begins alike', () => {
    const asked: string[] = []
    const verdicts: readonly GateVerdict[] = ['drop', 'refuse', 'pass']
    const gate = new QuickGate({
      admit: (client: Client) => {
        asked.push(client.ip.text)
        return verdicts[asked.length - 1] ?? 'drop'
      },
    })
    const [four, six] = [
      [0x20, 1, 0xd, 0xb8],
      [0x20, 1, 0xd, 0xb8, ...new Array<number>(12).fill(0)],
    ]
    const verdict = (octets: readonly number[]): GateVerdict =>
      gate.verdict(wordsOf(octets), 1, familyOf(octets), 53, addressOf)
    expect([verdict(four), verdict(four), verdict(six), verdict(six)]).toEqual(['drop', 'drop', 'refuse', 'refuse'])
    expect(asked).toEqual(['32.1.13.184', '2001:db8::'])
    // The address of nobody is no empty place of the table.
    expect(verdict([0, 0, 0, 0])).toBe('pass')
  })
})
