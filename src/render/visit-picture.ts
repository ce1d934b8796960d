/**
 * A visit to a URL as one picture for a terminal: a waterfall for each hop with its facts below, what was cold next to
 * what was warm, and what would be faster. Only the form; sentences are those of `visit-words.ts`.
 *
 * Invariant: no line is wider than `columns`, except for a single word that is.
 */
import { formatName } from '../presentation/text.ts'
import { typeName } from '../dns/types.ts'
import { formatEndpoint } from '../dns/address.ts'
import { questionText } from '../resolver/trace.ts'
import { type Phases, phasesOf, type Row, rowsOf } from '../visit/rows.ts'
import { hstsOf, type Suggestion } from '../visit/suggest.ts'
import type { Comparison, Hop, HostChecks, LookUp, Pass, PassKind, TlsFacts, Visit } from '../visit/types.ts'
import {
  answerText,
  caaText,
  certificateVerdictText,
  daneText,
  failureText,
  msText,
  plainText,
  serviceText,
  suggestionText,
} from './visit-words.ts'
import { explainText, type Paint, type Style } from './walk.ts'

export interface PictureOptions {
  readonly columns: number
  readonly paint: Paint
  /** The walk of each look-up, below its hop. */
  readonly walks: boolean
}

export function visitPicture(visit: Visit, suggestions: readonly Suggestion[], options: PictureOptions): string {
  const [cold] = visit.passes
  if (cold === undefined) return ''
  return [
    ...cold.hops.flatMap(hop => [...hopLines(hop, options), '']),
    ...visit.checks.flatMap(checks => checkLines(checks, visit.checks.length, options)),
    ...totalLines(visit, visit.checks.length > 0, options),
    ...comparisonLines(visit.comparison, options),
    ...(suggestions.length === 0
      ? []
      : [
          '',
          options.paint('bold', 'Could be faster'),
          ...suggestions.flatMap(one => wrapped('  - ', suggestionText(one), options.columns)),
        ]),
  ]
    .map(line => `${line}\n`)
    .join('')
}

const LAYER_COLUMNS = 12
const PROTOCOL_COLUMNS = 9
const TIME_COLUMNS = 9
const LEAST_COLUMNS = 60
const MOST_WHAT_COLUMNS = 48
/** Of what is left after the fixed columns, in hundredths. */
const WHAT_PERCENT = 62

function hopLines(hop: Hop, options: PictureOptions): readonly string[] {
  const { paint, columns } = options
  return [
    ...wrapped('', `${hop.method} ${hop.url}`, columns).map(line => paint('bold', line)),
    ...rowsOf(hop).map(row => rowLine(row, hop, options)),
    ...endLines(hop, options),
    ...factLines(hop, options),
    ...(options.walks ? walkLines(hop, options) : []),
  ]
}

function rowLine(row: Row, hop: Hop, { columns, paint }: PictureOptions): string {
  const left = Math.max(columns, LEAST_COLUMNS) - LAYER_COLUMNS - PROTOCOL_COLUMNS - TIME_COLUMNS - 2
  const whatColumns = Math.min(MOST_WHAT_COLUMNS, Math.floor((left * WHAT_PERCENT) / 100))
  const what = cut(whatText(row, hop, whatColumns), whatColumns).padEnd(whatColumns)
  const bar = barOf(row, hop.times.totalMs, left - whatColumns)
  const time = row.what.kind === 'route' ? '' : msText(row.toMs - row.fromMs)
  const style = styleOf(row)
  return [
    paint('dim', row.layer.padEnd(LAYER_COLUMNS)),
    row.protocol.padEnd(PROTOCOL_COLUMNS),
    row.outcome === 'failed' ? paint('red', what) : what,
    ' ',
    paint(style, bar),
    ' ',
    time.padStart(TIME_COLUMNS),
  ]
    .join('')
    .trimEnd()
}

