/**
 * How the entries of a scenario are compared and sent: does a query match, what is wrong with an answer, which octets
 * go back. Pure functions. Names compare without case, RRsets without order; TTLs only where `MATCH ttl` says so.
 */
import { readExtendedErrors } from '../dns/edns.ts'
import { encodeMessage } from '../dns/encode.ts'
import { decodeMessage } from '../dns/decode.ts'
import type { AskedQuestion, Message } from '../dns/message.ts'
import { isWithin } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import { formatRr } from '../presentation/rr-text.ts'
import { opcodeName, rcodeName } from '../dns/types.ts'
import type { Transport } from '../ports.ts'
import { questionText } from '../resolver/trace.ts'
import type { Entry } from './scenario.ts'
import { simSettings } from './settings.ts'

/** Does a query to a server match this entry? */
export function matchesQuery(entry: Entry, query: Message, transport: Transport): boolean {
  const { match, reply } = entry
  const wanted = reply.question
  const { question } = query
  const all = match.has('all')
  const name = (test: (w: AskedQuestion, q: AskedQuestion) => boolean): boolean =>
    wanted === null || (question !== null && test(wanted, question))
  if ((all || match.has('opcode')) && query.opcode !== reply.opcode) return false
  if ((all || match.has('qtype') || match.has('question')) && !name((w, q) => w.type === q.type)) return false
  if ((all || match.has('qname') || match.has('question')) && !name((w, q) => w.name === q.name)) return false
  if (match.has('qcase') && !name((w, q) => w.cased === q.cased)) return false
  if (match.has('subdomain') && !name((w, q) => isWithin(q.name, w.name))) return false
  if (match.has('udp') && transport !== 'udp') return false
  if (match.has('tcp') && transport !== 'tcp') return false
  if (match.has('do') && query.edns?.dnssecOk !== true) return false
  if (match.has('edns') && query.edns === null) return false
  if (match.has('noedns') && query.edns !== null) return false
  return true
}

/** The octets of an entry in answer to a query, one message each. */
export function adjusted(entry: Entry, query: Uint8Array): Uint8Array[] {
  const kinds = new Set(entry.adjust.map(adjustment => adjustment.kind))
  const decoded = decodeMessage(query)
  const asked = decoded.kind === 'message' ? decoded.message : null
  const make = (message: Message): Uint8Array => {
    const id = kinds.has('copy-id') && asked !== null ? asked.id : message.id
    const question = kinds.has('copy-query') && asked !== null ? asked.question : message.question
    return encodeMessage({ ...message, id, question }, { maxBytes: simSettings.tcpBytes }).bytes
  }
  if (entry.raw === null) return [entry.reply, ...entry.extra].map(make)
  const raw = entry.raw.slice()
  if (kinds.has('copy-id')) raw.set(query.subarray(0, 2))
  return [raw]
}

/** What of an answer to the client is not as the entry says; empty when all is well. */
export function differences(entry: Entry, answer: Message): string[] {
  const { match, reply } = entry
  const all = match.has('all')
  const wrong: string[] = []
  const same = (what: string, wanted: string, found: string): void => {
    if (wanted !== found)
      wrong.push(`${what}: expected ${wanted === '' ? 'nothing' : wanted}, found ${found === '' ? 'nothing' : found}`)
  }
  const asked = (message: Message): string => (message.question === null ? '' : questionText(message.question))
  if (all || match.has('opcode')) same('opcode', opcodeName(reply.opcode), opcodeName(answer.opcode))
  if (all || match.has('question') || match.has('qname') || match.has('qtype'))
    same('question', asked(reply), asked(answer))
  if (match.has('qcase')) same('case of the question', reply.question?.cased ?? '', answer.question?.cased ?? '')
  if (all || match.has('flags')) same('flags', flags(reply), flags(answer))
  if (all || match.has('rcode')) same('rcode', rcodeName(reply.rcode), rcodeName(answer.rcode))
  const ttl = match.has('ttl')
  for (const section of ['answer', 'authority', 'additional'] as const) {
    if (all || match.has(section)) same(section, sectionText(reply[section], ttl), sectionText(answer[section], ttl))
  }
  if (entry.ede !== null) {
    const codes = answer.edns === null ? [] : readExtendedErrors(answer.edns).map(error => error.code)
    if (entry.ede < 0 ? codes.length === 0 : !codes.includes(entry.ede))
      wrong.push(`expected EDE ${entry.ede < 0 ? 'of any kind' : entry.ede}, found ${codes.join(', ') || 'none'}`)
  }
  return wrong
}

function flags(message: Message): string {
  const set: readonly (readonly [string, boolean])[] = [
    ['QR', message.response],
    ['AA', message.authoritative],
    ['TC', message.truncated],
    ['RD', message.recursionDesired],
    ['RA', message.recursionAvailable],
    ['AD', message.authenticData],
    ['CD', message.checkingDisabled],
  ]
  return set.flatMap(([name, on]) => (on ? [name] : [])).join(' ')
}

/** Records in any order, names without case. */
const sectionText = (records: readonly Rr[], withTtl: boolean): string =>
  records
    .map(record =>
      formatRr(withTtl ? record : { ...record, ttl: 0 })
        .toLowerCase()
        .replaceAll('\t', ' '),
    )
    .sort()
    .join(' | ')
