/** Look-ups at a resolver somewhere else: over UDP, and over TCP when the reply was cut or somebody guesses at it. */
import { decodeMessage } from '../../dns/decode.ts'
import { readExtendedErrors } from '../../dns/edns.ts'
import { encodeQuery } from '../../dns/encode.ts'
import type { Message, Question } from '../../dns/message.ts'
import { groupRRsets } from '../../dns/rrset.ts'
import { Rcode, rcodeName, RrType } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import { askByDatagram, askByStream, type Heard, type QueryPath } from '../../net/query-client.ts'
import type { Random, ServerAddress } from '../../ports.ts'
import type { Found, LookUpAnswer, Names } from '../types.ts'

const ID_VALUES = 0x1_0000

export const namesAt = (server: ServerAddress, random: Random): Names => ({
  lookUp: question => lookUpAt(server, question, random),
})

async function lookUpAt(server: ServerAddress, question: Question, random: Random): Promise<Found> {
  const { queryTimeoutMs, queryTries } = defaultLimits.tool
  const path: QueryPath = { server, from: null, timeoutMs: queryTimeoutMs }
  const query = (): Uint8Array =>
    encodeQuery({
      id: random.below(ID_VALUES),
      question,
      recursionDesired: true,
      // Asks for AD in the reply (RFC 6840 section 5.7): what the server has validated.
      authenticData: true,
      edns: {
        payloadSize: defaultLimits.upstream.ednsPayloadBytes,
        version: 0,
        dnssecOk: false,
        flags: 0,
        options: [],
      },
    })
  for (let left = queryTries; left > 0; left--) {
    const heard = await askByDatagram(path, query(), defaultLimits.upstream.mismatchesBeforeTcp)
    if (heard.kind === 'timeout') continue
    const read = readHeard(heard)
    if (read !== 'over-tcp') return { answer: read, source: { kind: 'server', server, transport: 'udp' } }
    const answer = readHeard(await overStream(path, query()))
    return {
      answer: answer === 'over-tcp' ? failure('malformed') : answer,
      source: { kind: 'server', server, transport: 'tcp' },
    }
  }
  return { answer: failure('timeout'), source: { kind: 'server', server, transport: 'udp' } }
}

async function overStream(path: QueryPath, query: Uint8Array): Promise<Heard> {
  const heard: { reply: Heard | null } = { reply: null }
  const end = await askByStream(path, query, (bytes, tookMs) => {
    heard.reply = { kind: 'reply', bytes, tookMs }
    return 'done'
  })
  if (heard.reply !== null) return heard.reply
  return end.kind === 'refused' ? end : { kind: 'timeout' }
}

const failure = (
  why: Extract<LookUpAnswer, { kind: 'failure' }>['why'],
  text = '',
  ede: number | null = null,
): LookUpAnswer => ({ kind: 'failure', why, ede, text })

function readHeard(heard: Heard): LookUpAnswer | 'over-tcp' {
  switch (heard.kind) {
    case 'timeout':
      return failure('timeout')
    case 'guessed':
      return 'over-tcp'
    case 'refused':
      return failure('refused', heard.reason)
    case 'reply': {
      const decoded = decodeMessage(heard.bytes)
      if (decoded.kind === 'message') return decoded.message.truncated ? 'over-tcp' : answerOf(decoded.message)
      return decoded.header?.truncated === true ? 'over-tcp' : failure('malformed', decoded.why)
    }
    default:
      return heard satisfies never
  }
}

function answerOf(message: Message): LookUpAnswer {
  const { rcode, question, answer, edns, authenticData } = message
  const rrsets = groupRRsets(answer)
  // What AD is worth depends on the way to the server, which is not ours to judge.
  const security = authenticData ? 'secure' : 'indeterminate'
  if (rcode === Rcode.NXDOMAIN) return { kind: 'nxdomain', rrsets, security }
  if (rcode !== Rcode.NOERROR) {
    const [error] = edns === null ? [] : readExtendedErrors(edns)
    return { kind: 'failure', why: 'rcode', ede: error?.code ?? null, text: error?.text || rcodeName(rcode) }
  }
  const has = answer.some(({ type }) => type === question?.type && type !== RrType.CNAME)
  return { kind: has ? 'answer' : 'nodata', rrsets, security }
}
