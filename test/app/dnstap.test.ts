/** dnstap: what is written, read back; the handshake with receivers that behave and those that do not. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlFrame, readControl } from '../../src/app/dnstap/frames.ts'
import { framesOf, tappedOctets, writeTapped } from '../../src/app/dnstap/message.ts'
import { SocketOutput } from '../../src/app/dnstap/socket-output.ts'
import { Tap } from '../../src/app/dnstap/tap.ts'
import { parseIp } from '../../src/dns/address.ts'
import type { Client } from '../../src/ports.ts'
import { PATIENT } from '../patience.mjs'

const ENTRY = Uint8Array.of(0, 1, 2)
const clientAt = (address: string): Client => {
  const ip = parseIp(address)
  if (ip === null) throw new Error(address)
  return { ip, port: 5_353, transport: 'tls', listener: { address: '192.0.2.53', port: 853 } }
}

/** Fields of a message of protocol buffers: numbers, or octets. */
function fieldsOf(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>()
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; ; shift *= 0x80) {
      const octet = bytes[at++] ?? 0
      value += (octet & 0x7f) * shift
      if (octet < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    if ((key & 7) === 0) fields.set(key >> 3, varint())
    else if ((key & 7) === 5) {
      fields.set(key >> 3, new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true))
      at += 4
    } else {
      const length = varint()
      fields.set(key >> 3, bytes.slice(at, at + length))
      at += length
    }
  }
  return fields
}

const octetsIn = (fields: Map<number, number | Uint8Array>, field: number): Uint8Array => {
  const value = fields.get(field)
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}

describe('a frame', () => {
  it.each([
    ['192.0.2.1', 'query'],
    ['2001:db8::1', 'response'],
  ] as const)('of %s, a %s, says what was seen', (address, kind) => {
    const client = clientAt(address)
    const tapped = {
      kind,
      transport: client.transport,
      client,
      listener: { bytes: Uint8Array.of(192, 0, 2, 53), port: 853 },
      queryAt: 1_796_000_000_123.5,
      responseAt: 1_796_000_001_000.25,
      message: ENTRY,
    }
    const chunk = new Uint8Array(tappedOctets(tapped) * 2)
    writeTapped(tapped, chunk, 0)
    writeTapped(tapped, chunk, chunk.length / 2)
    const frames = framesOf(chunk, new TextEncoder().encode('ns1'), new TextEncoder().encode('rootwalk 1'))
    expect(frames.length).toBe(2)
    const [frame = new Uint8Array(0)] = frames
    expect(new DataView(frame.buffer).getUint32(0)).toBe(frame.length - 4)
    const outer = fieldsOf(frame.subarray(4))
    expect([new TextDecoder().decode(octetsIn(outer, 1)), outer.get(15)]).toEqual(['ns1', 1])
    const message = fieldsOf(octetsIn(outer, 14))
    const isQuery = kind === 'query'
    expect(Object.fromEntries(message)).toEqual({
      1: isQuery ? 5 : 6,
      2: isQuery ? 1 : 2,
      3: 3,
      4: client.ip.bytes,
      5: Uint8Array.of(192, 0, 2, 53),
      6: 5_353,
      7: 853,
      8: 1_796_000_000,
      9: 123_500_000,
      ...(isQuery ? { 10: ENTRY } : { 12: 1_796_000_001, 13: 250_000, 14: ENTRY }),
    })
  })
})

