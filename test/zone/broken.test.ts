/**
 * Zones with faults in `broken/`: what we tell of each is in the file beside it (`vitest -u` writes it again; read the
 * difference before keeping it). The first line of a zone says whether BIND refuses it too, and why not when we differ.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { foldName } from '../../src/dns/name.ts'
import { parseName } from '../../src/presentation/text.ts'
import { defaultLimits } from '../../src/limits.ts'
import { buildZone } from '../../src/zone/zone-check.ts'
import { type Include, parseZoneText } from '../../src/zone/zone-file.ts'
import { needs } from '../tools.ts'

const directory = fileURLToPath(new URL('broken', import.meta.url))
const files = readdirSync(directory).filter(file => file.endsWith('.zone'))
const originOf = (file: string): string => `${file.replace('.zone', '')}.example.`
const textOf = (file: string): string => readFileSync(join(directory, file), 'utf8')
const include: Include = path =>
  existsSync(join(directory, path))
    ? { file: path, text: textOf(path) }
    : { error: `can not open ${path}: no such file` }

function check(file: string) {
  const origin = parseName(originOf(file), null)
  if (typeof origin !== 'string') throw new Error(origin.error)
  return buildZone(parseZoneText(textOf(file), { file, origin, limits: defaultLimits.zone, include }), {
    origin: foldName(origin),
    file,
  })
}

describe('every fault of a zone is told, with its place', () => {
  it.each(files)('%s', async file => {
    const { problems, zone } = check(file)
    expect(zone === null).toBe(problems.some(problem => problem.severity === 'error'))
    const lines = problems.map(
      problem => `${problem.line}:${problem.column}: ${problem.severity}: ${problem.message}\n`,
    )
    expect(lines).not.toEqual([])
    await expect(lines.join('')).toMatchFileSnapshot(join(directory, file.replace('.zone', '.expected')))
  })
})

const verdicts: ReadonlyMap<string, { ours: boolean; theirs: boolean }> = new Map([
  ['both refuse', { ours: false, theirs: false }],
  ['both accept', { ours: true, theirs: true }],
  ['only we refuse', { ours: false, theirs: true }],
  ['only BIND refuses', { ours: true, theirs: false }],
])

needs('named-checkzone')('BIND refuses what we refuse', () => {
  it.each(files)('%s', file => {
    const said = /^; ([^:\n]+)/.exec(textOf(file))?.[1] ?? ''
    const theirs =
      spawnSync('named-checkzone', ['-q', '-k', 'ignore', originOf(file), file], { cwd: directory }).status === 0
    expect({ ours: check(file).zone !== null, theirs }).toEqual(verdicts.get(said))
  })
})
