/**
 * What attackers send in the simulated internet: forged answers ahead of the true one, and records about other people's
 * names inside a true one. Everything planted carries one of a few marked names and addresses, so that a test can
 * search a cache for them. Nothing here is a working attack on anything but a resolver without the checks.
 */
import { encodeMessage } from '../dns/encode.ts'
import type { IpAddress } from '../dns/address.ts'
import type { AskedQuestion, Message } from '../dns/message.ts'
import { foldName, type Name, nameBytes, parentOf, ROOT } from '../dns/name.ts'
import { type Rr, sameBytes } from '../dns/rrset.ts'
import { Opcode, Rcode, RrClass, RrType } from '../dns/types.ts'
import type { Random } from '../ports.ts'
import type { Misbehaviour, MisbehaviourName } from './misbehaviour.ts'
import { ip, nameOf, rr } from './records.ts'
import { simSettings } from './settings.ts'

/** The marks of everything that was forged. */
export const planted: {
  readonly address: IpAddress
  readonly address6: IpAddress
  readonly victim: Name
  readonly server: Name
} = {
  address: ip('203.0.113.66'),
  address6: ip('2001:db8:66::66'),
  /** A name that only forged records own. */
  victim: nameOf('www.victim.example.'),
  /** The server to which forged delegations lead. */
  server: nameOf('ns.attacker.example.'),
}

/** Is there anything of a forger in this RDATA? */
export function isPlanted(rdata: Uint8Array): boolean {
  if ([planted.address, planted.address6].some(address => sameBytes(address.bytes, rdata))) return true
  const octets = String.fromCharCode(...rdata).toLowerCase()
  return octets.includes(planted.server) || octets.includes(planted.victim)
}

/** The forged datagrams that arrive ahead of the answer. */
export function forgeriesBefore(
  active: ReadonlyMap<MisbehaviourName, Misbehaviour>,
  query: Uint8Array,
  question: AskedQuestion,
  random: Random,
): Uint8Array[] {
  // Most servers forge nothing, and simulations ask them often.
  if (active.size === 0) return []
  const id = ((query[0] ?? 0) << 8) | (query[1] ?? 0)
  const forged = forgedAnswer(id, question)
  const other = question.name === planted.victim ? planted.server : planted.victim
  const made: Uint8Array[] = []
  if (active.has('wrongIdBeforeAnswer')) made.push(withId(forged, id ^ 1))
  if (active.has('wrongQuestionBeforeAnswer')) made.push(forgedAnswer(id, { ...question, name: other, cased: other }))
  if (active.has('wrongClassBeforeAnswer')) made.push(forgedAnswer(id, { ...question, class: RrClass.CH }))
  if (active.has('wrongOpcodeBeforeAnswer')) made.push(withByte(forged, 2, 0x80 | (Opcode.STATUS << 3)))
  if (active.has('qr0BeforeAnswer')) made.push(withByte(forged, 2, (forged[2] ?? 0) & 0x7f))
  if (active.has('malformedBeforeAnswer')) made.push(forged.slice(0, 7))
  const spoofAttempts = active.has('spoofs') ? (active.get('spoofs')?.amount ?? simSettings.spoofedGuesses) : 0
  // An off-path attacker does not know the case of the question, so the guess is in lower case; and none of these
  // guesses is right.
  const guess = forgedAnswer(id, { ...question, cased: question.name })
  for (let i = 0; i < spoofAttempts; i++) made.push(withId(guess, (id + 1 + random.below(0xffff)) & 0xffff))
  if (active.has('guessesAll')) made.push(forged)
  if (active.has('guessesId') && question.cased !== question.name) made.push(guess)
  return made
}

/** Adds to a true reply what this server has no business saying. */
export function plantExtras(reply: Message, origin: Name): Message {
  const above = origin === ROOT ? [] : [{ ...rr`. 86400 IN NS ns.attacker.example.`, owner: parentOf(origin) }]
  const wrongA = rr`www.victim.example. 86400 IN A 203.0.113.66`
  return {
    ...reply,
    answer: reply.answer.length === 0 ? [] : [...reply.answer, wrongA],
    authority: [...reply.authority, ...above, rr`victim.example. 86400 IN NS ns.attacker.example.`],
    additional: [
      ...reply.additional,
      wrongA,
      rr`ns.attacker.example. 86400 IN A 203.0.113.66`,
      rr`a.root-servers.net. 86400 IN A 203.0.113.66`,
    ],
  }
}

function forgedAnswer(id: number, question: AskedQuestion): Uint8Array {
  const owner = question.cased
  const record = { owner, class: question.class, ttl: 86_400 }
  const answer: Rr =
    question.type === RrType.A
      ? { ...record, type: RrType.A, rdata: planted.address.bytes }
      : question.type === RrType.AAAA
        ? { ...record, type: RrType.AAAA, rdata: planted.address6.bytes }
        : { ...record, type: RrType.CNAME, rdata: nameBytes(planted.victim) }
  const message: Message = {
    id,
    response: true,
    opcode: Opcode.QUERY,
    authoritative: true,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: Rcode.NOERROR,
    question,
    answer: [answer],
    authority: [{ ...record, owner: parentOf(foldName(owner)), type: RrType.NS, rdata: nameBytes(planted.server) }],
    additional: [rr`ns.attacker.example. 86400 IN A 203.0.113.66`],
    edns: null,
  }
  return encodeMessage(message, { maxBytes: simSettings.plainPayloadBytes }).bytes
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}

const withId = (bytes: Uint8Array, id: number): Uint8Array => withByte(withByte(bytes, 0, id >> 8), 1, id & 0xff)
