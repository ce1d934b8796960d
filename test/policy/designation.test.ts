import { describe, expect, test } from 'vitest'
import { designationOf } from '../../src/config/designation.ts'
import { bindingsOf } from '../../src/config/bindings.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import type { Answer, Query } from '../../src/policy/handler.ts'
import { type Designation, makeDesignation } from '../../src/policy/designation.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { name as nameOf, query } from '../server/make.ts'

const queryFor = (owner: string, type: number): Query =>
  query({ question: { name: nameOf(owner), type, class: RrClass.IN } })
const both = ['tls://192.0.2.1', 'https://192.0.2.1', 'tls://[2001:db8::1]']
const designation = (listen: readonly string[], names: readonly string[] = ['dns.example']): Designation | null =>
  designationOf(bindingsOf(listen), names)

/** Undefined when the question went on. */
async function ask(
  current: Designation | null,
  name: string,
  type: number = RrType.SVCB,
): Promise<string[] | undefined> {
  const passed: Answer = { kind: 'dropped', by: 'next' }
  const answer = await makeDesignation(() => current).handle(queryFor(name, type), () => Promise.resolve(passed))
  if (answer === passed) return undefined
  if (answer.kind !== 'resolved' || answer.outcome.kind !== 'answer') throw new Error('no answer')
  expect(answer.shareable).toBe(false)
  expect(answer.outcome.rrsets.every(set => set.class === RrClass.IN)).toBe(true)
  const { rrsets, additional } = answer.outcome
  return [...rrsets, ...additional]
    .flatMap(set => recordsOf(set, false))
    .map(rr => formatRr(rr).replaceAll('\t', ' ').replaceAll('"', ''))
}

describe('_dns.resolver.arpa', () => {
  test('designates DoH first and DoT second, with their addresses', async () => {
    const params = 'ipv4hint=192.0.2.1 ipv6hint=2001:db8::1'
    expect(await ask(designation(both), '_dns.resolver.arpa.')).toEqual([
      `_dns.resolver.arpa. 300 IN SVCB 1 dns.example. alpn=h2,http/1.1 ${params} dohpath=/dns-query{?dns}`,
      `_dns.resolver.arpa. 300 IN SVCB 2 dns.example. alpn=dot ${params}`,
      'dns.example. 300 IN A 192.0.2.1',
      'dns.example. 300 IN AAAA 2001:db8::1',
    ])
  })

  test('says ports and paths that are not the usual ones', async () => {
    const found = await ask(designation(['https://192.0.2.1:8443/q', 'tls://192.0.2.1:8853']), '_dns.resolver.arpa.')
    expect(found?.slice(0, 2)).toEqual([
      '_dns.resolver.arpa. 300 IN SVCB 1 dns.example. alpn=h2,http/1.1 port=8443 ipv4hint=192.0.2.1 dohpath=/q{?dns}',
      '_dns.resolver.arpa. 300 IN SVCB 2 dns.example. alpn=dot port=8853 ipv4hint=192.0.2.1',
    ])
  })

  test('gives no addresses where all of this host are listened on', async () => {
    expect(await ask(designation(['tls://0.0.0.0', 'tls://192.0.2.1']), '_dns.resolver.arpa.')).toEqual([
      '_dns.resolver.arpa. 300 IN SVCB 2 dns.example. alpn=dot',
    ])
  })

  test('is the same at the name of the certificate (RFC 9461)', async () => {
    const found = await ask(designation(['tls://0.0.0.0']), '_dns.dns.example.')
    expect(found).toEqual(['_dns.dns.example. 300 IN SVCB 2 dns.example. alpn=dot'])
  })

  test.each<[string, number]>([
    ['_dns.resolver.arpa.', RrType.A],
    ['_dns.resolver.arpa.', RrType.ANY],
    ['resolver.arpa.', RrType.SVCB],
    ['x._dns.resolver.arpa.', RrType.SVCB],
    ['_dns.other.example.', RrType.SVCB],
    ['dns.example.', RrType.SVCB],
  ])('and nothing else is answered: %s %i', async (name, type) => {
    expect(await ask(designation(both), name, type)).toBeUndefined()
  })

  test.each<[string, readonly string[], readonly string[]]>([
    ['plain DNS', ['192.0.2.1'], ['dns.example']],
    ['proxies', ['tls+proxy://192.0.2.1', 'https+proxy://192.0.2.1', 'http://192.0.2.1'], ['dns.example']],
    ['a certificate without names', both, []],
    ['a certificate with a wildcard only', both, ['*.dns.example']],
  ])('designates nobody with %s', async (_, listen, names) => {
    expect(designation(listen, names)).toBeNull()
    expect(await ask(designation(listen, names), '_dns.resolver.arpa.')).toBeUndefined()
  })

  test('follows a change of the certificate', async () => {
    let now = designation(['tls://0.0.0.0'])
    const stage = makeDesignation(() => now)
    const owner = async (): Promise<string> => {
      const answer = await stage.handle(queryFor('_dns.resolver.arpa.', RrType.SVCB), () =>
        Promise.resolve({ kind: 'dropped', by: 'next' }),
      )
      return answer.kind === 'resolved' && answer.outcome.kind === 'answer'
        ? Buffer.from(answer.outcome.rrsets[0]?.rdatas[0] ?? []).toString('latin1')
        : ''
    }
    expect(await owner()).toContain('dns')
    now = designation(['tls://0.0.0.0'], ['new.example', 'dns.example'])
    expect(await owner()).toContain('new')
  })
})
