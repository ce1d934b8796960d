/**
 * Our zones in `corpus/` through our reader and through named-compilezone (BIND 9.18): the canonical texts must be
 * equal byte for byte once the lines are sorted (BIND walks its tree, we sort by name; both orders are canonical for
 * what they are). Comment lines (`; resign=`) are its own. Left to unit tests because BIND 9.18 writes them
 * differently: dohpath and ohttp (as key7 and key8) and addresses of the deprecated form ::a.b.c.d (RFC 5952 leaves it
 * open), and RRsets whose TTLs differ, of which we take the least (RFC 2181 section 5.2). RRSIG times are ours from
 * 1970 to 2106, BIND's within 68 years of today.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { foldName } from '../../src/dns/name.ts'
import { parseName } from '../../src/presentation/text.ts'
import { defaultLimits } from '../../src/limits.ts'
import { buildZone, formatCanonicalZone } from '../../src/zone/zone-check.ts'
import { type Include, parseZoneText } from '../../src/zone/zone-file.ts'
import { needs } from '../tools.ts'

const corpus = fileURLToPath(new URL('corpus', import.meta.url))
const files = readdirSync(corpus).filter(file => file.endsWith('.zone'))

const origins: ReadonlyMap<string, string> = new Map([
  ['reverse.zone', '2.0.192.in-addr.arpa.'],
  ['root.zone', '.'],
])
const originOf = (file: string): string => origins.get(file) ?? `${file.replace('.zone', '')}.example.`

const include: Include = path =>
  existsSync(join(corpus, path))
    ? { file: path, text: readFileSync(join(corpus, path), 'utf8') }
    : { error: `no such file: ${path}` }

function ours(text: string, file: string, originText: string) {
  const origin = parseName(originText, null)
  if (typeof origin !== 'string') throw new Error(origin.error)
  const parsed = parseZoneText(text, { file, origin, limits: defaultLimits.zone, include })
  return buildZone(parsed, { origin: foldName(origin), file })
}

const canonical = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith(';'))
    .sort()

needs('named-compilezone')('canonical text equals that of named-compilezone', () => {
  it.each(files)('%s', file => {
    const origin = originOf(file)
    const theirs = execFileSync(
      'named-compilezone',
      ['-q', '-i', 'none', '-k', 'ignore', '-s', 'full', '-o', '-', origin, file],
      { cwd: corpus, encoding: 'latin1' },
    )
    const built = ours(readFileSync(join(corpus, file), 'utf8'), file, origin)
    expect(built.problems.filter(problem => problem.severity === 'error')).toEqual([])
    expect(canonical(built.zone === null ? '' : formatCanonicalZone(built.zone))).toEqual(canonical(theirs))
  })
})

describe('canonical text', () => {
  it('has a zone for each of the subjects', () => {
    expect(files.length).toBeGreaterThanOrEqual(18)
    expect(dirname(corpus).endsWith('zone')).toBe(true)
  })

  it.each(files)('%s reads back to itself', file => {
    const first = ours(readFileSync(join(corpus, file), 'utf8'), file, originOf(file)).zone
    const text = first === null ? '' : formatCanonicalZone(first)
    expect(text).not.toBe('')
    const second = ours(text, file, originOf(file)).zone
    expect(second === null ? '' : formatCanonicalZone(second)).toBe(text)
  })
})
