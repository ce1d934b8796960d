import { afterEach, expect, test } from 'vitest'
import { createCaches } from '../../src/cache/caches.ts'
import { defaultLimits } from '../../src/limits.ts'
import { openRecursor, type Recursor } from '../../src/app/recursor.ts'
import { configOf } from './inside.ts'

const open: Recursor[] = []
afterEach(() => {
  for (const recursor of open.splice(0)) recursor.close()
})

test('the hash of kept answers is of a random seed, so that nobody can aim at its buckets; stores made by hand repeat', () => {
  const config = configOf({})
  const seeds = Array.from({ length: 8 }, () => {
    const recursor = openRecursor({
      limits: defaultLimits,
      settings: () => config.engine,
      hints: () => {
        throw new Error('nothing is asked')
      },
      events: () => {},
    })
    open.push(recursor)
    return recursor.caches.answers.handle.seed
  })
  expect(new Set(seeds).size).toBe(8)
  expect(seeds.every(seed => seed === (seed | 0))).toBe(true)
  const made = (): number => createCaches(defaultLimits.cache).answers.handle.seed
  expect(made()).toBe(made())
  expect(createCaches(defaultLimits.cache, defaultLimits.upstream, { seed: 5 }).answers.handle.seed).toBe(5)
})
