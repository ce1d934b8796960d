import { describe, expect, it } from 'vitest'
import type { Libc } from '../../../src/net/linux/libc.ts'
import { openBareSocket } from '../../../src/net/linux/udp-socket.ts'

const EPERM = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const WANTED = 4_194_304

/** A kernel that grants `bound` octets to whoever is not privileged, and anything to the others. */
function kernel(privileged: boolean, bound: number): { readonly libc: Libc; readonly asked: number[] } {
  const memory = new Map<number, DataView>()
  const asked: number[] = []
  const granted = { octets: 1_000 }
  const none = (): number => 0
  const libc: Libc = {
    addressOf: octets => {
      const address = 2 ** 20 * (memory.size + 1)
      memory.set(address, new DataView(octets.buffer))
      return address
    },
    socket: () => 7,
    setsockopt(_fd, _level, option, value) {
      if (option !== SO_RCVBUF && option !== SO_RCVBUFFORCE) return 0
      asked.push(option)
      if (option === SO_RCVBUFFORCE && !privileged) return -EPERM
      const octets = memory.get(value)?.getInt32(0, true) ?? 0
      granted.octets = option === SO_RCVBUFFORCE ? octets : Math.min(octets, bound)
      return 0
    },
    getsockopt(_fd, _level, option, value) {
      if (option === SO_RCVBUF) memory.get(value)?.setInt32(0, 2 * granted.octets, true)
      return 0
    },
    bind: none,
    getsockname: none,
    recvmmsg: none,
    sendmmsg: none,
    poll: none,
    shutdown: none,
    eventfd: none,
    read: none,
    write: none,
    close: none,
    fcntl: none,
    syscall: none,
    ifNameToIndex: none,
    connect: none,
    send: none,
    recv: none,
    epollCreate: none,
    epollControl: none,
    epollWait: none,
    watch: () => ({ ref() {}, unref() {}, close() {} }),
  }
  return { libc, asked }
}

describe('the receive buffer of a bare socket', () => {
  it.each([
    [
      'as large as wanted for a privileged process, whatever the bound of the host',
      true,
      212_992,
      WANTED,
      [SO_RCVBUFFORCE],
    ],
    ['what the host allows for any other', false, 212_992, 212_992, [SO_RCVBUFFORCE, SO_RCVBUF]],
    ['as large as wanted where the host allows it', false, 2 * WANTED, WANTED, [SO_RCVBUFFORCE, SO_RCVBUF]],
  ])('%s', (_, privileged, bound, octets, options) => {
    const { libc, asked } = kernel(privileged, bound)
    const opened = openBareSocket({
      libc,
      address: '127.0.0.1',
      port: 0,
      receiveBufferBytes: WANTED,
      wakeMs: 1_000,
      joins: false,
    })
    expect(opened).toMatchObject({ kind: 'socket', receiveBufferBytes: octets })
    expect(asked).toEqual(options)
  })
})
