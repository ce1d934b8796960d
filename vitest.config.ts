import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { TEST_MS } from './test/patience.mjs'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real sockets and processes are slow on a busy machine; nothing waits for this on purpose.
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    // A test that asserts nothing can't fail, and says nothing when it passes.
    expect: { requireAssertions: true },
    // Open handles of one file must not disturb another.
    pool: 'forks',
    // The default leaves one core free, which of two is half.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
})
