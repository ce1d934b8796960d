// @ts-check
/**
 * Run where port 53 of 127.0.0.1 is ours and the system's resolver asks it: every call is made of Node's `dns.lookup`,
 * which asks glibc, and of a stub's, and both outcomes are printed, as JSON.
 */
import dns from 'node:dns'
import { createDnsStub } from '../../../dist/testing/index.js'

const stub = await createDnsStub({
  port: 53,
  records: {
    'both.test': { A: ['192.0.2.9', '192.0.2.1'], AAAA: ['2001:db8::9', '2001:db8::1'] },
    'four.test': '192.0.2.4',
    'six.test': '2001:db8::6',
    'alias.test': { CNAME: 'four.test' },
    'text.test': { TXT: 'no address' },
    'a_b.test': '192.0.2.5',
    'xn--bcher-kva.test': '192.0.2.77',
    'many.test': { A: Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`) },
  },
})
for (const kind of /** @type {const} */ (['SERVFAIL', 'REFUSED', 'NOTIMP', 'FORMERR', 'NXDOMAIN', 'empty'])) {
  stub.set(`${kind.toLowerCase()}.test`, '192.0.2.8').fail(`${kind}.test`, kind)
  stub
    .set(`${kind.toLowerCase()}-a.test`, { A: '192.0.2.8', AAAA: '2001:db8::8' })
    .fail(`${kind}-a.test`, kind, { type: 'A' })
  stub
    .set(`${kind.toLowerCase()}-aaaa.test`, { A: '192.0.2.8', AAAA: '2001:db8::8' })
    .fail(`${kind}-aaaa.test`, kind, { type: 'AAAA' })
}
stub.set('silent.test', '192.0.2.8')
stub.fail('silent.test', 'timeout')

/** @param {typeof dns.lookup} lookup @param {string} name @param {dns.LookupOptions} options */
const outcome = (lookup, name, options) =>
  new Promise(resolve => {
    lookup(name, options, (error, address, family) => {
      resolve(
        error === null
          ? { address, family }
          : { ...error, message: error.message, name: error.name, fields: Object.keys(error) },
      )
    })
  })

/** @type {{ name: string, options: dns.LookupOptions }[]} */
const calls = []
const listed = stub.records
  .map(({ name }) => name)
  .filter((name, index, all) => all.indexOf(name) === index && !name.startsWith('silent'))
for (const name of [
  ...listed,
  'gone.test',
  'FOUR.test.',
  'bücher.test',
  'a b',
  '-x.test',
  'x..test',
  `${'x'.repeat(64)}.test`,
  '127.1',
  '192.0.2.1',
  '::1',
]) {
  for (const family of /** @type {const} */ ([0, 4, 6]))
    calls.push({ name, options: { family } }, { name, options: { family, all: true } })
}
for (const name of ['both.test', 'four.test', 'six.test', 'gone.test']) {
  calls.push(
    { name, options: { all: true, verbatim: false } },
    { name, options: { family: 'IPv6' } },
    { name, options: { family: 'IPv4', all: true } },
  )
  for (const order of /** @type {const} */ (['verbatim', 'ipv4first', 'ipv6first']))
    calls.push({ name, options: { all: true, order } }, { name, options: { order } })
  for (const hints of [dns.V4MAPPED, dns.V4MAPPED | dns.ALL]) {
    for (const family of [0, 4, 6]) calls.push({ name, options: { all: true, family, hints } })
  }
}
calls.push({ name: 'silent.test', options: { family: 4 } })

const results = []
for (const { name, options } of calls)
  results.push({
    name,
    options,
    node: await outcome(dns.lookup, name, options),
    stub: await outcome(stub.lookup, name, options),
  })
console.log(JSON.stringify(results))
await stub.stop()
