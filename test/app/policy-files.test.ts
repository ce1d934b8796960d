/** Files of response policy zones and keys of transfers, as `check-config` and a start see them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkAll } from '../../src/app/config-check.ts'
import { loadConfig } from '../../src/config/sources.ts'
import { problemText } from '../../src/render/problem.ts'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

function check(config: object, files: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-'))
  made.push(directory)
  for (const [name, text] of Object.entries({ ...files, 'c.json': JSON.stringify(config) }))
    writeFileSync(join(directory, name), text)
  const checked = checkAll(loadConfig({ file: join(directory, 'c.json'), environment: {}, flags: [], directory }))
  const texts = (problems: typeof checked.problems) =>
    problems.map(problem => problemText(problem).replaceAll(`${directory}/`, ''))
  return { errors: texts([...checked.problems, ...checked.zoneProblems]), warnings: texts(checked.warnings) }
}

const head = '$TTL 30\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n'
const rules = Array.from({ length: 30 }, (_, i) => `h${i}.test CNAME .`).join('\n')
const rpz = { rpz: [{ zone: 'own.rpz', file: 'own.zone' }] }

describe('the file of a policy zone', () => {
  test('with a line that is no rule has a warning with its place', () => {
    const { errors, warnings } = check(rpz, { 'own.zone': `${head}24.1.2.0.192.rpz-ip CNAME .\n${rules}\n` })
    expect(errors).toEqual([])
    expect(warnings).toEqual([
      expect.stringMatching(/own\.zone:4:1: .*has bits after the prefix: write 24\.0\.2\.0\.192/),
    ])
  })

  test('with more than a tenth of such lines is no policy zone', () => {
    const { errors } = check(rpz, { 'own.zone': `${head}x.test CNAME rpz-nothing.\nh.test CNAME .\n` })
    expect(errors).toEqual([expect.stringContaining('1 faults in 2 rules')])
  })

  test('that is missing is an error', () => {
    expect(check(rpz, {}).errors).toHaveLength(1)
  })
})

test('a key of a transfer that cannot be read is an error', () => {
  const zones = [{ zone: 'a.example', primaries: ['192.0.2.1'], tsig: 'none.key' }]
  expect(check({ zones }, {}).errors).toEqual([expect.stringContaining('none.key')])
})
