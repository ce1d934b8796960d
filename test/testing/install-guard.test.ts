/** Two stubs in the place of one process's name resolution: a mistake at the second, which says where the first is. */
import dns from 'node:dns'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterAll, describe, expect, test } from 'vitest'
import { createDnsStub } from '../../src/testing/create-dns-stub.ts'
import { test as withDns } from '../../src/testing/vitest.ts'
import { root } from './command.ts'
import { mistakeOf } from './mistakes.ts'
import { makeProject, type Project } from './user-project.ts'

const isPristine = (): boolean =>
  !Object.getOwnPropertySymbols(dns)
    .map(String)
    .some(name => /rootwalk/.test(name)) && dns.lookup.name === 'lookup'

describe('a second stub', () => {
  test('is a mistake of its caller that says where the first one is; nothing has changed', async () => {
    await using one = await createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
    await using two = await createDnsStub({ records: { 'svc.internal': '192.0.2.2' } })
    const first = one.install()
    const { message, file } = mistakeOf(() => two.install())
    expect(message).toMatch(
      /another stub is installed, by .*install-guard\.test\.ts:\d+:\d+ \(its address is 127\.0\.0\.1:\d+\)/,
    )
    expect(message).toContain(one.address)
    expect(file).toContain('install-guard.test.ts')
    expect((await dns.promises.lookup('svc.internal')).address).toBe('192.0.2.1')
    first.dispose()
    two.install()
    expect((await dns.promises.lookup('svc.internal')).address).toBe('192.0.2.2')
    await two.stop()
    expect(isPristine()).toBe(true)
  })

  test.each<[string, (work: { first: { dispose(): void }; one: { stop(): Promise<void> } }) => unknown]>([
    ['disposed', ({ first }) => first.dispose()],
    ['stopped', ({ one }) => one.stop()],
  ])('is welcome when the first one was %s', async (_, end) => {
    await using one = await createDnsStub()
    await using two = await createDnsStub({ records: { 'svc.internal': '192.0.2.2' } })
    await end({ first: one.install(), one })
    using _two = two.install()
    expect((await dns.promises.lookup('svc.internal')).address).toBe('192.0.2.2')
  })

  test('covers the first one for a while when that is meant', async () => {
    await using one = await createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
    await using two = await createDnsStub({ records: { 'svc.internal': '192.0.2.2' } })
    using _one = one.install()
    {
      using _two = two.install({ nested: true })
      expect((await dns.promises.lookup('svc.internal')).address).toBe('192.0.2.2')
      expect(mistakeOf(() => one.install()).message).toMatch(/another stub/)
    }
    expect((await dns.promises.lookup('svc.internal')).address).toBe('192.0.2.1')
  })

  test('the same stub twice is no second one', async () => {
    await using one = await createDnsStub()
    using _ = one.install()
    expect(() => one.install().dispose()).not.toThrow()
    expect(mistakeOf(() => one.install(JSON.parse('{"nestd": true}'))).message).toMatch(/did you mean "nested"/)
    expect(mistakeOf(() => one.install(JSON.parse('{"nested": 1}'))).message).toMatch(/true or false, found 1/)
    expect(mistakeOf(() => one.install(JSON.parse('{"unlisted": "pass"}'))).message).toMatch(/passthrough/)
  })
})

describe('concurrent tests with the fixture', () => {
  const seen: string[] = []
  const gate = (): { readonly open: () => void; readonly opened: Promise<void> } => {
    const { port1, port2 } = new MessageChannel()
    const opened = new Promise<void>(resolve => {
      port1.once('message', () => {
        port1.close()
        resolve()
      })
    })
    return { open: () => port2.postMessage(null), opened }
  }
  const gates = { installed: gate(), refused: gate() }
  withDns.concurrent('the first one keeps its own addresses', async ({ dns: stub, expect: own }) => {
    stub.set('n.internal', '192.0.2.1').install()
    gates.installed.open()
    await gates.refused.opened
    own((await dns.promises.lookup('n.internal')).address).toBe('192.0.2.1')
    seen.push('first')
  })

  withDns.concurrent('the second one is refused', async ({ dns: stub, expect: own }) => {
    await gates.installed.opened
    try {
      own(() => stub.set('n.internal', '192.0.2.2').install()).toThrow(
        /another stub is installed, by .*install-guard\.test\.ts/,
      )
    } finally {
      gates.refused.open()
    }
    seen.push('second')
  })

  afterAll(() => {
    expect(seen.toSorted()).toEqual(['first', 'second'])
    expect(isPristine()).toBe(true)
  })
})

describe('two copies of the package', () => {
  let project: Project | undefined
  afterAll(() => project?.remove())

  test('know of each other, and undo in any order', async () => {
    project = makeProject()
    const copy = join(project.directory, 'other/node_modules/rootwalk')
    cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(copy, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(project.directory, 'other/node_modules/rootwalk/node_modules'))
    project.write('other/copy.mjs', "export { createDnsStub } from 'rootwalk/testing'\n")
    const file = project.write(
      'two.mjs',
      `import dns from 'node:dns'
import { cpSync, symlinkSync } from 'node:fs'
import assert from 'node:assert/strict'
import { createDnsStub } from 'rootwalk/testing'
import { createDnsStub as createOther } from './other/copy.mjs'
assert.notEqual(createDnsStub, createOther)
const before = dns.lookup
const one = await createDnsStub({ records: { 'svc.internal': '192.0.2.1' } })
const two = await createOther({ records: { 'svc.internal': '192.0.2.2' } })
const first = one.install()
assert.throws(() => two.install(), { name: 'TypeError', message: /another stub is installed, by .*two\\.mjs:10:/ })
const second = two.install({ nested: true })
assert.equal((await dns.promises.lookup('svc.internal')).address, '192.0.2.2')
first.dispose()
assert.equal((await dns.promises.lookup('svc.internal')).address, '192.0.2.2')
second.dispose()
assert.equal(dns.lookup, before)
await one.stop()
await two.stop()
console.log('all well')
`,
    )
    expect(await project.run(process.execPath, file)).toMatchObject({ code: 0, out: 'all well\n', err: '' })
  })
})
