import { describe, expect, test } from 'vitest'
import { EdeCode, RrClass, RrType } from '../../src/dns/types.ts'
import { makeChaos } from '../../src/policy/chaos.ts'
import type { Answer, Handler } from '../../src/policy/handler.ts'
import { asked, query } from '../server/make.ts'

const passed: Answer = { kind: 'dropped', by: 'next' }
const next: Handler = () => Promise.resolve(passed)
const ask = (
  text: string,
  type: number,
  klass: number,
  identity = { version: 'rootwalk 1', id: 'here' as string | null },
): Promise<Answer> => makeChaos(identity).handle(query({ question: asked(text, type, klass) }), next)

const textOf = (answer: Answer): string | null => {
  if (answer.kind !== 'resolved' || answer.outcome.kind !== 'answer') return null
  const rdata = answer.outcome.rrsets[0]?.rdatas[0] ?? new Uint8Array(0)
  expect(rdata[0]).toBe(rdata.length - 1)
  return new TextDecoder().decode(rdata.subarray(1))
}

describe('class CHAOS', () => {
  test.each([
    ['version.bind.', 'rootwalk 1'],
    ['VERSION.bind.', 'rootwalk 1'],
    ['version.server.', 'rootwalk 1'],
    ['id.server.', 'here'],
    ['hostname.bind.', 'here'],
  ])('%s is told when configured', async (name, text) => {
    const answer = await ask(name, RrType.TXT, RrClass.CH)
    expect(textOf(answer)).toBe(text)
    expect(answer).toMatchObject({
      by: 'chaos',
      shareable: false,
      outcome: { authoritative: true, rrsets: [{ class: RrClass.CH, ttl: 0 }] },
    })
  })

  test.each([
    ['a server that is ready', 'READY.server.', RrClass.CH, true, 'ready'],
    ['one that is not', 'ready.server.', RrClass.CH, false, null],
  ])('%s says so to who asks for ready.server', async (_, name, klass, isReady, text) => {
    const stage = makeChaos({ version: null, id: null }, () => isReady)
    const answer = await stage.handle(query({ question: asked(name, RrType.TXT, klass) }), next)
    expect(textOf(answer)).toBe(text)
    if (text === null) expect(answer).toMatchObject({ kind: 'refused', by: 'chaos', ede: EdeCode.NotReady })
  })

  test('readiness is nothing to class IN, nor to other names', async () => {
    const stage = makeChaos({ version: 'rootwalk 1', id: null }, () => false)
    const ask = (name: string, klass: number): Promise<Answer> =>
      stage.handle(query({ question: asked(name, RrType.TXT, klass) }), next)
    expect(await ask('ready.server.', RrClass.IN)).toBe(passed)
    expect(textOf(await ask('version.server.', RrClass.CH))).toBe('rootwalk 1')
  })

  test('what is hidden is refused', async () => {
    expect(await ask('id.server.', RrType.TXT, RrClass.CH, { version: 'v', id: null })).toMatchObject({
      kind: 'refused',
      ede: 18,
    })
  })

  test.each([
    ['authors.bind.', RrType.TXT, RrClass.CH],
    ['version.bind.', RrType.A, RrClass.CH],
    ['version.bind.', RrType.TXT, RrClass.HS],
    ['www.example.com.', RrType.A, RrClass.ANY],
    ['www.example.com.', RrType.A, 77],
  ])('%s type %d class %d is refused', async (name, type, klass) => {
    expect(await ask(name, type, klass)).toMatchObject({ kind: 'refused', by: 'chaos' })
  })

  test('class IN is none of its business, not even for version.bind', async () => {
    expect(await ask('version.bind.', RrType.TXT, RrClass.IN)).toBe(passed)
  })
})
