/**
 * A walk as a picture: the zones from the root down, what was asked of the servers of each, when and how long on one
 * axis, and what was decided. Pure; the words are those of `rootwalk explain`.
 */
import type { Report, Step } from './report.ts'

/** `side`: for something else than the question itself: an address of a server, keys, a DS set. */
export type Tone = 'main' | 'keys' | 'side' | 'bad'

export interface Exchange {
  readonly server: string
  readonly address: string
  readonly question: string
  readonly transport: string
  /** What came, and what was done then. */
  readonly text: string
  readonly atMs: number
  readonly tookMs: number
  readonly tone: Tone
}

export interface ZoneLane {
  readonly zone: string
  /** How it was found. */
  readonly from: string
  /** On the way to the name; others are of servers and aliases. */
  readonly isOnPath: boolean
  readonly exchanges: readonly Exchange[]
  readonly security: string | null
  readonly isLast: boolean
}

export interface Walk {
  readonly lanes: readonly ZoneLane[]
  /** The end of the axis, in ms. */
  readonly spanMs: number
  readonly messages: number
  readonly servers: number
  readonly zones: number
  readonly signatures: number
  readonly depth: number
  /** What was found without asking: from the cache, from a local zone. */
  readonly found: readonly string[]
}

const DECIDED: Readonly<Record<string, string>> = {
  use: 'use it',
  'use-as-last-resort': 'use it only if no other server knows better',
  'follow-alias': 'follow the alias',
  'ask-child-zone': 'ask the servers of the child zone',
  'accept-denial': 'the denial stands',
  'give-up': 'give up: the alias chain does not end',
  'ask-over-tcp': 'ask over TCP',
  'ask-without-edns': 'ask without EDNS',
  'ask-with-new-cookie': 'ask with the new cookie',
  'ask-without-cookie': 'ask without a cookie',
  'ask-unchecked': 'ask for what it has, validated or not',
  'ask-unmodified': 'repeat the question unmodified',
  'ask-in-clear': 'ask without TLS',
  'ask-again': 'repeat the question until replies agree',
  'other-server-or-retry': 'another server or another try',
  'other-server': 'another server',
}

/** Then the reply, or that there was none, is what went wrong. */
const GOOD: ReadonlySet<string> = new Set(['use', 'follow-alias', 'ask-child-zone', 'accept-denial'])

const labels = (name: string): readonly string[] => name.split('.').filter(label => label !== '')

/** Is `name` the zone or below it? Names in presentation format, compared as DNS does. */
export function isWithin(name: string, zone: string): boolean {
  const [a, b] = [name.toLowerCase(), zone.toLowerCase()]
  return b === '.' || a === b || a.endsWith(`.${b}`)
}

export function layoutWalk(report: Report): Walk {
  const { steps } = report
  const name = report.question.split(' ')[0] ?? '.'
  const exchanges = steps.filter(({ kind }) => kind === 'exchange')
  const order: string[] = []
  for (const { zone } of [...steps.filter(({ kind }) => kind === 'cut'), ...exchanges])
    if (zone !== undefined && !order.includes(zone)) order.push(zone)
  const onPath = order
    .filter(zone => isWithin(name, zone))
    .sort((one, other) => labels(one).length - labels(other).length)
  const others = order.filter(zone => !onPath.includes(zone))
  const bounds = endOf(steps)
  return {
    lanes: [...onPath, ...others].map(zone => ({
      zone,
      from: fromText(steps.find(step => step.kind === 'cut' && step.zone === zone)),
      isOnPath: onPath.includes(zone),
      exchanges: exchanges.filter(step => step.zone === zone).map(step => exchangeOf(step, steps)),
      security: securityOf(zone, steps),
      isLast: zone === onPath.at(-1),
    })),
    spanMs: bounds,
    messages: exchanges.length,
    servers: new Set(exchanges.map(({ server }) => server)).size,
    zones: new Set(exchanges.map(({ zone }) => zone)).size,
    signatures: steps.filter(({ kind, keyTag }) => kind === 'validated' && keyTag !== undefined).length,
    depth: Math.max(0, ...steps.map(({ depth }) => depth)),
    found: steps.flatMap(foundText),
  }
}

