/**
 * The media types of DNS over HTTPS, and what `Accept` and `Content-Type` say of them (RFC 9110 sections 8.3 and
 * 12.5.1).
 */

/** A field that came more than once is a list or, in HTTP/2 and for most names, joined with commas. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** RFC 8484 section 6. */
export const DNS_MESSAGE = 'application/dns-message'
/** Of the JSON form of Google and Cloudflare; that of RFC 8427 is another and has another type. */
export const DNS_JSON = 'application/dns-json'
export const JSON_TYPE = 'application/json'
/** RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json'

type Field = HttpHeaders[string]

const textOf = (field: Field): string => (typeof field === 'string' ? field : (field?.join(',') ?? ''))

/** In lower case, without parameters; empty when the field is missing. */
export function mediaTypeOf(field: Field): string {
  const text = textOf(field)
  if (text === DNS_MESSAGE) return text
  const mark = text.indexOf(';')
  return (mark < 0 ? text : text.slice(0, mark)).trim().toLowerCase()
}

/**
 * May an answer be of `type`? Only who excludes it by name or by a wildcard of weight 0 does not get it: clients send
 * all kinds of lists, and mean DNS.
 */
export function accepts(field: Field, type: string): boolean {
  const text = textOf(field)
  // What nearly everybody sends.
  if (text === '' || text === type || !/;\s*q\s*=\s*0(?:\.0*)?\s*(?:[,;]|$)/i.test(text)) return true
  let verdict = true
  let closest = -1
  for (const range of text.split(',')) {
    const closeness = ['*/*', 'application/*', type].indexOf(mediaTypeOf(range))
    if (closeness <= closest) continue
    closest = closeness
    verdict = !/;\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)/i.test(range)
  }
  return verdict
}

/** Is `type` named first of all types of JSON, which have several names? */
export const names = (field: Field, type: string): boolean =>
  textOf(field)
    .split(',')
    .map(mediaTypeOf)
    .find(one => one.endsWith('json')) === type
