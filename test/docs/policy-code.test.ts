/** The recipes of docs/policy-code.md, run as they stand there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { type PolicyUnderTest, testPolicy, type TestSettings } from '../../src/policy/code/index.ts'

const text = readFileSync(new URL('../../docs/policy-code.md', import.meta.url), 'utf8')
const face = new URL('../../src/policy/code/index.ts', import.meta.url).href
const directory = mkdtempSync(join(tmpdir(), 'rootwalk-recipes-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function recipe(title: string, settings: TestSettings = {}): Promise<PolicyUnderTest> {
  const program =
    text
      .slice(text.indexOf(`**${title}`))
      .split('```js\n')[1]
      ?.split('```')[0] ?? ''
  const file = join(directory, `${title.replaceAll(/\W/g, '-')}.mjs`)
  writeFileSync(file, program.replace("'rootwalk/policy'", JSON.stringify(face)))
  return testPolicy((await import(pathToFileURL(file).href)).default, settings)
}

const world = {
  'www.video.example': { A: '192.0.2.1' },
  'forcesafesearch.google.com': { A: '192.0.2.2' },
  'strict.bing.com': { A: '192.0.2.3' },
  'www.school.example': { A: '192.0.2.4' },
}
const at = (hours: number): Date => new Date(2026, 2, 2, hours, 59, 30)

test.each([
  ['in the evening', 'kids', 21, [], true],
  ['before breakfast', 'kids', 5, [], true],
  ['in the afternoon', 'kids', 15, ['A 192.0.2.1'], true],
  ['for their parents', undefined, 21, ['A 192.0.2.1'], true],
])('the schedule of the children holds %s', async (_when, view, hours, records, shared) => {
  const kids = await recipe('No videos', { records: world, now: at(hours) })
  const asked = view === undefined ? {} : { view }
  expect(await kids.ask('www.video.example', asked)).toMatchObject({ records, shared, faults: [] })
})

test('the answer of the schedule is given to others until the next change only', async () => {
  const kids = await recipe('No videos', { records: world, now: at(19) })
  expect(await kids.ask('www.video.example', { view: 'kids' })).toMatchObject({ shared: true, ttl: 30 })
})

test('safe search is an alias of the provider, for each type', async () => {
  const safe = await recipe('Safe search', { records: world })
  expect(await safe.ask('www.google.co.uk')).toMatchObject({
    records: ['CNAME forcesafesearch.google.com.', 'A 192.0.2.2'],
    shared: true,
  })
  expect(await safe.ask('www.bing.com', { type: 'HTTPS' })).toMatchObject({ records: ['CNAME strict.bing.com.'] })
  expect(await safe.ask('www.school.example')).toMatchObject({ records: ['A 192.0.2.4'] })
})

test('pupils get the names of the list, teachers all', async () => {
  const school = await recipe('A school', { records: world })
  const pupil = { client: '10.20.1.9' }
  expect(await school.ask('www.school.example', pupil)).toMatchObject({ rcode: 'NOERROR', shared: false })
  expect(await school.ask('www.video.example', pupil)).toMatchObject({
    rcode: 'REFUSED',
    ede: 'Filtered: not in class',
  })
  expect(await school.ask('www.video.example', { client: '10.30.1.9' })).toMatchObject({ rcode: 'NOERROR' })
})
