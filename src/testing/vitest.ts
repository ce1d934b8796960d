/**
 * What `rootwalk/vitest` gives: vitest's `test` with a DNS stub for every test, and `expect` with matchers for it. The
 * only file that imports vitest, which whoever imports this one has. Invariant: a test's stub is its own, and gone
 * after it.
 */
import { expect as vitestExpect, type ExpectStatic, test as vitestTest, type TestAPI } from 'vitest'
import { type DnsMatchers, dnsMatchers } from './matchers.ts'
import type { DnsStub, StubOptions } from './stub/types.ts'
import { createDnsStub } from './create-dns-stub.ts'

export interface DnsFixtures {
  /**
   * A stub on a random port, made for the test that takes it and stopped after it, with what it installed in the
   * process.
   */
  readonly dns: DnsStub
  /** How `dns` is made: `test.extend({ dnsOptions: { records: … } })`. */
  readonly dnsOptions: StubOptions
}

declare module 'vitest' {
  interface Matchers<T> extends DnsMatchers {}
}

/** vitest's `test` whose stubs are made with these options. */
export function testWith(options: StubOptions): TestAPI<DnsFixtures> {
  return vitestTest.extend<DnsFixtures>({
    dnsOptions: options,
    dns: async ({ dnsOptions }, use) => {
      const dns = await createDnsStub(dnsOptions)
      try {
        await use(dns)
      } finally {
        await dns.stop()
      }
    },
  })
}

export const test: TestAPI<DnsFixtures> = testWith({})
export const it: TestAPI<DnsFixtures> = test

vitestExpect.extend(dnsMatchers)
export const expect: ExpectStatic = vitestExpect
