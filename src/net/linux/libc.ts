/**
 * The few system calls that `node:dgram` does not offer, by way of the prebuilt binary of koffi, an optional package
 * for Linux on x64 and arm64. Deliberately thin: numbers in, a number out, what is negative is an errno. Memory is
 * handed over as addresses, which fit a double exactly (47 bits), so that no call makes an object.
 *
 * Invariant: whoever hands over an address keeps its memory alive, and its extent is right; nothing checks that here.
 */
import { createRequire } from 'node:module'
import { getSystemErrorMap } from 'node:util'
import { errorText } from '../../events.ts'

/** Every function gives what it is documented to give (man section 2), or a negative errno. */
export interface Libc {
  /** Where memory begins. It stays there as long as it is not collected. */
  addressOf(memory: Uint8Array): number
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: number, octets: number): number
  connect(fd: number, address: number, octets: number): number
  send(fd: number, from: number, octets: number, flags: number): number
  recv(fd: number, into: number, octets: number, flags: number): number
  getsockname(fd: number, address: number, octetsAt: number): number
  setsockopt(fd: number, level: number, option: number, value: number, octets: number): number
  getsockopt(fd: number, level: number, option: number, value: number, octetsAt: number): number
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: number): number
  sendmmsg(fd: number, headers: number, count: number, flags: number): number
  poll(descriptors: number, count: number, timeoutMs: number): number
  epollCreate(flags: number): number
  epollControl(epoll: number, operation: number, fd: number, event: number): number
  epollWait(epoll: number, events: number, max: number, timeoutMs: number): number
  shutdown(fd: number, how: number): number
  eventfd(initial: number, flags: number): number
  read(fd: number, into: number, octets: number): number
  write(fd: number, from: number, octets: number): number
  close(fd: number): number
  fcntl(fd: number, command: number, argument: number): number
  /** The system call with this number; see `net/batch/scheduling.ts`. */
  syscall(number: number, a: number, b: number, c: number, d: number): number
  /** 0 when there is no such interface. `name` is the address of a text that ends in 0. */
  ifNameToIndex(name: number): number
  /**
   * Calls `readable` in each turn of the loop in which the descriptor can be read, and keeps the process alive unless
   * configured not to. Closed before the descriptor is. In the main thread only: a worker that is terminated during a
   * call takes the process with it.
   */
  watch(fd: number, readable: () => void): Watch
}

export interface Watch {
  ref(): void
  unref(): void
  close(): void
}

export type LibcResult =
  | { readonly kind: 'libc'; readonly libc: Libc }
  | { readonly kind: 'unavailable'; readonly reason: string }

type Native = (...args: readonly number[]) => number

interface NativeLibrary {
  func(name: string, result: string, parameters: readonly string[]): Native
}

interface Koffi {
  load(path: null): NativeLibrary
  address(memory: Uint8Array): bigint
  errno(): number
  readonly node: {
    poll(fd: number, wanted: { readonly readable: boolean }, found: () => void): Watch
  }
}

const isKoffi = (value: unknown): value is Koffi =>
  typeof value === 'object' &&
  value !== null &&
  'load' in value &&
  typeof value.load === 'function' &&
  'address' in value &&
  typeof value.address === 'function' &&
  'errno' in value &&
  typeof value.errno === 'function' &&
  'node' in value &&
  typeof value.node === 'object' &&
  value.node !== null &&
  'poll' in value.node &&
  typeof value.node.poll === 'function'

/** Where our layouts of the kernel's structures hold. */
const ARCHITECTURES = ['x64', 'arm64']

/** Never throws: that it cannot be had is ordinary. Each thread loads its own. */
export function loadLibc(): LibcResult {
  const { platform, arch } = process
  if (platform !== 'linux') return { kind: 'unavailable', reason: `${platform} has no recvmmsg` }
  if (!ARCHITECTURES.includes(arch)) return { kind: 'unavailable', reason: `there is no build of koffi for ${arch}` }
  try {
    const koffi: unknown = createRequire(import.meta.url)(`@koromix/koffi-linux-${arch}`)
    if (!isKoffi(koffi)) return { kind: 'unavailable', reason: 'the koffi that is installed is not one we know' }
    return { kind: 'libc', libc: bindLibc(koffi) }
  } catch (error) {
    const [first = ''] = errorText(error).split('\n')
    return { kind: 'unavailable', reason: `koffi cannot be loaded: ${first}` }
  }
}

