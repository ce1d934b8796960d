/**
 * A bound UDP socket as a bare descriptor, made with system calls: what `node:dgram` would set, and what it cannot.
 * Wildcard sockets get the local address to which each datagram was sent, so that the reply can leave from it.
 *
 * Invariant: a descriptor that is not returned is closed.
 */
import { parseIpv4, parseIpv6 } from '../../dns/address.ts'
import { describeErrno, type Libc } from './libc.ts'
import type { ListenFailure } from '../listener.ts'
import { wildcardFamily } from '../local-addresses.ts'
import {
  AF_INET,
  AF_INET6,
  NAME_OCTETS,
  portInSocketName,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  writeSocketName,
} from './socket-name.ts'

export interface BareSocket {
  readonly kind: 'socket'
  readonly fd: number
  readonly family: 4 | 6
  readonly wildcard: boolean
  readonly port: number
  /** What the kernel granted, in octets. */
  readonly receiveBufferBytes: number
}

export interface BareSocketOptions {
  readonly libc: Libc
  readonly address: string
  readonly port: number
  readonly receiveBufferBytes: number
  /** A receiver that waits is woken after this. */
  readonly wakeMs: number
  /** Joins those that listen there already, which must have been opened up by `shareSocket`. */
  readonly joins: boolean
}

const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const SO_RCVTIMEO = 20
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPV6_RECVPKTINFO = 49
const SHUT_RD = 0
/** fcntl(2). */
const F_SETFD = 2
const F_SETFL = 4
const FD_CLOEXEC = 1
const F_DUPFD_CLOEXEC = 1030
/** Octets of an int and of a struct timeval. */
const INT_OCTETS = 4
const TIMEVAL_OCTETS = 16
/** An address, its length, and the name of an interface (IFNAMSIZ 16). */
const SCRATCH_OCTETS = 64
const LENGTH_AT = 48

export function openBareSocket(options: BareSocketOptions): BareSocket | ListenFailure {
  const { libc, address, port, joins } = options
  const family = address.includes(':') ? 6 : 4
  const scratch = new Scratch(libc)
  const failed = (call: string, errno: number): ListenFailure => {
    const { code } = describeErrno(errno)
    return {
      kind: 'listen-failed',
      transport: 'udp',
      address,
      port,
      code,
      message: `${call} ${code} ${address}:${port}`,
    }
  }
  const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) return failed('socket', -fd)
  const wildcard = wildcardFamily(address) !== null
  if (family === 6) scratch.set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
  if (wildcard)
    scratch.set(fd, family === 4 ? IPPROTO_IP : IPPROTO_IPV6, family === 4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1)
  if (joins) shareSocket(libc, fd)
  scratch.setTimeout(fd, options.wakeMs)
  // With CAP_NET_ADMIN the bound of the host (net.core.rmem_max) does not count (socket(7)).
  if (scratch.set(fd, SOL_SOCKET, SO_RCVBUFFORCE, options.receiveBufferBytes) < 0)
    scratch.set(fd, SOL_SOCKET, SO_RCVBUF, options.receiveBufferBytes)
  const bound = libc.bind(fd, scratch.name(address, family, port), NAME_OCTETS[family])
  if (bound < 0) {
    libc.close(fd)
    return failed('bind', -bound)
  }
  // Linux counts its own overhead and reports twice what was granted (socket(7), SO_RCVBUF).
  return {
    kind: 'socket',
    fd,
    family,
    wildcard,
    port: scratch.port(fd),
    receiveBufferBytes: scratch.get(fd, SOL_SOCKET, SO_RCVBUF) / 2,
  }
}

/**
 * Goes on with a socket that is bound already, by another process: with the options that those made here have. Its
 * reception is never ended, since it is not ours alone.
 */
