/**
 * Records, names and addresses written as text in tests: rr`www.example. 300 IN A 192.0.2.1`. Text that is none throws,
 * since it is a mistake in a test or in our own data. Nothing here reads what came from a network or a person.
 */
import { type IpAddress, parseIp } from '../dns/address.ts'
import { foldName, type Name, type WireName } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { groupRRsets, type Rr, type RRset } from '../dns/rrset.ts'
import { parseRr } from '../presentation/rr-text.ts'
import { parseName } from '../presentation/text.ts'
import { RrClass, typeNumber } from '../dns/types.ts'

/** One record in zone-file syntax with an absolute owner. */
export function rr(strings: TemplateStringsArray, ...values: readonly (string | number)[]): Rr {
  return record(String.raw(strings, ...values))
}

/** One RRset: a record a line, all of one owner and type. */
export function rrset(strings: TemplateStringsArray, ...values: readonly (string | number)[]): RRset {
  const sets = groupRRsets(records(String.raw(strings, ...values)))
  const [only] = sets
  if (only === undefined || sets.length > 1) throw new Error(`expected the records of one RRset, found ${sets.length}`)
  return only
}

/** A record a line; empty lines and lines that start with `;` are skipped. */
export const records = (text: string): Rr[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith(';'))
    .map(record)

export function record(text: string): Rr {
  const parsed = parseRr(text)
  if ('error' in parsed) throw new Error(`"${text}": ${parsed.error}`)
  return parsed
}

export function wireNameOf(text: string, origin: WireName | null = null): WireName {
  const name = parseName(text, origin)
  if (typeof name !== 'string') throw new Error(`"${text}": ${name.error}`)
  return name
}

export const nameOf = (text: string, origin: WireName | null = null): Name => foldName(wireNameOf(text, origin))

/** `question('www.example.com.', 'A')`, class IN. */
export function question(name: string, type: string | number = 'A'): Question {
  const number = typeof type === 'number' ? type : typeNumber(type)
  if (number === null) throw new Error(`"${type}" is not a type`)
  return { name: nameOf(name), type: number, class: RrClass.IN }
}

export function ip(text: string): IpAddress {
  const address = parseIp(text)
  if (address === null) throw new Error(`"${text}" is not an IP address`)
  return address
}
