/** A resolver in a test's hands that forwards, to a stub that answers like a resolver. */
import { afterEach, expect, test } from 'vitest'
import { createDnsStub, createResolver } from '../../src/testing/index.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

test('what is forwarded is asked with RD for the whole name, and cached', async () => {
  const dns = await createDnsStub({ records: { 'deep.down.in.app.test': { A: '192.0.2.1' } } })
  const resolver = createResolver({ forward: dns })
  open.push(resolver, dns)
  for (let i = 0; i < 2; i++)
    expect(await resolver.query('deep.down.in.app.test')).toMatchObject({
      rcode: 'NOERROR',
      answers: [{ data: '192.0.2.1' }],
      fromCache: i === 1,
    })
  expect(dns.queries.map(({ name }) => name)).toEqual(['deep.down.in.app.test'])
  expect((await resolver.query('other.app.test')).trace).toMatch(/zone \. from forward zone, 1 server/)
})

test.each([
  [{ forward: 'tls://127.0.0.1' }, /does not say how the server proves who it is/],
  [{ forward: 7 }, /expected forward to be a server/],
  [{ forward: '127.0.0.1:5300', upstream: '127.0.0.1:5301' }, /expected one of upstream/],
  [{}, /expected one of upstream/],
])('%j is refused with what is expected', (options, expected) => {
  expect(() => createResolver(options as never)).toThrow(expected)
})
