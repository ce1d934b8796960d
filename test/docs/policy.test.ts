import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ORDER } from '../../src/server/pipeline.ts'

const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')

test('the picture of the order in docs/policy.md is the order of the pipeline', () => {
  const picture = /```\n( {2}access[^`]*)```/.exec(text)?.[1] ?? ''
  const lines = picture.split('\n').filter(line => line !== '' && !line.startsWith('  ---'))
  const widest = Math.max(...ORDER.map(({ name }) => name.length))
  expect(lines).toEqual(ORDER.map(({ name, does }) => `  ${name.padEnd(widest)}  ${does}`))
})