/** Failures are the only red thing. */
function styleOf({ outcome, layer, protocol }: Row): Style {
  if (outcome === 'failed') return 'red'
  if (outcome === 'abandoned') return 'dim'
  if (protocol === 'DNS') return 'cyan'
  return layer === 'application' ? 'green' : 'yellow'
}

/** Full blocks from the beginning to the end of the row; an instant has a thin one. */
function barOf({ fromMs, toMs, outcome }: Row, totalMs: number, columns: number): string {
  const scale = totalMs <= 0 ? 0 : columns / totalMs
  const from = Math.min(columns - 1, Math.floor(fromMs * scale))
  const length = Math.max(1, Math.min(columns - from, Math.round((toMs - fromMs) * scale)))
  const block = outcome === 'abandoned' ? '░' : (toMs - fromMs) * scale < 0.5 ? '▏' : '█'
  return `${' '.repeat(from)}${block.repeat(length)}`.padEnd(columns)
}

function whatText({ what, outcome }: Row, hop: Hop, columns: number): string {
  switch (what.kind) {
    case 'look-up':
      return lookUpText(what.lookUp, columns)
    case 'route':
      return `${what.local} to ${what.remote}`
    case 'attempt': {
      const { endpoint, outcome: ended } = what.attempt
      const where = formatEndpoint(endpoint.ip.text, endpoint.port)
      const by = endpoint.by === 'hint' ? ', from a hint' : ''
      return ended.kind === 'failed' ? `${where} ${ended.reason}` : `${where}${ATTEMPT_TEXTS[ended.kind]}${by}`
    }
    case 'handshake':
      return outcome === 'failed'
        ? hop.tls === null
          ? 'handshake failed'
          : `${hop.tls.version}, certificate refused`
        : `${hop.tls?.version ?? ''}${hop.tls?.isResumed === true ? ', resumed' : ' handshake'}`
    case 'request':
      return `${hop.method} sent`
    case 'wait':
      return outcome === 'failed' ? 'no response' : `waited for the first octet`
    case 'content':
      return `${hop.response?.contentBytes ?? 0} octets of content`
    default:
      return what satisfies never
  }
}

const ATTEMPT_TEXTS = { connected: '', abandoned: ' given up', timeout: ' no reply' } as const

/** How many queries a walk took stays in view when the name is long. */
function lookUpText({ question, source }: LookUp, columns: number): string {
  const asked = `${typeName(question.type)} ${formatName(question.name)}`
  if (source?.kind !== 'walk') return asked
  const queries = source.steps.filter(({ kind }) => kind === 'exchange').length
  // Without a step of its own it was answered by a walk that ran already.
  const how = source.steps.length === 0 ? 'shared' : queries === 0 ? 'cached' : `${queries} asked`
  return `${cut(asked, columns - how.length - 2)}, ${how}`
}

function endLines({ end, response, connection }: Hop, { paint, columns }: PictureOptions): readonly string[] {
  const status =
    response === null ? '' : `${response.protocol} ${response.status} ${plainText(response.reason)}`.trimEnd()
  const reused = connection?.isReused === true ? ', over the open connection' : ''
  const interim = response === null || response.interim.length === 0 ? '' : ` (after ${response.interim.join(', ')})`
  const said = `${status}${interim}${reused}`
  switch (end.kind) {
    case 'done':
      return wrapped(
        '  ',
        `${said}${end.content === 'cut' ? ', the rest of the content was not read' : ''}`,
        columns,
      ).map(line => paint('green', line))
    case 'redirect':
      return wrapped(
        '  ',
        end.by === 'service' ? `an HTTPS record wants ${end.to}` : `${said}, to ${end.to}`,
        columns,
      ).map(line => paint('yellow', line))
    case 'failed':
      return [
        ...(said === '' ? [] : wrapped('  ', said, columns)),
        ...wrapped('  ', `failed: ${failureText(end.failure)}`, columns).map(line => paint('red', line)),
      ]
    default:
      return end satisfies never
  }
}

