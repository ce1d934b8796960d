/**
 * Sockets that this process was started with: from systemd (sd_listen_fds(3)) or from the process that it takes over
 * from. What each is bound to is read from the kernel's tables, so that nobody has to say it twice.
 *
 * Invariant: each is given out once; who takes one owns it.
 */
import { closeSync, readFileSync, readlinkSync } from 'node:fs'
import { parseIp } from '../dns/address.ts'
import { parseSockets } from './port-holder.ts'

/** How a socket moves octets. */
export type SocketKind = 'datagram' | 'stream'

export interface InheritedSocket {
  readonly fd: number
  readonly kind: SocketKind
  readonly address: string
  readonly port: number
}

/** The first descriptor after standard input, output and error. */
export const FIRST_INHERITED = 3

export class InheritedSockets {
  #left: InheritedSocket[]

  constructor(sockets: readonly InheritedSocket[]) {
    this.#left = [...sockets]
  }

  /** Those of an address, in their order; `most` of them. Port 0 takes those of the first port that is there. */
  take(kind: SocketKind, address: string, port: number, most: number = Number.POSITIVE_INFINITY): InheritedSocket[] {
    const wanted = textOf(address)
    const fits = (one: InheritedSocket): boolean => one.kind === kind && textOf(one.address) === wanted
    const bound = port === 0 ? this.#left.find(fits)?.port : port
    const taken = this.#left.filter(one => fits(one) && one.port === bound).slice(0, most)
    this.#left = this.#left.filter(one => !taken.includes(one))
    return taken
  }

  /** Is there one for datagrams at this address? */
  has(address: string, port: number): boolean {
    const wanted = textOf(address)
    return this.#left.some(one => one.kind === 'datagram' && textOf(one.address) === wanted && one.port === port)
  }

  /** Closes those that nobody took, and gives them. */
  closeRest(): readonly InheritedSocket[] {
    const rest = this.#left
    this.#left = []
    for (const { fd } of rest) closeSync(fd)
    return rest
  }
}

const textOf = (address: string): string => parseIp(address)?.text ?? address

/**
 * How many sockets systemd passed to this process: none when its variables are those of another one. They are taken out
 * of the environment, so that no child takes them for its own.
 */
export function passedBySystemd(environment: NodeJS.ProcessEnv, pid: number): number {
  const { LISTEN_PID, LISTEN_FDS } = environment
  delete environment.LISTEN_PID
  delete environment.LISTEN_FDS
  delete environment.LISTEN_FDNAMES
  const count = Number(LISTEN_FDS)
  return Number(LISTEN_PID) === pid && Number.isInteger(count) && count > 0 ? count : 0
}

/** The sockets among the `count` descriptors that were passed. Others than internet sockets are left out. */
export function inheritedSockets(count: number, first: number = FIRST_INHERITED): InheritedSockets {
  const known = new Map(
    TABLES.flatMap(([kind, table]) =>
      parseSockets(contents(`/proc/self/net/${table}`), kind === 'datagram' ? 'udp' : 'tcp').map(
        ({ inode, address, port }) => [inode, { kind, address, port }] as const,
      ),
    ),
  )
  const sockets = Array.from({ length: count }, (_, i) => first + i).flatMap(fd => {
    const found = known.get(inodeOf(fd))
    return found === undefined ? [] : [{ fd, ...found }]
  })
  return new InheritedSockets(sockets)
}

const TABLES = [
  ['datagram', 'udp'],
  ['datagram', 'udp6'],
  ['stream', 'tcp'],
  ['stream', 'tcp6'],
] as const

function inodeOf(fd: number): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? ''
  } catch {
    return ''
  }
}

function contents(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
