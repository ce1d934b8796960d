/**
 * Asks another server in the place of the stub, by the product's own engine. Nothing is asked, no socket opened and no
 * engine loaded, unless a rule or an option of the stub says so.
 *
 * Invariant: the same question is asked once at a time, so that two that forward to each other end in a time-out
 * instead of a storm.
 */
import { Resolver } from 'node:dns'
import { type Question, questionKey } from '../../dns/message.ts'
import { Mistake } from '../../input/mistake.ts'
import { serverOf } from '../../input/names.ts'
import { serverAddress, type ServerAddress } from '../../ports.ts'
import type { AskerFlags } from '../../resolver/asking/attempt.ts'
import type { HandedOn } from '../../resolver/asking/hand-on.ts'
import type { ForwardEngine } from './forward-engine.ts'
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
  #opening: Promise<ForwardEngine> | null = null
  readonly #inFlight = new Map<string, Promise<HandedOn>>()

  /** The reply of the first server that gives one. */
  ask(servers: readonly ServerAddress[], question: Question, flags: AskerFlags): Promise<HandedOn> {
    if (servers.length === 0) return Promise.resolve({ error: 'this system has no DNS server configured' })
    const { recursionDesired, checkingDisabled, dnssecOk, edns } = flags
    const key = [
      ...servers.map(server => server.key),
      questionKey(question),
      recursionDesired,
      checkingDisabled,
      dnssecOk,
      edns,
    ].join(' ')
    const known = this.#inFlight.get(key)
    if (known !== undefined) return known
    const asked = this.#ask(servers, question, flags).finally(() => this.#inFlight.delete(key))
    this.#inFlight.set(key, asked)
    return asked
  }

  async #ask(servers: readonly ServerAddress[], question: Question, flags: AskerFlags): Promise<HandedOn> {
    this.#opening ??= import('./forward-engine.ts').then(({ openForwardEngine }) => openForwardEngine())
    const { engine } = await this.#opening
    const { forwardTries: tries, forwardMs: waitMs } = stubSettings
    return new Promise(resolve => {
      engine.resolver.handOn({ question, flags, servers, tries, waitMs }, resolve)
    })
  }

  async close(): Promise<void> {
    const open = await this.#opening
    open?.network.close()
  }
}