const endOf = (steps: readonly Step[]): number =>
  Math.max(1, ...steps.map(({ kind, atMs = 0, tookMs = 0 }) => (kind === 'exchange' ? atMs + tookMs : atMs)))

function fromText(cut: Step | undefined): string {
  if (cut?.from === undefined) return ''
  const servers = cut.servers ?? 0
  return `from ${cut.from === 'cache' ? 'the cache' : cut.from}, ${servers} ${servers === 1 ? 'server' : 'servers'}`
}

/** What validation said of the zone's keys, or of it as a delegation. */
function securityOf(zone: string, steps: readonly Step[]): string | null {
  const said = steps.filter(
    step => step.kind === 'validated' && (step.name ?? '') === zone && (step.type === 'DNSKEY' || isNoDs(step)),
  )
  return said.at(-1)?.verdict ?? null
}

const isNoDs = ({ subject }: Step): boolean => subject === 'delegation'

function exchangeOf(step: Step, steps: readonly Step[]): Exchange {
  const question = step.question ?? ''
  const lookup = steps.find(other => other.kind === 'lookup' && other.id === step.id)
  const decided = step.decided ?? ''
  const isBad = !GOOD.has(decided) && decided !== 'ask-over-tcp'
  const isKeys = / (?:DNSKEY|DS)$/.test(question)
  const isOwn = step.depth === 0 || lookup?.because === 'client' || lookup?.because === 'alias'
  return {
    server: step.serverName ?? step.server ?? '',
    address: step.server ?? '',
    question,
    transport: step.transport ?? '',
    text: exchangeText(step),
    atMs: step.atMs ?? 0,
    tookMs: step.tookMs ?? 0,
    tone: isBad ? 'bad' : isKeys ? 'keys' : isOwn ? 'main' : 'side',
  }
}

/** `referral: ask the servers of the child zone`. */
function exchangeText(step: Step): string {
  const decided = DECIDED[step.decided ?? ''] ?? step.decided ?? ''
  return `${cameText(step)}: ${decided}`
}

function cameText({ came, verdict, rcode, reason, status, mismatches, tookMs = 0 }: Step): string {
  switch (came) {
    case 'reply':
      return verdict === undefined ? 'a reply in other letter case' : verdictText(verdict, rcode)
    case 'timeout':
      return `no reply in ${Math.round(tookMs)} ms`
    case 'malformed':
      return 'a malformed reply'
    case 'spoofing-suspected':
      return `${mismatches ?? 0} replies that do not match: spoofing suspected`
    case 'http-status':
      return `HTTP status ${status ?? ''}`
    default:
      return reason === undefined ? (came ?? '') : `${came}: ${reason}`
  }
}

const verdictText = (verdict: string, rcode: string | undefined): string =>
  rcode === undefined || rcode === 'NOERROR' || verdict.includes(rcode.toLowerCase()) ? verdict : `${verdict}, ${rcode}`

function foundText({ kind, what, name, type, ttl, zone }: Step): readonly string[] {
  if (kind === 'cache') return [`${name} ${type} from the cache (${what}), ${ttl} s left`]
  if (kind === 'local') return [`answered by the local zone ${zone}`]
  return kind === 'joined' ? ['the same question was under way: its answer is shared'] : []
}

/** Round numbers for the axis, at most six, the last of them within it. */
export function ticks(spanMs: number): readonly number[] {
  const rough = spanMs / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough) ?? power * 10
  const count = Math.floor(spanMs / step)
  return Array.from({ length: count + 1 }, (_, index) => Math.round(index * step * 1_000) / 1_000)
}
