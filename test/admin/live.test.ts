/** Streams of a running server: server-sent events and WebSocket, followed by real clients. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { WebSocket } from 'ws'
import { follow, serveWithApi, TOKENS, until, type Served } from './live-server.ts'

let served: Served
beforeAll(async () => {
  served = await serveWithApi({}, { adminTimes: { heartbeatMs: 100 } })
})
afterAll(() => served.close())

const names = (stream: { readonly events: readonly { readonly data: unknown }[] }): unknown[] =>
  stream.events.map(({ data }) => (typeof data === 'object' && data !== null && 'name' in data ? data.name : data))

const path = (filter: string): string => `/api/v1/events?filter=${encodeURIComponent(filter)}`

describe('server-sent events', () => {
  it('show every query that passes the filter, with what the query log has of it', async () => {
    const stream = await follow(served, path('name under shop and type=A'))
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    await untilWatched()
    await served.ask('www.shop', 16)
    await served.ask('www.shop')
    await served.ask('www.shop')
    await until(() => stream.events.length >= 2)
    expect(stream.events[0]).toMatchObject({
      event: 'query',
      data: {
        client: '127.0.0.1',
        transport: 'udp',
        name: 'www.shop.',
        type: 'A',
        class: 'IN',
        rcode: 'NOERROR',
        by: 'recursion',
      },
    })
    expect(stream.events[1]).toMatchObject({ event: 'query', data: { name: 'www.shop.', by: 'cache' } })
    stream.close()
  })

  it('begin after the id that a client has, and a client of an earlier server is told that it missed some', async () => {
    const stream = await follow(served, path('name under shop'))
    await untilWatched()
    for (const name of ['one.shop', 'two.shop', 'three.shop']) await served.ask(name)
    await until(() => stream.events.length >= 3)
    stream.close()
    const again = await follow(served, path('name under shop'), { 'last-event-id': stream.events[0]?.id ?? '' })
    await until(() => again.events.length >= 2)
    expect(names(again)).toEqual(['two.shop.', 'three.shop.'])
    again.close()
    for (const id of ['zzz-1', 'nonsense', `${stream.events[0]?.id}999999`]) {
      const lost = await follow(served, path('name under shop'), { 'last-event-id': id })
      await until(() => lost.events.length >= 2)
      expect(lost.events[0]).toMatchObject({ event: 'gap', data: { dropped: null } })
      lost.close()
    }
  })

  it('show that they are alive', async () => {
    const stream = await follow(served, path('event=none'))
    await until(() => stream.comments >= 2)
    expect(stream.events).toEqual([])
    stream.close()
  })

  it('show what is reported', async () => {
    const stream = await follow(served, path('event=config-reloaded'))
    served.server.reload()
    await until(() => stream.events.length > 0)
    expect(stream.events[0]).toMatchObject({ event: 'event', data: { kind: 'config-reloaded', level: 'info' } })
    stream.close()
  })

  test.each([
    ['a filter that is none', path('rcod=X'), { authorization: `Bearer ${TOKENS.read}` }, 400],
    ['no token', path(''), {}, 401],
    [
      'a page from elsewhere',
      path(''),
      { authorization: `Bearer ${TOKENS.read}`, origin: 'https://evil.example' },
      403,
    ],
    ['another host', path(''), { authorization: `Bearer ${TOKENS.read}`, host: 'evil.example' }, 421],
    ['a walk with a token that may only read', '/api/v1/walk?name=a', { authorization: `Bearer ${TOKENS.read}` }, 403],
    ['WebSocket without an upgrade', '/api/v1/live', { authorization: `Bearer ${TOKENS.read}` }, 426],
  ])('%s is refused', async (_what, at, headers, status) => {
    const { request } = await import('node:http')
    const got = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request(`${served.url}${at}`, { headers }, response => {
        resolve(response.statusCode)
        response.resume()
      })
      asked.on('error', reject)
      asked.end()
    })
    expect(got).toBe(status)
  })
})

it('a walk is shown step by step, and ends', async () => {
  const stream = await follow(served, '/api/v1/walk?name=fresh.shop&type=A')
  await stream.ended
  const kinds = stream.events.map(({ data }) =>
    typeof data === 'object' && data !== null && 'kind' in data ? data.kind : '',
  )
  expect(kinds[0]).toBe('lookup')
  expect(kinds).toContain('exchange')
  expect(stream.events.at(-1)).toMatchObject({ event: 'end', data: { kind: 'done', outcome: 'nxdomain' } })
  const wrong = await follow(served, '/api/v1/walk?name=fresh.shop&type=NONE')
  await wrong.ended
  expect(wrong.events).toMatchObject([{ event: 'end', data: { kind: 'wrong', field: 'type' } }])
})

interface Spoken {
  readonly socket: WebSocket
  readonly messages: Record<string, unknown>[]
  say(message: unknown): void
  records(): unknown[]
}

function speak(options: { token?: string; origin?: string; query?: string } = {}): Promise<Spoken> {
  const { token = TOKENS.operate, origin, query = '' } = options
  const headers = { authorization: `Bearer ${token}`, ...(origin === undefined ? {} : { origin }) }
  const socket = new WebSocket(`${served.url.replace('http', 'ws')}/api/v1/live${query}`, { headers })
  const messages: Record<string, unknown>[] = []
  socket.on('message', data => messages.push(JSON.parse(String(data))))
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () =>
      resolve({
        socket,
        messages,
        say: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
        records: () => messages.flatMap(({ items }) => (Array.isArray(items) ? items : [])),
      }),
    )
  })
}

describe('WebSocket', () => {
  it('says hello, shows what passes the filter, and takes another filter', async () => {
    const spoken = await speak({ query: `?filter=${encodeURIComponent('name=first.shop')}` })
    await until(() => spoken.messages.length > 0)
    expect(spoken.messages[0]).toEqual({ kind: 'hello', heartbeatMs: 100, filter: 'name=first.shop' })
    await untilWatched()
    await served.ask('first.shop')
    await until(() => spoken.records().length === 1)
    spoken.say({ kind: 'filter', filter: 'name=second.shop' })
    await until(() => spoken.messages.some(({ kind }) => kind === 'filter'))
    await served.ask('first.shop')
    await served.ask('second.shop')
    await until(() => spoken.records().length === 2)
    expect(spoken.records()).toMatchObject([
      { kind: 'query', record: { name: 'first.shop.' } },
      { kind: 'query', record: { name: 'second.shop.' } },
    ])
    spoken.say({ kind: 'filter', filter: 'name under' })
    await until(() => spoken.messages.some(({ kind }) => kind === 'error'))
    expect(spoken.messages.at(-1)).toMatchObject({ kind: 'error', column: 11 })
    spoken.socket.close()
  })

  it('keeps what comes while it is paused', async () => {
    const spoken = await speak({ query: `?filter=${encodeURIComponent('name under paused.shop')}` })
    await untilWatched()
    spoken.say({ kind: 'pause' })
    await until(() => spoken.messages.some(({ kind }) => kind === 'paused'))
    await served.ask('a.paused.shop')
    const other = await follow(served, path('name=b.paused.shop'))
    await served.ask('b.paused.shop')
    await until(() => other.events.length === 1)
    other.close()
    expect(spoken.records()).toEqual([])
    spoken.say({ kind: 'resume' })
    await until(() => spoken.records().length === 2)
    spoken.socket.close()
  })

  it('shows walks as they are made, each with its end, and refuses them to a token that may only read', async () => {
    const spoken = await speak({ query: '?filter=event%3Dnone' })
    spoken.say({ kind: 'walk', id: 'w', name: 'walked.shop' })
    spoken.say({ kind: 'walk', id: 'x', name: 'a..b' })
    const ends = (from: Spoken): Record<string, unknown>[] => from.messages.filter(({ kind }) => kind === 'end')
    await until(() => ends(spoken).length === 2)
    expect(ends(spoken)).toContainEqual({ kind: 'end', id: 'w', result: { kind: 'done', outcome: 'nxdomain' } })
    expect(ends(spoken)).toContainEqual(
      expect.objectContaining({ id: 'x', result: expect.objectContaining({ kind: 'wrong', field: 'name' }) }),
    )
    expect(spoken.messages.filter(({ kind, id }) => kind === 'step' && id === 'w').length).toBeGreaterThan(2)
    spoken.say({ kind: 'walk', id: 'never', name: 'www.slow' })
    await until(() => spoken.messages.some(({ kind, id }) => kind === 'step' && id === 'never'))
    spoken.say({ kind: 'cancel', id: 'never' })
    await until(() => ends(spoken).some(({ id }) => id === 'never'))
    expect(ends(spoken).at(-1)).toMatchObject({ result: { kind: 'cancelled' } })
    spoken.socket.close()
    const reader = await speak({ token: TOKENS.read })
    reader.say({ kind: 'walk', id: 'w', name: 'walked.shop' })
    await until(() => ends(reader).length === 1)
    expect(ends(reader)[0]).toMatchObject({ result: { kind: 'refused' } })
    reader.socket.close()
  })

  it('complains about what it does not understand, and goes on', async () => {
    const spoken = await speak()
    for (const text of ['', 'null', '[]', '{"kind":"__proto__"}', '{"kind":"walk"}']) spoken.say(text)
    await until(() => spoken.messages.filter(({ kind }) => kind === 'error').length === 5)
    spoken.say({ kind: 'pause' })
    await until(() => spoken.messages.some(({ kind }) => kind === 'paused'))
    const closed = new Promise(resolve => spoken.socket.on('close', resolve))
    spoken.say('x'.repeat(20_000))
    expect(await closed).toBe(1009)
  })

  it('ends a client that does not answer a ping, and keeps one that does', async () => {
    const deaf = await speak()
    // The library answers by itself: what it would send is thrown away.
    deaf.socket.pong = () => {}
    Object.assign(deaf.socket, { _autoPong: false })
    const alive = await speak()
    let pings = 0
    alive.socket.on('ping', () => pings++)
    await new Promise(resolve => deaf.socket.on('close', resolve))
    await until(() => pings >= 3)
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
    alive.socket.close()
  })

  test.each([
    ['no known token', { token: 'rw_other' }, 401],
    ['a page from elsewhere', { origin: 'https://evil.example' }, 403],
    ['a filter that is none', { query: '?filter=x' }, 400],
  ])('%s: refused', async (_what, options, status) => {
    await expect(speak(options)).rejects.toThrow(`Unexpected server response: ${status}`)
  })
})

/** The main thread was told that somebody watches: what is asked from now on is shown. */
async function untilWatched(): Promise<void> {
  const probe = await follow(served, path('name under probe.invalid'))
  for (let n = 0; probe.events.length === 0; n++) {
    await served.ask(`${n}.probe.invalid`)
    await new Promise(resolve => setImmediate(resolve))
  }
  probe.close()
}

it('addresses of clients leave the server as the query log writes them', async () => {
  const masked = await serveWithApi({ queryLog: { file: 'queries.log', clients: 'prefix' } })
  try {
    const stream = await follow(masked, path('client in 127.0.0.0/24'))
    const exact = await follow(masked, path('client=127.0.0.1'))
    for (let n = 0; stream.events.length === 0; n++) {
      await masked.ask(`${n}.shop`)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(stream.events[0]?.data).toMatchObject({ client: '127.0.0.0/24' })
    expect(exact.events).toEqual([])
  } finally {
    await masked.close()
  }
})
