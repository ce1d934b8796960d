/**
 * `--import rootwalk/install`: what modules took of `node:dns` while they were loaded leads to a stub that is installed
 * later, and to Node's own functions at all other times. Each case is a program of its own; the real DNS is never
 * asked.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ran, root } from './command.ts'
import { makeProject, type Project } from './user-project.ts'

let project: Project
beforeAll(() => {
  project = makeProject()
})
afterAll(() => project?.remove())

/** Copies taken in front, then a program with a stub that is installed. */
const program = (copies: string, body: string): string => `
const dns = require('node:dns')
const assert = require('node:assert/strict')
const { promisify } = require('node:util')
${copies}
import('rootwalk/testing').then(async ({ createDnsStub }) => {
  const stub = await createDnsStub({ records: { 'svc.internal': '192.0.2.1', '1.2.0.192.in-addr.arpa': { PTR: 'svc.internal' } } })
  ${body}
  await stub.stop()
  console.log('all well')
})`

let count = 0
const run = (text: string, ...flags: readonly string[]): Promise<Ran> =>
  project.run(
    process.execPath,
    ...flags,
    project.write(`preload/${count++}.${/^import /m.test(text) ? 'mjs' : 'cjs'}`, text),
  )

const FOUND = `{ address: '192.0.2.1', family: 4 }`

