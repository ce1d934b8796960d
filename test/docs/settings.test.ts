/** `docs/settings.md` is made from the schema, and says of each setting what a running server does with a new value. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { settingsDocument } from '../../scripts/settings-document.mjs'
import { configJsonSchema, settingsOf, type Setting } from '../../src/config/schema/json-schema.ts'
import { validateConfig } from '../../src/config/schema/schema.ts'
import { readConfig, restartKeys } from '../../src/config/read.ts'
import type { Config } from '../../src/config/types.ts'

const settings = settingsOf(configJsonSchema()).filter(({ path }) => path[0] !== '$schema')
const named = settings.map(setting => [setting.path.join('.'), setting] as const)
const exampleOf = ({ schema }: Setting): unknown => schema.examples?.[0]

type Settings = Readonly<Record<string, unknown>>

const nested = ([key = '', ...rest]: readonly string[], value: unknown): Settings => ({
  [key]: rest.length === 0 ? value : nested(rest, value),
})

function configWith(settings: Settings): Config {
  const text = JSON.stringify(settings)
  const result = readConfig({ file: { path: '/etc/test.json', text }, overrides: [], directory: '/etc' })
  if (result.kind === 'invalid') throw new Error(result.problems.map(problem => problem.message).join('\n'))
  return result.config
}

describe('docs/settings.md', () => {
  const document = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')
  const cells = (row: string): readonly string[] =>
    row.split(/(?<!\\)\|/).map(cell => cell.trim().replaceAll('\\|', '|'))
  const rows = new Map(
    document
      .split('\n')
      .filter(line => line.startsWith('| `'))
      .map(line => {
        const [, key = '', ...others] = cells(line)
        return [key.replaceAll('`', ''), others] as const
      }),
  )

  it('is what the schema gives (npm run schema)', () => {
    expect(document).toBe(settingsDocument(configJsonSchema()))
  })

  it('has one row for each setting, with every column filled but the unit', () => {
    expect([...rows.keys()].sort()).toEqual(named.map(([key]) => key).sort())
    for (const [key, [type, preset, , example, change, what]] of rows) {
      for (const cell of [type, preset, example, change, what]) expect(cell, key).not.toBe('')
      expect(`${type}${preset}${example}`, key).not.toContain('undefined')
    }
  })

  it('names every choice of a setting that has choices', () => {
    for (const [key, { schema }] of named) {
      for (const choice of schema.enum ?? []) expect(rows.get(key)?.[0], key).toContain(`\`"${String(choice)}"\``)
    }
    expect(rows.get('cache.rotate')?.[0]).toBe('`"fixed"`, `"cyclic"`, `"random"`')
  })

  it('gives a unit for each number but a port', () => {
    const numbers = named.filter(
      ([key, { schema }]) => schema.type === 'integer' && !/^upstream\.(?:port|tlsPort)$/.test(key),
    )
    expect(numbers.length).toBeGreaterThan(10)
    for (const [key, { schema }] of numbers) expect(schema['x-unit'], key).toBeTruthy()
  })
})

describe('the example of a setting', () => {
  it.each(named)('%s is valid, and other than its default', (_, setting) => {
    const example = exampleOf(setting)
    expect(example).not.toEqual(setting.schema.default)
    expect(validateConfig(nested(setting.path, example))).toMatchObject({ kind: 'valid' })
  })
})

/** What a setting cannot be without. */
const CERTIFICATE = { certificate: 'cert.pem', key: 'key.pem' }
const SECRET = { secretFile: 'secret' }
const COMPANIONS: Readonly<Record<string, Settings>> = {
  listen: { tls: CERTIFICATE },
  'tls.certificate': { tls: { ...CERTIFICATE, certificate: 'other.pem' } },
  'sharedCache.url': { sharedCache: SECRET },
  'tls.key': { tls: { ...CERTIFICATE, key: 'other.pem' } },
}

describe('the change of a setting', () => {
  it.each(named)('%s needs a restart exactly when its column says so', (key, setting) => {
    const around = COMPANIONS[key] ?? {}
    const plain = configWith(around)
    const changed = configWith(
      key.startsWith('tls.')
        ? { tls: CERTIFICATE }
        : key === 'sharedCache.url'
          ? { sharedCache: { ...SECRET, url: exampleOf(setting) } }
          : { ...around, ...nested(setting.path, exampleOf(setting)) },
    )
    expect(restartKeys(plain, changed).length > 0 ? 'restart' : 'reload').toBe(setting.schema['x-takes-effect'])
  })
})
