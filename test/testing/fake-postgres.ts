/**
 * As much of PostgreSQL as a client needs to connect and to run one simple query: the start-up message, no password,
 * and one row with one column for every query (protocol 3.0).
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface FakePostgres {
  readonly port: number
  /** The start-up parameters of each connection: user, database … */
  readonly startups: readonly ReadonlyMap<string, string>[]
  readonly queries: readonly string[]
  close(): Promise<void>
}

/** A message: its type, the length with itself, its body. */
function message(type: string, body: Buffer): Buffer {
  const out = Buffer.alloc(5 + body.length)
  out.write(type, 'latin1')
  out.writeInt32BE(4 + body.length, 1)
  body.copy(out, 5)
  return out
}

const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff])
const int32 = (value: number): Buffer => Buffer.concat([int16(value >>> 16), int16(value & 0xffff)])
const text = (value: string): Buffer => Buffer.from(`${value}\0`)

const AUTHENTICATION_OK = message('R', int32(0))
const READY = message('Z', Buffer.from('I'))
const TEXT_OID = 25

const answerTo = (value: string): Buffer =>
  Buffer.concat([
    message(
      'T',
      Buffer.concat([
        int16(1),
        text('answer'),
        int32(0),
        int16(0),
        int32(TEXT_OID),
        int16(0xffff),
        int32(0xffffffff),
        int16(0),
      ]),
    ),
    message('D', Buffer.concat([int16(1), int32(value.length), Buffer.from(value)])),
    message('C', text('SELECT 1')),
    READY,
  ])

/** Every query is answered with `value`. */
export async function startFakePostgres(address: string, value: string): Promise<FakePostgres> {
  const startups: ReadonlyMap<string, string>[] = []
  const queries: string[] = []
  const open = new Set<Socket>()

  /** Takes whole messages from the front of what has come; the start-up message alone has no type. */
  function read(
    socket: Socket,
    waiting: Buffer,
    started: boolean,
  ): { readonly rest: Buffer; readonly started: boolean } {
    const typed = started ? 1 : 0
    if (waiting.length < typed + 4) return { rest: waiting, started }
    const end = typed + waiting.readInt32BE(typed)
    if (waiting.length < end) return { rest: waiting, started }
    const body = waiting.subarray(typed + 4, end)
    if (!started) {
      const words = body.subarray(4).toString().split('\0')
      startups.push(
        new Map(
          words.flatMap((word, index) => (index % 2 === 0 && word !== '' ? [[word, words[index + 1] ?? '']] : [])),
        ),
      )
      socket.write(Buffer.concat([AUTHENTICATION_OK, READY]))
    } else if (waiting.toString('latin1', 0, 1) === 'Q') {
      queries.push(body.toString().replace(/\0$/, ''))
      socket.write(answerTo(value))
    } else socket.end()
    return read(socket, waiting.subarray(end), true)
  }

  const server = createServer(socket => {
    let state = { rest: Buffer.alloc(0), started: false }
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', data => {
      const { rest, started } = read(socket, Buffer.concat([state.rest, data]), state.started)
      state = { rest: Buffer.from(rest), started }
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve))
  const bound: AddressInfo | string | null = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port')
  return {
    port: bound.port,
    startups,
    queries,
    close: () =>
      new Promise(resolve => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
