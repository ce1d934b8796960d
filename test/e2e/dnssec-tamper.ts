/**
 * Signed zones made wrong on purpose, as text with one record on a line: what an attacker, a careless operator or a
 * signer that stopped leaves behind. Each change throws when there was nothing to change.
 */

export interface Line {
  readonly owner: string
  readonly type: string
  /** What the record, if it is an RRSIG, covers. */
  readonly covered: string
  readonly text: string
}

export type Tamper = (lines: readonly Line[], origin: string) => readonly Line[]

export function linesOf(zone: string): Line[] {
  return zone
    .split('\n')
    .map(withoutComment)
    .filter(text => text !== '' && !text.startsWith('$'))
    .map(readLine)
}

export const textOf = (lines: readonly Line[]): string => `${lines.map(({ text }) => text).join('\n')}\n`

/** A semicolon inside quotes does not occur here. */
const withoutComment = (text: string): string => text.replace(/;.*/, '').trim()

function readLine(text: string): Line {
  const [owner = '', , , type = '', covered = ''] = text.split(/\s+/)
  return { owner: owner.toLowerCase(), type, covered: type === 'RRSIG' ? covered : '', text }
}

const absolute = (name: string, origin: string): string =>
  name === '@' ? origin : `${name}.${origin === '.' ? '' : origin}`

/** Only those that `keep` says are kept; at least one must go. */
function without(lines: readonly Line[], goes: (line: Line) => boolean): readonly Line[] {
  const kept = lines.filter(line => !goes(line))
  if (kept.length === lines.length) throw new Error('nothing there to take away')
  return kept
}

function changing(
  lines: readonly Line[],
  which: (line: Line) => boolean,
  change: (text: string) => string,
): readonly Line[] {
  let changed = 0
  const after = lines.map(line => {
    if (!which(line)) return line
    const text = change(line.text)
    if (text !== line.text) changed++
    return { ...line, text }
  })
  if (changed === 0) throw new Error('nothing there to change')
  return after
}

/** Another record than the one that was signed. */
export const dataChanged =
  (name: string, type: string, from: string, to: string): Tamper =>
  (lines, origin) =>
    changing(
      lines,
      line => line.owner === absolute(name, origin) && line.type === type,
      text => text.replace(from, to),
    )

/** The signatures over one set; `*` for every type or name. */
export const signaturesRemoved =
  (name: string, type: string): Tamper =>
  (lines, origin) =>
    without(
      lines,
      line =>
        line.type === 'RRSIG' &&
        (name === '*' || line.owner === absolute(name, origin)) &&
        (type === '*' || line.covered === type),
    )

/** Some bits of the signature over a set are others. */
export const signaturesBroken =
  (name: string, type: string): Tamper =>
  (lines, origin) =>
    changing(
      lines,
      line => line.type === 'RRSIG' && (name === '*' || line.owner === absolute(name, origin)) && line.covered === type,
      spoilSignature,
    )

function spoilSignature(text: string): string {
  const words = text.split(/\s+/)
  const signature = words[SIGNATURE] ?? ''
  words[SIGNATURE] =
    `${signature.slice(0, SPOILT)}${signature[SPOILT] === 'A' ? 'B' : 'A'}${signature.slice(SPOILT + 1)}`
  return words.join(' ')
}

/** Owner, TTL, class, type, then the fields of RFC 4034 section 3.2. */
const SIGNATURE = 12
const SPOILT = 20

/** The NSEC or NSEC3 record of an owner (`matching` a part of it), with its signature. */
export const denialRemoved =
  (matching: (line: Line, origin: string) => boolean): Tamper =>
  (lines, origin) => {
    const owners = new Set(
      lines
        .filter(line => (line.type === 'NSEC' || line.type === 'NSEC3') && matching(line, origin))
        .map(line => line.owner),
    )
    return without(
      lines,
      line =>
        owners.has(line.owner) &&
        (line.type === 'NSEC' || line.type === 'NSEC3' || line.covered === 'NSEC' || line.covered === 'NSEC3'),
    )
  }

export const nsecOf =
  (name: string): ((line: Line, origin: string) => boolean) =>
  (line, origin) =>
    line.owner === absolute(name, origin)

/** All of one type. */
export const typeRemoved =
  (type: string): Tamper =>
  lines =>
    without(lines, line => line.type === type)

export const setRemoved =
  (name: string, type: string): Tamper =>
  (lines, origin) =>
    without(lines, line => line.owner === absolute(name, origin) && (line.type === type || line.covered === type))

/** TTLs of a set higher than the signed ones. */
export const ttlRaised =
  (name: string, type: string, ttl: number): Tamper =>
  (lines, origin) =>
    changing(
      lines,
      line => line.owner === absolute(name, origin) && (line.type === type || line.covered === type),
      text => text.replace(/^(\S+\s+)\d+/, `$1${ttl}`),
    )

export const both =
  (...tampers: readonly Tamper[]): Tamper =>
  (lines, origin) =>
    tampers.reduce((now, tamper) => tamper(now, origin), lines)
