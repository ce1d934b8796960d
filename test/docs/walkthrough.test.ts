/**
 * `docs/walkthrough.md` shows values of a run; this runs it again. With ROOTWALK_WRITE_DOCS=1 the blocks are written
 * instead of compared: read what changed before it is committed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { blocksOf } from './console.ts'
import { walkthrough } from './walk.ts'

const file = new URL('../../docs/walkthrough.md', import.meta.url)
const document = readFileSync(file, 'utf8')

it('the values of the walkthrough are those of a run, each in its block', async () => {
  const values = await walkthrough()
  if (process.env.ROOTWALK_WRITE_DOCS === '1') {
    const written = document.replace(/^```(\w+)\n[\s\S]*?^```$/gm, (block, name: string) => {
      const value = values[name]
      return value === undefined ? block : `\`\`\`${name}\n${value}\n\`\`\``
    })
    writeFileSync(file, written)
    return
  }
  const shown = Object.fromEntries(blocksOf(document).map(({ language, text }) => [language, text.trimEnd()]))
  expect(shown).toEqual(Object.fromEntries(Object.entries(values).map(([name, text]) => [name, text.trimEnd()])))
})

it('the walkthrough is the same whenever it is run', async () => {
  expect(await walkthrough()).toEqual(await walkthrough())
})

it('the walkthrough says how long its query is', async () => {
  const { query = '' } = await walkthrough()
  const octets = query.match(/\b[0-9a-f]{2}\b(?= |$)/gm)?.length
  expect(document).toContain(`It is ${octets} octets`)
})
