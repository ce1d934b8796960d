/** Block and allow lists from their settings; rules of one's own are read at once, so that a slip is seen here. */
import { domainToASCII } from 'node:url'
import { EdeCode } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import { readLines, type RuleSink } from '../../policy/lists/reader.ts'
import { OWN_RULES, type SkipReason, skipReasons } from '../../policy/lists/rule.ts'
import type { JsonPath } from '../json.ts'
import { isUrl, listDefaults, parseListAnswer } from '../list-values.ts'
import type { RawConfig, RawList } from '../raw.ts'
import type { ListSource } from '../types.ts'

interface ListReports {
  readonly complain: (path: JsonPath, message: string) => void
  readonly warn: (path: JsonPath, message: string) => void
  readonly path: (text: string, ...at: readonly string[]) => string
}

const OWN_TTL_S = 30

const edes = { blocked: EdeCode.Blocked, censored: EdeCode.Censored, filtered: EdeCode.Filtered } as const

export function listSources(raw: Pick<RawConfig, 'rules' | 'lists'>, reports: ListReports): readonly ListSource[] {
  const names = new Set<string>(raw.rules.length === 0 ? [] : [OWN_RULES])
  const lists = namedLists(raw)
  lists.forEach(({ name }, index) => {
    if (names.has(name)) reports.complain(['lists', index, 'name'], `"${name}" is the name of another list`)
    names.add(name)
  })
  return [...ownRules(raw.rules, reports), ...lists.map((list, index) => listSource(list, index, reports))]
}

/**
 * Every list with a name. Those that are a file or URL and nothing else are called after it: `lists/ads.txt` and
 * `https://lists.example/ads.txt` are `ads`, the second of them `ads-2`.
 */
export function namedLists({ rules, lists }: Pick<RawConfig, 'rules' | 'lists'>): readonly RawList[] {
  const taken = new Set(lists.flatMap(list => (typeof list === 'string' ? [] : [list.name])))
  if (rules.length > 0) taken.add(OWN_RULES)
  return lists.map(list => {
    if (typeof list !== 'string') return list
    const base = baseName(list)
    let name = base
    for (let next = 2; taken.has(name); next++) name = `${base}-${next}`
    taken.add(name)
    return { ...listDefaults, name, source: list }
  })
}

/** The last part of a path without its ending, as far as a list may be called that. */
function baseName(source: string): string {
  const url = isUrl(source) ? new URL(source) : null
  const last = (url?.pathname ?? source).split('/').findLast(part => part !== '') ?? url?.hostname ?? ''
  const name = last
    .replace(/(?!^)\.[^.]*$/, '')
    .replace(/[^\w.-]/g, '-')
    .replace(/^[.-]+/, '')
  return name.slice(0, BASE_CHARACTERS) || 'list'
}
/** With room for a number below the most that a name of a list may have. */
const BASE_CHARACTERS = 56

function listSource(list: RawList, index: number, { warn, path }: ListReports): ListSource {
  const { name, source, format, layer, match, answer, ttl, ede, forAll, refreshS } = list
  if (/^http:/i.test(source))
    warn(['lists', index, 'source'], 'is fetched without TLS: whoever is on the way can change what is blocked')
  return {
    traits: { name, layer, ttl, ede: edes[ede], answer: parseListAnswer(answer) ?? { kind: 'nxdomain' } },
    from: isUrl(source)
      ? { kind: 'url', url: new URL(source).href, refreshMs: refreshS * 1_000 }
      : { kind: 'file', path: path(source, 'lists') },
    format,
    match,
    forAll,
  }
}

function ownRules(rules: readonly string[], { complain }: ListReports): readonly ListSource[] {
  if (rules.length === 0) return []
  rules.forEach((rule, index) => {
    for (const problem of problemsOf(rule)) complain(['rules', index], problem)
  })
  return [
    {
      traits: { name: OWN_RULES, layer: 'own', ttl: OWN_TTL_S, ede: EdeCode.Blocked, answer: { kind: 'nxdomain' } },
      from: { kind: 'inline', text: rules.map(rule => rule.replace(/[\r\n]/g, ' ')).join('\n') },
      format: 'auto',
      match: 'exact',
      forAll: true,
    },
  ]
}

/** Why a rule makes none; empty: it is one, or a comment. */
function problemsOf(rule: string): readonly string[] {
  const problems: string[] = []
  const sink: RuleSink = {
    name() {},
    prefix() {},
    complex() {},
    skip: (reason: SkipReason, _line, text, detail) =>
      void problems.push(`"${text}" is ${skipReasons[reason].text}${detail === '' ? '' : ` (${detail})`}`),
  }
  const options = { format: 'auto', layer: 'own', match: 'exact', limits: defaultLimits.lists } as const
  const lines = readLines(new TextEncoder().encode(rule), { ...options, toAscii: domainToASCII }, sink, 1)
  while (lines.next().done !== true) problems.splice(1)
  return rule.includes('\n') ? ['has a line end: one rule an item'] : problems
}
