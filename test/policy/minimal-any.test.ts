import { describe, expect, test } from 'vitest'
import { makeRRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { makeMinimalAny, type AnyMode } from '../../src/policy/minimal-any.ts'
import type { Answer, Handler } from '../../src/policy/handler.ts'
import type { Outcome } from '../../src/steps.ts'
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
  const resolved = (outcome: Outcome): Answer => ({ kind: 'resolved', outcome, by: 'recursion', shareable: true })
  const denial = (kind: 'nodata' | 'nxdomain'): Outcome => ({
    kind,
    rrsets: [],
    soa: null,
    proof: [],
    security: { kind: 'secure' },
    authoritative: false,
  })
  const cname = answer([makeRRset(wire('www.example.com.'), RrType.CNAME, RrClass.IN, 60, [new Uint8Array(5)])])
  const failed: Outcome = { kind: 'failure', rrsets: [], why: 'unreachable', ede: 22, text: '' }
  const remote = makeMinimalAny(() => false, { anyTtl: 1234 })
  /** What a question for ANY gets when one for CNAME gets `asAlias`, and for what was asked. */
  const any = async (asAlias: Outcome, on = remote, transport: 'udp' | 'tcp' = 'udp'): Promise<[Answer, number[]]> => {
    const asAsked: number[] = []
    const given = query({ question: asked('www.example.com.', RrType.ANY) })
    const got = await on.handle({ ...given, client: { ...given.client, transport } }, one => {
      asAsked.push(one.question.type)
      return Promise.resolve(resolved(asAlias))
    })
    return [got, asAsked]
  }

  test.each(['udp', 'tcp'] as const)(
    'section 4.2: over %s a name that is not ours gets HINFO "RFC8482" "" when it is no alias',
    async transport => {
      const [got, asAsked] = await any(denial('nodata'), remote, transport)
      expect(asAsked).toEqual([RrType.CNAME])
      expect(got).toMatchObject({
        kind: 'resolved',
        by: 'minimal-any',
        shareable: true,
        outcome: { kind: 'answer', authoritative: false, security: { kind: 'insecure' } },
      })
      if (got.kind !== 'resolved' || got.outcome.kind !== 'answer') throw new Error('no answer')
      expect(got.outcome.rrsets).toHaveLength(1)
      expect(got.outcome.rrsets[0]).toMatchObject({
        type: RrType.HINFO,
        ttl: 1234,
        name: asked('www.example.com.').name,
      })
      expect([...(got.outcome.rrsets[0]?.rdatas[0] ?? [])]).toEqual([7, ...new TextEncoder().encode('RFC8482'), 0])
    },
  )

  test.each<[string, Outcome]>([
    ['an alias is answered with its CNAME', cname],
    ['a name that does not exist with NXDOMAIN', denial('nxdomain')],
    ['a name that cannot be resolved with the failure', failed],
  ])('%s', async (_, outcome) => {
    for (const transport of ['udp', 'tcp'] as const) {
      const [got, asAsked] = await any(outcome, remote, transport)
      expect([got, asAsked]).toEqual([resolved(outcome), [RrType.CNAME]])
    }
  })

  test.each<[AnyMode, 'udp' | 'tcp', number, boolean]>([
    ['minimal', 'udp', RrType.CNAME, true],
    ['minimal', 'tcp', RrType.CNAME, true],
    // What is shared would be given over the other transport as well.
    ['tcp', 'udp', RrType.CNAME, false],
    ['tcp', 'tcp', RrType.ANY, false],
    ['resolve', 'udp', RrType.ANY, true],
    ['resolve', 'tcp', RrType.ANY, true],
  ])('with "any": "%s" over %s type %d is resolved, shared: %s', async (mode, transport, type, shareable) => {
    const [got, asAsked] = await any(
      cname,
      makeMinimalAny(() => false, { anyTtl: 1234 }, mode),
      transport,
    )
    expect(asAsked).toEqual([type])
    expect(got).toMatchObject({ shareable })
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
