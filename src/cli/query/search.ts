/** The names that `+search` and `+domain` try, in order (resolv.conf(5): search, ndots). */
import { readFileSync } from 'node:fs'
import type { Search } from './dig-query.ts'
import type { WireName } from '../../dns/name.ts'
import { parseName } from '../../presentation/text.ts'

const RESOLV_CONF = '/etc/resolv.conf'

export interface SearchList {
  readonly domains: readonly string[]
  readonly dots: number
}

/** Names in the order in which they are tried; one that cannot be made, being too long, is left out. */
export function searchNames(
  search: Search,
  cased: WireName,
  system: () => SearchList = systemSearch,
): readonly WireName[] {
  const { word } = search
  if (word === null) return [cased]
  const list = search.domains === null || search.dots === null ? system() : { domains: [], dots: 1 }
  const domains = search.domains ?? list.domains
  const suffixed = domains.flatMap((domain): WireName[] => {
    const name = parseName(`${word}.${domain.replace(/\.$/, '')}.`, null)
    return typeof name === 'string' ? [name] : []
  })
  const dots = word.split('.').length - 1
  return dots >= (search.dots ?? list.dots) ? [cased, ...suffixed] : [...suffixed, cased]
}

function systemSearch(): SearchList {
  try {
    return readSearchList(readFileSync(RESOLV_CONF, 'utf8'))
  } catch {
    return { domains: [], dots: 1 }
  }
}

/** The last of `search` and `domain` counts. */
export function readSearchList(text: string): SearchList {
  let domains: readonly string[] = []
  let dots = 1
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'search' || word === 'domain') domains = word === 'domain' ? rest.slice(0, 1) : rest
    const ndots = word === 'options' ? rest.find(option => /^ndots:\d{1,2}$/.test(option)) : undefined
    if (ndots !== undefined) dots = Number(ndots.slice('ndots:'.length))
  }
  return { domains, dots }
}
