/** The test kit: what `rootwalk/testing` gives. */
export { createDnsStub } from './stub.ts'
export type * from './stub-types.ts'
