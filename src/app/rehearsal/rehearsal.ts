/**
 * A configuration asked without listening anywhere: zones, views, lists, policy zones, programs and forwarders as a
 * server has them, and queries that come from whoever is said to ask.
 */
import type { Config } from '../../config/types.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { encodeQuery } from '../../dns/encode.ts'
import { parseIp } from '../../dns/address.ts'
import { MAX_MESSAGE_OCTETS } from '../../dns/message.ts'
import { foldName } from '../../dns/name.ts'
import { rcodeName, RrClass, typeName, typeNumber } from '../../dns/types.ts'
import type { Problem } from '../../events.ts'
import type { Client, EventSink, Network } from '../../ports.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { parseName } from '../../presentation/text.ts'
import type { QueryLogEntry } from '../../server/query-log.ts'
import { allProblems, openEngineBeside } from '../open-engine.ts'
import type { Serving } from '../serving.ts'
import type { AskedQuestion, Rehearsed } from './compare.ts'
import { openSilentServing } from './silent-serving.ts'

export interface Rehearsal {
  ask(question: AskedQuestion): Promise<Rehearsed>
  close(): Promise<void>
}

export type OpenedRehearsal =
  | { readonly kind: 'rehearsal'; readonly rehearsal: Rehearsal }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** `offline`: no server is asked; what needs one is then unknown. */
export async function openRehearsal(
  given: Config,
  events: EventSink,
  options: { readonly offline: boolean; readonly network?: Network },
): Promise<OpenedRehearsal> {
  // Who asks too much, or is somebody else, is not what is compared.
  const config: Config = { ...given, rateLimit: null, cookies: null, queryLog: null }
  const network = options.offline ? closedNetwork : options.network
  const opened = await openEngineBeside(config, { events, network })
  if (opened.kind === 'invalid') return { kind: 'invalid', problems: allProblems(opened.problems) }
  opened.trust.attach(opened.keyResolver)
  const seen: { entry: QueryLogEntry | null } = { entry: null }
  const onQuery = (entry: QueryLogEntry): void => {
    seen.entry = entry
  }
  const { serving, problems, close: closeServing } = await openSilentServing(config, opened, events, { onQuery })
  const close = async (): Promise<void> => {
    await opened.close()
    await closeServing()
  }
  if (problems.length > 0) {
    await close()
    return { kind: 'invalid', problems }
  }
  return { kind: 'rehearsal', rehearsal: { ask: question => ask(serving, seen, question), close } }
}

const closedNetwork: Network = {
  exchange(_server, _transport, _query, _timeoutMs, done) {
    const timer = setImmediate(() => done({ kind: 'not-sent', reason: 'no server is asked' }))
    return () => clearImmediate(timer)
  },
}

const CLIENT_PORT = 53_000
/** Of a log without addresses. */
const UNKNOWN_CLIENT = '127.0.0.1'

/** One at a time: `seen` has what was decided on the last query. */
function ask(serving: Serving, seen: { entry: QueryLogEntry | null }, question: AskedQuestion): Promise<Rehearsed> {
  const name = parseName(question.name, null)
  const type = typeNumber(question.type)
  // A block stands for its clients.
  const ip = parseIp(question.client.replace(/\/\d+$/, '')) ?? parseIp(UNKNOWN_CLIENT)
  if (typeof name !== 'string' || type === null || ip === null)
    return Promise.resolve({ rcode: null, records: [], rule: null, isUnknown: true })
  const client: Client = { ip, port: CLIENT_PORT, transport: question.transport }
  const bytes = encodeQuery({
    id: 1,
    question: { name: foldName(name), type, class: RrClass.IN },
    recursionDesired: true,
    // What it says of errors is not compared; that it is there gives answers room.
    edns: { payloadSize: MAX_MESSAGE_OCTETS, version: 0, dnssecOk: false, flags: 0, options: [] },
  })
  seen.entry = null
  return new Promise(resolve =>
    serving.take(bytes, bytes.length, client, (reply, length) => {
      const octets = Uint8Array.from(reply.subarray(0, length))
      // What is reported of a query comes with its reply, or right after.
      setImmediate(() => resolve(rehearsed(octets, seen.entry)))
    }),
  )
}

function rehearsed(octets: Uint8Array, entry: QueryLogEntry | null): Rehearsed {
  const [decision] = entry?.decisions ?? []
  const rule =
    decision === undefined
      ? null
      : `${decision.stage}: ${decision.rule}${decision.source === null ? '' : ` (${decision.source})`}`
  const isUnknown = entry?.by.startsWith('failure:') === true
  const decoded = octets.length === 0 ? null : decodeMessage(octets)
  if (decoded?.kind !== 'message') return { rcode: null, records: [], rule, isUnknown }
  const { rcode, answer } = decoded.message
  const records = answer.map(({ type, rdata }) => `${typeName(type)} ${formatRdata(type, rdata)}`)
  return { rcode: rcodeName(rcode), records, rule, isUnknown }
}
