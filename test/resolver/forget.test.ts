import { describe, expect, it } from 'vitest'
import { questionKey } from '../../src/dns/message.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { question, records } from '../../src/simulation/records.ts'
import { simulate } from '../../src/simulation/world.ts'
import { Rcode } from '../../src/dns/types.ts'

const SOA = '@ SOA ns1 h 1 7200 3600 86400 300'
const A = question('www.kab.test.', 'A')

/** What a client with CD=1 got, as the server keeps it. */
function keep(world: ReturnType<typeof simulate>, address: string): void {
  const { bytes, ttlOffsets } = encodeMessage(
    {
      id: 1,
      response: true,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: false,
      checkingDisabled: true,
      rcode: Rcode.NOERROR,
      question: { ...A, cased: A.name },
      answer: records(`www.kab.test. 300 IN A ${address}`),
      authority: [],
      additional: [],
      edns: null,
    },
    { maxBytes: 1_232 },
  )
  const finished = { key: questionKey(A), dnssecOk: false, checkingDisabled: true }
  const kept = world.caches.answers.put({ ...finished, wire: bytes, ttlOffsets, ttlSeconds: 300 }, world.clock.now())
  expect(kept).toBe(true)
}

describe('a finished answer for those who validate it themselves', () => {
  /** `forged`: what the server says as long as it is not healed. */
  const signedWorld = (): ReturnType<typeof simulate> =>
    simulate({
      zones: [
        {
          origin: '.',
          text: `$TTL 300\n. SOA ns1. h. 1 7200 3600 86400 300\n. NS ns1.\nns1. A 198.51.100.1\nkab.test. NS ns1.kab.test.\nns1.kab.test. A 198.51.100.2\n`,
          at: ['198.51.100.1'],
          sign: '',
        },
        {
          origin: 'kab.test.',
          text: `$TTL 300\n${SOA}\n@ NS ns1\nns1 A 198.51.100.2\nwww A 192.0.2.1\n`,
          at: ['198.51.100.2'],
          sign: '',
        },
      ],
    })

  it('goes when what is cached of it does not validate', () => {
    const world = signedWorld()
    const forged = records('www.kab.test. 300 IN A 192.0.2.66')[0]
    if (forged === undefined) throw new Error('no record')
    world.caches.rrsets.put(
      { name: A.name, owner: A.name, type: A.type, class: A.class, ttl: 300, rdatas: [forged.rdata], signatures: [] },
      5,
      { kind: 'indeterminate' },
      world.clock.now(),
    )
    keep(world, '192.0.2.66')
    expect(world.caches.answers.size).toBe(1)
    expect(world.resolve('www.kab.test.', 'A')).toMatchObject({ kind: 'answer', security: { kind: 'secure' } })
    expect(world.caches.answers.size).toBe(0)
  })

  it('stays when what is cached of it validates', () => {
    const world = signedWorld()
    world.resolve('www.kab.test.', 'A', { checkingDisabled: true })
    keep(world, '192.0.2.1')
    expect(world.resolve('www.kab.test.', 'A')).toMatchObject({ kind: 'answer', security: { kind: 'secure' } })
    expect(world.caches.answers.size).toBe(1)
  })
})
