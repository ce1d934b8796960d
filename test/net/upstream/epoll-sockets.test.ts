import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { limitsWith } from '../../../src/limits.ts'
import { type Libc, loadLibc } from '../../../src/net/linux/libc.ts'
import { systemRandom } from '../../../src/system/system.ts'
import { EpollSockets } from '../../../src/net/upstream/epoll-sockets.ts'
import { UdpUpstream } from '../../../src/net/upstream/udp.ts'
import type { OpenedSocket, UpstreamSocket } from '../../../src/net/upstream/udp-sockets.ts'
import type { ExchangeResult } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { bundled, needsBatch } from '../batch/support.ts'
import { addressOf, answer, atEnd, cleanUp, query, resultOf, settle, udpServer, until } from '../support.ts'
import { PROGRAM_MS } from '../../patience.mjs'

afterEach(cleanUp)

function libcOfHere(): Libc {
  const found = loadLibc()
  if (found.kind !== 'libc') throw new Error(found.reason)
  return found.libc
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

function makeUpstream(libc: Libc = libcOfHere(), limits = limitsWith({}).upstream) {
  const told: string[] = []
  const clock = new SimClock()
  const random = systemRandom()
  const upstream = new UdpUpstream({
    clock,
    random,
    limits,
    exhausted: code => told.push(code),
    sockets: new EpollSockets(libc, { random, limits }),
  })
  atEnd(() => upstream.close())
  return {
    upstream,
    clock,
    told,
    ask: (server: Parameters<UdpUpstream['exchange']>[0]) =>
      resultOf(done => upstream.exchange(server, query(), 400, done)),
  }
}

const socketOf = (opened: OpenedSocket): UpstreamSocket => {
  if (opened.kind !== 'socket') throw new Error(opened.code)
  return opened.socket
}

needsBatch('bare descriptors', () => {
  it('are all given back after 10,000 exchanges on sockets that are renewed, and after a close with some in flight', async () => {
    const before = openDescriptors()
    const { server, socket } = await udpServer((q, send) => send(answer(q)))
    const { upstream, ask } = makeUpstream()
    const state = { started: 0, replies: 0 }
    const next = async (): Promise<void> => {
      while (state.started++ < 10_000) if ((await ask(server)).kind === 'reply') state.replies++
    }
    await Promise.all(Array.from({ length: 100 }, next))
    expect(state.replies).toBe(10_000)
    expect(openDescriptors()).toBe(before + 1 + upstream.openSockets + 1)
    const silent = createSocket('udp4')
    atEnd(() => silent.close())
    await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
    const inFlight = ask(addressOf(silent.address().port))
    await settle()
    upstream.close()
    expect(await inFlight).toMatchObject({ kind: 'not-sent' })
    // The two servers.
    expect(openDescriptors()).toBe(before + 2)
    expect(socket.address().port).toBe(server.port)
  })

  it('are given back when the loop cannot watch them, as often as it is tried', () => {
    const before = openDescriptors()
    const { upstream } = makeUpstream({
      ...libcOfHere(),
      watch: () => {
        throw new Error('no watching')
      },
    })
    for (let i = 0; i < 10; i++)
      expect(() => upstream.exchange(addressOf(53), query(), 400, () => {})).toThrow('no watching')
    expect(openDescriptors()).toBe(before)
  })

  it('reach a server over IPv6', async () => {
    const server = createSocket({ type: 'udp6', ipv6Only: true })
    atEnd(() => server.close())
    server.on('message', (bytes, from) => server.send(answer(bytes), from.port, from.address))
    await new Promise<void>(resolve => server.bind(0, '::1', resolve))
    expect(await makeUpstream().ask(addressOf(server.address().port, '::1'))).toMatchObject({ kind: 'reply' })
  })

  it('say at once, but not within the call, that there is no way to a server', async () => {
    const { upstream } = makeUpstream({ ...libcOfHere(), connect: () => -101 })
    const results: ExchangeResult[] = []
    upstream.exchange(addressOf(9), query(), 400, r => results.push(r))
    expect(results).toEqual([])
    await until(() => results.length > 0)
    expect(results).toEqual([{ kind: 'unreachable', reason: 'ENETUNREACH', family: true }])
    expect(upstream.openSockets).toBe(0)
  })

  it.each<[string, Partial<Libc>, string]>([
    ['no descriptor for a socket', { socket: () => -24 }, 'EMFILE'],
    ['no descriptor for the set', { epollCreate: () => -23 }, 'ENFILE'],
    ['no room in the set', { epollControl: () => -12 }, 'ENOMEM'],
  ])('tell when the system has %s, and blame no server', async (_what, broken, code) => {
    const before = openDescriptors()
    const { ask, told } = makeUpstream({ ...libcOfHere(), ...broken })
    expect(await ask(addressOf(9))).toEqual({ kind: 'not-sent', reason: code })
    expect(told).toEqual([code])
    await cleanUp()
    expect(openDescriptors()).toBe(before)
  })

  it.each<[string, number, ExchangeResult]>([
    ['no room for the datagram', -11, { kind: 'not-sent', reason: 'ENOBUFS' }],
    ['a packet filter', -1, { kind: 'unreachable', reason: 'EPERM', family: false }],
  ])(
    'tell of %s when sending, after the call even when a full batch leaves within it',
    async (_what, errno, result) => {
      const { upstream } = makeUpstream(
        { ...libcOfHere(), send: () => errno },
        limitsWith({ upstream: { sentTogether: 1 } }).upstream,
      )
      const results: ExchangeResult[] = []
      upstream.exchange(addressOf(9), query(), 400, r => results.push(r))
      expect(results).toEqual([])
      await until(() => results.length > 0)
      expect(results).toEqual([result])
      expect(upstream.openSockets).toBe(0)
    },
  )

  it('draw another port when one is taken, and leave the choice to the kernel in the end', async () => {
    const ports: number[] = []
    const libc = libcOfHere()
    const bind = (fd: number, address: number, octets: number): number => {
      const bound = ports.length < 8 ? -98 : libc.bind(fd, address, octets)
      ports.push(bound)
      return bound
    }
    const { server } = await udpServer((q, send) => send(answer(q)))
    expect(await makeUpstream({ ...libc, bind }).ask(server)).toMatchObject({ kind: 'reply' })
    expect(ports).toEqual([...new Array<number>(8).fill(-98), 0])
  })

  it('give what they received for good: the next datagram does not overwrite it, however large', async () => {
    const { server } = await udpServer((q, send) => {
      for (const fill of [1, 2, 3]) send(new Uint8Array(fill === 2 ? 20_000 : 100).fill(fill))
      expect(q.length).toBe(3)
    })
    const random = systemRandom()
    const sockets = new EpollSockets(libcOfHere(), { random, limits: limitsWith({}).upstream })
    const got: Uint8Array[] = []
    const socket = socketOf(sockets.open(server, { received: bytes => got.push(bytes) < 3, failed: () => {} }))
    socket.send(new Uint8Array(3))
    await until(() => got.length === 3)
    expect(got.map(bytes => [bytes.length, new Set(bytes)])).toEqual([
      [100, new Set([1])],
      [20_000, new Set([2])],
      [100, new Set([3])],
    ])
    socket.close()
    socket.close()
    sockets.close()
    sockets.close()
  })

  it('hear nothing after a close, not even what came with the datagram that led to it', async () => {
    const { server, seen } = await udpServer((_q, send) => {
      for (let i = 0; i < 5; i++) send(new Uint8Array(12))
    })
    const sockets = new EpollSockets(libcOfHere(), { random: systemRandom(), limits: limitsWith({}).upstream })
    atEnd(() => sockets.close())
    const got: string[] = []
    const open = (name: string, other: () => UpstreamSocket): UpstreamSocket =>
      socketOf(
        sockets.open(server, {
          received: () => {
            got.push(name)
            a.close()
            other().close()
            return true
          },
          failed: code => got.push(code),
        }),
      )
    const a = open('a', () => b)
    const b = open('b', () => b)
    a.send(new Uint8Array(12))
    b.send(new Uint8Array(12))
    await until(() => seen.length === 2 && got.length > 0)
    await settle()
    expect(got).toHaveLength(1)
  })

  it('whose number was that of a closed one are not told what was meant for that one', async () => {
    const { server, seen } = await udpServer((_q, send) => send(new Uint8Array(12)))
    const silent = await udpServer(() => {})
    const libc = libcOfHere()
    const numbers: number[] = []
    const state = { open: false, ready: 0 }
    const epollWait: Libc['epollWait'] = (...args) => {
      // Both events in one round, as in a busy turn.
      const ready = state.open ? libc.epollWait(...args) : 0
      state.ready = Math.max(state.ready, ready)
      return ready
    }
    const socket: Libc['socket'] = (...args) => {
      const fd = libc.socket(...args)
      numbers.push(fd)
      return fd
    }
    // As if something had come for the new ones already.
    const recv: Libc['recv'] = (...args) => {
      const octets = libc.recv(...args)
      return octets < 0 && others.length > 0 ? 12 : octets
    }
    const sockets = new EpollSockets(
      { ...libc, socket, epollWait, recv },
      { random: systemRandom(), limits: limitsWith({}).upstream },
    )
    atEnd(() => sockets.close())
    const got: string[] = []
    const others: UpstreamSocket[] = []
    const open = (name: string): UpstreamSocket =>
      socketOf(
        sockets.open(server, {
          received: () => {
            got.push(name)
            for (const each of pair) each.close()
            // The lowest numbers that are free are given out first (POSIX.1-2017 section 2.14): these two among them.
            for (const other of ['c', 'd', 'e', 'f', 'g', 'h']) {
              others.push(
                socketOf(
                  sockets.open(silent.server, {
                    received: () => got.push(other) < 0,
                    failed: code => got.push(`${other} ${code}`),
                  }),
                ),
              )
            }
            return true
          },
          failed: code => got.push(code),
        }),
      )
    const pair = [open('a'), open('b')]
    for (const each of pair) each.send(new Uint8Array(12))
    await until(() => seen.length === 2)
    await settle()
    state.open = true
    await until(() => got.length > 0)
    await settle()
    for (const each of others) each.close()
    expect(state.ready).toBe(2)
    expect(numbers.slice(2)).toEqual(expect.arrayContaining(numbers.slice(0, 2)))
    const [first = '', second = ''] = got
    expect(['a', 'b']).toContain(first)
    const reused = numbers.indexOf(numbers[first === 'a' ? 1 : 0] ?? -1, 2)
    expect([second, got.length]).toEqual(['abcdefgh'.charAt(reused), 2])
  })

  it.each([
    ['one socket', 1, { receivedTogether: 40, receivedOfOne: 2 }, 2],
    ['many sockets', 10, { receivedTogether: 4, receivedOfOne: 2 }, 12],
    ['many sockets of which one may take all', 10, { receivedTogether: 4, receivedOfOne: 20 }, 13],
  ])(
    'leave the loop its turn under a flood of %s, and read the rest in the next ones',
    async (_what, count, bounds, most) => {
      const datagrams = 20
      const { server, seen } = await udpServer((_q, send) => {
        for (let i = 0; i < datagrams; i++) send(new Uint8Array(12))
      })
      const libc = libcOfHere()
      const state = { open: false, turn: 0, got: 0 }
      const reads = new Map<number, number>()
      const recv: Libc['recv'] = (...args) => {
        reads.set(state.turn, (reads.get(state.turn) ?? 0) + 1)
        return libc.recv(...args)
      }
      // Nothing is read before all is there: otherwise there is no flood.
      const epollWait: Libc['epollWait'] = (...args) => (state.open ? libc.epollWait(...args) : 0)
      const sockets = new EpollSockets(
        { ...libc, recv, epollWait },
        { random: systemRandom(), limits: limitsWith({ upstream: bounds }).upstream },
      )
      atEnd(() => sockets.close())
      const all = Array.from({ length: count }, () =>
        socketOf(sockets.open(server, { received: () => ++state.got > 0, failed: () => {} })),
      )
      for (const each of all) each.send(new Uint8Array(12))
      await until(() => seen.length === count)
      await settle()
      state.open = true
      while (state.got < count * datagrams) {
        await new Promise<void>(resolve => setImmediate(resolve))
        state.turn++
        if (state.turn > 100_000) throw new Error('the flood did not come')
      }
      for (const each of all) each.close()
      expect(Math.max(...reads.values())).toBe(most)
    },
  )

  it.each([
    ['is there to be asked and never is', 'none', 0, ['at the end 0'], ''],
    ['has idle sockets, as soon as these are too old', 'idle', 0, ['reply', 'at the end 0'], ''],
    ['was closed', 'close', 0, ['reply', 'at the end 0'], ''],
    ['ends it itself within a reply', 'exit', 7, ['reply', 'at the end 1'], ''],
    [
      'meets a bug within a reply, which is an exception like any other',
      'throw',
      1,
      ['reply', 'at the end 1'],
      'a bug of the caller',
    ],
  ])('let a process end that %s', async (_what, mode, code, lines, complaint) => {
    const { server } = await udpServer((q, send) => send(answer(q)))
    const program = fileURLToPath(await bundled('test/net/upstream/programs/upstream.ts'))
    const ran = await new Promise<{ code: unknown; out: string; err: string }>(resolve => {
      execFile(process.execPath, [program, mode, String(server.port)], { timeout: PROGRAM_MS }, (error, out, err) =>
        resolve({ code: error?.code ?? 0, out, err }),
      )
    })
    expect(ran).toMatchObject({ code, out: `${lines.join('\n')}\n` })
    expect(ran.err).toContain(complaint)
  })
})
