/**
 * Who may ask. A list of address blocks; everyone else is refused (EDE 18) by the server. A gate, not a stage: it is
 * asked for every datagram, cached answers included, so the verdict of an address is remembered.
 *
 * Invariant: the memory is bounded. When it is full it is emptied, since a flood of random sources must neither grow it
 * nor cost more than the look-up it replaces.
 */
import { inAnyPrefix, type Prefix } from '../dns/address.ts'
import type { Client } from '../ports.ts'
import type { Gate, GateVerdict } from './handler.ts'

export function makeAccess(allowed: readonly Prefix[], limits: { readonly accessVerdicts: number }): Gate {
  const verdicts = new Map<string, GateVerdict>()
  return {
    name: 'access',
    admit(client: Client): GateVerdict {
      const known = verdicts.get(client.ip.text)
      if (known !== undefined) return known
      const verdict = inAnyPrefix(client.ip, allowed) ? 'pass' : 'refuse'
      if (verdicts.size >= limits.accessVerdicts) verdicts.clear()
      verdicts.set(client.ip.text, verdict)
      return verdict
    },
  }
}
