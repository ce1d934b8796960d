import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readCookieKeys } from '../../src/app/policy/cookie-keys.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-cookies-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const ONE = '0123456789abcdef0123456789ABCDEF'

test.each<[string, string, string]>([
  ['one key', `${ONE}\n`, '1 keys'],
  ['two, with remarks and empty lines', `# new\n${ONE}  # of May\n\n${ONE}`, '2 keys'],
  ['three', `${ONE}\n${ONE}\n${ONE}\n`, '3: expected at most 2 keys, the new one first'],
  [
    'one too short',
    `${ONE}\n${ONE.slice(1)}\n`,
    '2: expected 32 hexadecimal digits, as `openssl rand -hex 16` prints them',
  ],
  ['none', '\n# none\n', '0: holds no key: write 32 hexadecimal digits into it'],
])('a file of cookie keys with %s', (_, text, expected) => {
  const file = join(directory, 'key')
  writeFileSync(file, text)
  const read = readCookieKeys(file)
  expect(read.kind === 'keys' ? `${read.keys.length} keys` : `${read.problem.line}: ${read.problem.message}`).toBe(
    expected,
  )
})

test('a file of cookie keys that is not there is a warning with its name', () => {
  const read = readCookieKeys(join(directory, 'nothing'))
  expect(read).toMatchObject({ kind: 'invalid', problem: { file: join(directory, 'nothing'), severity: 'warning' } })
})
