/**
 * Rules of the stub ("faults") as JSON: `{"name": "db.internal", "kind": "timeout", "times": 1}`. Each kind has its own
 * members besides those that say when a rule applies; a member that the kind does not have is a mistake. The values are
 * judged by the stub.
 */
import { isObject } from '../../config/json.ts'
import { suggest } from '../../presentation/suggest.ts'
import { TRANSPORTS } from '../stub/rules.ts'
import { problem, type Problem } from '../../http/json-api.ts'
import type { DnsStub, Fault, FaultKind, FaultOptions, RuleOptions, SequenceOptions, StubReply } from '../stub/types.ts'

export interface RuleJson {
  readonly id: string
  readonly name: string
  readonly kind: Fault['kind']
  readonly hits: number
}

export const ruleJson = ({ id, name, kind, hits }: Fault): RuleJson => ({ id, name, kind, hits })

type Made = { readonly kind: 'made'; readonly rule: Fault } | Problem

const FAULTS = [
  'timeout',
  'SERVFAIL',
  'REFUSED',
  'NXDOMAIN',
  'FORMERR',
  'NOTIMP',
  'truncate',
  'wrongId',
  'wrongQuestion',
  'wrongSource',
  'garbage',
  'halfFrame',
  'tcpReset',
  'stripEdns',
  'empty',
] as const
const WHEN = ['type', 'transport', 'client', 'times', 'probability', 'schedule'] as const
/** The members of the kinds that are no faults proper. */
const OWN = {
  delay: ['ms', 'jitter'],
  ttl: ['seconds'],
  sequence: ['replies', 'after'],
  forward: ['server'],
  passthrough: [],
} as const

