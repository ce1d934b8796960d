/** Servers asked up to a bound by all engines of a rehearsal: what somebody tries out is no load for others. */
import type { ExchangeResult, Network } from '../../ports.ts'

export class ExchangeBound {
  readonly #most: number
  made = 0
  leftOut = 0

  constructor(most: number) {
    this.#most = most
  }

  readonly around = (network: Network): Network => ({
    exchange: (server, transport, query, timeoutMs, done) => {
      if (this.made < this.#most) {
        this.made += 1
        return network.exchange(server, transport, query, timeoutMs, done)
      }
      this.leftOut += 1
      const result: ExchangeResult = { kind: 'not-sent', reason: 'as many servers were asked as may be' }
      const timer = setImmediate(() => done(result))
      return () => clearImmediate(timer)
    },
  })
}
