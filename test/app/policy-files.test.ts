/** Files of response policy zones and keys of transfers, as `check-config` and a start see them. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkAllBeside } from '../../src/app/config-check.ts'
import { loadConfig } from '../../src/config/sources.ts'
import { problemText } from '../../src/render/problem.ts'
import { buildForServing } from '../e2e/rootwalk.ts'
import { CONDITION_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

async function check(config: object, files: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-'))
  made.push(directory)
  for (const [name, text] of Object.entries({ ...files, 'c.json': JSON.stringify(config) }))
    writeFileSync(join(directory, name), text)
  const checked = await checkAllBeside(
    loadConfig({ file: join(directory, 'c.json'), environment: {}, flags: [], directory }),
  )
  const texts = (problems: typeof checked.problems) =>
    problems.map(problem => problemText(problem).replaceAll(`${directory}/`, ''))
  return { errors: texts([...checked.problems, ...checked.zoneProblems]), warnings: texts(checked.warnings) }
}

const head = '$TTL 30\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n'
const rules = Array.from({ length: 30 }, (_, i) => `h${i}.test CNAME .`).join('\n')
const rpz = { rpz: [{ zone: 'own.rpz', file: 'own.zone' }] }

describe('the file of a policy zone', () => {
  test('with a line that is no rule has a warning with its place', async () => {
    const { errors, warnings } = await check(rpz, { 'own.zone': `${head}24.1.2.0.192.rpz-ip CNAME .\n${rules}\n` })
    expect(errors).toEqual([])
    expect(warnings).toEqual([
      expect.stringMatching(/own\.zone:4:1: .*has bits after the prefix: write 24\.0\.2\.0\.192/),
    ])
  })

  test('with more than a tenth of such lines is no policy zone', async () => {
    const { errors } = await check(rpz, { 'own.zone': `${head}x.test CNAME rpz-nothing.\nh.test CNAME .\n` })
    expect(errors).toEqual([expect.stringContaining('1 faults in 2 rules')])
  })

  test('that is missing is an error', async () => {
    expect((await check(rpz, {})).errors).toHaveLength(1)
  })
})

test('a key of a transfer that cannot be read is an error', async () => {
  const zones = [{ zone: 'a.example', primaries: ['192.0.2.1'], tsig: 'none.key' }]
  expect((await check({ zones }, {})).errors).toEqual([expect.stringContaining('none.key')])
})

describe('a program in a file', () => {
  // In this thread: the other one is there in a built program only.
  const policy = [{ file: 'office.mjs', isolated: false }]

  test.each([
    ['a throw while it is loaded', 'throw new Error("no luck")', /^office\.mjs:1:7: no luck/],
    ['no policy in it', 'export const a = 1', /^office\.mjs: expected `export default definePolicy/],
    ['a hook that there is none of', 'export default { qery() {} }', /^office\.mjs: unknown key "qery".*query/],
  ])('with %s is an error with its place', async (_what, text, expected) => {
    expect((await check({ policy }, { 'office.mjs': text })).errors).toEqual([expect.stringMatching(expected)])
  })

  // Read by Node.js itself, in a thread as a start does.
  test('with a syntax error ends check-config with its place', { timeout: CONDITION_MS * 3 }, async () => {
    await buildForServing()
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-'))
    made.push(directory)
    writeFileSync(join(directory, 'office.mjs'), 'export default {\n  query() { return ] }\n}\n')
    writeFileSync(join(directory, 'c.json'), JSON.stringify({ policy: ['office.mjs'] }))
    const words = [join(root, 'dist/cli.js'), 'check-config', join(directory, 'c.json')]
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: CONDITION_MS })
    expect(stderr).toMatch(/office\.mjs:2:\d+: Unexpected token ']'/)
    expect(status).toBe(65)
  })

  test('that is missing is an error, and one that can be used is none', async () => {
    expect((await check({ policy }, {})).errors).toEqual([expect.stringMatching(/^office\.mjs: there is no such file/)])
    const good = 'export default { query() {} }'
    expect((await check({ policy }, { 'office.mjs': good })).errors).toEqual([])
  })
})
