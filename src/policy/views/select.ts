/**
 * Which entry of a list a client belongs to: views and access lists name their clients in the same way, and exactly one
 * entry has each. What says most about a client decides: what it calls itself, then the name in its TLS handshake, then
 * its address (the longest prefix), then where it came in. Among equals the first entry counts.
 *
 * Invariant: the memory of what was found is bounded. When it is full it is emptied, since a flood of random sources
 * must neither grow it nor cost more than the look-up it replaces.
 */
import { inPrefix, type IpAddress, type Prefix } from '../../dns/address.ts'
import type { Client, Transport } from '../../ports.ts'

/** Clients of one entry: those of any of its lists. Can be sent to listener threads. */
export interface Selector {
  readonly clients: readonly Prefix[]
  readonly listeners: readonly ListenerSelector[]
  /** Names in lower case without the last dot; `*.example` is all names below `example`. */
  readonly serverNames: readonly string[]
  /** In lower case. */
  readonly clientIds: readonly string[]
}

interface ListenerSelector {
  /** `0.0.0.0` and `::` are all addresses of their family. */
  readonly address: string
  readonly port: number
  readonly transports: readonly Transport[]
}

/** The index of the entry that a client belongs to; -1: to none. */
export type Select = (client: Client) => number

export const selectsByListener = (selectors: readonly Selector[]): boolean =>
  selectors.some(({ listeners }) => listeners.length > 0)

export function makeSelect(selectors: readonly Selector[], limits: { readonly accessVerdicts: number }): Select {
  if (selectors.length === 0) return () => -1
  const ids = new Map<string, number>()
  const names = new Map<string, number>()
  const note = (map: Map<string, number>, key: string, index: number): void => {
    if (!map.has(key)) map.set(key, index)
  }
  for (const [index, { clientIds, serverNames }] of selectors.entries()) {
    for (const id of clientIds) note(ids, id, index)
    for (const name of serverNames) note(names, name, index)
  }
  const byAddress = makeByAddress(selectors, limits.accessVerdicts)
  const listeners = selectors.flatMap((one, index) => one.listeners.map(listener => ({ listener, index })))
  return client => {
    if (client.clientId !== undefined && ids.size > 0) {
      const index = ids.get(client.clientId.toLowerCase())
      if (index !== undefined) return index
    }
    if (client.serverName !== undefined && names.size > 0) {
      const index = atOrAbove(names, client.serverName)
      if (index !== undefined) return index
    }
    const index = byAddress(client.ip)
    if (index >= 0 || listeners.length === 0) return index
    return listeners.find(({ listener }) => cameInAt(client, listener))?.index ?? -1
  }
}

function makeByAddress(selectors: readonly Selector[], most: number): (ip: IpAddress) => number {
  const blocks = selectors
    .flatMap(({ clients }, index) => clients.map(prefix => ({ prefix, index })))
    .sort((a, b) => b.prefix.length - a.prefix.length || a.index - b.index)
  if (blocks.length === 0) return () => -1
  const found = new Map<string, number>()
  return ip => {
    const known = found.get(ip.text)
    if (known !== undefined) return known
    const index = blocks.find(({ prefix }) => inPrefix(ip, prefix))?.index ?? -1
    if (found.size >= most) found.clear()
    found.set(ip.text, index)
    return index
  }
}

/** A name itself, or the closest `*.` above it. */
function atOrAbove(names: ReadonlyMap<string, number>, name: string): number | undefined {
  const exact = names.get(name)
  if (exact !== undefined) return exact
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const index = names.get(`*${name.slice(dot)}`)
    if (index !== undefined) return index
  }
  return undefined
}

function cameInAt({ listener, transport }: Client, { address, port, transports }: ListenerSelector): boolean {
  if (listener === undefined || listener.port !== port || !transports.includes(transport)) return false
  if (listener.address === address) return true
  return address === (listener.address.includes(':') ? '::' : '0.0.0.0')
}