describe('the tap', () => {
  it('sees query and response, and nothing of clients that it may not see', () => {
    const chunks: Uint8Array[] = []
    let dropped = 0
    const tap = new Tap({
      now: () => 5,
      wallMs: () => 1_000_000,
      send: chunk => chunks.push(chunk),
      dropped: count => {
        dropped += count
      },
      after: () => {},
    })
    const hidden = clientAt('192.0.2.9')
    const serve = tap.around(
      (bytes, length, _client, reply) => reply(bytes, length),
      client => client !== hidden,
    )
    const replies: number[] = []
    serve(Uint8Array.of(1, 2, 3, 4), 3, clientAt('192.0.2.1'), (_bytes, length) => replies.push(length))
    serve(Uint8Array.of(1), 1, hidden, (_bytes, length) => replies.push(length))
    tap.flush()
    expect(replies).toEqual([3, 1])
    expect(chunks.flatMap(chunk => framesOf(chunk, ENTRY, ENTRY)).length).toBe(2)
    // A thread that reads nothing costs messages and no memory.
    for (let i = 0; i < 100; i++) {
      serve(ENTRY, 3, clientAt('192.0.2.1'), () => {})
      tap.flush()
    }
    expect(chunks.length).toBe(64)
    expect(dropped).toBe((100 - 63) * 2)
  })
})

describe('a receiver', () => {
  let directory: string
  let server: Server | undefined
  const sockets: Socket[] = []
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dnstap-'))
  })
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** What comes first is answered with `answers`, one by one; what is received is kept. */
  async function receiver(...answers: readonly (Uint8Array | null)[]) {
    const path = join(directory, 'dnstap.sock')
    const received: Buffer[] = []
    const left = [...answers]
    server = createServer(socket => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', bytes => {
        received.push(bytes)
        const answer = left.shift()
        if (answer === null) socket.destroy()
        else if (answer !== undefined) socket.write(answer)
      })
    })
    await new Promise<void>(resolve => server?.listen(path, resolve))
    const said: string[] = []
    const output = new SocketOutput(
      { kind: 'unix', path },
      { connected: () => said.push('connected'), failed: message => said.push(message) },
    )
    return { output, said, received }
  }

  it('that accepts gets READY, START, frames and STOP', async () => {
    const { output, said, received } = await receiver(controlFrame('accept'))
    await expect.poll(() => said, PATIENT).toEqual(['connected'])
    expect(output.write([Uint8Array.of(0, 0, 0, 1, 7)])).toBe(true)
    const stopped = output.stop()
    const wanted = [controlFrame('ready'), controlFrame('start'), Uint8Array.of(0, 0, 0, 1, 7), controlFrame('stop')]
    await expect.poll(() => Buffer.concat(received), PATIENT).toEqual(Buffer.concat(wanted))
    sockets[0]?.write(controlFrame('finish'))
    await stopped
  })

  it.each([
    ['closes after READY', null, 'handshake (READY was sent): it closed the connection'],
    [
      'sends data',
      Uint8Array.of(0, 0, 0, 9, 1, 2, 3, 4),
      'handshake (READY was sent): it sent something else than a control frame',
    ],
    ['sends START', controlFrame('start'), 'handshake (READY was sent): it sent START where ACCEPT was expected'],
    [
      'takes another kind',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 120),
      'handshake (READY was sent): it takes frames of another kind than protobuf:dnstap.Dnstap',
    ],
  ])('that %s is reported with the step that failed, once, and is tried again', async (_what, answer, message) => {
    const { output, said } = await receiver(answer, answer, controlFrame('accept'))
    expect(output.write([ENTRY])).toBe(false)
    await expect.poll(() => said, PATIENT).toEqual([message, 'connected'])
    await output.stop()
  })

  it('that is not there is reported', async () => {
    const said: string[] = []
    const path = join(directory, 'nothing.sock')
    const output = new SocketOutput({ kind: 'unix', path }, { connected: () => {}, failed: text => said.push(text) })
    await expect.poll(() => said.join(), PATIENT).toMatch(/^connecting: .*ENOENT/)
    await output.stop()
  })

  it('may send its control frame in pieces', () => {
    const accept = controlFrame('accept')
    for (let length = 0; length < accept.length; length++)
      expect(readControl(accept.subarray(0, length))).toEqual({ kind: 'more' })
    expect(readControl(accept)).toMatchObject({ control: 'accept', takesDnstap: true, octets: accept.length })
  })
})
