/**
 * The same questions to rootwalk and to Unbound, on the same real servers: status and answer must be equal. Where they
 * may differ the reason stands here; nothing else is let through.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startUnbound, type Daemon } from '../daemons.mjs'
import { needs, unless } from '../tools.ts'
import { dig, linesOf, type Endpoint } from './dig.ts'
import { startInternet, whyNoInternet, type RealInternet } from './nsd.ts'
import { disputed, questions } from './questions.ts'
import { freePort, startRootwalk, type Rootwalk } from './rootwalk.ts'

/** Why an answer may differ from Unbound's. */
const EXPLAINED: ReadonlyMap<string, string> = new Map<string, string>([])

/** Unbound waits up to two minutes for a server that refuses; nothing here is further away than the loopback. */
const IMPATIENT = ['infra-cache-max-rtt: 400', 'infra-cache-min-rtt: 50', 'unknown-server-time-limit: 100']

const reason = await whyNoInternet()
const suite = reason === null ? needs('unbound') : unless(reason)

suite('beside Unbound', () => {
  const running: { internet?: RealInternet; unbound?: Daemon; rootwalk?: Rootwalk } = {}
  const ends: Endpoint[] = []

  beforeAll(async () => {
    const internet = await startInternet()
    running.internet = internet
    const port = await freePort()
    running.unbound = await startUnbound({ address: '127.0.0.1', port, hints: internet.hints, more: IMPATIENT })
    running.rootwalk = await startRootwalk({ hints: internet.hints })
    ends.push(running.rootwalk.endpoint, { address: '127.0.0.1', port })
  })

  afterAll(async () => {
    await Promise.all([running.rootwalk?.stop(), running.unbound?.stop()])
    await running.internet?.stop()
  })

  const answers = async (ask: string): Promise<unknown[]> =>
    Promise.all(
      ends.map(async end => {
        const { status, answer } = await dig(end, ...ask.split(' '))
        return { status, answer: linesOf(answer) }
      }),
    )

  it.each([...questions.map(({ ask }) => ask), ...disputed])(
    '%s',
    async ask => {
      const [ours, theirs] = await answers(ask)
      if (EXPLAINED.has(ask)) expect(ours, EXPLAINED.get(ask)).not.toEqual(theirs)
      else expect(ours).toEqual(theirs)
    },
    60_000,
  )
})
