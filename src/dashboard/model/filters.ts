/** Texts in the language of filters, and what a person may have meant by what was typed. Pure. */

/** A value, in quotation marks where it has something in it that the language reads as its own. */
export const quoted = (value: string): string => (/^(?:\\.|[^\s"=<>~!(),\\])+$/.test(value) ? value : `"${value}"`)

export const nameFilter = (name: string): string => `name=${quoted(name)}`
export const underFilter = (name: string): string => `name under ${quoted(name)}`
export const clientFilter = (client: string): string =>
  client.includes('/') ? `client in ${client}` : `client=${quoted(client)}`

/** Both have to hold; one that is there already is not added again. */
export function andFilter(filter: string, more: string): string {
  const before = filter.trim()
  if (before === '') return more
  if (before === more || before.split(' and ').includes(more)) return before
  return `${/\bor\b/.test(before) ? `(${before})` : before} and ${more}`
}

export type Asked =
  | { readonly kind: 'explain'; readonly name: string; readonly type: string }
  | { readonly kind: 'filter'; readonly filter: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'nothing' }

/**
 * A name, with a type or without: its walk. An address: its queries. A comparison: what it lets through. A URL: what
 * happens when it is opened.
 */
export function readAsked(text: string): Asked {
  const typed = text.trim()
  if (typed === '') return { kind: 'nothing' }
  if (/^https?:\/\//i.test(typed)) return { kind: 'url', url: typed }
  if (/[=<>~]|\s(?:in|under)\s/i.test(typed)) return { kind: 'filter', filter: typed }
  if (/^(?:\d{1,3}\.){3}\d{1,3}(?:\/\d+)?$/.test(typed) || /^[\da-f]*:[\da-f:.]*(?:\/\d+)?$/i.test(typed))
    return { kind: 'filter', filter: clientFilter(typed) }
  const [name = '', type = 'A'] = typed.split(/\s+/)
  return { kind: 'explain', name, type: type.toUpperCase() }
}
