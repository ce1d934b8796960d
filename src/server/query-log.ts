/**
 * One line of JSON for each query, for those who want to know who asked what. Formats only; where lines go and what
 * happens when they come too fast is the writer's business (`system/line-writer.ts`). Off unless configured.
 *
 * Invariant: a line holds no octet of the query that is not escaped; names come from `formatName` and through JSON.
 */
import { formatIp } from '../dns/address.ts'
import { formatName } from '../presentation/text.ts'
import type { WireName } from '../dns/name.ts'
import type { Decision } from '../policy/handler.ts'
import { className, RrClass, rcodeName, typeName } from '../dns/types.ts'
import type { Client } from '../ports.ts'

/** How much of a client's address is written: all of it, its /24 or /56, or nothing. */
export type ClientPrivacy = 'full' | 'prefix' | 'none'

export interface QueryLogEntry {
  readonly client: Client
  readonly view: number
  readonly name: WireName
  readonly type: number
  readonly class: number
  /** Null when nothing was sent. */
  readonly rcode: number | null
  readonly octets: number
  readonly tookMs: number
  /** Which path or stage made the answer. */
  readonly by: string
  /** Which rules decided; absent: none. */
  readonly decisions?: readonly Decision[] | undefined
  /** Seconds since 1970 UTC. */
  readonly wall: number
}

export type QueryLog = (entry: QueryLogEntry) => void

/** The line, with its newline. `viewName`: null where there are no views, or the client is in none of them. */
export function formatQuery(entry: QueryLogEntry, privacy: ClientPrivacy, viewName: string | null = null): string {
  const klass = entry.class === RrClass.IN ? '' : `,"class":"${className(entry.class)}"`
  const rcode = entry.rcode === null ? 'none' : rcodeName(entry.rcode)
  const { transport } = entry.client
  const client = clientText(entry.client, privacy)
  const who =
    `"time":${entry.wall},"client":"${client}","transport":"${transport}"${called(entry.client, privacy)}` +
    (viewName === null ? '' : `,"view":"${viewName}"`)
  const what = `"name":${JSON.stringify(formatName(entry.name))},"type":"${typeName(entry.type)}"${klass}`
  const how = `"rcode":"${rcode}","octets":${entry.octets},"ms":${entry.tookMs.toFixed(3)},"by":"${entry.by}"`
  const why = entry.decisions === undefined ? '' : `,"decisions":${JSON.stringify(entry.decisions)}`
  return `{${who},${what},${how}${why}}\n`
}

/** What a client calls itself names a person's device: it is written where whole addresses are. */
function called({ serverName, clientId }: Client, privacy: ClientPrivacy): string {
  if (privacy !== 'full') return ''
  const name = serverName === undefined ? '' : `,"tlsName":${JSON.stringify(serverName)}`
  return clientId === undefined ? name : `${name},"id":${JSON.stringify(clientId)}`
}

/** RFC 6973 section 6.1: prefixes of the length that is handed to one household are enough for most questions. */
const PREFIX_OCTETS = { 4: 3, 6: 7 } as const

export function clientText(client: Client, privacy: ClientPrivacy): string {
  switch (privacy) {
    case 'full':
      return client.ip.text
    case 'none':
      return ''
    case 'prefix': {
      const kept = PREFIX_OCTETS[client.ip.family]
      const bytes = client.ip.bytes.map((octet, index) => (index < kept ? octet : 0))
      return `${formatIp(bytes)}/${kept * 8}`
    }
    default:
      return privacy satisfies never
  }
}
