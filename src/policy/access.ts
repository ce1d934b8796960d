/**
 * Who may ask, and what. Rules name clients and what becomes of their queries; everyone else is refused (EDE 18) by the
 * server. It holds for a client and for the proxy that named it, over every transport, here and nowhere else (dnsdist
 * CVE-2026-24029). A gate, not a stage: it is asked for every datagram, cached answers included.
 */
import type { Prefix } from '../dns/address.ts'
import type { Client } from '../ports.ts'
import type { Gate, GateVerdict } from './handler.ts'
import { makeSelect, type Selector } from './views/select.ts'

/** Clients, and what becomes of their queries. */
export interface AccessRule extends Selector {
  readonly action: GateVerdict
}

/** The short form: clients that may ask anything. */
export const allowing = (clients: readonly Prefix[]): AccessRule => ({
  clients,
  listeners: [],
  serverNames: [],
  clientIds: [],
  action: 'pass',
})

export function makeAccess(rules: readonly AccessRule[], limits: { readonly accessVerdicts: number }): Gate {
  const select = makeSelect(rules, limits)
  const verdictOf = (client: Client): GateVerdict => rules[select(client)]?.action ?? 'refuse'
  return {
    name: 'access',
    admit(client): GateVerdict {
      const verdict = verdictOf(client)
      const { proxy } = client
      if (proxy === undefined || verdict === 'refuse' || verdict === 'drop') return verdict
      // Not under the names of the client: what the client calls itself does not let the proxy in.
      const ofProxy = verdictOf({
        ip: proxy,
        port: client.port,
        transport: client.transport,
        listener: client.listener,
      })
      return ofProxy === 'pass' ? verdict : ofProxy
    },
  }
}