function factLines(hop: Hop, { columns }: PictureOptions): readonly string[] {
  const hsts = hstsOf(hop)
  const facts: readonly (readonly [string, string])[] = [
    ...hop.lookUps.map(lookUp => [typeName(lookUp.question.type), answerText(lookUp)] as const),
    ...hop.services.map(service => ['service', serviceText(service)] as const),
    ...(hop.connection?.isReused === true || hop.tls === null ? [] : tlsFacts(hop.tls)),
    ...(hop.response === null ? [] : headerFacts(hop)),
    ...(hop.isSecure && hop.response !== null ? [['HSTS', hsts === null ? 'none' : plainText(hsts)] as const] : []),
  ]
  return facts.flatMap(([label, text]) => fact(label, text, columns))
}

const LABEL_COLUMNS = 14

const fact = (label: string, text: string, columns: number): readonly string[] =>
  wrapped(`  ${label}`.padEnd(LABEL_COLUMNS), text, columns)

/** More names than this are counted. */
const NAMES_SHOWN = 4

function tlsFacts(tls: TlsFacts): readonly (readonly [string, string])[] {
  const [leaf, ...above] = tls.chain
  const group = tls.group === null ? '' : `, ${tls.group}`
  const alpn = tls.alpn === null ? 'no ALPN' : `ALPN ${plainText(tls.alpn)}`
  const ech = tls.offeredEch ? ', ECH offered, not used' : ''
  const plain = [['TLS', `${tls.version}, ${tls.cipher}${group}, ${alpn}${ech}`]] as const
  if (leaf === undefined) return plain
  const more = leaf.names.length > NAMES_SHOWN ? `, and ${leaf.names.length - NAMES_SHOWN} more` : ''
  const until = new Date(leaf.notAfter * 1_000).toISOString().slice(0, 10)
  return [
    ...plain,
    ['certificate', `${plainText(leaf.subject)}, ${certificateVerdictText(tls.verdict)}`],
    [
      '  by',
      above.length === 0 ? plainText(leaf.issuer) : above.map(({ subject }) => plainText(subject)).join(', by '),
    ],
    [
      '  for',
      leaf.names.length === 0 ? 'no name' : `${leaf.names.slice(0, NAMES_SHOWN).map(plainText).join(', ')}${more}`,
    ],
    ['  until', `${until}, ${daysText(leaf.daysLeft)}, ${leaf.key}`],
  ]
}

const daysText = (days: number): string =>
  days < 0 ? `EXPIRED ${-days} days ago` : days === 1 ? '1 day left' : `${days} days left`

/** Fields that say how the content is to be taken. */
const SHOWN_FIELDS = [
  ['content-type', 'content'],
  ['content-encoding', 'encoding'],
  ['cache-control', 'caching'],
  ['alt-svc', 'alt-svc'],
  ['server', 'server'],
] as const

const headerFacts = ({ response }: Hop): readonly (readonly [string, string])[] =>
  SHOWN_FIELDS.flatMap(([name, label]) =>
    (response?.headers ?? [])
      .filter(([own]) => own.toLowerCase() === name)
      .map(([, value]) => [label, plainText(value)] as const),
  )

function walkLines({ lookUps }: Hop, { paint }: PictureOptions): readonly string[] {
  return lookUps.flatMap(({ source }) =>
    source?.kind === 'walk' && source.steps.length > 0
      ? ['', ...explainText(source.steps, paint).trimEnd().split('\n')]
      : [],
  )
}

function checkLines(
  { host, port, caa, dane }: HostChecks,
  hosts: number,
  { columns }: PictureOptions,
): readonly string[] {
  const of = hosts > 1 ? `${formatName(host)}#${port}: ` : ''
  return [
    ...(caa === null ? [] : fact('CAA', `${of}${caaText(caa)}`, columns)),
    ...(dane === null ? [] : fact('DANE', `${of}${daneText(dane)}`, columns)),
  ]
}

