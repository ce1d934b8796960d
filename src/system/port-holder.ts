/**
 * Who has a port that we wanted: read from `/proc`, where there is one and as far as it lets us look. For a message to
 * a person; on other systems, or without the right to look, the answer is simply not known.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { ipFromBytes, parseIp } from '../dns/address.ts'
import type { Transport } from '../ports.ts'

export interface PortHolder {
  /** The address its socket is bound to, as text. */
  readonly address: string
  /** Null when the process could not be found out. */
  readonly process: { readonly pid: number; readonly name: string } | null
  readonly uid: number
}

/** A line of `/proc/net/udp` and its like. */
export interface KernelSocket {
  readonly address: string
  readonly port: number
  readonly listening: boolean
  readonly uid: number
  readonly inode: string
}

/** State TCP_LISTEN, and TCP_CLOSE as UDP sockets that are not connected have it (include/net/tcp_states.h). */
const LISTENING = { tcp: '0A', udp: '07' } as const

/** The kernel's table that has the sockets of a transport. */
const tableOf = (transport: Transport): keyof typeof LISTENING => (transport === 'udp' ? 'udp' : 'tcp')

/** The sockets that a table of the kernel lists; lines of another form are skipped. */
export function parseSockets(text: string, transport: Transport): KernelSocket[] {
  return text.split('\n').flatMap(line => {
    const match =
      /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)/.exec(line)
    if (match === null) return []
    const [, address = '', port = '', state = '', uid = '', inode = ''] = match
    return [
      {
        address: kernelAddress(address),
        port: Number.parseInt(port, 16),
        listening: state === LISTENING[tableOf(transport)],
        uid: Number(uid),
        inode,
      },
    ]
  })
}

/** 32-bit words in host order, which is little-endian wherever Node runs with a /proc. */
function kernelAddress(hex: string): string {
  const octets: number[] = []
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = 6; at >= 0; at -= 2) octets.push(Number.parseInt(hex.slice(word + at, word + at + 2), 16))
  }
  return ipFromBytes(Uint8Array.from(octets)).text
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '::']

/** Would a socket on `held` keep another off `wanted`? `::` mostly takes IPv4 as well. */
const conflicts = (held: string, wanted: string): boolean =>
  held === wanted ||
  held === '::' ||
  (WILDCARDS.includes(held) && !wanted.includes(':')) ||
  wanted === '::' ||
  (wanted === '0.0.0.0' && !held.includes(':'))

/** Null when no holder was found. `root` is where the kernel's tables are; tests have their own. */
export function findPortHolder(transport: Transport, address: string, port: number, root = '/proc'): PortHolder | null {
  const wanted = parseIp(address)?.text ?? address
  const sockets = [tableOf(transport), `${tableOf(transport)}6`].flatMap(path =>
    parseSockets(contents(`${root}/net/${path}`), transport),
  )
  const holder = sockets.find(socket => socket.port === port && socket.listening && conflicts(socket.address, wanted))
  return holder === undefined
    ? null
    : { address: holder.address, process: ownerOf(holder.inode, root), uid: holder.uid }
}

function ownerOf(inode: string, root: string): PortHolder['process'] {
  for (const pid of entries(root)) {
    if (!/^\d+$/.test(pid)) continue
    if (!entries(`${root}/${pid}/fd`).some(fd => link(`${root}/${pid}/fd/${fd}`) === `socket:[${inode}]`)) continue
    return { pid: Number(pid), name: contents(`${root}/${pid}/comm`).trim() || 'unknown' }
  }
  return null
}

// Any of these may be missing, forbidden or gone by the time it is read; that is the ordinary case.

function contents(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
