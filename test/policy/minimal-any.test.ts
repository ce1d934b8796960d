import { describe, expect, test } from 'vitest'
import { makeRRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { makeMinimalAny } from '../../src/policy/minimal-any.ts'
import type { Answer, Handler } from '../../src/policy/handler.ts'
import { a, answer, asked, query, wire } from '../server/make.ts'

const local = answer(
  [
    makeRRset(wire('here.test.'), RrType.SOA, RrClass.IN, 60, [new Uint8Array(22)]),
    makeRRset(wire('here.test.'), RrType.TXT, RrClass.IN, 60, [new Uint8Array(200)]),
    a('here.test.'),
  ],
  { authoritative: true, additional: [a('other.test.')] },
)
const next: Handler = () => Promise.resolve({ kind: 'resolved', outcome: local, by: 'local', shareable: true })
const stage = makeMinimalAny(question => question.name === asked('here.test.').name, { anyTtl: 1234 })
const ask = (text: string, type: number, klass: number = RrClass.IN): Promise<Answer> =>
  stage.handle(query({ question: asked(text, type, klass) }), next)

describe('ANY (RFC 8482)', () => {
  test('section 4.2: a name that is not ours gets HINFO "RFC8482" "" without asking anyone', async () => {
    const refusing = makeMinimalAny(() => false, { anyTtl: 1234 })
    const got = await refusing.handle(query({ question: asked('www.example.com.', RrType.ANY) }), () =>
      Promise.reject(new Error('asked')),
    )
    expect(got).toMatchObject({
      kind: 'resolved',
      by: 'minimal-any',
      shareable: true,
      outcome: { kind: 'answer', authoritative: false },
    })
    if (got.kind !== 'resolved' || got.outcome.kind !== 'answer') throw new Error('no answer')
    expect(got.outcome.rrsets).toHaveLength(1)
    expect(got.outcome.rrsets[0]).toMatchObject({ type: RrType.HINFO, ttl: 1234, name: asked('www.example.com.').name })
    expect([...(got.outcome.rrsets[0]?.rdatas[0] ?? [])]).toEqual([7, ...new TextEncoder().encode('RFC8482'), 0])
  })

  test('section 4.1: a local name gets one RRset, the smallest that is data', async () => {
    const got = await ask('here.test.', RrType.ANY)
    if (got.kind !== 'resolved' || got.outcome.kind !== 'answer') throw new Error('no answer')
    expect(got.outcome.rrsets.map(set => set.type)).toEqual([RrType.A])
    expect(got.outcome.additional).toEqual([])
  })

  test('a local denial stays one', async () => {
    const nodata: Answer = {
      kind: 'resolved',
      by: 'local',
      shareable: true,
      outcome: {
        kind: 'nodata',
        rrsets: [],
        soa: null,
        proof: [],
        security: { kind: 'insecure' },
        authoritative: true,
      },
    }
    expect(
      await stage.handle(query({ question: asked('here.test.', RrType.ANY) }), () => Promise.resolve(nodata)),
    ).toBe(nodata)
  })

  test.each([
    [RrType.A, RrClass.IN],
    [RrType.TXT, RrClass.IN],
    [RrType.ANY, RrClass.CH],
  ])('type %d class %d goes on untouched', async (type, klass) => {
    expect(await ask('here.test.', type, klass)).toMatchObject({ outcome: local })
  })
})
