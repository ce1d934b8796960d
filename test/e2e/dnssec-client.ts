/**
 * Many questions to one resolver, a few in flight: one socket, TCP where UDP is not enough. Answers are read by our
 * codec.
 */
import { createSocket } from 'node:dgram'
import { decodeMessage } from '../../src/dns/decode.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { coveredType, type Rr } from '../../src/dns/rrset.ts'
import { formatName, parseName } from '../../src/presentation/text.ts'
import { rcodeName, RrClass, RrType, typeName } from '../../src/dns/types.ts'
import type { Endpoint } from './dig.ts'
import { inParallel } from './dnssec-sign.ts'
import { askTcp } from './wire-client.ts'
import { patientMs } from '../patience.mjs'

export interface Asked {
  readonly name: string
  readonly type: number
  readonly dnssecOk: boolean
  /** AD in the query: tell me whether it is secure (RFC 6840 section 5.7). */
  readonly wantsAd: boolean
  readonly checkingDisabled: boolean
}

/** What two resolvers are compared by, and what else is worth a look when they differ. */
export interface Said {
  readonly rcode: string
  readonly ad: boolean
  /** Owner, type, data; no signatures. */
  readonly answer: readonly string[]
  /** Types of the sets whose signatures are there. */
  readonly signed: readonly string[]
  readonly authority: readonly string[]
  readonly errors: readonly string[]
}

const IN_FLIGHT = 32
const LIMIT_MS = patientMs(9_000)
const PAYLOAD = 1_232
const TRIES = 2

export async function askAll(
  server: Endpoint,
  questions: readonly Asked[],
  inFlight = IN_FLIGHT,
): Promise<readonly Said[]> {
  const socket = createSocket('udp4')
  const waiting = new Map<number, (bytes: Uint8Array) => void>()
  socket.on('message', bytes => waiting.get((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0))?.(bytes))
  let next = 0
  const askOnce = (asked: Asked): Promise<Uint8Array | null> => {
    const id = next++ & 0xffff
    return new Promise(resolve => {
      const finish = (bytes: Uint8Array | null): void => {
        clearTimeout(timer)
        waiting.delete(id)
        resolve(bytes)
      }
      const timer = setTimeout(finish, LIMIT_MS, null)
      waiting.set(id, finish)
      socket.send(queryOf(asked, id), server.port, server.address)
    })
  }
  try {
    return await inParallel(
      questions,
      async asked => {
        for (let tries = 0; tries < TRIES; tries++) {
          const bytes = await askOnce(asked)
          if (bytes === null) continue
          const message = messageOf(bytes)
          if (!message.truncated) return saidBy(message)
          const [whole] = await askTcp(server, [queryOf(asked, 1)])
          if (whole !== undefined) return saidBy(messageOf(whole))
        }
        return { rcode: 'nothing', ad: false, answer: [], signed: [], authority: [], errors: [] }
      },
      inFlight,
    )
  } finally {
    socket.close()
  }
}

function queryOf({ name, type, dnssecOk, wantsAd, checkingDisabled }: Asked, id: number): Uint8Array {
  const wire = parseName(name, null)
  if (typeof wire !== 'string') throw new Error(`${name}: ${wire.error}`)
  const question = { name: foldName(wire), type, class: RrClass.IN }
  const edns = { payloadSize: PAYLOAD, version: 0, dnssecOk, flags: 0, options: [] }
  const bytes = encodeQuery({ id, question, cased: wire, recursionDesired: true, checkingDisabled, edns })
  if (wantsAd) bytes[3] = (bytes[3] ?? 0) | 0x20
  return bytes
}

function messageOf(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'message') return decoded.message
  throw new Error(`a reply of ${bytes.length} octets does not decode: ${decoded.why}`)
}

const isSignature = ({ type }: Rr): boolean => type === RrType.RRSIG
const textOf = (records: readonly Rr[]): string[] =>
  records
    .map(
      ({ owner, type, rdata }) =>
        `${formatName(foldName(owner))} ${typeName(type)} ${Buffer.from(rdata).toString('hex').slice(0, 60)}`,
    )
    .sort()

function saidBy(message: Message): Said {
  const { answer, authority, rcode, edns } = message
  return {
    rcode: rcodeName(rcode),
    ad: message.authenticData,
    answer: textOf(answer.filter(record => !isSignature(record))),
    signed: [
      ...new Set(
        answer
          .filter(isSignature)
          .map(({ owner, rdata }) => `${formatName(foldName(owner))} ${typeName(coveredType(rdata))}`),
      ),
    ].sort(),
    authority: textOf(authority).map(line => line.replace(/ [0-9a-f]*$/, '')),
    errors: edns === null ? [] : readExtendedErrors(edns).map(({ code, text }) => `${code} ${text}`),
  }
}
