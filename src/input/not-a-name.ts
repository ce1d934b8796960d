/**
 * What people write where a name is expected: a URL, a name with a port, an address in brackets, two names at once. All
 * of it is a name to the DNS, where a label may hold any octet, so that a stub would take it and never be asked for it.
 * Here it is a mistake that says which part is the name. A character that is meant is written with a backslash (RFC
 * 1035 section 5.1), and then it is not looked at.
 */
import { isIP } from 'node:net'
import { shown } from '../presentation/text.ts'

const ESCAPES = /\\(?:\d{3}|.)/gs
const URL_START = /^[a-z][a-z\d+.-]*:\/\/(?:[^/?#@]*@)?(?<host>\[[^\]]*\]|[^/?#:]*)/i
const WITH_PORT = /^(?<host>[^:]+):\d+$/
/** Neither visible ASCII nor beyond it. */
const BLANK = /[^!-~\u0080-\uffff]/
/** Letters, digits, `-`, `_` and `*` are ordinary, others occur (`+`, `=`, `&`, `!`). These separate or enclose. */
const SEPARATOR = /[,;"'`()<>{}[\]|^@:/?#]/
/** RFC 2317 section 4: `0/25.2.0.192.in-addr.arpa`. */
const CLASSLESS = /^\d{1,3}\/\d{1,3}$/

/** Why this is no name (after "expected a name"), null when nothing speaks against it. */
export function whyNotAName(text: string): string | null {
  const plain = text.replaceAll(ESCAPES, '_')
  const url = URL_START.exec(plain)
  if (url !== null) return `, not a URL: of ${shown(text)} ${partOf(url.groups?.host ?? '')}`
  const bare = /^\[(?<inner>[^\]]*)\](?::\d+)?$/.exec(plain)?.groups?.inner ?? plain
  if (isIP(bare) === 6) return `, not an address: ${shown(text)}`
  const host = WITH_PORT.exec(plain)?.groups?.host
  if (host !== undefined && whyNotAName(host) === null) return ` without a port: of ${shown(text)} ${partOf(host)}`
  const path = /^(?<host>[^/?#]+)[/?#]/.exec(plain)?.groups?.host
  if (path !== undefined && !isClassless(plain)) return ` without a path: of ${shown(text)} ${partOf(path)}`
  const mailbox = /^[^@\s]+@(?<host>[^@\s]+)$/.exec(plain)?.groups?.host
  if (mailbox !== undefined) return `, not a mailbox: of ${shown(text)} ${partOf(mailbox)}`
  const odd = BLANK.exec(plain)?.[0] ?? (isClassless(plain) ? undefined : SEPARATOR.exec(plain)?.[0])
  return odd === undefined
    ? null
    : `: ${shown(text)} contains ${titleOf(odd)}; where it is meant write ${escapeOf(odd)}`
}

const partOf = (host: string): string => (host === '' ? 'nothing is a name' : `give ${shown(host)}`)

const isClassless = (text: string): boolean =>
  !text.split('.').some(label => (label.includes('/') ? !CLASSLESS.test(label) : SEPARATOR.test(label)))

const titleOf = (character: string): string =>
  character === ' ' ? 'a space' : BLANK.test(character) ? 'a control character' : character

const escapeOf = (character: string): string =>
  BLANK.test(character) ? `\\${String(character.charCodeAt(0)).padStart(3, '0')}` : `\\${character}`
