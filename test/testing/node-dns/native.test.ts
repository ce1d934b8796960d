/** What a stub does to a program of its own, with Node's own loaders and the built package. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { buildForServing } from '../../e2e/rootwalk.ts'

beforeAll(buildForServing)

test('named imports, CommonJS, fetch and undici follow install(), and all is as before afterwards', () => {
  const script = fileURLToPath(new URL('native-modules.mjs', import.meta.url))
  const found: unknown = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }))
  const local = { address: '127.0.0.1', family: 4 }
  expect(found).toEqual({
    named: local,
    renamed: true,
    namedPromised: local,
    namespaced: local,
    namedResolve4: ['127.0.0.1'],
    namedResolveTxt: [['found']],
    required: local,
    imported: local,
    fetched: 'reached',
    undici: 'reached',
    undiciInterceptor: 'reached',
    failed: 'ENOTFOUND',
    restored: true,
    unmatched: ['gone.internal A', 'gone.internal AAAA'],
  })
})