/** `EADDRINUSE` and its explanation. */
export function describeErrno(errno: number): { readonly code: string; readonly message: string } {
  const [code, message] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error']
  return { code, message }
}

/**
 * The symbols of the program itself, which has libc in it: the same for glibc and musl. Pointers are declared as
 * integers.
 */
function bindLibc(koffi: Koffi): Libc {
  const library = koffi.load(null)
  const native = (name: string, result: string, parameters: readonly string[]): Native => {
    const call = library.func(name, result, parameters)
    return (...args) => {
      const value = call(...args)
      return value < 0 ? -koffi.errno() : value
    }
  }
  // Spread arguments cost more than the calls of every batch and every exchange should.
  const recvmmsg = library.func('recvmmsg', 'int', ['int', 'uint64_t', 'uint32_t', 'int', 'uint64_t'])
  const sendmmsg = library.func('sendmmsg', 'int', ['int', 'uint64_t', 'uint32_t', 'int'])
  const poll = library.func('poll', 'int', ['uint64_t', 'uint64_t', 'int'])
  const send = library.func('send', 'long', ['int', 'uint64_t', 'uint64_t', 'int'])
  const recv = library.func('recv', 'long', ['int', 'uint64_t', 'uint64_t', 'int'])
  const epollWait = library.func('epoll_wait', 'int', ['int', 'uint64_t', 'int', 'int'])
  const outcome = (value: number): number => (value < 0 ? -koffi.errno() : value)
  return {
    addressOf: memory => Number(koffi.address(memory)),
    socket: native('socket', 'int', ['int', 'int', 'int']),
    bind: native('bind', 'int', ['int', 'uint64_t', 'uint32_t']),
    connect: native('connect', 'int', ['int', 'uint64_t', 'uint32_t']),
    send: (fd, from, octets, flags) => outcome(send(fd, from, octets, flags)),
    recv: (fd, into, octets, flags) => outcome(recv(fd, into, octets, flags)),
    getsockname: native('getsockname', 'int', ['int', 'uint64_t', 'uint64_t']),
    setsockopt: native('setsockopt', 'int', ['int', 'int', 'int', 'uint64_t', 'uint32_t']),
    getsockopt: native('getsockopt', 'int', ['int', 'int', 'int', 'uint64_t', 'uint64_t']),
    recvmmsg: (fd, headers, count, flags, timeout) => outcome(recvmmsg(fd, headers, count, flags, timeout)),
    sendmmsg: (fd, headers, count, flags) => outcome(sendmmsg(fd, headers, count, flags)),
    poll: (descriptors, count, timeoutMs) => outcome(poll(descriptors, count, timeoutMs)),
    epollCreate: native('epoll_create1', 'int', ['int']),
    epollControl: native('epoll_ctl', 'int', ['int', 'int', 'int', 'uint64_t']),
    epollWait: (epoll, events, most, timeoutMs) => outcome(epollWait(epoll, events, most, timeoutMs)),
    shutdown: native('shutdown', 'int', ['int', 'int']),
    eventfd: native('eventfd', 'int', ['uint32_t', 'int']),
    read: native('read', 'long', ['int', 'uint64_t', 'uint64_t']),
    write: native('write', 'long', ['int', 'uint64_t', 'uint64_t']),
    close: native('close', 'int', ['int']),
    fcntl: native('fcntl', 'int', ['int', 'int', 'long']),
    syscall: native('syscall', 'long', ['long', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t']),
    ifNameToIndex: native('if_nametoindex', 'uint32_t', ['uint64_t']),
    // What throws within koffi's own call ends the process without a word; in a tick of Node.js it is an exception like
    // any other.
    watch: (fd, readable) => koffi.node.poll(fd, { readable: true }, () => process.nextTick(readable)),
  }
}
