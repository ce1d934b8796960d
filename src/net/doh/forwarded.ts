/** Who a proxy says it speaks for, in `X-Forwarded-For`. */
import type { HttpHeaders } from './media-types.ts'

/**
 * The last address in the field, without port and brackets; undefined when there is no field. Each proxy appends whom
 * it sees, so that only the last one was written by the proxy that we know; those before may be the client's invention.
 */
export function forwardedFor(field: HttpHeaders[string]): string | undefined {
  if (field === undefined) return undefined
  const text = typeof field === 'string' ? field : field.join(',')
  const last = text.slice(text.lastIndexOf(',') + 1).trim()
  const { six, four } = /^(?:\[(?<six>[^\]]*)\]|(?<four>[\d.]+))(?::\d+)?$/.exec(last)?.groups ?? {}
  return six ?? four ?? last
}
