/** Policies as the API shows them: the fields that the dashboard reads, and words for them. Pure. */
import { counted } from './format.ts'

export interface Rule {
  readonly rule: string
  /** A list or a policy zone; null: the configuration. */
  readonly source: string | null
}

export interface Position {
  readonly name: string
  readonly does: string
  readonly state: 'off' | 'not-reached' | 'let-by' | 'passed' | 'decided'
  readonly text: string
  readonly decisions: readonly (Rule & { readonly lost: readonly Rule[] })[]
}

export interface Why {
  readonly question: string
  readonly client: { readonly address: string; readonly transport: string; readonly listener: string | null }
  readonly view: string
  readonly positions: readonly Position[]
  readonly answer: {
    readonly by: string
    readonly status: string | null
    readonly ede: { readonly code: number; readonly text: string } | null
    readonly records: readonly unknown[]
  } | null
  readonly tookMs: number
}

export interface List {
  readonly name: string
  readonly layer: 'own' | 'allow' | 'block'
  readonly format: string
  readonly source: string
  readonly state: 'loaded' | 'waiting' | 'failed'
  readonly problem: string | null
  readonly rules: number
  readonly duplicates: number
  readonly skipped: readonly { readonly reason: string; readonly text: string; readonly lines: number }[]
  readonly shown: readonly { readonly line: number; readonly text: string; readonly detail: string }[]
  readonly hits: number
  readonly ageS: number | null
  readonly nextS: number | null
}

export interface PolicyZone {
  readonly zone: string
  readonly file: string | null
  readonly state: 'loaded' | 'missing'
  readonly required: boolean
  readonly action: string
  readonly order: 'early' | 'strict'
  readonly serial: number | null
  readonly rules: number
  readonly hits: number
  /** Seconds since 1970. */
  readonly loadedAt: number | null
  readonly problem: string | null
  readonly warnings: number
}

export interface Program {
  readonly name: string
  readonly file: string
  readonly isolated: boolean
  readonly reads: string
  readonly onFault: 'open' | 'closed'
  readonly hooks: readonly string[]
  readonly loaded: boolean
  readonly calls: number
  readonly faults: Readonly<Record<string, number>>
  readonly restarts: number
  readonly problem: string | null
}

export interface Limited {
  readonly isOn: boolean
  readonly dryRun: boolean
  readonly clients: readonly {
    readonly network: string
    readonly above: number
    readonly sinceS: number
    readonly lastS: number
  }[]
}

/** Of the configuration. */
export interface View {
  readonly name: string
  readonly clients?: readonly string[]
  readonly listeners?: readonly string[]
  readonly serverNames?: readonly string[]
  readonly clientIds?: readonly string[]
  readonly lists?: readonly string[]
  readonly zones?: readonly unknown[]
  readonly records?: Readonly<Record<string, unknown>>
  readonly forward?: readonly unknown[]
  readonly queryLog?: boolean
}

/** `192.168.2.0/24, "tablet"`. */
export function whoText({ clients = [], listeners = [], serverNames = [], clientIds = [] }: View): string {
  const all = [...clientIds.map(id => `"${id}"`), ...serverNames, ...clients, ...listeners]
  return all.length === 0 ? 'no client' : all.join(', ')
}

/** What a view has of its own. */
export function ownText({ lists, zones = [], records = {}, forward = [], queryLog = true }: View): string {
  const names = Object.keys(records).length
  const own = [
    lists === undefined ? '' : lists.length === 0 ? 'no lists' : `lists ${lists.join(', ')}`,
    zones.length === 0 ? '' : counted(zones.length, 'zone'),
    names === 0 ? '' : counted(names, 'name'),
    forward.length === 0 ? '' : counted(forward.length, 'forward zone'),
    queryLog ? '' : 'not in the query log',
  ].filter(text => text !== '')
  return own.length === 0 ? 'nothing of its own' : own.join(', ')
}

/** `"||ads.example^" of "ads"`. */
export const ruleText = ({ rule, source }: Rule): string => `"${rule}"${source === null ? '' : ` of "${source}"`}`

/** `NXDOMAIN, EDE 15: blocked by the list "ads"`. */
export function gotText({ answer }: Why): string {
  if (answer === null) return 'refused before its question is looked at'
  const { status, ede, records } = answer
  if (status === null) return 'nothing is sent'
  const found = records.length === 0 ? '' : `, ${counted(records.length, 'record')}`
  return `${status}${found}${ede === null ? '' : `, EDE ${ede.code}${ede.text === '' ? '' : `: ${ede.text}`}`}`
}

/** Positions that say something of this query, and runs of those that do not, which are shown as one line. */
export type Run =
  | { readonly kind: 'position'; readonly position: Position }
  | { readonly kind: 'silent'; readonly positions: readonly Position[] }

export function runsOf(positions: readonly Position[]): readonly Run[] {
  const runs: Run[] = []
  for (const position of positions) {
    const isSilent = position.decisions.length === 0 && position.state !== 'decided' && position.state !== 'let-by'
    const last = runs.at(-1)
    if (!isSilent) runs.push({ kind: 'position', position })
    else if (last?.kind === 'silent') runs[runs.length - 1] = { ...last, positions: [...last.positions, position] }
    else runs.push({ kind: 'silent', positions: [position] })
  }
  return runs
}

/** A candidate that is tried out. */
export interface Trial {
  readonly id: string
  readonly author: string
  /** UTC (RFC 3339), or ms since 1970. */
  readonly startedAt: string | number
  readonly state: 'preparing' | 'running' | 'done' | 'invalid' | 'failed'
  readonly questions: number
  readonly asked: number
  readonly changed: number
  readonly queries: number
  readonly clients: number
  readonly unknown: number
  readonly rules: readonly {
    readonly before: string | null
    readonly after: string | null
    readonly answers: number
    readonly clients: number
  }[]
  readonly errors: readonly { readonly detail: string }[]
  readonly problem: string | null
  readonly notes: readonly string[]
}

export interface Outcome {
  readonly rcode: string | null
  readonly records: readonly string[]
  readonly rule: string | null
  readonly isUnknown: boolean
}

export interface Change {
  readonly question: { readonly client: string; readonly name: string; readonly type: string; readonly times: number }
  readonly before: Outcome
  readonly after: Outcome
}

export const isOver = ({ state }: Trial): boolean => state !== 'preparing' && state !== 'running'

/** `would change 37 answers of 12 clients, of 1,204 questions`. */
export const trialText = ({ changed, clients, questions, unknown }: Trial): string =>
  `would change ${counted(changed, 'answer')} of ${counted(clients, 'client')}, of ${counted(questions, 'question')}` +
  (unknown === 0 ? '' : `; of ${counted(unknown, 'question')} it is not known`)

/** `NXDOMAIN`, `NOERROR 192.0.2.1`, `nothing is sent`. */
export function outcomeText({ rcode, records, isUnknown }: Outcome): string {
  if (isUnknown) return 'not known'
  return rcode === null ? 'nothing is sent' : [rcode, ...records].join(' ')
}
