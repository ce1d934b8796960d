/**
 * What programs around us can listen to by `node:diagnostics_channel`: made only while somebody does. The names of the
 * channels and the members of their messages are part of the interface of the package.
 */
import { channel } from 'node:diagnostics_channel'
import { className, rcodeName, typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { sourceOf } from '../../server/request-cells.ts'
import type { QueryLog } from '../../server/query-log.ts'

/** Of `rootwalk:query`: a query that a server of this process answered, or dropped. */
export interface QueryMessage {
  /** The client's address and port. */
  readonly client: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls' | 'https' | 'http'
  /** In presentation format, as it was asked. */
  readonly name: string
  readonly type: string
  readonly class: string
  /** Null when nothing was sent. */
  readonly rcode: string | null
  /** Of the response. */
  readonly octets: number
  readonly ms: number
  /** What made the answer: `cache`, `recursion`, `local`, `failure:…`, or a policy. */
  readonly by: string
}

/** Of `rootwalk:resolution`: a question that was resolved, by `createResolver` or for a client of a server. */
export interface ResolutionMessage {
  readonly of: 'library' | 'server'
  readonly name: string
  readonly type: string
  readonly rcode: string
  readonly ms: number
}

const queries = channel('rootwalk:query')
const resolutions = channel('rootwalk:resolution')

/** Does anybody listen to what a server does? */
export const isListenedTo = (): boolean => queries.hasSubscribers || resolutions.hasSubscribers

export const publishQuery: QueryLog = ({ client, name, type, class: klass, rcode, octets, tookMs, by }) => {
  const asked = { name: formatName(name), type: typeName(type) }
  if (queries.hasSubscribers) {
    const message: QueryMessage = {
      client: client.ip.text,
      port: client.port,
      transport: client.transport,
      ...asked,
      class: className(klass),
      rcode: rcode === null ? null : rcodeName(rcode),
      octets,
      ms: tookMs,
      by,
    }
    queries.publish(message)
  }
  if (rcode !== null && sourceOf(by) === 'recursion')
    publishResolution(() => ({ of: 'server', ...asked, rcode: rcodeName(rcode), ms: tookMs }))
}

/** `make` is called only when somebody listens. */
export function publishResolution(make: () => ResolutionMessage): void {
  if (resolutions.hasSubscribers) resolutions.publish(make())
}
