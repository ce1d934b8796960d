/** Names as people write them, turned into those of the DNS: IDNA as the URL parser of Node.js has it (UTS #46). */
import { domainToASCII } from 'node:url'
import type { WireName } from '../dns/name.ts'
import { parseName } from '../presentation/text.ts'

/** Names are absolute with or without the last dot; those outside ASCII are asked as IDNA says (UTS #46). */
export function readName(text: string): WireName | { readonly error: string } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: everything in ASCII is meant
  if (/^[\x00-\x7f]*$/.test(text)) return parseName(text, null)
  const ascii = domainToASCII(text)
  return ascii === '' ? { error: `"${text}" is no internationalised name` } : parseName(ascii, null)
}
