/**
 * Records planted in replies of servers that may say anything of their own, insecure zone: nothing of it counts for a
 * secure zone.
 */
import { describe, expect, it, vi } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { readRrsig } from '../../src/dns/rdata-dnssec.ts'
import { nsecRdata, rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { Rcode, RrClass, RrType } from '../../src/dns/types.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { simulate } from '../../src/simulation/world.ts'
import { signedWorld } from './signed-world.ts'

const TTL = 300
const ALIAS = 'x.alias.zone.'
const record = (owner: string, type: number, rdata: Uint8Array): Rr => ({
  owner: nameOf(owner),
  type,
  class: RrClass.IN,
  ttl: TTL,
  rdata,
})
const fakeSignature = (owner: string, covered: number, labels: number, signer: string): Rr =>
  record(
    owner,
    RrType.RRSIG,
    rrsigRdata({
      covered,
      algorithm: 13,
      labels,
      originalTtl: TTL,
      expiration: 0x7fff_ffff,
      inception: 0,
      keyTag: 1,
      signer: nameOf(signer),
      signature: new Uint8Array(64),
    }),
  )

function messageOf(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message
}

describe('a denial in a secure zone behind an alias out of an insecure one', () => {
  it('teaches only its own, validated records', () => {
    const world = simulate({ ...signedWorld({ zone: 'noDs' }), validation: { at: ['.', 'secure.zone.'] } })
    expect(world.resolve('nothing.secure.zone.', 'A')).toMatchObject({ kind: 'nxdomain', security: { kind: 'secure' } })
    const denial = world.resolve('nothing.secure.zone.', 'A')
    if (denial.kind !== 'nxdomain' || denial.soa === null) throw new Error('no denial')
    const honest = [denial.soa, ...denial.proof].flatMap(({ owner, type, rdatas, signatures }) => [
      ...rdatas.map((rdata): Rr => ({ owner, type, class: RrClass.IN, ttl: TTL, rdata })),
      ...signatures.map((rdata): Rr => ({ owner, type: RrType.RRSIG, class: RrClass.IN, ttl: TTL, rdata })),
    ])
    const planted = [
      record('a.secure.zone.', RrType.NSEC, nsecRdata(nameOf('zz.secure.zone.'), [RrType.A])),
      fakeSignature('a.secure.zone.', RrType.NSEC, 3, 'secure.zone.'),
    ]
    for (const { server } of world.internet.hosts.values()) {
      const { react } = server
      vi.spyOn(server, 'react').mockImplementation((query, transport, at) => {
        const asked = messageOf(query)
        if (asked.question === null || foldName(asked.question.name) !== nameOf(ALIAS))
          return react.call(server, query, transport, at)
        const answer = [
          record(ALIAS, RrType.CNAME, Uint8Array.from(Buffer.from(nameOf('nothing.secure.zone.'), 'latin1'))),
          fakeSignature(ALIAS, RrType.CNAME, 2, 'zone.'),
        ]
        const reply: Message = {
          ...asked,
          response: true,
          authoritative: true,
          rcode: Rcode.NXDOMAIN,
          answer,
          authority: [...honest, ...planted],
          additional: [],
        }
        return { kind: 'arrivals', arrivals: [{ bytes: encodeMessage(reply, { maxBytes: 65_535 }).bytes, afterMs: 1 }] }
      })
    }
    world.caches.clear()
    expect(world.resolve(ALIAS, 'A')).toMatchObject({ kind: 'nxdomain', security: { kind: 'insecure' } })
    const again = world.resolve('nothing.secure.zone.', 'A')
    expect(again).toMatchObject({ kind: 'nxdomain', security: { kind: 'secure' } })
    expect(again.kind === 'nxdomain' && again.proof.map(({ name }) => name)).not.toContain(nameOf('a.secure.zone.'))
    expect(world.resolve('www.secure.zone.', 'A')).toMatchObject({ kind: 'answer', security: { kind: 'secure' } })
  })
})

describe('a denial with a signature in the name of another zone in front', () => {
  it("is kept as its own zone's alone", () => {
    const world = simulate(signedWorld({ zone: '' }))
    for (const { server } of world.internet.hosts.values()) {
      const { react } = server
      vi.spyOn(server, 'react').mockImplementation((query, transport, at) => {
        const honest = react.call(server, query, transport, at)
        if (honest.kind !== 'arrivals') return honest
        const arrivals = honest.arrivals.map(({ bytes, afterMs }) => {
          const reply = messageOf(bytes)
          const nsec = reply.authority.find(({ type }) => type === RrType.NSEC)
          if (nsec === undefined || foldName(nsec.owner) === nameOf('zone.')) return { bytes, afterMs }
          const fake = reply.authority
            .filter(({ type }) => type === RrType.NSEC)
            .map(({ owner }): Rr => ({ ...fakeSignature('.', RrType.NSEC, 1, '.'), owner }))
          return {
            bytes: encodeMessage({ ...reply, authority: [...fake, ...reply.authority] }, { maxBytes: 65_535 }).bytes,
            afterMs,
          }
        })
        return { ...honest, arrivals }
      })
    }
    const denied = world.resolve('nothing.secure.zone.', 'A')
    expect(denied).toMatchObject({ kind: 'nxdomain', security: { kind: 'secure' } })
    const signers =
      denied.kind === 'nxdomain'
        ? denied.proof.flatMap(({ signatures }) => signatures.map(rdata => readRrsig(rdata)?.signer))
        : []
    expect(signers.length).toBeGreaterThan(0)
    expect(new Set(signers)).toEqual(new Set([nameOf('secure.zone.')]))
  })
})

describe('signers that may not speak of a name', () => {
  /** Every reply to `text` becomes `change` of the honest one. */
  const bend = (world: ReturnType<typeof simulate>, text: string, change: (reply: Message) => Message): void => {
    for (const { server } of world.internet.hosts.values()) {
      const { react } = server
      vi.spyOn(server, 'react').mockImplementation((query, transport, at) => {
        const honest = react.call(server, query, transport, at)
        const asked = messageOf(query).question
        if (honest.kind !== 'arrivals' || asked === null || foldName(asked.name) !== nameOf(text)) return honest
        return {
          ...honest,
          arrivals: honest.arrivals.map(({ bytes, afterMs }) => ({
            bytes: encodeMessage(change(messageOf(bytes)), { maxBytes: 65_535 }).bytes,
            afterMs,
          })),
        }
      })
    }
  }

  it('an insecure zone beside the name does not make its denial insecure', () => {
    const world = simulate(signedWorld({ zone: '' }))
    const planted = [
      record('x.insecure.zone.', RrType.NSEC, nsecRdata(nameOf('y.insecure.zone.'), [RrType.A])),
      fakeSignature('x.insecure.zone.', RrType.NSEC, 3, 'insecure.zone.'),
    ]
    bend(world, 'www.zone.', reply => ({
      ...reply,
      rcode: Rcode.NXDOMAIN,
      answer: [],
      authority: [
        ...planted,
        record('zone.', RrType.SOA, Uint8Array.from(Buffer.from(`\0\0${'\0\0\0\x01'.repeat(5)}`, 'latin1'))),
      ],
    }))
    expect(world.resolve('www.zone.', 'A')).toMatchObject({ kind: 'failure', why: 'bogus' })
  })

  it('an insecure zone above an island does not make the island insecure', () => {
    const world = simulate({ ...signedWorld({ zone: 'noDs' }), validation: { at: ['.', 'secure.zone.'] } })
    bend(world, 'www.secure.zone.', reply => ({
      ...reply,
      answer: [
        ...reply.answer.filter(({ type }) => type === RrType.A),
        fakeSignature('www.secure.zone.', RrType.A, 3, 'zone.'),
      ],
    }))
    expect(world.resolve('www.secure.zone.', 'A')).toMatchObject({ kind: 'failure', why: 'bogus' })
    expect(world.resolve('www.zone.', 'A')).toMatchObject({ kind: 'answer', security: { kind: 'insecure' } })
  })
})
