/** Sets, outcomes and a handler that answers by a table, for the tests of the shaping stages. */
import type { RRset } from '../../../src/dns/rrset.ts'
import { groupRRsets } from '../../../src/dns/rrset.ts'
import { typeName } from '../../../src/dns/types.ts'
import type { Answer, Handler } from '../../../src/policy/handler.ts'
import { formatRdata } from '../../../src/presentation/rdata-text.ts'
import { formatName } from '../../../src/presentation/text.ts'
import { parseRr } from '../../../src/presentation/rr-text.ts'
import { failure } from '../../../src/resolver/outcome.ts'
import type { FailureReason, Outcome } from '../../../src/steps.ts'

/** `www.test. 300 IN A 192.0.2.1`. */
export const sets = (...lines: readonly string[]): readonly RRset[] =>
  groupRRsets(
    lines.map(line => {
      const rr = parseRr(line)
      if ('error' in rr) throw new Error(`${line}: ${rr.error}`)
      return rr
    }),
  )

type Positive = Extract<Outcome, { kind: 'answer' }>

export const positive = (lines: readonly string[], change: Partial<Positive> = {}): Outcome => ({
  kind: 'answer',
  rrsets: sets(...lines),
  proof: [],
  additional: [],
  security: { kind: 'secure' },
  authoritative: false,
  ...change,
})

export const denial = (
  kind: 'nodata' | 'nxdomain',
  lines: readonly string[] = [],
  soaTtl: number | null = 100,
): Outcome => ({
  kind,
  rrsets: sets(...lines),
  soa: soaTtl === null ? null : (sets(`test. ${soaTtl} IN SOA ns.test. h.test. 1 2 3 4 ${soaTtl}`)[0] ?? null),
  proof: [],
  security: { kind: 'secure' },
  authoritative: false,
})

export const failed = (why: FailureReason): Outcome => failure(why, why)

export const resolved = (outcome: Outcome, shareable = true): Answer => ({
  kind: 'resolved',
  outcome,
  by: 'recursion',
  shareable,
})

/** `asked` gathers the questions: `www.test. AAAA`. NXDOMAIN for what is not in the table. */
export function answering(table: Readonly<Record<string, Outcome>>): {
  readonly next: Handler
  readonly asked: string[]
} {
  const asked: string[] = []
  return {
    asked,
    next: ({ question, checkingDisabled }) => {
      const key = `${formatName(question.name)} ${typeName(question.type)}`
      asked.push(`${key}${checkingDisabled ? ' +cd' : ''}`)
      return Promise.resolve(resolved(table[key] ?? denial('nxdomain')))
    },
  }
}

/** `NOERROR www.test. 300 A 192.0.2.1 | …`, the records of the answer section in order. */
export function told(answer: Answer): string {
  if (answer.kind === 'given') {
    const { rcode, answer: records, ede } = answer.content
    return `given ${rcode} ${textOf(records)}${ede === null ? '' : `ede ${ede.code}`}`.trim()
  }
  if (answer.kind !== 'resolved') return answer.kind
  const { outcome } = answer
  if (outcome.kind === 'failure') return `failure ${outcome.why}`
  return `${outcome.kind} ${textOf(outcome.rrsets)}`.trim()
}

const textOf = (records: readonly RRset[]): string =>
  records
    .flatMap(set =>
      set.rdatas.map(
        rdata => `${formatName(set.name)} ${set.ttl} ${typeName(set.type)} ${formatRdata(set.type, rdata)}`,
      ),
    )
    .join(' | ')
