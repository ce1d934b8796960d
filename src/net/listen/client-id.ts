/**
 * How a client calls itself in the name that it asks TLS for: `phone.dns.example` at a server that is `dns.example` is
 * the client `phone`. Many devices share an address, and their settings have room for a name and nothing else.
 */
import { clientIdIn } from '../client-id.ts'

/**
 * The first label of `serverName` (lower case) when the rest is a name of the server; undefined when it is none, or the
 * name itself is. `names` are those of the certificate, lower case: `*.dns.example` makes `dns.example` one as well.
 */
export function clientIdOf(serverName: string | undefined, names: readonly string[]): string | undefined {
  if (serverName === undefined || names.includes(serverName)) return undefined
  const dot = serverName.indexOf('.')
  const [id, rest] = [clientIdIn(serverName.slice(0, dot)), serverName.slice(dot + 1)]
  if (dot < 0 || id === null) return undefined
  return names.includes(rest) || names.includes(`*.${rest}`) ? id : undefined
}
