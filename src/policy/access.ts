/**
 * Who may ask. A list of address blocks; everyone else is refused (EDE 18) by the server. It holds for a client and for
 * the proxy that named it, over every transport, here and nowhere else (dnsdist CVE-2026-24029). A gate, not a stage:
 * it is asked for every datagram, cached answers included, so the verdict of an address is remembered.
 *
 * Invariant: the memory is bounded. When it is full it is emptied, since a flood of random sources must neither grow it
 * nor cost more than the look-up it replaces.
 */
import { inAnyPrefix, type IpAddress, type Prefix } from '../dns/address.ts'
import type { Client } from '../ports.ts'
import type { Gate, GateVerdict } from './handler.ts'

export function makeAccess(allowed: readonly Prefix[], limits: { readonly accessVerdicts: number }): Gate {
  const verdicts = new Map<string, GateVerdict>()
  const verdictOf = (ip: IpAddress): GateVerdict => {
    const known = verdicts.get(ip.text)
    if (known !== undefined) return known
    const verdict = inAnyPrefix(ip, allowed) ? 'pass' : 'refuse'
    if (verdicts.size >= limits.accessVerdicts) verdicts.clear()
    verdicts.set(ip.text, verdict)
    return verdict
  }
  return {
    name: 'access',
    admit({ ip, proxy }: Client): GateVerdict {
      const verdict = verdictOf(ip)
      return proxy === undefined || verdict !== 'pass' ? verdict : verdictOf(proxy)
    },
  }
}
