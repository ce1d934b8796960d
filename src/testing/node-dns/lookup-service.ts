/**
 * `dns.lookupService` that asks a stub: the host name is that of the address's PTR record. Loopback addresses are
 * Node's business (the hosts file), and so are the names of ports (the services file); neither needs DNS.
 */
import { lookupService as nodeService, promises } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { errorCode } from '../../system/system-error.ts'
import { failureOf, lookupError } from './lookup-outcome.ts'
import { withoutRelay } from './relay.ts'
import { type Asked, makeResolver } from './resolver.ts'

export interface Services {
  /** In the place of `dns.lookupService`. */
  readonly lookupService: (...args: readonly unknown[]) => unknown
  /** In the place of `dns.promises.lookupService`. */
  readonly promised: (...args: readonly unknown[]) => unknown
}

// As they are when this file is loaded: later they may be our own.
const systemService = withoutRelay(nodeService)
const systemPromised = withoutRelay(promises.lookupService)

const LOOPBACK = '127.0.0.1'

export function makeServices(server: Asked): Services {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  /** An address that the stub is asked for; what is none is refused by Node. */
  const isAsked = (address: unknown): address is string => {
    if (typeof address !== 'string' || isIP(address) === 0) return false
    return !loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return {
    lookupService(...args) {
      const [address, port, callback] = args
      if (!isAsked(address) || typeof callback !== 'function') return Reflect.apply(systemService, undefined, args)
      const withService = (_error: unknown, _hostname: unknown, service = String(port)): void => {
        hostOf(server, address).then(
          hostname => process.nextTick(() => callback(null, hostname, service)),
          error => process.nextTick(() => callback(error)),
        )
      }
      return Reflect.apply(systemService, undefined, [LOOPBACK, port, withService])
    },
    promised(...args) {
      const [address, port] = args
      if (!isAsked(address)) return Reflect.apply(systemPromised, undefined, args)
      const found: ReturnType<typeof systemPromised> = Reflect.apply(systemPromised, undefined, [LOOPBACK, port])
      return found
        .catch(() => ({ service: String(port) }))
        .then(async ({ service }) => ({ hostname: await hostOf(server, address), service }))
    },
  }
}

async function hostOf(server: Asked, address: string): Promise<string> {
  const names = await makeResolver(server)
    .reverse(address)
    .catch((error: unknown) => {
      throw lookupError(failureOf(errorCode(error)), 'getnameinfo', address)
    })
  const [hostname] = names
  if (hostname === undefined) throw lookupError('EAI_NONAME', 'getnameinfo', address)
  return hostname
}
