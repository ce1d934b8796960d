/**
 * A `node:dns/promises` resolver that asks one server and gives up soon. Made of Node's own class as it was when this
 * file was loaded, so that a stub which is installed in the process (`install.ts`) does not take its queries.
 */
import { promises } from 'node:dns'
import { defaultLimits } from '../../limits.ts'
import { withoutRelay } from './relay.ts'

/** What is asked: a server, as `setServers` takes it. Read with every use. */
export interface Asked {
  readonly address: string
}

export interface ResolverTimes {
  /** Milliseconds until the first query is repeated; c-ares doubles it each time. Default 300. */
  readonly timeout?: number
  /** Queries in all. Default 2. */
  readonly tries?: number
}

const SystemResolver = withoutRelay(promises.Resolver)

export function makeResolver(server: Asked, times: ResolverTimes = {}): promises.Resolver {
  const { lookupTimeoutMs, lookupTries } = defaultLimits.kit
  const resolver = new SystemResolver({ timeout: times.timeout ?? lookupTimeoutMs, tries: times.tries ?? lookupTries })
  resolver.setServers([server.address])
  return resolver
}