describe('a copy taken before the stub is installed', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['of lookup', 'const { lookup } = dns', `assert.deepEqual(await promisify(lookup)('svc.internal'), ${FOUND})`],
    [
      'of lookup, with a callback',
      'const { lookup } = dns',
      `assert.deepEqual(await new Promise(r => lookup('svc.internal', (...a) => r(a))), [null, '192.0.2.1', 4])`,
    ],
    [
      'of the promises',
      `const { lookup } = require('dns').promises`,
      `assert.deepEqual(await lookup('svc.internal'), ${FOUND})`,
    ],
    [
      'of dns/promises',
      `const { lookup } = require('dns/promises')`,
      `assert.deepEqual(await lookup('svc.internal', { all: true }), [${FOUND}])`,
    ],
    ['promisified', 'const lookup = promisify(dns.lookup)', `assert.deepEqual(await lookup('svc.internal'), ${FOUND})`],
    [
      'bound',
      'const lookup = dns.promises.lookup.bind(dns.promises)',
      `assert.deepEqual(await lookup('svc.internal'), ${FOUND})`,
    ],
    [
      'of resolve4',
      'const { resolve4 } = dns',
      `assert.deepEqual(await promisify(resolve4)('svc.internal'), ['192.0.2.1'])`,
    ],
    [
      'of resolve',
      'const { resolve } = dns.promises',
      `assert.deepEqual(await resolve('svc.internal', 'A'), ['192.0.2.1'])`,
    ],
    [
      'of reverse',
      'const { reverse } = dns.promises',
      `assert.deepEqual(await reverse('192.0.2.1'), ['svc.internal'])`,
    ],
    [
      'of lookupService',
      'const service = promisify(dns.lookupService)',
      `assert.deepEqual(await service('192.0.2.1', 80), { hostname: 'svc.internal', service: 'http' })`,
    ],
    ['of getServers', 'const { getServers } = dns', `assert.deepEqual(getServers(), [stub.address])`],
    [
      'of the class',
      'const { Resolver } = dns.promises',
      `assert.deepEqual(await new Resolver().resolve4('svc.internal'), ['192.0.2.1'])`,
    ],
    [
      'a resolver',
      'const resolver = new dns.promises.Resolver()',
      `assert.deepEqual(await resolver.resolve4('svc.internal'), ['192.0.2.1'])`,
    ],
    [
      'a resolver with callbacks',
      'const resolver = new dns.Resolver()',
      `assert.deepEqual(await new Promise(r => resolver.resolve4('svc.internal', (...a) => r(a))), [null, ['192.0.2.1']])`,
    ],
    [
      'a class made of it',
      'class Own extends dns.promises.Resolver { answer() { return 42 } }\nconst early = new Own()',
      `const own = new Own()
  assert.equal(own.answer(), 42)
  assert.ok(own instanceof Own && own instanceof dns.promises.Resolver)
  assert.deepEqual([await own.resolve4('svc.internal'), await early.resolve4('svc.internal')], [['192.0.2.1'], ['192.0.2.1']])`,
    ],
  ]

  test('asks the stub', async () => {
    const named = cases.map(([name, copies, check], i) => ({
      name,
      before: `const check${i} = (() => { ${copies}\n  return async stub => { ${check} } })()`,
      i,
    }))
    const body = `const installed = stub.install()
  const failed = {}
  for (const [name, check] of [${named.map(({ name, i }) => `['${name}', check${i}]`).join(', ')}]) await check(stub).catch(error => { failed[name] = error.message })
  assert.deepEqual(failed, {})
  installed.dispose()`
    const ran = await run(program(named.map(({ before }) => before).join('\n'), body), '--import', 'rootwalk/install')
    expect(ran).toMatchObject({ code: 0, out: 'all well\n', err: '' })
    expect(cases.length).toBeGreaterThan(10)
  })

  test('does not without the preload', async () => {
    const body = `stub.install()
  assert.notDeepEqual(getServers(), [stub.address])
  assert.deepEqual(dns.getServers(), [stub.address])`
    const ran = await run(program('const { getServers } = dns', body))
    expect(ran).toMatchObject({ code: 0, out: 'all well\n' })
  })

  test("in undici's interceptor", async () => {
    const text = `
import { createServer } from 'node:http'
import { Agent, interceptors, request } from '${join(root, 'node_modules/undici/index.js')}'
import { createDnsStub } from 'rootwalk/testing'
const server = createServer((_, reply) => reply.end('hello'))
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const dns = await createDnsStub({ records: { 'svc.internal': '127.0.0.1' } })
dns.install()
const dispatcher = new Agent().compose(interceptors.dns())
const { body } = await request('http://svc.internal:' + server.address().port + '/', { dispatcher })
console.log(await body.text(), dns.queriesFor('svc.internal', 'A').length)
await dispatcher.close()
server.close()
await dns.stop()
`
    expect(await run(text, '--import', 'rootwalk/install')).toMatchObject({ code: 0, out: 'hello 1\n' })
  })

  test('in an ES module, and in one that is loaded by require', async () => {
    project.write('node_modules/copies/package.json', '{"name": "copies", "main": "index.js"}')
    project.write(
      'node_modules/copies/index.js',
      "const { lookup } = require('node:dns').promises; exports.address = async name => (await lookup(name)).address",
    )
    const text = `
import { lookup } from 'node:dns/promises'
import assert from 'node:assert/strict'
import copies from 'copies'
import { createDnsStub } from 'rootwalk/testing'
const kept = lookup
const stub = await createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
stub.install()
assert.equal(await copies.address('svc.internal'), '192.0.2.1')
assert.equal((await kept('svc.internal')).address, '192.0.2.1')
assert.equal((await lookup('svc.internal')).address, '192.0.2.1')
await stub.stop()
console.log('all well')
`
    expect(await run(text, '--import', 'rootwalk/install')).toMatchObject({ code: 0, out: 'all well\n' })
  })

  test('with passthrough: what is unlisted goes to what was there before, once', async () => {
    const body = `const below = await createDnsStub({ records: { 'below.test': '192.0.2.9' } })
  below.install()
  stub.install({ unlisted: 'passthrough', nested: true })
  assert.equal((await lookup('below.test')).address, '192.0.2.9')
  assert.equal((await lookup('svc.internal')).address, '192.0.2.1')
  assert.deepEqual(await resolver.resolve4('below.test'), ['192.0.2.9'])
  assert.equal(below.queriesFor('below.test', 'A').length, 2)
  await assert.rejects(stub.resolver().resolve4('below.test'), { code: 'ENOTFOUND' })
  await below.stop()`
    const copies = 'const { lookup } = dns.promises\nconst resolver = new dns.promises.Resolver()'
    expect(await run(program(copies, body), '--import', 'rootwalk/install')).toMatchObject({
      code: 0,
      out: 'all well\n',
    })
  })

  test('with something else in the place of the function: both lead to the stub', async () => {
    const body = `const spied = []
  const own = dns.promises.lookup
  dns.promises.lookup = (...args) => (spied.push(args), own(...args))
  const installed = stub.install()
  assert.equal((await dns.promises.lookup('svc.internal')).address, '192.0.2.1')
  assert.equal((await lookup('svc.internal')).address, '192.0.2.1')
  installed.dispose()
  assert.equal((await dns.promises.lookup('127.0.0.1')).address, '127.0.0.1')
  assert.deepEqual(spied, [['127.0.0.1']])`
    expect(await run(program('const { lookup } = dns.promises', body), '--import', 'rootwalk/install')).toMatchObject({
      code: 0,
      out: 'all well\n',
    })
  })
})

