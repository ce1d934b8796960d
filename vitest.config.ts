import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { TEST_MS } from './test/patience.mjs'

/** Needs servers, tools, namespaces or languages of others, or minutes: `npm run test:system`. */
const system = [
  // Of test/e2e/, `npm test` keeps serve.test.ts: the built program with files and signals.
  'test/e2e/!(serve).test.ts',
  'test/app/zone-changes.test.ts',
  'test/docs/commands.test.ts',
  'test/sim/hostile-signed-worlds.test.ts',
  'test/cli/exec.test.ts',
  'test/package/installed.test.ts',
  'test/package/manual.test.ts',
  'test/dashboard/browser/*.test.ts',
  'test/testing/examples.test.ts',
  'test/testing/node-dns/lookup-beside-getaddrinfo.test.ts',
]
/** Many seeds: `npm test`, which sets ROOTWALK_QUICK, takes a fifth of them; all are part of `npm run test:system`. */
const seeded = ['test/sim/properties.test.ts', 'test/sim/random-worlds.test.ts']
/**
 * Tests of the engine, which holds no state in modules, no socket, clock or process: their files run one after the other
 * in the same processes. Starting a process and loading the engine takes longer than most of them.
 */
const rooms =
  'attacks,config,dns,dnssec,fairness,fuzz,policy,presentation,real-world,render,resolver,scenarios,server,signing,' +
  'simulation,transfer,zone'
const engine = [
  `test/{${rooms}}/**/*.test.ts`,
  // Those left out start threads, measure the memory of their process, or put another module in the place of one.
  'test/cache/!(*-threads|budget|answer-segments).test.ts',
  'test/sim/!(dnssec-work).test.ts',
  'test/cache/snapshot/*.test.ts',
]
const isQuick = process.env.ROOTWALK_QUICK === '1'
const elsewhere = isQuick ? system : [...system, ...seeded]

export default defineConfig({
  test: {
    // Real sockets and processes are slow on a busy machine; nothing waits for this on purpose.
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    // A test that asserts nothing can't fail, and says nothing when it passes.
    expect: { requireAssertions: true },
    // Open handles of one file must not disturb another.
    pool: 'forks',
    // The default leaves one core free, which of two is half.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // `npx vitest run test/…` finds a file whichever it belongs to.
    projects: [
      {
        extends: true,
        test: { name: 'engine', include: engine, exclude: elsewhere, isolate: false },
      },
      {
        extends: true,
        test: { name: 'quick', include: ['test/**/*.test.ts'], exclude: [...elsewhere, ...engine] },
      },
      { extends: true, test: { name: 'system', include: elsewhere } },
    ],
  },
})
