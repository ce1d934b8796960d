/** How one query of `rootwalk query` goes over TLS or HTTP: ports, names, who is trusted, and what is shown of it. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { errorText } from '../../events.ts'
import { type Heard, type QueryPath, type StreamDial, tcpDial } from '../../net/query-client.ts'
import type { SecureTerms, TlsJourney } from '../../net/upstream/secure-query.ts'
import type { ServerAddress, Transport } from '../../ports.ts'
import { systemClock } from '../../system/system.ts'
import type { DigSecure } from './dig-secure.ts'

/** RFC 7858 section 3.1, RFC 9110 section 4.2. */
export const SECURE_PORTS: Readonly<Record<DigSecure['transport'], number>> = { tls: 853, https: 443, http: 80 }

export interface SecureWay {
  readonly transport: Transport
  /** Over TLS, for conversations; null: each query is a request of its own. */
  readonly dial: StreamDial | null
  /** Over HTTP. */
  ask(path: QueryPath, query: Uint8Array): Promise<Heard>
  /** What the last handshake showed. */
  journey(): TlsJourney | null
}

/** `named` is the server as it was typed. */
export async function secureWay(
  secure: DigSecure,
  named: string,
  server: ServerAddress,
): Promise<SecureWay | { readonly error: string }> {
  const terms = termsOf(secure, named)
  if ('error' in terms) return terms
  const { askByHttp, tlsDial } = await import('../../net/upstream/secure-query.ts')
  const { transport, path, get } = secure
  let seen: TlsJourney | null = null
  const note = (journey: TlsJourney): void => {
    seen = journey
  }
  const alpn = transport === 'tls' ? ['dot'] : ['h2', 'http/1.1']
  const dial = transport === 'http' ? tcpDial : tlsDial(terms, alpn, note)
  const clock = systemClock()
  const http = {
    dial,
    scheme: transport === 'http' ? transport : 'https',
    authority: authorityOf(secure, named, server),
    path,
    get,
  } as const
  return {
    transport,
    dial: transport === 'tls' ? dial : null,
    async ask(queryPath, query) {
      const heard = await askByHttp(queryPath, { ...http, version: 2 }, query, clock)
      // Without TLS nothing says which version it is: dig takes HTTP/2, and much in front of servers has the other one.
      return transport === 'http' && heard.kind === 'refused' && !heard.reason.startsWith('it says')
        ? askByHttp(queryPath, { ...http, version: 1 }, query, clock)
        : heard
    },
    journey: () => seen,
  }
}

function termsOf(secure: DigSecure, named: string): SecureTerms | { readonly error: string } {
  const { authorities, hostname, serverName, pins } = secure
  const name = hostname ?? named
  const sent = serverName ?? (isIP(name) === 0 ? name : undefined)
  const common = { pins, ...(sent === undefined ? {} : { serverName: sent }) }
  if (authorities === null) return { ...common, name: null, authorities: [] }
  if (authorities === 'system') return { ...common, name, authorities: [] }
  try {
    return { ...common, name, authorities: [readFileSync(authorities.file, 'utf8')] }
  } catch (error) {
    return { error: `${authorities.file} cannot be read: ${errorText(error)}` }
  }
}

function authorityOf(secure: DigSecure, named: string, { port }: ServerAddress): string {
  const host = secure.hostname ?? named
  return `${host.includes(':') ? `[${host}]` : host}${port === SECURE_PORTS[secure.transport] ? '' : `:${port}`}`
}

/** What to do about a server whose certificate does not verify; empty when only a pin was asked for. */
export function proofHint({ authorities, hostname }: DigSecure): string {
  if (authorities === null) return ''
  const file = authorities === 'system' ? '; +tls-ca=FILE trusts the authorities of a file' : ''
  const name = hostname === null ? '; +tls-hostname=NAME checks it for another name' : ''
  return ` (+notls-ca shows the certificate without checking it${file}${name})`
}

/** Lines for a person, the last one ended. */
export function journeyText({
  protocol,
  cipher,
  alpn,
  connectMs,
  handshakeMs,
  trusted,
  certificate,
}: TlsJourney): string {
  const spoken = alpn === '' ? '' : `, ALPN ${alpn}`
  const times = `TCP ${ms(connectMs)}, handshake ${ms(handshakeMs)} msec`
  const lines = [`;; TLS: ${protocol}, ${cipher}${spoken}; ${times}`]
  if (certificate !== null) {
    const { subject, issuer, validTo, names, pin } = certificate
    const trust = trusted ? '' : ', not trusted here'
    lines.push(
      `;; CERTIFICATE: ${subject} for ${names.join(', ') || 'no name'}`,
      `;;   from ${issuer}${trust}, until ${validTo}`,
      `;;   pin-sha256 ${pin}`,
    )
  }
  return `${lines.join('\n')}\n`
}

const ms = (value: number): string => value.toFixed(1)
