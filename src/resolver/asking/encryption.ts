/**
 * TLS with the servers of zones (RFC 9539): which of them are asked over it, and the first try of one of which nothing
 * is known. What is known is in `cache/servers/encryption.ts`.
 *
 * A server need not prove who it is, and is sent no name: who only listens learns nothing of the questions, and what
 * comes is trusted no more than what comes in clear.
 */
import { inAnyPrefix, type IpAddress } from '../../dns/address.ts'
import type { Question } from '../../dns/message.ts'
import { isWithin } from '../../dns/name.ts'
import type { EncryptionEvent } from '../../cache/servers/encryption.ts'
import { type ExchangeResult, secureServerAddress, type ServerAddress } from '../../ports.ts'
import { exchange, type Steps } from '../../steps.ts'
import type { Env, ServerEncryption, ZoneCut } from '../env.ts'

/** How a server is asked first. */
export type Way =
  /** Over UDP, and TCP. */
  | 'clear'
  /** Over TLS, and in clear when that fails. */
  | 'encrypted'
  /** Over TLS, whatever comes of it. */
  | 'always-encrypted'

/** Where it is asked over TLS. */
export const encryptedAddress = ({ ip }: ServerAddress, port: number): ServerAddress =>
  secureServerAddress(ip, port, { transport: 'tls', name: null, pins: [], path: '', authorities: [] })

/**
 * `triedBefore`: it was silent to this question, whatever it was asked over. Servers that the operator named are asked
 * as the operator said.
 */
export function wayTo(env: Env, cut: ZoneCut, server: ServerAddress, triedBefore: boolean): Way {
  const { encryption } = env.settings()
  if (encryption === undefined || cut.configured !== undefined || server.secure !== undefined) return 'clear'
  if (isAlways(encryption, cut, server.ip)) return 'always-encrypted'
  if (!encryption.probes || triedBefore) return 'clear'
  return env.caches.servers.encryptionOf(server.key, env.clock.now()).kind === 'encrypted' ? 'encrypted' : 'clear'
}

const isAlways = ({ always }: ServerEncryption, { zone }: ZoneCut, ip: IpAddress): boolean =>
  always.zones.some(above => isWithin(zone, above)) || inAnyPrefix(ip, always.addresses)

/** Next to a query in clear: the question that this server hears anyhow is put to it over TLS as well. */
export function considerProbe(env: Env, cut: ZoneCut, server: ServerAddress, question: Question): void {
  const { encryption } = env.settings()
  if (encryption?.probes !== true || cut.configured !== undefined || server.secure !== undefined) return
  if (env.caches.servers.beginProbe(server.key, env.clock.now())) env.probeEncryption(server, question)
}

/** Any reply will do: that the server refuses this question says nothing of TLS. */
export function* probeEncryption(env: Env, server: ServerAddress, question: Question): Steps<void> {
  const { encryption } = env.settings()
  if (encryption === undefined) return
  const result = yield* exchange({
    server: encryptedAddress(server, encryption.port),
    transport: 'tls',
    question,
    edns: true,
    mixCase: false,
    recursionDesired: false,
    checkingDisabled: false,
    timeoutMs: env.limits.cache.encryptionProbeMs,
  })
  noteEncryption(env, server, result)
}

export function noteEncryption({ caches, clock }: Env, { key }: ServerAddress, result: ExchangeResult): void {
  const event = eventOf(result)
  caches.servers.encryptionEvent(key, event, clock.now())
}

function eventOf(result: ExchangeResult): EncryptionEvent {
  switch (result.kind) {
    case 'reply':
      return 'replied'
    case 'timeout':
      return 'timed-out'
    case 'unreachable':
      // No route from here says nothing of the server.
      return result.family ? 'not-sent' : 'broke'
    case 'unverified':
    case 'http-status':
    case 'spoofing-suspected':
      return 'broke'
    case 'not-sent':
      return 'not-sent'
    default:
      return result satisfies never
  }
}
