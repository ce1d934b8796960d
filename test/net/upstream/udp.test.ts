import { createSocket } from 'node:dgram'
import { afterEach, describe, expect, it } from 'vitest'
import { limitsWith, type UpstreamLimits } from '../../../src/limits.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { systemRandom } from '../../../src/system/system.ts'
import { EpollSockets } from '../../../src/net/upstream/epoll-sockets.ts'
import { dgramSockets, type SocketParts, type UpstreamSockets } from '../../../src/net/upstream/udp-sockets.ts'
import { UdpUpstream } from '../../../src/net/upstream/udp.ts'
import type { Clock, ExchangeResult, ServerAddress, Random } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import {
  addressOf,
  answer,
  atEnd,
  cleanUp,
  idIn,
  patched,
  query,
  resultOf,
  settle,
  udpServer,
  until,
} from '../support.ts'

afterEach(cleanUp)

const found = loadLibc()
const kinds: readonly (readonly [string, (parts: SocketParts) => UpstreamSockets])[] = [
  ['node:dgram', dgramSockets],
  ...(found.kind === 'libc' ? [['epoll', (parts: SocketParts) => new EpollSockets(found.libc, parts)] as const] : []),
]

/** The virtual time, and the real turns of the loop. */
const withTurns = (clock: SimClock): Clock => ({
  now: () => clock.now(),
  wall: () => clock.wall(),
  after(ms, fire) {
    if (ms > 0) return clock.after(ms, fire)
    const immediate = setImmediate(fire)
    return () => clearImmediate(immediate)
  },
})

