/** Datagrams that the kernel dropped, from the tables of sockets that Linux shows (proc(5), /proc/net/udp). */
import { readFileSync } from 'node:fs'

/** Of the sockets on these ports, by the text of `/proc/net/udp` or `udp6`. */
export function dropsIn(table: string, ports: readonly number[]): number {
  let drops = 0
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16)
    if (ports.includes(port)) drops += Number(columns.at(-1)) || 0
  }
  return drops
}

/** Null where there are no such tables. */
export function udpDrops(ports: readonly number[]): number | null {
  const tables = ['/proc/net/udp', '/proc/net/udp6'].flatMap(path => {
    try {
      return [readFileSync(path, 'latin1')]
    } catch {
      return []
    }
  })
  return tables.length === 0 ? null : tables.reduce((sum, table) => sum + dropsIn(table, ports), 0)
}
