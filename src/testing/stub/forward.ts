/**
 * Asks another server in the place of the stub, over sockets of its own. Nothing is asked, and no socket opened,
 * unless a rule or an option of the stub says so.
 */
import { Resolver } from 'node:dns'
import type { Question } from '../../dns/message.ts'
import { Forwarder, type Forwarded, type ForwardFlags } from '../../engine/forward.ts'
import { defaultLimits } from '../../limits.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { createNetwork, type SystemNetwork } from '../../net/upstream/network.ts'
import { serverAddress, type ServerAddress } from '../../ports.ts'
import { Mistake } from '../../input/mistake.ts'
import { serverOf } from '../../input/names.ts'
import { stubSettings } from './settings.ts'

/** The servers that this system is configured with, whatever `dns.setServers` set in this process. */
export function systemServers(): ServerAddress[] {
  return new Resolver().getServers().flatMap(text => {
    try {
      const { ip, port } = serverOf(text)
      return [serverAddress(ip, port)]
    } catch (error) {
      // A scoped IPv6 address, which cannot be asked here.
      if (error instanceof Mistake) return []
      throw error
    }
  })
}

export class StubForwarder {
  #open: { readonly network: SystemNetwork; readonly forwarder: Forwarder } | null = null

  /** The reply of the first server that gives one. */
  ask(servers: readonly ServerAddress[], question: Question, flags: ForwardFlags): Promise<Forwarded> {
    this.#open ??= openForwarder()
    return this.#open.forwarder.ask(servers, question, flags)
  }

  close(): void {
    this.#open?.network.close()
  }
}

function openForwarder(): { readonly network: SystemNetwork; readonly forwarder: Forwarder } {
  const random = systemRandom()
  const network = createNetwork({ clock: systemClock(), random, limits: defaultLimits, events: () => {} })
  const limits = {
    tries: stubSettings.forwardTries,
    udpMs: stubSettings.forwardMs,
    tcpMs: stubSettings.forwardTcpMs,
    payloadBytes: defaultLimits.upstream.ednsPayloadBytes,
  }
  return { network, forwarder: new Forwarder({ random, network, limits }) }
}
