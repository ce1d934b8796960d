/**
 * The `records` of a configuration as records with places. Data is written as in a master file, names always absolute;
 * the one thing that is easier here is TXT, whose plain text needs no quotes.
 */
import { MAX_STRING_OCTETS, parseName } from '../presentation/text.ts'
import { parseRr } from '../presentation/rr-text.ts'
import type { Rr } from '../dns/rrset.ts'
import { RrClass, typeNumber, RrType } from '../dns/types.ts'
import { suggest } from '../presentation/suggest.ts'
import type { JsonPath } from './json.ts'
import type { RawRecords } from './raw.ts'

export interface ConfiguredRecord {
  readonly path: JsonPath
  readonly rr: Rr
}

export interface RecordProblem {
  readonly path: JsonPath
  readonly message: string
}

/** `defaultTtl` in seconds, for records that give none. */
export function readRecords(
  raw: RawRecords,
  defaultTtl: number,
): { readonly records: readonly ConfiguredRecord[]; readonly problems: readonly RecordProblem[] } {
  const records: ConfiguredRecord[] = []
  const problems: RecordProblem[] = []
  const add = (path: JsonPath, line: string, ttl: number): void => {
    const rr = parseRr(line, ttl)
    if ('error' in rr) problems.push({ path, message: rr.error })
    else if (rr.class !== RrClass.IN) problems.push({ path, message: 'only class IN is served' })
    else records.push({ path, rr })
  }
  if (isLines(raw)) {
    for (const [index, line] of raw.entries()) add(['records', index], line, defaultTtl)
    return { records, problems }
  }
  for (const [owner, types] of Object.entries(raw)) {
    const name = parseName(owner, null)
    if (typeof name !== 'string') {
      problems.push({ path: ['records', owner], message: name.error })
      continue
    }
    const { ttl } = types
    for (const [type, data] of Object.entries(types)) {
      if (type === 'ttl' || data === undefined || typeof data === 'number') continue
      const path = ['records', owner, type]
      const number = typeNumber(type)
      if (number === null) {
        problems.push({ path, message: `unknown type${nearType(type)}` })
        continue
      }
      const life = typeof ttl === 'number' ? ttl : defaultTtl
      const line = (one: string): string => `${absolute(owner)} IN ${type} ${asData(number, one)}`
      if (typeof data === 'string') add(path, line(data), life)
      else for (const [index, one] of data.entries()) add([...path, index], line(one), life)
    }
  }
  return { records, problems }
}

const isLines = (raw: RawRecords): raw is readonly string[] => Array.isArray(raw)

const absolute = (owner: string): string => (owner.endsWith('.') ? owner : `${owner}.`)

/** "ttl" is offered too: it is the only key besides the types. */
function nearType(word: string): string {
  const near = suggest(word, ['ttl']) ?? suggest(word.toUpperCase(), Object.keys(RrType))
  return near === null ? '' : ` (did you mean "${near}"?)`
}

/** Plain text as character-strings (RFC 1035 section 3.3.14); backslashes and quotes in it stand for themselves. */
function asData(type: number, data: string): string {
  if ((type !== RrType.TXT && type !== RrType.SPF) || data.trimStart().startsWith('"')) return data
  const isPlain = (octet: number): boolean => octet >= 0x20 && octet <= 0x7e && octet !== 0x22 && octet !== 0x5c
  const octets = Array.from(new TextEncoder().encode(data), octet =>
    isPlain(octet) ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`,
  )
  const strings: string[] = []
  for (let at = 0; at === 0 || at < octets.length; at += MAX_STRING_OCTETS)
    strings.push(`"${octets.slice(at, at + MAX_STRING_OCTETS).join('')}"`)
  return strings.join(' ')
}
