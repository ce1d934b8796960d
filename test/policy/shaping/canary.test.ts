/** Names by which programs ask whether they may go around the resolver of a network. */
import { describe, expect, it } from 'vitest'
import { RrType } from '../../../src/dns/types.ts'
import { makeCanary } from '../../../src/policy/shaping/canary.ts'
import { asked, query } from '../../server/make.ts'
import { answering, told } from './made.ts'

const ask = async (
  name: string,
  canaries = { firefoxDoh: true, privateRelay: true },
  { type = RrType.A as number, local = false, klass = 1 } = {},
) => {
  const { next, asked: questions } = answering({})
  const stage = makeCanary(canaries, () => local, { blockedTtl: 60 })
  const answer = await stage.handle(query({ question: asked(name, type, klass) }), next)
  return { answer, told: told(answer), passed: questions.length > 0 }
}

describe('canary names', () => {
  it.each(['use-application-dns.net.', 'mask.icloud.com.', 'mask-h2.icloud.com.'])(
    '%s is denied, with an SOA, whatever the type',
    async name => {
      for (const type of [RrType.A, RrType.AAAA, RrType.HTTPS, RrType.ANY]) {
        const { answer, passed } = await ask(name, undefined, { type })
        expect(passed).toBe(false)
        expect(answer).toMatchObject({ by: 'canary', shareable: true, outcome: { kind: 'nxdomain', soa: { ttl: 60 } } })
      }
    },
  )

  it('each is a switch of its own', async () => {
    const firefox = { firefoxDoh: true, privateRelay: false }
    expect((await ask('mask.icloud.com.', firefox)).passed).toBe(true)
    expect((await ask('use-application-dns.net.', firefox)).passed).toBe(false)
    expect((await ask('use-application-dns.net.', { firefoxDoh: false, privateRelay: true })).passed).toBe(true)
  })

  it('other names, those below, other classes and local data are not touched', async () => {
    expect((await ask('icloud.com.')).passed).toBe(true)
    expect((await ask('x.mask.icloud.com.')).passed).toBe(true)
    expect((await ask('mask.icloud.com.', undefined, { klass: 3 })).passed).toBe(true)
    expect((await ask('mask.icloud.com.', undefined, { local: true })).passed).toBe(true)
  })
})
