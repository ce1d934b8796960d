/** The kit by `require`: without Node's own way of requiring ES modules, as it is in jest; its types; its state. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './command.ts'
import { makeProject, type Project } from './user-project.ts'

let project: Project
beforeAll(() => {
  project = makeProject()
})
afterAll(() => project?.remove())

/** Node can require ES modules; what loads modules by itself cannot. */
const STRICT = '--no-experimental-require-module'

test('has everything that the ES module has, and works', async () => {
  const file = project.write(
    'kit.cjs',
    `const assert = require('node:assert/strict')
const kit = require('rootwalk/testing')
const main = async () => {
  assert.deepEqual(Object.keys(kit).sort(), Object.keys(await import('rootwalk/testing')).sort())
  const dns = await kit.createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
  dns.install()
  assert.equal((await require('node:dns').promises.lookup('svc.internal')).address, '192.0.2.1')
  const control = await kit.openControlApi(dns)
  assert.equal((await (await fetch(control.url + '/health')).json()).status, 'ok')
  await control.close()
  await dns.stop()
  assert.throws(() => dns.set('http://a.test/', '192.0.2.1'), TypeError)
  const net = kit.createInternet({ 'a.test': { records: { www: '192.0.2.1' } } }, { dnssec: true })
  assert.equal(net.resolve('www.a.test').security, 'secure')
  console.log('all well')
}
main()
`,
  )
  expect(await project.run(process.execPath, STRICT, file)).toMatchObject({ code: 0, out: 'all well\n', err: '' })
})

test('the block of the document for jest, with the functions of node:test under the names of jest', async () => {
  const document = readFileSync(join(root, 'docs/testing.md'), 'utf8')
  const block = /^```js\n(?<code>const \{ createDnsStub, dnsMatchers \} = require[\s\S]*?)^```$/m.exec(document)?.groups
    ?.code
  const globals = `const runner = require('node:test')
Object.assign(globalThis, { test: runner.test, beforeEach: runner.beforeEach, afterEach: runner.afterEach })
const matchers = {}
globalThis.expect = value => new Proxy({}, { get: (_, name) => (...args) => {
  const { pass, message } = matchers[name](value, ...args)
  if (!pass) throw new Error(message())
} })
expect.extend = more => Object.assign(matchers, more)
`
  const ran = await project.run(
    process.execPath,
    STRICT,
    '--test',
    project.write('jest/name.test.cjs', `${globals}${block}`),
  )
  expect(ran.code, ran.out).toBe(0)
  expect(ran.out).toMatch(/^(?:#|ℹ) pass 1$/m)
})

test('shares what is installed with the ES module, with the preload and without', async () => {
  const file = project.write(
    'both.cjs',
    `const assert = require('node:assert/strict')
const { lookup } = require('node:dns').promises
const kit = require('rootwalk/testing')
const main = async () => {
  const { createDnsStub } = await import('rootwalk/testing')
  assert.notEqual(createDnsStub, kit.createDnsStub)
  const one = await kit.createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
  const two = await createDnsStub({ records: { 'svc.internal': '192.0.2.2' } })
  one.install()
  assert.throws(() => two.install(), /another stub is installed, by .*both\\.cjs:9:/)
  if (process.argv[2] === 'preloaded') assert.equal((await lookup('svc.internal')).address, '192.0.2.1')
  two.install({ nested: true })
  assert.equal((await require('node:dns').promises.lookup('svc.internal')).address, '192.0.2.2')
  if (process.argv[2] === 'preloaded') assert.equal((await lookup('svc.internal')).address, '192.0.2.2')
  await two.stop()
  assert.equal((await require('node:dns').promises.lookup('svc.internal')).address, '192.0.2.1')
  await one.stop()
  console.log('all well')
}
main()
`,
  )
  expect(await project.run(process.execPath, STRICT, file)).toMatchObject({ code: 0, out: 'all well\n', err: '' })
  const preloaded = await project.run(process.execPath, STRICT, '--import', 'rootwalk/install', file, 'preloaded')
  expect(preloaded).toMatchObject({ code: 0, out: 'all well\n', err: '' })
})

test.each(['node16', 'nodenext'])('its types are those of a CommonJS module (%s)', async module => {
  const good = `import { createDnsStub, type DnsStub } from 'rootwalk/testing'
import kit = require('rootwalk/testing')
export const stub: Promise<DnsStub> = createDnsStub({ records: { 'a.test': { A: { data: '192.0.2.1', ttl: 5 } } } })
export const clock: number = kit.createClock().now()
`
  const typesAt = join(root, 'node_modules/@types')
  const flags = [
    '--noEmit',
    '--strict',
    '--target',
    'es2023',
    '--lib',
    'es2023,esnext.disposable',
    '--typeRoots',
    typesAt,
    '--types',
    'node',
  ]
  const check = (file: string): Promise<{ code: number | null; out: string }> =>
    project.run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...flags, '--module', module, file)
  expect(await check(project.write(`types/${module}/good.cts`, good))).toMatchObject({ code: 0, out: '' })
  const bad = await check(project.write(`types/${module}/bad.cts`, `${good}export const wrong: string = stub\n`))
  expect(bad.out).toMatch(/Promise<DnsStub>/)
})
