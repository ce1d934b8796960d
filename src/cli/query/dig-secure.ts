/**
 * The words with `+` of `rootwalk query` that choose TLS, HTTPS and how the server proves who it is, in the spellings
 * of dig and kdig: `+tls`, `+https=/dns-query`, `+tls-ca=company.pem`.
 */

/** How a query travels when it is neither UDP nor TCP. */
export interface DigSecure {
  /** `http` is HTTPS without TLS. */
  readonly transport: 'tls' | 'https' | 'http'
  readonly path: string
  readonly get: boolean
  /** Who is trusted: the system's, those of a file, or null: the certificate is only shown. */
  readonly authorities: 'system' | { readonly file: string } | null
  /** What the certificate has to be valid for, and what is sent as SNI; null: what stands after @. */
  readonly hostname: string | null
  /** Sent as SNI instead. */
  readonly serverName: string | null
  readonly pins: readonly string[]
}

/** The same while words come; a transport of null: none was chosen. */
export type SecureDraft = Omit<DigSecure, 'transport'> & { readonly transport: DigSecure['transport'] | null }

export const plainDraft: SecureDraft = Object.freeze({
  transport: null,
  path: '/dns-query',
  get: false,
  authorities: null,
  hostname: null,
  serverName: null,
  pins: [],
})

export const secureOf = (draft: SecureDraft): DigSecure | null =>
  draft.transport === null ? null : { ...draft, transport: draft.transport }

interface Holder {
  secure: SecureDraft
}

interface SecureWord {
  readonly value: 'never' | 'may' | 'must'
  readonly wanted?: string
  readonly set: (draft: Holder, on: boolean, value: string | null) => boolean
}

/** A transport; `+no…` takes any away. */
const over = (transport: DigSecure['transport'], get: boolean): SecureWord => ({
  value: transport === 'tls' ? 'never' : 'may',
  wanted: 'a path such as /dns-query, or https://NAME/PATH',
  set: (draft, on, value) => {
    const place = value === null ? {} : placeOf(value)
    if (place === null) return false
    draft.secure = { ...draft.secure, ...place, transport: on ? transport : null, get }
    return true
  },
})

/** What says how the server proves who it is, and so that it is asked over TLS. */
const proof = (
  value: SecureWord['value'],
  wanted: string,
  change: (value: string | null) => object | null,
): SecureWord => ({
  value,
  wanted,
  set: (draft, on, text) => {
    const changes = change(on ? text : null)
    if (changes === null || (on && value === 'must' && text === '')) return false
    const { transport } = draft.secure
    draft.secure = { ...draft.secure, ...changes, transport: on ? (transport ?? 'tls') : transport }
    return true
  },
})

/** `/dns-query`, or `https://dns.example/dns-query` as kdig has it. */
function placeOf(text: string): { readonly path: string; readonly hostname?: string } | null {
  if (text.startsWith('/')) return { path: text }
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null
  const hostname = parsed.hostname.replace(/^\[|\]$/g, '')
  return { path: `${parsed.pathname}${parsed.search}`, hostname }
}

/** SHA-256 in base64: 32 octets. */
const PIN = /^[A-Za-z0-9+/]{43}=$/

export const secureWords: Readonly<Record<string, SecureWord>> = {
  tls: over('tls', false),
  https: over('https', false),
  'https-post': over('https', false),
  'https-get': over('https', true),
  'http-plain': over('http', false),
  'http-plain-post': over('http', false),
  'http-plain-get': over('http', true),
  'tls-ca': {
    value: 'may',
    wanted: 'a file with certificates',
    set: (draft, on, file) => {
      const authorities = !on ? null : file === null || file === '' ? 'system' : { file }
      draft.secure = {
        ...draft.secure,
        authorities,
        transport: on ? (draft.secure.transport ?? 'tls') : draft.secure.transport,
      }
      return true
    },
  },
  'tls-hostname': proof('must', 'a name', hostname => ({ hostname })),
  'tls-sni': proof('must', 'a name', serverName => ({ serverName })),
  'tls-pin': {
    value: 'must',
    wanted: 'the SHA-256 of a public key in base64, 44 characters',
    set: (draft, on, pin) => {
      if (on && (pin === null || !PIN.test(pin))) return false
      const { pins, transport } = draft.secure
      draft.secure = {
        ...draft.secure,
        pins: on && pin !== null ? [...pins, pin] : [],
        transport: on ? (transport ?? 'tls') : transport,
      }
      return true
    },
  },
}