const PHASES: readonly (readonly [keyof Phases, string])[] = [
  ['names', 'DNS'],
  ['tcp', 'TCP'],
  ['tls', 'TLS'],
  ['request', 'request'],
  ['wait', 'first octet'],
  ['content', 'content'],
]
const PASS_COLUMNS = 12

const PASS_TEXTS: Readonly<Record<PassKind, string>> = { cold: 'cold', warm: 'warm', reused: 'reused' }

/** By difference for each pass, and cumulative for the first. */
function totalLines({ passes }: Visit, isBelowChecks: boolean, { paint, columns }: PictureOptions): readonly string[] {
  const shown = passes.slice(0, Math.max(1, Math.floor((columns - 2 * PASS_COLUMNS) / PASS_COLUMNS) - 1))
  const sums = shown.map(sumOf)
  const [first] = shown
  const isOneHop = first?.hops.length === 1
  // Cumulative times are next to what they are the sum of; of several hops they would not be those of any.
  const withSum = (cells: readonly string[], sum: string): readonly string[] =>
    isOneHop ? [...cells.slice(0, 1), sum, ...cells.slice(1)] : cells
  const head = [
    '',
    ...withSum(
      shown.map(({ kind }) => PASS_TEXTS[kind]),
      'since start',
    ),
  ]
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, i) => (i === 0 ? cell.padEnd(PASS_COLUMNS) : cell.padStart(PASS_COLUMNS)))
      .join('')}`.trimEnd()
  let since = 0
  const rows = PHASES.filter(([phase]) => sums.some(sum => sum[phase] !== null)).map(([phase, label]) => {
    const cells = sums.map(sum => sum[phase])
    since += cells[0] ?? 0
    return line([label, ...withSum(cells.map(cellText), cells[0] == null ? '-' : msText(since))])
  })
  return [
    ...(isBelowChecks ? [''] : []),
    paint('bold', line(head)),
    ...rows,
    line([
      'total',
      ...withSum(
        shown.map(({ tookMs }) => msText(tookMs)),
        '',
      ),
    ]),
  ]
}

const cellText = (value: number | null): string => (value === null ? '-' : msText(value))

function sumOf({ hops }: Pass): Phases {
  const all = hops.map(phasesOf)
  const sum = (phase: keyof Phases): number | null => {
    const values = all.flatMap(phases => phases[phase] ?? [])
    return values.length === 0 ? null : values.reduce((total, value) => total + value, 0)
  }
  return {
    names: sum('names'),
    tcp: sum('tcp'),
    tls: sum('tls'),
    request: sum('request'),
    wait: sum('wait'),
    content: sum('content'),
  }
}

function comparisonLines(comparison: Comparison | null, { paint, columns }: PictureOptions): readonly string[] {
  if (comparison === null) return []
  return [
    '',
    paint('bold', `The same look-ups at ${comparison.server.key}`),
    ...comparison.rows.flatMap(({ first, other, isSame }) => {
      const times = `${first.tookMs === null ? '-' : msText(first.tookMs)} here, ${msText(other.tookMs ?? 0)} there`
      const differs = isSame ? 'same answer' : paint('yellow', `other answer: ${answerText(other)}`)
      return wrapped('  ', `${questionText(first.question)}: ${times}, ${differs}`, columns)
    }),
  ]
}

const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, columns - 1)}…`

/** Lines of at most `columns`, broken at spaces; those after the first are indented as deep as `head` is long. */
function wrapped(head: string, text: string, columns: number): readonly string[] {
  const indent = ' '.repeat(head.length)
  const lines: string[] = [head]
  let isEmpty = true
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (isEmpty) lines[lines.length - 1] = last + word
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(indent + word)
    isEmpty = false
  }
  return lines
}
