/** `policy why`: what each position of the order decides, in sentences, and all of it as text. */
import { edeName } from '../dns/types.ts'
import { counted } from '../presentation/counted.ts'
import { shown } from '../presentation/text.ts'

interface WhyRule {
  readonly rule: string
  readonly source: string | null
  /** The line or entry that it stands in. */
  readonly at?: string | undefined
}

export interface WhyPosition {
  readonly name: string
  /** What it is for. */
  readonly does: string
  /** See `policy/inspection.ts`. */
  readonly state: 'off' | 'not-reached' | 'let-by' | 'passed' | 'decided'
  readonly text: string
  readonly decisions: readonly (WhyRule & { readonly lost: readonly WhyRule[] })[]
}

/** What a client gets. */
export interface WhyAnswer {
  readonly by: string
  /** Null: nothing is sent. */
  readonly status: string | null
  readonly ede: { readonly code: number; readonly text: string } | null
  readonly secure: boolean
  readonly records: readonly unknown[]
}

export interface WhyReport {
  readonly version: 1
  readonly question: string
  readonly client: {
    readonly address: string
    readonly transport: string
    readonly listener: string | null
    readonly clientId: string | null
    readonly serverName: string | null
  }
  readonly view: string
  readonly positions: readonly WhyPosition[]
  /** Null: the client is refused before its question is looked at. */
  readonly answer: WhyAnswer | null
  readonly tookMs: number
}

/** `NXDOMAIN, EDE 15 (Blocked): by the list "ads"`. */
function answerText({ status, ede, secure, records }: WhyAnswer): string {
  if (status === null) return 'nothing is sent'
  return [
    `${status}${records.length === 0 ? '' : `, ${counted(records.length, 'record')}`}${secure ? ', secure' : ''}`,
    ...(ede === null ? [] : [`EDE ${ede.code} (${edeName(ede.code)})${ede.text === '' ? '' : `: ${ede.text}`}`]),
  ].join(', ')
}

const ruleText = ({ rule, source, at }: WhyRule): string =>
  `${shown(rule)}${source === null ? '' : ` of "${source}"`}${at === undefined ? '' : ` (${at})`}`

type Verdict = 'pass' | 'refuse' | 'drop' | 'local'

/** `rule`: which entry of the access list says so; null: "allow", or no rule. */
export function accessText(verdict: Verdict, rule: number | null): string {
  const who = rule === null ? null : `access[${rule}]`
  switch (verdict) {
    case 'pass':
      return `${who ?? '"allow"'} lets the client in`
    case 'local':
      return `${who ?? 'a rule'} lets the client in, for local data only`
    case 'refuse':
      return `${who ?? 'no rule lets the client in'}${who === null ? ':' : ' refuses the client:'} REFUSED, EDE 18`
    case 'drop':
      return `${who ?? 'a rule'} drops the query: nothing is sent`
    default:
      return verdict satisfies never
  }
}

/** `null`: cookies are off. */
export function cookiesText(cookies: { readonly require: boolean } | null, isUdp: boolean): string {
  if (cookies === null) return 'off'
  if (!isUdp) return 'not needed: over a connection the address is proven'
  return cookies.require
    ? 'a client that sends a cookie gets BADCOOKIE until it shows a good one; others are answered'
    : 'with a good cookie the address counts as proven'
}

/** `left` is how many queries could come at once now. */
export function rateText(
  rate:
    | { readonly kind: 'off' | 'exempt' }
    | { readonly kind: 'counted'; readonly verified: boolean; readonly left: number; readonly dryRun: boolean },
): string {
  if (rate.kind !== 'counted') return rate.kind === 'off' ? 'no limit' : 'the client is exempt'
  const { verified, left, dryRun } = rate
  const which = verified ? 'clients whose address is proven' : 'datagrams without a cookie'
  if (left > 0) return `within the limit of ${which}: ${counted(left, 'more query', 'more queries')} at once`
  return `above the limit of ${which}${dryRun ? ', which only counts (dryRun)' : ''}`
}

/** What a stage did, but for the one that resolves. `made` is what it answered or changed. */
export function stageText(
  name: string,
  { state, decisions }: Pick<WhyPosition, 'state' | 'decisions'>,
  made: WhyAnswer | null,
  letBy: string | null,
): string {
  switch (state) {
    case 'off':
      return name === 'local-data' ? 'no rules that it would have to pass by' : 'not configured'
    case 'not-reached':
      return 'not reached'
    case 'let-by':
      return `does not concern it: ${letBy ?? 'a rule'} allows the name`
    case 'passed':
      return 'nothing to say'
    case 'decided': {
      const rules = decisions.map(ruleText).join(', ')
      if (name === 'local-data' && made !== null) return 'a local zone has the name: no rule touches it'
      if (made === null) return `${rules}: allowed`
      return `${rules === '' ? 'decides' : rules}: ${answerText(made)}`
    }
    default:
      return state satisfies never
  }
}

const SOURCES: Readonly<Record<string, string>> = {
  cache: 'from the cache',
  recursion: 'asked now',
  local: 'local data',
  stale: 'expired data',
}

/** `zone`: the forward or stub zone that the name is in; null: its servers are found from the root. */
export function resolutionText(
  made: WhyAnswer,
  zone: { readonly kind: 'forward' | 'stub'; readonly zone: string } | null,
): string {
  const source = SOURCES[made.by] ?? 'no answer'
  const where = zone === null || made.by === 'local' ? '' : `, ${zone.kind} zone ${zone.zone}`
  return `${source}${where}: ${answerText(made)}`
}

/** `isOn`: may expired data be given at all? */
export function staleText(state: WhyPosition['state'], isOn: boolean, made: WhyAnswer | null): string {
  if (!isOn) return 'not configured'
  if (state === 'not-reached') return 'not reached'
  return made === null ? 'nothing to say' : answerText(made)
}

/** Everything, a line for each position. */
export function whyText({ question, client, view, positions, answer, tookMs }: WhyReport): string {
  const { address, transport, listener, clientId, serverName } = client
  const who = [
    `${address} over ${transport}`,
    ...(listener === null ? [] : [`at ${listener}`]),
    ...(clientId === null ? [] : [`as "${clientId}"`]),
    ...(serverName === null ? [] : [`asking for ${serverName}`]),
  ].join(' ')
  const end =
    answer === null ? 'No answer is looked for.' : `${answerText(answer)}, by ${answer.by}, in ${Math.round(tookMs)} ms`
  return `${question} for ${who}, view ${view}\n\n${positionsText(positions)}\n${end}\n`
}

/** The positions alone; `only` those that did something. */
export function positionsText(positions: readonly WhyPosition[], only = false): string {
  const shown = only ? positions.filter(({ state }) => state === 'decided') : positions
  const width = Math.max(0, ...positions.map(({ name }) => name.length))
  return shown
    .flatMap(({ name, text, decisions }) => [
      `  ${name.padEnd(width)}  ${text}\n`,
      ...decisions.flatMap(({ lost }) => lost.map(rule => `  ${' '.repeat(width)}  lost: ${ruleText(rule)}\n`)),
    ])
    .join('')
}