describe.each(kinds)('with sockets of %s', (_kind, makeSockets) => {
  function makeUpstream(
    changes: Partial<UpstreamLimits> = {},
    random: Random = systemRandom(),
    turns = false,
  ): {
    upstream: UdpUpstream
    clock: SimClock
    ask: (server: ServerAddress, message: Uint8Array, timeoutMs?: number) => Promise<ExchangeResult>
  } {
    const clock = new SimClock()
    const { upstream: limits } = limitsWith({ upstream: changes })
    const upstream = new UdpUpstream({
      // What is to be done after this turn of the loop waits for it, or does not.
      clock: turns ? withTurns(clock) : clock,
      random,
      limits,
      exhausted: () => {},
      sockets: makeSockets({ random, limits }),
    })
    atEnd(() => upstream.close())
    return {
      upstream,
      clock,
      ask: (server, message, timeoutMs = 400) => resultOf(done => upstream.exchange(server, message, timeoutMs, done)),
    }
  }

  describe('one exchange', () => {
    it('brings the reply, with the time it took, and never before the call returned', async () => {
      const { upstream, clock } = makeUpstream()
      const { server } = await udpServer((q, send) => {
        clock.advance(12)
        send(answer(q))
      })
      const results: ExchangeResult[] = []
      upstream.exchange(server, query(), 400, r => results.push(r))
      expect(results).toEqual([])
      await until(() => results.length > 0)
      expect(results[0]).toMatchObject({ kind: 'reply', rttMs: 12, caseEchoed: true, mismatches: 0 })
      expect(results[0]?.kind === 'reply' && Buffer.from(results[0].bytes)).toEqual(Buffer.from(answer(query())))
    })

    it('takes a reply that came in time, though a busy turn of the loop looks at it after that', async () => {
      const { upstream, clock } = makeUpstream({}, systemRandom(), true)
      const { server } = await udpServer((q, send) => {
        send(answer(q))
        // Timers come before sockets in the next turn.
        setImmediate(() => clock.advance(500))
      })
      const results: ExchangeResult[] = []
      upstream.exchange(server, query(), 400, r => results.push(r))
      await until(() => results.length > 0)
      expect(results).toMatchObject([{ kind: 'reply' }])
    })

    it('counts the time of a server from when the query left, not from when a busy turn of the loop began', async () => {
      const { upstream, clock } = makeUpstream()
      const { server } = await udpServer((q, send) => send(answer(q)))
      const results: ExchangeResult[] = []
      upstream.exchange(server, query(), 400, r => results.push(r))
      clock.advance(500)
      await until(() => results.length > 0)
      expect(results[0]).toMatchObject({ kind: 'reply' })
    })

    it.each<[string, (q: Uint8Array) => Uint8Array]>([
      ['a query (QR=0)', q => patched(answer(q), { 2: 0x05 })],
      ['another opcode', q => patched(answer(q), { 2: 0x95 })],
      ['a header cut short', q => answer(q).subarray(0, 3)],
      ['nothing at all', () => new Uint8Array(0)],
      ['a record that runs over the end', q => answer(q).subarray(0, answer(q).length - 2)],
      ['octets behind a count that lies', q => patched(answer(q), { 7: 9 })],
      ['a malformed message with another ID', q => patched(answer(q).subarray(0, answer(q).length - 2), { 0: 0x77 })],
    ])('waits on after %s and takes the true reply behind it', async (_what, forge) => {
      const { ask } = makeUpstream()
      const { server } = await udpServer((q, send) => {
        send(forge(q))
        send(answer(q))
      })
      expect(await ask(server, query())).toMatchObject({ kind: 'reply', mismatches: 1 })
    })

    it.each<[string, (q: Uint8Array) => Uint8Array]>([
      ['another ID', q => patched(answer(q), { 1: (q[1] ?? 0) ^ 1 })],
      ['another name', q => answer(query({ id: idIn(q), name: 'www.example.org' }))],
      ['another type', q => answer(query({ id: idIn(q), type: 28 }))],
      ['another class', q => patched(answer(q), { [q.length - 1]: 3 })],
      ['NOERROR without a question', q => patched(q.subarray(0, 12), { 2: 0x81, 5: 0 })],
    ])('suspects spoofing at once after a well-formed reply with %s', async (_what, forge) => {
      const { ask, upstream } = makeUpstream({ mismatchesBeforeTcp: 1 })
      const { server } = await udpServer((q, send) => send(forge(q)))
      expect(await ask(server, query())).toEqual({ kind: 'spoofing-suspected', mismatches: 1 })
      expect(upstream.openSockets).toBe(0)
    })

    it('bears as many guesses as the limit allows', async () => {
      const { ask } = makeUpstream({ mismatchesBeforeTcp: 3 })
      const { server } = await udpServer((q, send) => {
        send(patched(answer(q), { 0: (q[0] ?? 0) ^ 1 }))
        send(patched(answer(q), { 0: (q[0] ?? 0) ^ 2 }))
        send(answer(q))
      })
      expect(await ask(server, query())).toMatchObject({ kind: 'reply', mismatches: 2 })
    })

    it('says when the case of the question changed (0x20)', async () => {
      const { ask } = makeUpstream()
      const { server } = await udpServer((q, send) => send(patched(answer(q), { 13: (q[13] ?? 0) ^ 0x20 })))
      expect(await ask(server, query({ name: 'wWw.eXample.com' }))).toMatchObject({ kind: 'reply', caseEchoed: false })
    })

    it('delivers a truncated reply that was cut inside a record: only its TC will be read', async () => {
      const { ask } = makeUpstream()
      const { server } = await udpServer((q, send) => send(patched(answer(q), { 2: 0x87 }).subarray(0, q.length + 5)))
      expect(await ask(server, query())).toMatchObject({ kind: 'reply' })
    })

    it('times out, whatever noise came', async () => {
      const { ask, clock } = makeUpstream()
      const { server, seen } = await udpServer((q, send) => {
        send(q)
        send(new Uint8Array(12))
      })
      const result = ask(server, query(), 250)
      await until(() => seen.length === 1)
      await settle()
      clock.advance(249)
      clock.advance(1)
      expect(await result).toEqual({ kind: 'timeout', mismatches: 2 })
    })

    it('is told at once that nobody listens there', async () => {
      const { ask } = makeUpstream()
      const gone = createSocket('udp4')
      const port = await new Promise<number>(resolve => gone.bind(0, '127.0.0.1', () => resolve(gone.address().port)))
      await new Promise<void>(resolve => gone.close(() => resolve()))
      expect(await ask(addressOf(port), query())).toEqual({
        kind: 'unreachable',
        reason: 'ECONNREFUSED',
        family: false,
      })
    })

    it('hears nobody but the server: a right reply from another port is lost in the kernel', async () => {
      const { ask } = makeUpstream()
      const spoofer = createSocket('udp4')
      atEnd(() => spoofer.close())
      await new Promise<void>(resolve => spoofer.bind(0, '127.0.0.1', resolve))
      const { server } = await udpServer((q, send, from) => {
        spoofer.send(patched(answer(q), { 2: 0x87 }), from.port, from.address, () => send(answer(q)))
      })
      const result = await ask(server, query())
      expect(result).toMatchObject({ kind: 'reply', mismatches: 0 })
      expect(result.kind === 'reply' && result.bytes[2]).toBe(0x85)
    })

    it('does not call back after a cancel, and keeps no socket', async () => {
      const { upstream, clock } = makeUpstream()
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      const results: ExchangeResult[] = []
      const cancel = upstream.exchange(server, query(), 400, r => results.push(r))
      // Behind the end of this turn, when queries leave, and before the next one, when the reply is read.
      await new Promise<void>(resolve => void setImmediate(resolve))
      cancel()
      cancel()
      expect(upstream.openSockets).toBe(0)
      await until(() => seen.length === 1)
      await settle()
      clock.advance(1_000)
      expect(results).toEqual([])
      expect(clock.pending).toBe(0)
    })

    it('sends nothing when it is cancelled before the turn ends', async () => {
      const { upstream, ask } = makeUpstream()
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      upstream.exchange(server, query({ id: 1 }), 400, () => {})()
      expect(await ask(server, query({ id: 2 }))).toMatchObject({ kind: 'reply' })
      expect(seen.map(({ query: q }) => idIn(q))).toEqual([2])
    })

    it('sends what is asked in one turn in its order, in batches of the limit', async () => {
      const { upstream } = makeUpstream({ sentTogether: 2 })
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      const results: ExchangeResult[] = []
      for (const id of [1, 2, 3, 4, 5]) upstream.exchange(server, query({ id }), 400, r => results.push(r))
      await until(() => results.length === 5)
      expect(seen.map(({ query: q }) => idIn(q))).toEqual([1, 2, 3, 4, 5])
    })

    it('ends everything as not sent when the network closes, later exchanges too', async () => {
      const { upstream, clock, ask } = makeUpstream({ udpSockets: 1 })
      const { server } = await udpServer(() => {})
      const inFlight = ask(server, query())
      const waiting = ask(server, query())
      upstream.close()
      const closed = { kind: 'not-sent', reason: 'the network is closed' }
      expect([await inFlight, await waiting, await ask(server, query())]).toEqual([closed, closed, closed])
      expect([upstream.openSockets, upstream.waiting, clock.pending]).toEqual([0, 0, 0])
    })
  })

  describe('an error without a question', () => {
    const questionless = (q: Uint8Array): Uint8Array => patched(q.subarray(0, 12), { 2: 0x81, 3: 1, 5: 0 })

    it('does not beat the reply behind it', async () => {
      const { ask } = makeUpstream()
      const { server } = await udpServer((q, send) => {
        send(questionless(q))
        send(answer(q))
      })
      const result = await ask(server, query())
      expect(result.kind === 'reply' && result.bytes.length).toBe(answer(query()).length)
    })

    it.each([
      ['a short grace', 100, 1_000],
      ['the time-out when that is sooner', 1_000, 100],
    ])('is delivered after %s when nothing better came', async (_what, questionlessGraceMs, timeoutMs) => {
      const { upstream, clock } = makeUpstream({ questionlessGraceMs })
      const { server } = await udpServer((q, send) => send(questionless(q)))
      const results: ExchangeResult[] = []
      upstream.exchange(server, query(), timeoutMs, r => results.push(r))
      await until(() => clock.pending === 2)
      clock.advance(99)
      expect(results).toEqual([])
      clock.advance(1)
      expect(results).toMatchObject([{ kind: 'reply', rttMs: 100, caseEchoed: true }])
      expect(clock.pending).toBe(0)
    })
  })

  describe('a reply whose time is over', () => {
    /** A server whose replies are sent when the test says so, and what it got. */
    const lateServer = async (): Promise<{ server: ServerAddress; asked: Uint8Array[]; sends: (() => void)[] }> => {
      const asked: Uint8Array[] = []
      const sends: (() => void)[] = []
      const { server } = await udpServer((q, send) => {
        asked.push(q)
        sends.push(() => send(answer(q)))
      })
      return { server, asked, sends }
    }

    it('ends the next try, with the time that it took in all, whatever the letters', async () => {
      const { upstream, clock, ask } = makeUpstream()
      const { server, sends } = await lateServer()
      const first = ask(server, query({ id: 1, name: 'wWw.example.com' }), 100)
      await until(() => sends.length === 1)
      clock.advance(100)
      expect(await first).toMatchObject({ kind: 'timeout' })
      const second = ask(server, query({ id: 2 }), 1_000)
      await until(() => sends.length === 2)
      clock.advance(700)
      sends[0]?.()
      expect(await second).toMatchObject({ kind: 'reply', rttMs: 800, caseEchoed: true })
      expect([upstream.openSockets, clock.pending]).toEqual([0, 0])
    })

    it('is there for a try that begins later, and is used once', async () => {
      const { upstream, clock, ask } = makeUpstream()
      const { server, sends } = await lateServer()
      const first = ask(server, query({ id: 1 }), 100)
      await until(() => sends.length === 1)
      clock.advance(100)
      await first
      sends[0]?.()
      await settle()
      expect(await ask(server, query({ id: 2 }))).toMatchObject({ kind: 'reply', rttMs: 100 })
      const third = ask(server, query({ id: 3 }))
      await until(() => sends.length === 2)
      sends[1]?.()
      expect(await third).toMatchObject({ kind: 'reply', rttMs: 0 })
      expect(upstream.openSockets).toBe(1)
    })

    it.each([
      ['another name', { name: 'other.example.com' }],
      ['another type', { type: 28 }],
    ])('is not for a question with %s', async (_what, other) => {
      const { clock, ask } = makeUpstream()
      const { server, sends } = await lateServer()
      const first = ask(server, query({ id: 1 }), 100)
      await until(() => sends.length === 1)
      clock.advance(100)
      await first
      sends[0]?.()
      await settle()
      const second = ask(server, query({ id: 2, ...other }), 100)
      await until(() => sends.length === 2)
      clock.advance(100)
      expect(await second).toMatchObject({ kind: 'timeout' })
    })

    it('is forgotten after its own bound, and its socket closed', async () => {
      const { upstream, clock, ask } = makeUpstream({ lateReplyMs: 500 })
      const { server, sends } = await lateServer()
      const first = ask(server, query({ id: 1 }), 100)
      await until(() => sends.length === 1)
      clock.advance(100)
      await first
      clock.advance(499)
      expect(upstream.openSockets).toBe(1)
      clock.advance(1)
      expect([upstream.openSockets, clock.pending]).toEqual([0, 0])
    })

    it('is not waited for any more when somebody guesses', async () => {
      const { upstream, clock, ask } = makeUpstream()
      const guesses: (() => void)[] = []
      const { server } = await udpServer((q, send) => {
        guesses.push(() => send(patched(answer(q), { 0: (q[0] ?? 0) ^ 1 })))
      })
      const first = ask(server, query({ id: 1 }), 100)
      await until(() => guesses.length === 1)
      clock.advance(100)
      await first
      guesses[0]?.()
      await until(() => upstream.openSockets === 0)
      expect(clock.pending).toBe(0)
    })

    it('is waited for on no more sockets than the limit, and on none when a query needs one', async () => {
      const { upstream, clock, ask } = makeUpstream({ lateReplies: 2, udpSockets: 3 })
      const { server, sends } = await lateServer()
      for (let id = 1; id <= 3; id++) {
        const lost = ask(server, query({ id, name: `n${id}.example` }), 100)
        await until(() => sends.length === id)
        clock.advance(100)
        await lost
      }
      expect(upstream.openSockets).toBe(2)
      for (let id = 4; id <= 6; id++) void ask(server, query({ id, name: `n${id}.example` }))
      await until(() => sends.length === 6)
      expect([upstream.openSockets, upstream.waiting]).toEqual([3, 0])
    })
  })

  describe('sockets', () => {
    it('are used again after a reply, up to their number of exchanges', async () => {
      const { upstream, ask } = makeUpstream({ exchangesPerSocket: 3 })
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      for (let i = 0; i < 7; i++) await ask(server, query({ id: i }))
      const ports = seen.map(s => s.port)
      expect(new Set(ports.slice(0, 3)).size).toBe(1)
      expect(new Set(ports.slice(3, 6)).size).toBe(1)
      expect(new Set(ports).size).toBe(3)
      expect(upstream.openSockets).toBe(1)
    })

    it('are renewed by age and closed when idle for long', async () => {
      const { upstream, clock, ask } = makeUpstream({ socketAgeMs: 1_000 })
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      await ask(server, query())
      clock.advance(999)
      await ask(server, query())
      expect(new Set(seen.map(s => s.port)).size).toBe(1)
      clock.advance(1)
      await ask(server, query())
      expect(new Set(seen.map(s => s.port)).size).toBe(2)
      clock.advance(2_000)
      expect(upstream.openSockets).toBe(0)
      expect(clock.pending).toBe(0)
    })

    it('are not used again after a time-out', async () => {
      const { clock, ask } = makeUpstream()
      const { server, seen } = await udpServer((q, send) => {
        if (idIn(q) !== 1) send(answer(q))
      })
      const lost = ask(server, query({ id: 1 }), 100)
      await until(() => seen.length === 1)
      clock.advance(100)
      expect(await lost).toMatchObject({ kind: 'timeout' })
      await ask(server, query({ id: 2 }))
      expect(new Set(seen.map(s => s.port)).size).toBe(2)
    })

    it('do not charge a duplicate of an earlier reply to the next exchange', async () => {
      const { ask } = makeUpstream({ mismatchesBeforeTcp: 1 })
      const earlier: Uint8Array[] = []
      const { server, seen } = await udpServer((q, send) => {
        for (const late of earlier) send(late)
        earlier.push(answer(q))
        send(answer(q))
      })
      for (let id = 1; id <= 4; id++)
        expect(await ask(server, query({ id, name: `n${id}.example` }))).toMatchObject({ kind: 'reply', mismatches: 0 })
      expect(new Set(seen.map(s => s.port)).size).toBe(1)
    })

    it('are never more than the limit, serve one exchange at a time, and everyone gets his turn', async () => {
      const { upstream, ask } = makeUpstream({ udpSockets: 5, idleSocketsPerServer: 2 })
      const busy = new Set<number>()
      const shared: number[] = []
      const servers = await Promise.all(
        Array.from({ length: 4 }, () =>
          udpServer((q, send, from) => {
            if (busy.has(from.port)) shared.push(from.port)
            busy.add(from.port)
            setImmediate(() => {
              busy.delete(from.port)
              send(answer(q))
            })
          }),
        ),
      )
      const open: number[] = []
      const all = Array.from({ length: 120 }, async (_, i) => {
        const target = servers[i % servers.length]
        if (target === undefined) throw new Error('no server')
        const result = await ask(target.server, query({ id: i }))
        open.push(upstream.openSockets)
        return result.kind
      })
      expect(upstream.waiting).toBe(115)
      expect(new Set(await Promise.all(all))).toEqual(new Set(['reply']))
      expect(Math.max(...open)).toBeLessThanOrEqual(5)
      expect(shared).toEqual([])
      expect(upstream.waiting).toBe(0)
    })

    it('idle for other servers make room for a new one', async () => {
      const { upstream, ask } = makeUpstream({ udpSockets: 2 })
      const [a, b, c] = await Promise.all([1, 2, 3].map(() => udpServer((q, send) => send(answer(q)))))
      for (const one of [a, b, c])
        if (one !== undefined) expect(await ask(one.server, query())).toMatchObject({ kind: 'reply' })
      expect([upstream.openSockets, upstream.idleSockets]).toEqual([2, 2])
      if (b !== undefined) await ask(b.server, query())
      expect(new Set(b?.seen.map(s => s.port)).size).toBe(1)
    })

    it('keeps no more idle ones for a server than the limit', async () => {
      const { upstream, ask } = makeUpstream({ idleSocketsPerServer: 3 })
      const { server } = await udpServer((q, send) => send(answer(q)))
      await Promise.all(Array.from({ length: 10 }, (_, id) => ask(server, query({ id }))))
      expect([upstream.openSockets, upstream.idleSockets]).toEqual([3, 3])
    })

    it('that are idle can be given back at once, those in use stay', async () => {
      const { upstream, ask } = makeUpstream()
      const held: (() => void)[] = []
      const { server } = await udpServer((q, send) => {
        if (idIn(q) === 9) held.push(() => send(answer(q)))
        else send(answer(q))
      })
      const inFlight = ask(server, query({ id: 9 }))
      await Promise.all([1, 2, 3].map(id => ask(server, query({ id }))))
      expect([upstream.openSockets, upstream.idleSockets]).toEqual([4, 3])
      upstream.closeIdle()
      expect([upstream.openSockets, upstream.idleSockets]).toEqual([1, 0])
      await until(() => held.length === 1)
      held[0]?.()
      expect(await inFlight).toMatchObject({ kind: 'reply' })
    })

    it('that never come free cost a waiting exchange the time to wait, and the server no blame', async () => {
      const { upstream, clock, ask } = makeUpstream({ udpSockets: 1, socketWaitMs: 200 })
      const { server } = await udpServer(() => {})
      const first = ask(server, query({ id: 1 }), 500)
      const second = ask(server, query({ id: 2 }), 50)
      expect(upstream.waiting).toBe(1)
      // The first leaves.
      await settle()
      clock.advance(200)
      expect(await second).toEqual({ kind: 'not-sent', reason: 'no socket became free in time' })
      clock.advance(300)
      expect(await first).toMatchObject({ kind: 'timeout' })
    })

    it('that come free late leave the server all of its time', async () => {
      const { upstream, clock, ask } = makeUpstream({ udpSockets: 1, socketWaitMs: 1_000 })
      const { server } = await udpServer((q, send) => {
        if (idIn(q) === 2) send(answer(q))
      })
      const first = ask(server, query({ id: 1 }), 400)
      // Less than it waits: the server's time has not begun.
      const second = ask(server, query({ id: 2 }), 50)
      await settle()
      clock.advance(399)
      expect(upstream.waiting).toBe(1)
      clock.advance(1)
      expect(await first).toMatchObject({ kind: 'timeout' })
      expect(await second).toMatchObject({ kind: 'reply', rttMs: 0 })
    })

    it('keep a bounded queue: the oldest that waits is let go', async () => {
      const { upstream, ask } = makeUpstream({ udpSockets: 1, waitingExchanges: 2 })
      const { server } = await udpServer(() => {})
      const [, oldest] = [1, 2, 3, 4].map(id => ask(server, query({ id })))
      expect(await oldest).toEqual({ kind: 'not-sent', reason: 'too many exchanges wait for a socket' })
      expect(upstream.waiting).toBe(2)
    })
  })

  describe('source ports', () => {
    async function portsOf(exchanges: number, changes: Partial<UpstreamLimits>, random?: Random): Promise<number[]> {
      const { upstream } = makeUpstream(changes, random)
      const { server, seen } = await udpServer((q, send) => send(answer(q)))
      let started = 0
      const next = async (): Promise<void> => {
        while (started < exchanges) {
          const result = await resultOf(done => upstream.exchange(server, query({ id: started++ & 0xffff }), 400, done))
          expect(result.kind).toBe('reply')
        }
      }
      await Promise.all(Array.from({ length: 50 }, next))
      return seen.map(s => s.port)
    }

    it('of 2,000 fresh sockets are spread evenly over the whole range', async () => {
      const ports = await portsOf(2_000, { exchangesPerSocket: 1 })
      // Drawing 2,000 of 64,500 leaves about 1,970 distinct ones.
      expect(new Set(ports).size).toBeGreaterThan(1_900)
      expect(Math.min(...ports)).toBeGreaterThanOrEqual(1_024)
      const buckets = new Array<number>(16).fill(0)
      for (const port of ports) {
        const bucket = Math.floor(((port - 1_024) * 16) / 64_512)
        buckets[bucket] = (buckets[bucket] ?? 0) + 1
      }
      // 125 each, standard deviation 10.8.
      for (const count of buckets) expect(Math.abs(count - 125)).toBeLessThan(65)
      // And they do not follow one another.
      const steps = new Set(ports.slice(1).map((port, i) => port - (ports[i] ?? 0)))
      expect(steps.size).toBeGreaterThan(1_800)
    })

    it('of 2,000 pooled exchanges are each used no more often than the limit', async () => {
      // No port twice: of a hundred drawn by chance two would be equal in 7 runs of 100, and count as one.
      const chance = systemRandom()
      let drawn = 0
      const ports = await portsOf(
        2_000,
        {},
        { bytes: into => chance.bytes(into), below: n => (n > 10_000 ? (7_919 * drawn++) % n : chance.below(n)) },
      )
      const uses = new Map<number, number>()
      for (const port of ports) uses.set(port, (uses.get(port) ?? 0) + 1)
      expect(Math.max(...uses.values())).toBeLessThanOrEqual(32)
      expect(uses.size).toBeGreaterThanOrEqual(63)
    })
  })
})
