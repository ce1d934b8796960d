import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real sockets and processes are slow on a busy machine; nothing waits for this on purpose.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Open handles of one file must not disturb another.
    pool: 'forks',
    // The default leaves one core free, which of two is half.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
})
