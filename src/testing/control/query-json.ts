/** A recorded query as JSON: in the answers of the control API and, one a line, in the file of `--record`. */
import type { RecordedQuery } from '../stub/types.ts'

export interface QueryJson {
  /** RFC 3339. */
  readonly at: string
  readonly name: string
  readonly type: string
  readonly class: string
  readonly transport: string
  readonly client: { readonly address: string; readonly port: number }
  readonly id: number
  /** Octets of options as hexadecimal digits. */
  readonly edns: {
    readonly payloadSize: number
    readonly dnssecOk: boolean
    readonly options: readonly { readonly code: number; readonly data: string }[]
  } | null
  readonly matched: boolean
  readonly answeredWith: string
  readonly atMs: number
}

export function queryJson({
  at,
  name,
  type,
  class: rrClass,
  transport,
  client,
  id,
  edns,
  matched,
  answeredWith,
  atMs,
}: RecordedQuery): QueryJson {
  const options = (edns?.options ?? []).map(({ code, data }) => ({ code, data: Buffer.from(data).toString('hex') }))
  return {
    at: at.toISOString(),
    name,
    type,
    class: rrClass,
    transport,
    client: { address: client.address, port: client.port },
    id,
    edns: edns === null ? null : { payloadSize: edns.payloadSize, dnssecOk: edns.dnssecOk, options },
    matched,
    answeredWith,
    atMs: Math.round(atMs * 1_000) / 1_000,
  }
}