describe('while nothing is installed', () => {
  test('functions are what they were for whoever looks at them', async () => {
    const look = (): string => `
const dns = require('node:dns')
const { promisify } = require('node:util')
const of = module => Object.entries(module).filter(([, value]) => typeof value === 'function').map(([key, value]) => [key, value.name, value.length])
const code = work => { try { work(); return null } catch (error) { return error.code ?? error.name } }
Promise.all([
  promisify(dns.lookup)('127.1'), promisify(dns.lookup)('127.0.0.1', { all: true }), dns.promises.lookup('::1'), promisify(dns.lookupService)('127.0.0.1', 80).then(r => r.service),
]).then(found => console.log(JSON.stringify([
  of(dns), of(dns.promises), found, dns.getServers(), new dns.Resolver().getServers(), Object.keys(dns.Resolver.prototype),
  code(() => dns.lookup()), code(() => dns.lookup('a', 5)), code(() => dns.resolve4('a')), code(() => dns.Resolver()), code(() => new dns.Resolver({ timeout: -5 })),
  new dns.Resolver() instanceof dns.Resolver, new dns.promises.Resolver() instanceof dns.promises.Resolver, dns.promises === require('node:dns/promises'),
])))
`
    const [plain, preloaded] = [await run(look()), await run(look(), '--import', 'rootwalk/install')]
    expect(plain).toMatchObject({ code: 0, err: '' })
    expect(preloaded).toEqual(plain)
  })

  test('a resolver with servers of its own keeps them, and one without is back afterwards', async () => {
    const copies =
      'const own = new dns.promises.Resolver(); own.setServers(["127.0.0.1:9"]); const resolver = new dns.Resolver(); const before = resolver.getServers()'
    const body = `const installed = stub.install()
  assert.deepEqual([own.getServers(), resolver.getServers()], [['127.0.0.1:9'], [stub.address]])
  installed.dispose()
  assert.deepEqual([own.getServers(), resolver.getServers(), dns.getServers()], [['127.0.0.1:9'], before, before])`
    expect(await run(program(copies, body), '--import', 'rootwalk/install')).toMatchObject({
      code: 0,
      out: 'all well\n',
    })
  })

  test('twice is once', async () => {
    const twice = `require('node:dns').lookup('127.0.0.1', (...args) => console.log(...args))`
    expect(await run(twice, '--import', 'rootwalk/install', '--import', 'rootwalk/install')).toMatchObject({
      code: 0,
      out: 'null 127.0.0.1 4\n',
    })
    const text = `const { lookup } = require('node:dns'); console.log(Object.getOwnPropertySymbols(lookup).map(String).includes('Symbol(rootwalk.switch)'))`
    expect((await run(text)).out).toBe('false\n')
    expect((await run(text, '--import', 'rootwalk/install')).out).toBe('true\n')
  })
})
