/**
 * One exchange of each protocol inside the process, before any clock is started: what Node loads and compiles at first
 * use would otherwise be part of the first visit's times, and make it look colder than it is.
 */
import type { Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import { Duplex } from 'node:stream'
import type { Clock } from '../ports.ts'
import type { VisitLimits } from '../limits.ts'
import type { Channel } from './http/exchange.ts'
import { openHttp1 } from './http/http1.ts'
import { openHttp2 } from './http/http2.ts'

/** Nothing of it reaches a network. It ends after `limits.rehearsalMs` at the latest. */
export async function rehearse(clock: Clock, limits: VisitLimits): Promise<void> {
  const [http, http2] = await Promise.all([import('node:http'), import('node:http2')])
  const deadline = new AbortController()
  const cancel = clock.after(limits.rehearsalMs, () => deadline.abort())
  const answer = (_: unknown, response: { end(): unknown }): void => void response.end()
  const one = await openHttp1(endOf(http.createServer(answer)))
  const two = await openHttp2(endOf(http2.createServer(answer)), 'http://localhost', limits.headerBytes)
  const request = { method: 'GET', path: '/', authority: 'localhost', isSecure: false, headers: [] }
  const exchange = (channel: Channel): Promise<unknown> =>
    channel.exchange(request, { clock, limits, contentBytes: 1, signal: deadline.signal })
  await Promise.all([one, two].map(exchange))
  cancel()
  one.close()
  two.close()
}

/** The client's end of a connection to `server`, which is not listening. */
function endOf(server: Server | Http2Server): Duplex {
  const [ours, theirs] = pair()
  server.emit('connection', theirs)
  return ours
}

/** Two streams, each of which reads what is written to the other. */
function pair(): readonly [Duplex, Duplex] {
  const ends: { other: Duplex | null }[] = [{ other: null }, { other: null }]
  const [first, second] = ends.map(
    end =>
      new Duplex({
        read() {},
        write(chunk: Uint8Array, _encoding, done) {
          end.other?.push(chunk)
          done()
        },
        final(done) {
          end.other?.push(null)
          done()
        },
      }),
  )
  if (first === undefined || second === undefined) throw new Error('a pair has two ends')
  for (const [index, end] of ends.entries()) end.other = index === 0 ? second : first
  return [first, second]
}
