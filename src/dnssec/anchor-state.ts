/**
 * The state of trust points as text, for a file: one line a key, readable, in an order that does not matter. Reading is
 * strict, since a state that was cut off, mixed up or written by something else must never make a key trusted
 * (Unbound's hold-down was passed by a state file in 2026): every line has its form, every number its bounds, and the
 * last line counts the others. What is not entirely right is no state at all.
 */
import { foldName } from '../dns/name.ts'
import { DNSKEY_PROTOCOL, DnskeyFlag, readDnskey } from '../dns/rdata-dnssec.ts'
import { formatRdata, parseRdata } from '../presentation/rdata-text.ts'
import { sameBytes } from '../dns/rrset.ts'
import { formatName, parseName } from '../presentation/text.ts'
import { RrType } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import type { DnssecLimits } from '../limits.ts'
import type { KeyState, ManagedKey, ManagedPoint } from './managed-anchors.ts'

const HEAD = 'rootwalk-trust-anchors 1'
const NOTE =
  '; Keys of trust anchors as followed by RFC 5011. Written by the program; without this file it begins with ' +
  'the configured anchors.'

export function formatState(points: readonly ManagedPoint[]): string {
  const lines = points.flatMap(({ name, seenAt, keys }) => [
    `point ${formatName(name)} seen ${seenAt}`,
    ...keys.map(keyLine),
  ])
  return `${[HEAD, NOTE, ...lines, `end ${lines.length}`].join('\n')}\n`
}

const keyLine = ({ rdata, state, origin, since, held, hold }: ManagedKey): string =>
  `key ${state} ${origin} since ${since} held ${held} of ${hold} DNSKEY ${formatRdata(RrType.DNSKEY, rdata)}`

export type ReadState =
  | { readonly kind: 'state'; readonly points: readonly ManagedPoint[] }
  | { readonly kind: 'invalid'; readonly problem: Problem }

/**
 * `now` in seconds since 1970. Moments that lie ahead become `now`: they were written under a wrong clock and would
 * stop every hold-down.
 */
export function parseState(text: string, file: string, now: number, limits: DnssecLimits): ReadState {
  if (text.length > limits.managedBytes) return invalid(file, 0, `has more than ${limits.managedBytes} characters`)
  const lines = text.split('\n')
  const [head] = lines
  if (head !== HEAD) return invalid(file, 1, `expected "${HEAD}", the form that this version writes`)
  const points: { name: ManagedPoint['name']; seenAt: number; keys: ManagedKey[] }[] = []
  let read = 0
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? ''
    if (line.startsWith(';')) continue
    const end = /^end (\d{1,9})$/.exec(line)
    if (end !== null) {
      if (Number(end[1]) !== read)
        return invalid(file, index + 1, `expected "end ${read}" for the lines above: some are missing, or were added`)
      return lines.slice(index + 1).every(rest => rest === '')
        ? { kind: 'state', points }
        : invalid(file, index + 2, 'expected nothing after the end')
    }
    const error = line.startsWith('point ')
      ? readPoint(line, now, points)
      : readKey(line, now, points.at(-1)?.keys, limits)
    if (error !== null) return invalid(file, index + 1, error)
    read++
  }
  return invalid(file, lines.length, 'the end is missing: the file was cut off')
}

const invalid = (file: string, line: number, message: string): ReadState => ({
  kind: 'invalid',
  problem: { file, line, column: line === 0 ? 0 : 1, severity: 'error', message },
})

/** 15 digits stay exact. */
const POINT = /^point (\S+) seen (\d{1,15})$/

function readPoint(
  line: string,
  now: number,
  points: { name: ManagedPoint['name']; seenAt: number; keys: ManagedKey[] }[],
): string | null {
  const [, text = '', seen = ''] = POINT.exec(line) ?? []
  const name = text === '' ? { error: 'expected "point NAME seen SECONDS"' } : parseName(text, 'none')
  if (typeof name !== 'string') return name.error
  const folded = foldName(name)
  if (points.some(point => point.name === folded)) return `the point ${text} stands here twice`
  points.push({ name: folded, seenAt: Math.min(Number(seen), now), keys: [] })
  return null
}

const KEY = /^key (\S+) (configured|learnt) since (\d{1,15}) held (\d{1,10}) of (\d{1,10}) DNSKEY (.+)$/

function readKey(line: string, now: number, keys: ManagedKey[] | undefined, limits: DnssecLimits): string | null {
  const [, word = '', origin = '', since = '', held = '', hold = '', data = ''] = KEY.exec(line) ?? []
  if (data === '') return 'expected "key STATE ORIGIN since SECONDS held SECONDS of SECONDS DNSKEY …"'
  const state = keyState(word)
  if (state === null) return `expected add-pending, valid, missing, revoked or removed, found ${JSON.stringify(word)}`
  if (keys === undefined) return 'a key stands before the first point'
  if (keys.length >= limits.managedKeys) return `more than ${limits.managedKeys} keys of one point`
  const rdata = parseRdata(
    RrType.DNSKEY,
    data.split(' ').map(token => ({ text: token, quoted: false })),
    null,
    0,
  )
  if ('error' in rdata) return rdata.error
  const key = readDnskey(rdata)
  if (
    key === null ||
    key.protocol !== DNSKEY_PROTOCOL ||
    (key.flags & DnskeyFlag.ZONE) === 0 ||
    (key.flags & DnskeyFlag.REVOKE) !== 0
  )
    return 'expected a zone key: protocol 3, flags 257 or 256'
  if (keys.some(other => sameBytes(other.rdata, rdata))) return 'the key stands here twice'
  if (state === 'add-pending' && Number(hold) < limits.addHoldDown)
    return `expected a hold-down of at least ${limits.addHoldDown} seconds, found ${hold}`
  keys.push({
    rdata,
    state,
    origin: origin === 'learnt' ? 'learnt' : 'configured',
    since: Math.min(Number(since), now),
    held: Number(held),
    hold: Number(hold),
  })
  return null
}

function keyState(word: string): KeyState | null {
  switch (word) {
    case 'add-pending':
    case 'valid':
    case 'missing':
    case 'revoked':
    case 'removed':
      return word
    default:
      return null
  }
}
