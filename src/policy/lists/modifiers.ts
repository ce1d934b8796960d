/** Modifiers of adblock rules that mean something for a DNS query; a rule with any other is not for us. */
import { foldName, type Name } from '../../dns/name.ts'
import { type IpAddress, parseIp, parsePrefix, type Prefix } from '../../dns/address.ts'
import { typeNumber } from '../../dns/types.ts'
import { parseName } from '../../presentation/text.ts'
import type { ClientCondition, ListAnswer, TypeCondition } from './rule.ts'

export interface Modifiers {
  readonly isImportant: boolean
  readonly isBadFilter: boolean
  readonly types: TypeCondition | null
  readonly clients: ClientCondition | null
  readonly except: readonly Name[]
  readonly answer: ListAnswer | null
  /** In order, without `badfilter`: part of what makes two rules the same. */
  readonly text: string
  readonly conditions: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Of whole pages and sites: without their names there is nothing to load, so that the rule is a plain one. */
const PLAIN = new Set(['all', 'doc', 'document', ''])

/** `text` is what stands after the `$`. Null: one of them means nothing here. */
export function readModifiers(text: string): Modifiers | null {
  const into: Mutable<Modifiers> = {
    isImportant: false,
    isBadFilter: false,
    types: null,
    clients: null,
    except: [],
    answer: null,
    text: '',
    conditions: 0,
  }
  const parts = splitAt(text, ',')
  for (const part of parts) if (!take(part.trim(), into)) return null
  const others = parts.map(part => part.trim().toLowerCase()).filter(part => part !== 'badfilter' && !PLAIN.has(part))
  into.text = [...new Set(others)].sort().join(',')
  into.conditions = others.length
  return into
}

function take(part: string, into: Mutable<Modifiers>): boolean {
  const [, word = '', value] = /^([\w-]*)(?:=(.*))?$/s.exec(part) ?? []
  if (value === undefined) {
    if (word === 'important') into.isImportant = true
    else if (word === 'badfilter') into.isBadFilter = true
    else return PLAIN.has(part)
    return true
  }
  switch (word) {
    case 'dnstype':
      into.types = typeCondition(value)
      return into.types !== null
    case 'denyallow': {
      const names = splitAt(value, '|').map(nameOf)
      into.except = names.flatMap(name => name ?? [])
      return names.length === into.except.length
    }
    case 'client':
      into.clients = clientCondition(value)
      return into.clients !== null
    case 'dnsrewrite':
      into.answer = rewriteOf(value)
      return into.answer !== null
    default:
      return false
  }
}

function nameOf(text: string): Name | null {
  const name = parseName(text.replace(/\.$/, ''), null)
  return typeof name === 'string' && name.length > 1 ? foldName(name) : null
}

/** All with `~`, or none: `A|~AAAA` says nothing. */
function typeCondition(value: string): TypeCondition | null {
  const parts = splitAt(value, '|')
  const isExcluded = parts[0]?.startsWith('~') === true
  const types = parts.map(part => (part.startsWith('~') === isExcluded ? typeNumber(part.replace(/^~/, '')) : null))
  const known = types.flatMap(type => type ?? [])
  return known.length === types.length && known.length > 0 ? { types: known, isExcluded } : null
}

function clientCondition(value: string): ClientCondition | null {
  const lists = { only: emptyList(), except: emptyList() }
  for (const part of splitAt(value, '|')) {
    const isExcluded = part.startsWith('~')
    const text = part.slice(isExcluded ? 1 : 0).replace(/^(['"])(.*)\1$/, '$2')
    if (text === '') return null
    const list = isExcluded ? lists.except : lists.only
    const prefix = parsePrefix(text)
    if (prefix !== null) list.prefixes.push(prefix)
    else list.ids.push(text.toLowerCase())
  }
  return lists
}

const emptyList = (): { prefixes: Prefix[]; ids: string[] } => ({ prefixes: [], ids: [] })

/** `NXDOMAIN`, `REFUSED`, `NOERROR`, an address, or the long form with an address: `NOERROR;A;192.0.2.1`. */
function rewriteOf(value: string): ListAnswer | null {
  const [, rcode = '', rest = ''] = /^(\w+)(?:;(.*))?$/.exec(value) ?? []
  const [, address = ''] = /^(?:A|AAAA);(.+)$/i.exec(rest) ?? []
  if (rest.replaceAll(';', '') === '') {
    if (/^nxdomain$/i.test(rcode)) return { kind: 'nxdomain' }
    if (/^refused$/i.test(rcode)) return { kind: 'refused' }
    if (/^noerror$/i.test(rcode)) return { kind: 'nodata' }
  }
  const ip = parseIp(/^noerror$/i.test(rcode) ? address : value)
  return ip === null || value.includes('%') ? null : addressAnswer([ip])
}

export const addressAnswer = (addresses: readonly IpAddress[]): ListAnswer => ({
  kind: 'addresses',
  ipv4: addresses.filter(({ family }) => family === 4).map(({ bytes }) => bytes),
  ipv6: addresses.filter(({ family }) => family === 6).map(({ bytes }) => bytes),
})

/** `\,` and what stands between quotes do not separate. */
function splitAt(text: string, separator: string): string[] {
  const parts: string[] = []
  let part = ''
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '\\' && at + 1 < text.length) part += text.charAt(++at)
    else if (character === separator && quote === '') {
      parts.push(part)
      part = ''
    } else {
      if (character === quote) quote = ''
      else if (quote === '' && (character === '"' || character === "'")) quote = character
      part += character
    }
  }
  return [...parts, part]
}
