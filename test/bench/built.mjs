// @ts-check
/**
 * The built product: `dist`, or the directory in the variable `BENCH_DIST` (two builds can be compared without touching
 * either). Loaded by address, so that nothing here asks for a build before it is run.
 */
import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const chosen = process.env.BENCH_DIST
const dist = chosen === undefined ? new URL('../../dist/', import.meta.url) : pathToFileURL(`${resolve(chosen)}${sep}`)

/** @param {string} path */
const load = path => import(new URL(path, dist).href)

/** @type {() => Promise<typeof import('../../src/dns/decode.ts')>} */
export const decode = () => load('dns/decode.js')
/** @type {() => Promise<typeof import('../../src/dns/encode.ts')>} */
export const encode = () => load('dns/encode.js')
/** @type {() => Promise<typeof import('../../src/dns/wire.ts')>} */
export const wire = () => load('dns/wire.js')
/** @type {() => Promise<typeof import('../../src/cache/answer-cache.ts')>} */
export const answerCache = () => load('cache/answer-cache.js')
/** Every store of `cache/`. */
export const caches = async () => ({
  .../** @type {typeof import('../../src/cache/rrset-cache.ts')} */ (await load('cache/rrset-cache.js')),
  .../** @type {typeof import('../../src/cache/negative-cache.ts')} */ (await load('cache/negative-cache.js')),
  .../** @type {typeof import('../../src/cache/failure-cache.ts')} */ (await load('cache/failure-cache.js')),
  .../** @type {typeof import('../../src/cache/delegations.ts')} */ (await load('cache/delegations.js')),
  .../** @type {typeof import('../../src/cache/server-stats.ts')} */ (await load('cache/server-stats.js')),
  .../** @type {typeof import('../../src/cache/nsec-cache.ts')} */ (await load('cache/nsec-cache.js')),
})
/** @type {() => Promise<typeof import('../../src/dns/name.ts')>} */
export const names = () => load('dns/name.js')
/** @type {() => Promise<typeof import('../../src/system/system.ts')>} */
export const system = () => load('system/system.js')
/** @type {() => Promise<typeof import('../../src/app/zone-store.ts')>} */
export const zoneStore = () => load('app/zone-store.js')
/** Block and allow lists. */
export const lists = async () => ({
  .../** @type {typeof import('../../src/policy/lists/compile.ts')} */ (await load('policy/lists/compile.js')),
  .../** @type {typeof import('../../src/policy/lists/hash.ts')} */ (await load('policy/lists/hash.js')),
  .../** @type {typeof import('../../src/policy/lists/rule-set.ts')} */ (await load('policy/lists/rule-set.js')),
  .../** @type {typeof import('../../src/policy/lists/table.ts')} */ (await load('policy/lists/table.js')),
})
/** Response policy zones. */
export const rpz = async () => ({
  .../** @type {typeof import('../../src/app/transfer/policy-job.ts')} */ (await load('app/transfer/policy-job.js')),
  .../** @type {typeof import('../../src/policy/rpz/rules.ts')} */ (await load('policy/rpz/rules.js')),
  .../** @type {typeof import('../../src/dns/address.ts')} */ (await load('dns/address.js')),
})
/** A snapshot of the cache, and what it takes to make one. */
export const snapshots = async () => ({
  .../** @type {typeof import('../../src/app/persistence/snapshot-file.ts')} */ (
    await load('app/persistence/snapshot-file.js')
  ),
  .../** @type {typeof import('../../src/cache/caches.ts')} */ (await load('cache/caches.js')),
  .../** @type {typeof import('../../src/cache/snapshot/format.ts')} */ (await load('cache/snapshot/format.js')),
  .../** @type {typeof import('../../src/cache/snapshot/take.ts')} */ (await load('cache/snapshot/take.js')),
})
/** @type {() => Promise<typeof import('../../src/limits.ts')>} */
export const limits = () => load('limits.js')
/** @type {() => Promise<typeof import('../../src/net/datagram.ts')>} */
export const datagram = () => load('net/datagram.js')
/** @type {() => Promise<typeof import('../../src/config/schema/json-schema.ts')>} */
export const configSchema = () => load('config/schema/json-schema.js')

export const cliPath = fileURLToPath(new URL('cli.js', dist))
export const isBuilt = () => existsSync(cliPath)
/** @type {() => Promise<typeof import('../../src/testing/index.ts')>} */
export const kit = () => load('testing/index.js')
