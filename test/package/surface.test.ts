/**
 * What users have stays: `surface.json` records the exports, commands, options and settings of a release, and the
 * tree has all of them. What is new is added to the record with `ROOTWALK_WRITE_SURFACE=1 npx vitest run
 * test/package/surface.test.ts`; nothing is ever taken out, unless the changelog says so.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { root } from '../testing/command.ts'
import { commandsIn, exportsOf, optionsIn, type Surface, settingsIn, surfaceForm } from './surface.ts'

const RECORD = join(root, 'test/package/surface.json')
const WAYS_IN: Readonly<Record<string, string>> = {
  '.': 'src/index.ts',
  './testing': 'src/testing/index.ts',
  './install': 'src/testing/preload.ts',
  './vitest': 'src/testing/vitest.ts',
  './policy': 'src/policy/code/index.ts',
}

async function helpOf(...words: string[]): Promise<string> {
  const printed: string[] = []
  const out = (text: string): void => void printed.push(text)
  const around = { out, err: () => {}, environment: {}, directory: root, terminal: false }
  expect(await main([...words, '--help'], around)).toBe(0)
  return printed.join('')
}

async function surfaceOf(): Promise<Surface> {
  const commands: Record<string, string[]> = { rootwalk: optionsIn(await helpOf()) }
  for (const command of commandsIn(await helpOf())) commands[command] = optionsIn(await helpOf(command))
  return {
    exports: Object.fromEntries(Object.entries(WAYS_IN).map(([way, path]) => [way, exportsOf(root, path)])),
    commands,
    settings: settingsIn(JSON.parse(readFileSync(join(root, 'resolver.config.schema.json'), 'utf8'))),
  }
}

/** Every entry on a line, so that a failure lists what is missing. */
const linesOf = ({ exports, commands, settings }: Surface): string[] => [
  ...Object.entries(exports).flatMap(([way, names]) => names.map(name => `export of ${way}: ${name}`)),
  ...Object.entries(commands).flatMap(([command, options]) => [
    `command: ${command}`,
    ...options.map(option => `option of ${command}: ${option}`),
  ]),
  ...settings.map(setting => `setting: ${setting}`),
]

const union = (one: readonly string[] = [], other: readonly string[] = []): string[] =>
  [...new Set([...one, ...other])].sort()

function joined(one: Surface, other: Surface): Surface {
  const both = (a: Surface['exports'], b: Surface['exports']): Surface['exports'] =>
    Object.fromEntries(union(Object.keys(a), Object.keys(b)).map(key => [key, union(a[key], b[key])]))
  return {
    exports: both(one.exports, other.exports),
    commands: both(one.commands, other.commands),
    settings: union(one.settings, other.settings),
  }
}

describe('the surface of the package', () => {
  it('the exports, commands, options and settings of the record are all there', async () => {
    const recorded = surfaceForm.parse(JSON.parse(readFileSync(RECORD, 'utf8')))
    const now = await surfaceOf()
    if (process.env.ROOTWALK_WRITE_SURFACE === '1')
      writeFileSync(RECORD, `${JSON.stringify(joined(recorded, now), null, 2)}\n`)
    const have = new Set(linesOf(now))
    expect(linesOf(recorded).length).toBeGreaterThan(200)
    expect(linesOf(recorded).filter(line => !have.has(line))).toEqual([])
  })

  it('every way in of package.json is one that is recorded, and its files are built', () => {
    const { exports }: { exports: Record<string, unknown> } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    )
    const built = Object.fromEntries(
      Object.entries(WAYS_IN).map(([way, path]) => {
        const file = path.replace(/^src/, './dist').replace(/\.ts$/, '')
        const module = { types: `${file}.d.ts`, default: `${file}.js` }
        if (way !== './testing') return [way, module]
        const script = { types: `${file}.d.cts`, default: `${file}.cjs` }
        return [way, { import: module, require: script, default: module.default }]
      }),
    )
    expect(exports).toEqual({ ...built, './package.json': './package.json' })
  })
})

describe('the reader of help texts', () => {
  it('finds commands with a hyphen, and both forms of an option', () => {
    expect(commandsIn('Commands:\n  rootwalk serve     Run\n  rootwalk check-zone <files..>  Say\n')).toEqual([
      'serve',
      'check-zone',
    ])
    expect(optionsIn('  -p, --port  Port\n      --no-color  None\nwords --not\n')).toEqual([
      '--no-color',
      '--port',
      '-p',
    ])
  })

  it('finds settings in settings, in lists and in alternatives', () => {
    const a = { properties: { b: {} } }
    expect(settingsIn({ properties: { a, list: { items: a }, either: { anyOf: [a, {}] } } })).toEqual([
      'a',
      'a.b',
      'either',
      'either.b',
      'list',
      'list[].b',
    ])
  })
})
