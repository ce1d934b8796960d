/** What all documents have in common: files and links that they name exist, configurations that they show are valid. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { root } from '../testing/command.ts'
import { blocksOf, linesOf } from './console.ts'

const filesIn = (folder: string, recursive: boolean): readonly string[] =>
  readdirSync(join(root, folder), { encoding: 'utf8', recursive }).map(path => join(folder, path).replaceAll('\\', '/'))
const documents = [...filesIn('.', false), ...filesIn('docs', true), ...filesIn('examples', false)]
  .filter(path => path.endsWith('.md'))
  .sort()
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const withoutBlocks = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')

/** Files that are named in a text: `room/file.ts` from src/, or a path from the top. */
const namedFiles = (text: string): readonly string[] =>
  [...withoutBlocks(text).matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|mjs|rpl|json|service|zone|anchors))`/g)].flatMap(
    ([, path]) => path ?? [],
  )
const exists = (path: string): boolean => ['', 'src'].some(folder => existsSync(join(root, folder, path)))

describe.each(documents)('%s', file => {
  const text = textOf(file)

  it('names files that are there', () => {
    expect(namedFiles(text).filter(path => !exists(path) && !path.startsWith('node_modules/'))).toEqual([])
  })

  it('links to files and headings that are there', () => {
    const targets = [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => target ?? [])
    const heading = (line: string): string =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-')
    const broken = targets.filter(target => {
      if (/^https?:/.test(target)) return false
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? file : join(dirname(file), path)
      if (!existsSync(join(root, to))) return true
      return (
        anchor !== undefined &&
        !withoutBlocks(textOf(to))
          .split('\n')
          .filter(line => /^#+ /.test(line))
          .map(heading)
          .includes(anchor)
      )
    })
    expect(broken).toEqual([])
  })

  it('shows configurations that are valid', () => {
    const shown = blocksOf(text).filter(({ language, text: block }) => language === 'json' && block.startsWith('{\n'))
    const read = shown.map(({ text: block }) =>
      readConfig({ file: { path: '/etc/rootwalk/resolver.config.json', text: block }, overrides: [], directory: '/' }),
    )
    expect(read.filter(result => result.kind !== 'config' || result.warnings.length > 0)).toEqual([])
  })
})

it('the tables for those who come from other resolvers have valid settings on their right', () => {
  const rows = textOf('docs/migrate.md')
    .split('\n')
    .filter(line => line.startsWith('| `') && line.includes('`"'))
  expect(rows.length).toBeGreaterThan(50)
  for (const row of rows) {
    for (const [, setting] of (row.split(' | ')[1] ?? '').matchAll(/`("\w+": [^`]+)`/g)) {
      const result = readConfig({
        file: { path: '/etc/rootwalk/resolver.config.json', text: `{${setting}}` },
        overrides: [],
        directory: '/',
        wall: 0,
      })
      expect(result, setting).toMatchObject({ kind: 'config' })
    }
  }
})

it.each([
  ['README.md', 150],
  ['ARCHITECTURE.md', 150],
  ['docs/performance.md', 145],
])('%s has at most %i lines', (file, most) => {
  expect(linesOf(textOf(file)).length).toBeLessThanOrEqual(most)
})
