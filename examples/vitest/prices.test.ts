import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll } from 'vitest'
import { expect, test } from 'rootwalk/vitest'
import { priceOf } from './prices.ts'

let server: Server
let port: number
beforeAll(async () => {
  server = createServer((request, reply) => {
    // fetch would keep the connection, and not look the name up for the next test.
    reply.setHeader('Connection', 'close')
    reply.end(request.headers.host?.startsWith('prices-standby') ? '11' : '10')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => server.close())

test('the price comes from the service', async ({ dns }) => {
  dns.set('prices.internal', '127.0.0.1')
  dns.install()
  expect(await priceOf('tea', port)).toBe(10)
  expect(dns).toHaveBeenAskedFor('prices.internal', 'A')
})

test('a name server that fails once does not hurt', async ({ dns }) => {
  dns.set('prices.internal', '127.0.0.1')
  dns.fail('prices.internal', 'SERVFAIL', { times: 2 }) // one for A, one for AAAA
  dns.install()
  expect(await priceOf('tea', port)).toBe(10)
})

test('without the name, the stand-in is asked', async ({ dns }) => {
  dns.set('prices-standby.internal', '127.0.0.1')
  dns.install()
  expect(await priceOf('tea', port)).toBe(11)
  expect(dns.unmatched.map(query => query.name)).toContain('prices.internal')
})

test('without both there is no price', async ({ dns }) => {
  dns.install()
  await expect(priceOf('tea', port)).rejects.toThrow('no price of tea')
})
