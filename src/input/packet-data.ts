/**
 * Record data as an object: the fields that dns-packet gives a type, or those of `node:dns`. dns-packet makes the
 * octets, but it silently mangles what it does not know (names with empty or long labels, types it cannot spell,
 * numbers too large), so nothing is taken on trust: fields are checked first, and the octets must read back to what was
 * given, and again to the same octets, and fit the shape that our own codec has of the type.
 */
import { decode, encode, type Answer } from 'dns-packet'
import { errorText } from '../events.ts'
import { decodeMessage } from '../dns/decode.ts'
import { RrType, typeName } from '../dns/types.ts'
import { sameBytes } from '../dns/rrset.ts'
import { formatName, parseName } from '../presentation/text.ts'
import { exampleOf } from '../presentation/rdata-facts.ts'
import { mistake } from './mistake.ts'
import { described, near } from './names.ts'

type FieldKind = 'name' | 'u8' | 'u16' | 'u32' | 'text' | 'octets' | 'types'

interface PacketShape {
  readonly fields: Readonly<Record<string, FieldKind>>
  /** Fields that may be left out, with what they are then. */
  readonly defaults?: Readonly<Record<string, unknown>>
  /** Other spellings of fields: those of `node:dns`. */
  readonly also?: Readonly<Record<string, string>>
}

const NSEC3_FIELDS = {
  algorithm: 'u8',
  flags: 'u8',
  iterations: 'u16',
  salt: 'octets',
  nextDomain: 'octets',
  rrtypes: 'types',
} as const

const shapes: ReadonlyMap<number, PacketShape> = new Map<number, PacketShape>([
  [
    RrType.SOA,
    {
      fields: {
        mname: 'name',
        rname: 'name',
        serial: 'u32',
        refresh: 'u32',
        retry: 'u32',
        expire: 'u32',
        minimum: 'u32',
      },
      also: { nsname: 'mname', hostmaster: 'rname', minttl: 'minimum' },
    },
  ],
  [
    RrType.MX,
    { fields: { preference: 'u16', exchange: 'name' }, defaults: { preference: 0 }, also: { priority: 'preference' } },
  ],
  [
    RrType.SRV,
    {
      fields: { priority: 'u16', weight: 'u16', port: 'u16', target: 'name' },
      defaults: { priority: 0, weight: 0 },
      also: { name: 'target' },
    },
  ],
  [RrType.CAA, { fields: { flags: 'u8', tag: 'text', value: 'text' }, defaults: { flags: 0 } }],
  [
    RrType.NAPTR,
    {
      fields: { order: 'u16', preference: 'u16', flags: 'text', services: 'text', regexp: 'text', replacement: 'name' },
      defaults: { flags: '', services: '', regexp: '', replacement: '.' },
      also: { service: 'services' },
    },
  ],
  [RrType.HINFO, { fields: { cpu: 'text', os: 'text' } }],
  [RrType.RP, { fields: { mbox: 'name', txt: 'name' }, defaults: { txt: '.' } }],
  [RrType.SSHFP, { fields: { algorithm: 'u8', hash: 'u8', fingerprint: 'text' } }],
  [
    RrType.TLSA,
    {
      fields: { usage: 'u8', selector: 'u8', matchingType: 'u8', certificate: 'octets' },
      also: { certUsage: 'usage', match: 'matchingType', data: 'certificate' },
    },
  ],
  [RrType.DS, { fields: { keyTag: 'u16', algorithm: 'u8', digestType: 'u8', digest: 'octets' } }],
  [RrType.DNSKEY, { fields: { flags: 'u16', algorithm: 'u8', key: 'octets' } }],
  [
    RrType.RRSIG,
    {
      fields: {
        typeCovered: 'text',
        algorithm: 'u8',
        labels: 'u8',
        originalTTL: 'u32',
        expiration: 'u32',
        inception: 'u32',
        keyTag: 'u16',
        signersName: 'name',
        signature: 'octets',
      },
    },
  ],
  [RrType.NSEC, { fields: { nextDomain: 'name', rrtypes: 'types' } }],
  [RrType.NSEC3, { fields: NSEC3_FIELDS }],
])

/** Has an object with data of this type such a field? */
export const hasPacketField = (type: number, field: string): boolean =>
  [shapes.get(type)?.fields, shapes.get(type)?.also].some(
    fields => fields !== undefined && Object.hasOwn(fields, field),
  )

/** The RDATA of an object. */
export function rdataOfObject(type: number, given: object): Uint8Array {
  const shape =
    shapes.get(type) ??
    mistake(`expected ${typeName(type)} data as text${likeExample(type)}, found ${described(given)}`)
  const data = fieldsOf(type, shape, given)
  const answer = { name: '.', type: typeName(type), class: 'IN', ttl: 0, data }
  const octets = encoded(type, answer)
  const read = readBack(octets)
  const rdata = ownReading(octets)
  const lost = (): never =>
    mistake(`this ${typeName(type)} data does not survive its own encoding; write it as text${likeExample(type)}`)
  if (read === null || rdata === null) return lost()
  for (const [field, kind] of Object.entries(shape.fields)) {
    if (sameValue(kind, data[field], fieldOf(read, field))) continue
    const change = `from ${described(data[field])} to ${described(fieldOf(read, field))}`
    mistake(
      `${typeName(type)} data: ${field} would be changed ${change} in the record; write it as text${likeExample(type)}`,
    )
  }
  const again = ownReading(encoded(type, { ...answer, data: read }))
  if (again === null || !sameBytes(rdata, again)) return lost()
  return rdata
}