export function adoptBareSocket(
  {
    libc,
    address,
    receiveBufferBytes,
    wakeMs,
  }: Pick<BareSocketOptions, 'libc' | 'address' | 'receiveBufferBytes' | 'wakeMs'>,
  fd: number,
): BareSocket {
  const family = address.includes(':') ? 6 : 4
  const wildcard = wildcardFamily(address) !== null
  const scratch = new Scratch(libc)
  libc.fcntl(fd, F_SETFD, FD_CLOEXEC)
  // A receiver waits in the call, with a time-out.
  libc.fcntl(fd, F_SETFL, 0)
  if (wildcard)
    scratch.set(fd, family === 4 ? IPPROTO_IP : IPPROTO_IPV6, family === 4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1)
  scratch.setTimeout(fd, wakeMs)
  if (scratch.set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferBytes) < 0)
    scratch.set(fd, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes)
  return {
    kind: 'socket',
    fd,
    family,
    wildcard,
    port: scratch.port(fd),
    receiveBufferBytes: scratch.get(fd, SOL_SOCKET, SO_RCVBUF) / 2,
  }
}

/** Another descriptor of the same socket. */
export const sameSocketAgain = (libc: Libc, fd: number): number => libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)

/**
 * Lets further sockets of ours bind to the address (SO_REUSEPORT), among which the kernel spreads the clients. Done
 * after the first has bound without it: that one has met anybody else who listens there.
 */
export function shareSocket(libc: Libc, fd: number): void {
  new Scratch(libc).set(fd, SOL_SOCKET, SO_REUSEPORT, 1)
}

/**
 * Nothing more is received, whoever waits for it is woken; sending goes on. (It says that it is not connected, and does
 * it.)
 */
export function endReceiving(libc: Libc, fd: number): void {
  libc.shutdown(fd, SHUT_RD)
}

/** Memory for the arguments of calls. */
class Scratch {
  readonly #libc: Libc
  readonly #bytes = new Uint8Array(new ArrayBuffer(SCRATCH_OCTETS))
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #at: number

  constructor(libc: Libc) {
    this.#libc = libc
    this.#at = libc.addressOf(this.#bytes)
  }

  /** Negative when it was refused. */
  set(fd: number, level: number, option: number, value: number): number {
    this.#view.setInt32(0, value, true)
    return this.#libc.setsockopt(fd, level, option, this.#at, INT_OCTETS)
  }

  get(fd: number, level: number, option: number): number {
    this.#view.setInt32(LENGTH_AT, INT_OCTETS, true)
    this.#libc.getsockopt(fd, level, option, this.#at, this.#at + LENGTH_AT)
    return this.#view.getInt32(0, true)
  }

  setTimeout(fd: number, ms: number): void {
    this.#view.setBigInt64(0, BigInt(Math.floor(ms / 1_000)), true)
    this.#view.setBigInt64(8, BigInt((ms % 1_000) * 1_000), true)
    this.#libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, this.#at, TIMEVAL_OCTETS)
  }

  /** A socket address; gives where it is. */
  name(address: string, family: 4 | 6, port: number): number {
    const [text = '', zone = ''] = address.split('%')
    const scope = family === 6 ? this.#scopeOf(zone) : 0
    writeSocketName(this.#view, family, (family === 4 ? parseIpv4(text) : parseIpv6(text)) ?? [], port, scope)
    return this.#at
  }

  /** RFC 4007 section 11: the number of an interface, or its name. */
  #scopeOf(zone: string): number {
    if (zone === '' || /^\d+$/.test(zone)) return Number(zone)
    this.#bytes.fill(0)
    this.#bytes.set(new TextEncoder().encode(zone).subarray(0, LENGTH_AT))
    return this.#libc.ifNameToIndex(this.#at)
  }

  port(fd: number): number {
    this.#view.setInt32(LENGTH_AT, NAME_OCTETS[6], true)
    this.#libc.getsockname(fd, this.#at, this.#at + LENGTH_AT)
    return portInSocketName(this.#view)
  }
}
