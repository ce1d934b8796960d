/**
 * Queries on their way from the main thread to the API's: one text for many, a line each. An object for each would cost
 * the main thread several times as much to hand over (structured clone), and it is the one that answers DNS.
 */
import type { Decision } from '../../policy/handler.ts'
import type { QueryRecord } from './records.ts'

/**
 * No member holds a tab or a newline: names and addresses are escaped, JSON escapes both, the rest are words of ours.
 */
export const queryRow = (record: QueryRecord): string =>
  `${record.at}\t${record.client}\t${record.transport}\t${record.name}\t${record.type}\t${record.class}\t` +
  `${record.rcode}\t${record.octets}\t${record.ms}\t${record.by}` +
  (record.decisions === undefined ? '' : `\t${JSON.stringify(record.decisions)}`)

export const rowsText = (rows: readonly string[]): string => rows.join('\n')

export const readRows = (text: string): readonly QueryRecord[] => (text === '' ? [] : text.split('\n').map(readRow))

/** As `queryRow` wrote them. */
function readDecisions(text: string): readonly Decision[] {
  const decisions: readonly Decision[] = JSON.parse(text)
  return decisions
}

function readRow(row: string): QueryRecord {
  const [
    at,
    client = '',
    transport = '',
    name = '',
    type = '',
    klass = '',
    rcode = '',
    octets,
    ms,
    by = '',
    decisions,
  ] = row.split('\t')
  return {
    at: Number(at),
    client,
    transport,
    name,
    type,
    class: klass,
    rcode,
    octets: Number(octets),
    ms: Number(ms),
    by,
    ...(decisions === undefined ? {} : { decisions: readDecisions(decisions) }),
  }
}