export const likeExample = (type: number): string => {
  const example = exampleOf(type)
  return example === null ? '' : ` like ${JSON.stringify(example)}`
}

function fieldsOf(type: number, shape: PacketShape, given: object): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  const known = [...Object.keys(shape.fields), ...Object.keys(shape.also ?? {})]
  for (const [field, value] of Object.entries(nodeCaa(type, given))) {
    const name = Object.hasOwn(shape.fields, field) ? field : shape.also?.[field]
    if (name === undefined) {
      // `node:dns` repeats the type in its answers to ANY, and dns-packet marks critical CAA records twice.
      if ((field === 'type' && value === typeName(type)) || (field === 'issuerCritical' && type === RrType.CAA))
        continue
      mistake(
        `${typeName(type)} data: unknown field ${near(field, known)}; expected ${Object.keys(shape.fields).join(', ')}`,
      )
    }
    data[name] = value
  }
  for (const [field, kind] of Object.entries(shape.fields)) {
    data[field] ??= shape.defaults?.[field]
    if (data[field] === undefined)
      mistake(`${typeName(type)} data: ${field} is missing; expected ${Object.keys(shape.fields).join(', ')}`)
    data[field] = checkedField(`${typeName(type)} data: ${field}`, kind, data[field])
  }
  return data
}

/** `{ critical: 0, issue: 'ca.example' }` of `node:dns` is flags, tag and value. */
function nodeCaa(type: number, given: object): object {
  if (type !== RrType.CAA || 'tag' in given) return given
  const [entry, ...more] = Object.entries(given).filter(
    ([field]) => !['critical', 'flags', 'type', 'issuerCritical'].includes(field),
  )
  if (entry === undefined || more.length > 0) return given
  const critical = 'critical' in given ? given.critical : 0
  return { flags: 'flags' in given ? given.flags : critical, tag: entry[0], value: entry[1] }
}

const WIDEST = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff } as const

function checkedField(what: string, kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case 'u8':
    case 'u16':
    case 'u32': {
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= WIDEST[kind]) return value
      return mistake(`${what}: expected a whole number from 0 to ${WIDEST[kind]}, found ${described(value)}`)
    }
    case 'text':
      return typeof value === 'string' ? value : mistake(`${what}: expected text, found ${described(value)}`)
    case 'name':
      return checkedName(what, value)
    case 'octets': {
      if (value instanceof Uint8Array) return Buffer.from(value)
      if (value instanceof ArrayBuffer) return Buffer.from(value)
      return mistake(`${what}: expected a Buffer or Uint8Array, found ${described(value)}`)
    }
    case 'types': {
      if (Array.isArray(value) && value.every(one => typeof one === 'string')) return value
      return mistake(`${what}: expected an array of types like ["A", "MX"], found ${described(value)}`)
    }
    default:
      return kind satisfies never
  }
}

/** dns-packet knows no escapes: a name that needs one must come as text. */
function checkedName(what: string, value: unknown): string {
  if (typeof value !== 'string') mistake(`${what}: expected a name, found ${described(value)}`)
  const name = parseName(value, null)
  if (typeof name !== 'string') mistake(`${what}: ${name.error}`)
  const plain = value === '.' || value.endsWith('.') ? value : `${value}.`
  if (value.includes('\\') || formatName(name) !== plain)
    mistake(`${what}: ${described(value)} needs escapes in a name; write the record as text`)
  return value
}

const isAnswer = (answer: { readonly name: string; readonly type: string }): answer is Answer => answer.name === '.'

function encoded(
  type: number,
  answer: { readonly name: string; readonly type: string; readonly data: unknown },
): Uint8Array {
  // dns-packet writes into what it is given.
  const own = { ...answer, data: structuredCloned(answer.data) }
  try {
    return encode({ type: 'response', id: 0, answers: isAnswer(own) ? [own] : [] })
  } catch (error) {
    return mistake(
      `${typeName(type)} data cannot be encoded (${errorText(error)}); write it as text${likeExample(type)}`,
    )
  }
}

const structuredCloned = (data: unknown): unknown => (typeof data === 'object' && data !== null ? { ...data } : data)

function readBack(octets: Uint8Array): unknown {
  try {
    const [answer] = decode(Buffer.from(octets)).answers ?? []
    return answer !== undefined && 'data' in answer ? answer.data : null
  } catch {
    return null
  }
}

/** The RDATA as our own codec reads it, null when it does not fit the type. */
function ownReading(octets: Uint8Array): Uint8Array | null {
  const decoded = decodeMessage(octets)
  return decoded.kind === 'message' && decoded.message.answer.length === 1
    ? (decoded.message.answer[0]?.rdata ?? null)
    : null
}

const fieldOf = (data: unknown, field: string): unknown =>
  typeof data === 'object' && data !== null ? Reflect.get(data, field) : undefined

function sameValue(kind: FieldKind, given: unknown, read: unknown): boolean {
  if (kind === 'octets') return given instanceof Uint8Array && read instanceof Uint8Array && sameBytes(given, read)
  if (kind === 'types')
    return (
      Array.isArray(given) &&
      Array.isArray(read) &&
      JSON.stringify([...given].sort()) === JSON.stringify([...read].sort())
    )
  if (kind === 'name') return dotless(given) === dotless(read)
  // Fingerprints are hex in either case.
  return typeof given === 'string' && typeof read === 'string'
    ? given.toLowerCase() === read.toLowerCase()
    : given === read
}

const dotless = (name: unknown): string => (typeof name === 'string' ? name.replace(/\.$/, '') : '?')
