/** How the answer and the source of a list are written. */
import { parseIp } from '../dns/address.ts'
import { addressAnswer } from '../policy/lists/modifiers.ts'
import type { RawList } from './raw.ts'
import type { ListAnswer } from '../policy/lists/rule.ts'

/** Seconds. Taking a rule back is felt within half a minute, and who is blocked does not ask every second. */
const DEFAULT_TTL_S = 30
const DAY_S = 86_400

/** What holds for a list of which nothing else is said. */
export const listDefaults: Omit<RawList, 'name' | 'source'> = {
  format: 'auto',
  layer: 'block',
  match: 'exact',
  answer: 'nxdomain',
  ttl: DEFAULT_TTL_S,
  ede: 'blocked',
  forAll: true,
  refreshS: DAY_S,
}

export const answerError = 'expected "nxdomain", "nodata", "null", "refused", an address, or a list of addresses'

/** Null when it is none. */
export function parseListAnswer(value: string | readonly string[]): ListAnswer | null {
  const texts = typeof value === 'string' ? [value] : value
  const [only = ''] = texts
  switch (typeof value === 'string' ? only : '') {
    case 'nxdomain':
      return { kind: 'nxdomain' }
    case 'nodata':
      return { kind: 'nodata' }
    case 'null':
      return { kind: 'null' }
    case 'refused':
      return { kind: 'refused' }
    default: {
      const addresses = texts.map(text => (text.includes('%') ? null : parseIp(text)))
      const known = addresses.flatMap(address => address ?? [])
      return known.length === texts.length ? addressAnswer(known) : null
    }
  }
}

export const isUrl = (source: string): boolean => /^[a-z][a-z\d+.-]*:\/\//i.test(source)

/** What is wrong with a source; null: nothing. */
export function sourceError(source: string): string | null {
  if (!isUrl(source)) return null
  if (!URL.canParse(source)) return `"${source}" is no URL`
  const { protocol, username, password } = new URL(source)
  if (protocol !== 'https:' && protocol !== 'http:') return 'expected https://… or http://…, or a file'
  return username + password === '' ? null : 'must not have a user name or password: it is shown in logs'
}
