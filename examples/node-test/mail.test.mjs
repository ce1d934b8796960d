import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDnsStub } from 'rootwalk/testing'
import { mailServers } from './mail.mjs'

/**
 * A stub in the place of this process's name servers, for one test.
 * @param {import('node:test').TestContext} t
 * @param {import('rootwalk/testing').StubOptions} options
 */
async function dnsFor(t, options) {
  const dns = await createDnsStub(options)
  dns.install()
  t.after(() => dns.stop())
  return dns
}

test('the best server comes first', async t => {
  await dnsFor(t, { records: { 'shop.test': { MX: ['20 backup.shop.test', '10 mail.shop.test'] } } })
  assert.deepEqual(await mailServers('shop.test'), ['mail.shop.test', 'backup.shop.test'])
})

test('without MX the domain itself takes mail', async t => {
  const dns = await dnsFor(t, { records: { 'shop.test': '192.0.2.1' } })
  assert.deepEqual(await mailServers('shop.test'), ['shop.test'])
  assert.deepEqual(
    dns.queries.map(({ name, type }) => `${name} ${type}`),
    ['shop.test MX'],
  )
})

test('a domain that does not exist takes none', async t => {
  await dnsFor(t, {})
  await assert.rejects(mailServers('shop.test'), { code: 'ENOTFOUND' })
})

test('an answer that is too large for UDP comes over TCP', async t => {
  const dns = await dnsFor(t, { records: { 'shop.test': { MX: '10 mail.shop.test' } } })
  dns.fail('shop.test', 'truncate')
  assert.deepEqual(await mailServers('shop.test'), ['mail.shop.test'])
  assert.deepEqual(
    dns.queries.map(({ transport }) => transport),
    ['udp', 'tcp'],
  )
})
