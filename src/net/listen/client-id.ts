/**
 * How a client calls itself in the name that it asks TLS for: `phone.dns.example` at a server that is `dns.example` is
 * the client `phone`. Many devices share an address, and their settings have room for a name and nothing else. It says
 * who the client says it is, and proves nothing.
 */

/** A label as host names have them (RFC 1123 section 2.1), which is safe in logs and paths. */
const CLIENT_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

const isClientId = (text: string): boolean => CLIENT_ID.test(text)

/**
 * The first label of `serverName` (lower case) when the rest is a name of the server; undefined when it is none, or the
 * name itself is. `names` are those of the certificate, lower case: `*.dns.example` makes `dns.example` one as well.
 */
export function clientIdOf(serverName: string | undefined, names: readonly string[]): string | undefined {
  if (serverName === undefined || names.includes(serverName)) return undefined
  const dot = serverName.indexOf('.')
  const [label, rest] = [serverName.slice(0, dot), serverName.slice(dot + 1)]
  if (dot < 0 || !isClientId(label)) return undefined
  return names.includes(rest) || names.includes(`*.${rest}`) ? label : undefined
}