/** Makes a rule of a request's body. */
export function makeRule(stub: DnsStub, body: unknown): Made {
  if (!isObject(body))
    return problem(422, 'Expected an object like {"name": "db.internal", "kind": "timeout", "times": 1}.')
  try {
    return { kind: 'made', rule: made(stub, body) }
  } catch (error) {
    if (error instanceof WrongMember)
      return {
        ...problem(422, sentence(`${error.member}: ${error.message}`)),
        errors: [{ pointer: `/${error.member}`, detail: error.message }],
      }
    if (error instanceof TypeError) return problem(422, sentence(error.message))
    throw error
  }
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

class WrongMember extends Error {
  readonly member: string

  constructor(member: string, message: string) {
    super(message)
    this.member = member
  }
}

type Members = Readonly<Record<string, unknown>>

function made(stub: DnsStub, body: Members): Fault {
  const { name, kind } = body
  if (typeof name !== 'string') throw new WrongMember('name', 'expected a name or a pattern like "*.cdn.test"')
  const kinds = [...FAULTS, ...Object.keys(OWN)]
  const known = typeof kind === 'string' ? kinds.find(one => one === kind || one === kind.toUpperCase()) : undefined
  if (typeof kind !== 'string' || known === undefined) {
    const near = typeof kind === 'string' ? suggest(kind, kinds) : null
    throw new WrongMember(
      'kind',
      `expected one of ${kinds.join(', ')}${near === null ? '' : ` (did you mean "${near}"?)`}`,
    )
  }
  const own: readonly string[] = isOwn(kind) ? OWN[kind] : ['ede']
  const members = ['name', 'kind', ...own, ...WHEN]
  const unknown = Object.keys(body).find(member => !members.includes(member))
  if (unknown !== undefined) {
    const near = suggest(unknown, members)
    throw new WrongMember(
      unknown,
      `${kind} has no such member${near === null ? '' : ` (did you mean "${near}"?)`}; expected ` +
        `${[...own, ...WHEN].join(', ')}`,
    )
  }
  const when = whenOf(body)
  if (!isOwn(kind)) {
    if (!isFault(kind)) throw new WrongMember('kind', `expected one of ${kinds.join(', ')}`)
    return stub.fail(name, kind, faultOptions(body, when))
  }
  switch (kind) {
    case 'delay':
      return stub.delay(
        name,
        { ms: number(body, 'ms'), ...(body.jitter === undefined ? {} : { jitter: number(body, 'jitter') }) },
        when,
      )
    case 'ttl':
      return stub.ttl(name, number(body, 'seconds'), when)
    case 'sequence':
      return stub.sequence(name, replies(body), sequenceOptions(body, when))
    case 'forward':
      return stub.forwardTo(name, text(body, 'server', 'expected a server like "192.0.2.53:53"'), when)
    case 'passthrough':
      return stub.passthrough(name, when)
    default:
      return kind satisfies never
  }
}

function whenOf(body: Members): RuleOptions {
  const { transport, schedule } = body
  const known = TRANSPORTS.find(one => one === transport)
  if (transport !== undefined && known === undefined)
    throw new WrongMember('transport', `expected one of ${TRANSPORTS.join(', ')}`)
  if (schedule !== undefined && !(Array.isArray(schedule) && schedule.every(isTurn)))
    throw new WrongMember('schedule', 'expected an array of "fail" and "pass"')
  return {
    ...(body.type === undefined ? {} : { type: text(body, 'type', 'expected a record type') }),
    ...(known === undefined ? {} : { transport: known }),
    ...(body.client === undefined ? {} : { client: text(body, 'client', 'expected an address or a prefix') }),
    ...(body.times === undefined ? {} : { times: number(body, 'times') }),
    ...(body.probability === undefined ? {} : { probability: number(body, 'probability') }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}

function faultOptions({ ede }: Members, when: RuleOptions): FaultOptions {
  if (ede === undefined) return when
  if (!isObject(ede) || typeof ede.code !== 'number' || (ede.text !== undefined && typeof ede.text !== 'string'))
    throw new WrongMember('ede', 'expected {"code": 22, "text": "why"}')
  return { ...when, ede: { code: ede.code, ...(typeof ede.text === 'string' ? { text: ede.text } : {}) } }
}

function sequenceOptions({ after }: Members, when: RuleOptions): SequenceOptions {
  if (after === undefined) return when
  if (after !== 'last' && after !== 'listed' && after !== 'cycle')
    throw new WrongMember('after', 'expected "last", "listed" or "cycle"')
  return { ...when, after }
}

/** `null` stands for what JSON does not have: as listed. */
function replies({ replies: given }: Members): readonly (StubReply | FaultKind)[] {
  if (!Array.isArray(given))
    throw new WrongMember(
      'replies',
      'expected an array of faults, addresses, arrays of addresses, {"records": …} or null (as listed)',
    )
  return given.map((reply: unknown, at) => {
    if (reply === null) return undefined
    if (isReply(reply)) return reply
    throw new WrongMember(
      `replies/${at}`,
      'expected a fault, an address, an array of addresses, {"records": …} or null (as listed)',
    )
  })
}

const isOwn = (kind: string): kind is keyof typeof OWN => Object.hasOwn(OWN, kind)
const isFault = (kind: string): kind is FaultKind => FAULTS.some(one => one === kind || one.toLowerCase() === kind)
const isTurn = (value: unknown): value is 'fail' | 'pass' => value === 'fail' || value === 'pass'
/** What is in it is judged by the stub. */
const isReply = (value: unknown): value is Exclude<StubReply, undefined> =>
  typeof value === 'string' || isObject(value) || Array.isArray(value)

function number(body: Members, member: string): number {
  const value = body[member]
  if (typeof value === 'number') return value
  throw new WrongMember(member, `expected a number, found ${value === undefined ? 'nothing' : JSON.stringify(value)}`)
}

function text(body: Members, member: string, expected: string): string {
  const value = body[member]
  if (typeof value === 'string') return value
  throw new WrongMember(member, `${expected}, found ${value === undefined ? 'nothing' : JSON.stringify(value)}`)
}
