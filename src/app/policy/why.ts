/**
 * `policy why`: a client and a question as people write them, what each position of the order decides for them, and
 * the report of it. The positions themselves are asked (`server/inspect.ts`); nothing is sent to the client.
 */
import type { Why, WhyRequest } from '../../admin/controls.ts'
import type { Config } from '../../config/types.ts'
import { readBinding } from '../../config/bindings.ts'
import { formatEndpoint, parseIp } from '../../dns/address.ts'
import { foldName } from '../../dns/name.ts'
import type { Question } from '../../dns/message.ts'
import { recordsOf } from '../../dns/rrset.ts'
import { rcodeName, RrClass, typeName, typeNumber } from '../../dns/types.ts'
import type { Answer } from '../../policy/handler.ts'
import { formatName, shown } from '../../presentation/text.ts'
import type { Binding, Client, Clock } from '../../ports.ts'
import { jsonRecord } from '../../render/message.ts'
import {
  accessText,
  cookiesText,
  rateText,
  resolutionText,
  staleText,
  stageText,
  type WhyAnswer,
  type WhyPosition,
  type WhyReport,
} from '../../render/why.ts'
import type { Inspect, Inspection } from '../../server/inspect.ts'
import { contentOf } from '../../server/respond.ts'
import { ORDER } from '../../server/pipeline.ts'
import { readName } from '../../system/idna.ts'
import type { ForwardZones } from '../../zone/forward-zones.ts'

export interface WhyParts {
  readonly config: Config
  readonly clock: Pick<Clock, 'now'>
  readonly inspect: Inspect
  readonly forwardZonesOf: (view: number) => ForwardZones
}

export async function why(request: WhyRequest, parts: WhyParts): Promise<Why> {
  const { config, clock, inspect } = parts
  const cased = readName(request.name)
  if (typeof cased !== 'string') return { kind: 'wrong', field: 'name', detail: cased.error }
  const type = typeNumber(request.type)
  if (type === null) return { kind: 'wrong', field: 'type', detail: `${shown(request.type)} is no record type` }
  const client = clientOf(request, config.listen[0])
  if (client.kind === 'wrong') return client
  const question: Question = { name: foldName(cased), type, class: RrClass.IN }
  const startedAt = clock.now()
  const inspection = await inspect(
    {
      question,
      client: client.client,
      recursionDesired: true,
      checkingDisabled: false,
      dnssecOk: false,
      receivedAt: startedAt,
    },
    startedAt,
  )
  const report: WhyReport = {
    version: 1,
    question: `${formatName(question.name)} ${typeName(type)}`,
    client: {
      address: client.client.ip.text,
      transport: client.client.transport,
      listener: client.listener,
      clientId: request.clientId ?? null,
      serverName: request.serverName ?? null,
    },
    view: viewName(config, inspection.view),
    positions: positionsOf(inspection, question, client.client, parts),
    answer: inspection.answer === null ? null : answerOf(inspection.answer),
    tookMs: clock.now() - startedAt,
  }
  return { kind: 'report', report }
}

const viewName = ({ views }: Config, view: number): string => views[view - 1]?.name ?? 'default'

function clientOf(
  { client: address, listener, clientId, serverName }: WhyRequest,
  first: Binding | undefined,
):
  | { readonly kind: 'client'; readonly client: Client; readonly listener: string | null }
  | Extract<Why, { kind: 'wrong' }> {
  const ip = parseIp(address)
  if (ip === null)
    return {
      kind: 'wrong',
      field: 'client',
      detail: `${shown(address)} is no address such as 192.0.2.7 or 2001:db8::7`,
    }
  const read = listener === undefined ? null : readBinding(listener)
  if (read?.kind === 'error') return { kind: 'wrong', field: 'listener', detail: read.message }
  const binding = read?.binding ?? first
  return {
    kind: 'client',
    listener: binding === undefined ? null : formatEndpoint(binding.address, binding.port),
    client: {
      ip,
      // Any that a client can have: none is looked at.
      port: 1_024,
      transport: binding?.service?.transport ?? 'udp',
      listener: binding === undefined ? undefined : { address: binding.address, port: binding.port },
      ...(clientId === undefined ? {} : { clientId }),
      ...(serverName === undefined ? {} : { serverName: serverName.toLowerCase().replace(/\.$/, '') }),
    },
  }
}

/** Gates and what is decided on octets first, then the chain. */
function positionsOf(
  { access, view, rate, positions }: Inspection,
  question: Question,
  { transport }: Client,
  { config, forwardZonesOf }: WhyParts,
): readonly WhyPosition[] {
  const isLetIn = access.verdict === 'pass' || access.verdict === 'local'
  const texts: Readonly<Record<string, readonly [WhyPosition['state'], string]>> = {
    access: ['decided', accessText(access.verdict, access.rule)],
    view: [config.views.length === 0 ? 'off' : 'decided', `"${viewName(config, view)}"`],
    cookies: [config.cookies === null ? 'off' : 'passed', cookiesText(config.cookies, transport === 'udp')],
    'rate-limit': [
      rate.kind === 'off' ? 'off' : rate.kind === 'counted' && rate.left === 0 ? 'decided' : 'passed',
      rateText(rate),
    ],
  }
  const before = ORDER.flatMap(({ name, does }): readonly WhyPosition[] => {
    const [state, text] = texts[name] ?? []
    if (state === undefined || text === undefined) return []
    const isReached = name === 'access' || isLetIn
    return [
      { name, does, state: isReached ? state : 'not-reached', text: isReached ? text : 'not reached', decisions: [] },
    ]
  })
  const resolved = positions.find(({ name }) => name === 'resolution')?.finding.answer ?? null
  const forward = forwardZonesOf(view).of(question)
  const zone = forward === undefined ? null : { kind: forward.kind, zone: formatName(forward.zone) }
  const after = positions.map(({ name, does, finding }): WhyPosition => {
    const decisions = finding.decisions.map(({ rule, source, at, lost }) => ({ rule, source, at, lost }))
    const made = finding.answer === null ? null : answerOf(finding.answer)
    const { state } = finding
    if (name === 'resolution' && made !== null)
      return { name, does, state, text: resolutionText(made, zone), decisions }
    if (name === 'stale') {
      const isOn = config.limits.cache.staleMs > 0
      const stale = resolved?.by === 'stale' ? answerOf(resolved) : null
      const is = !isOn ? 'off' : stale !== null ? 'decided' : resolved === null ? 'not-reached' : 'passed'
      return { name, does, state: is, text: staleText(is, isOn, stale), decisions }
    }
    return { name, does, state, text: stageText(name, { state, decisions }, made, finding.letBy), decisions }
  })
  return [...before, ...after]
}

function answerOf(answer: Answer): WhyAnswer {
  const content = contentOf(answer, false)
  if (content === null) return { by: answer.by, status: null, ede: null, secure: false, records: [] }
  const { rcode, ede, secure, answer: sets } = content
  return {
    by: answer.by,
    status: rcodeName(rcode),
    ede,
    secure,
    records: sets.flatMap(set => recordsOf(set)).map(jsonRecord),
  }
}
