/** The test kit: what `rootwalk/testing` gives. */
export type * from './stub-types.ts'
