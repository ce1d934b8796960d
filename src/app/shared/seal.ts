/**
 * What instances write for each other, sealed with a secret that only they have (HMAC-SHA256, RFC 2104): whoever can
 * write to the server that keeps it, or is that server, can take away and repeat, and can make up nothing. Values and
 * messages have keys of their own (HKDF, RFC 5869), and each seal covers where it belongs: a value moved to another key
 * is none.
 *
 *   value: version (1 octet), position (10), time in ms (6), octets, seal (16)
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { putU16, putU32, putU48, u32, u48 } from '../../dns/bytes.ts'
import { readSecretFile, type SecretForm, type SecretsRead } from '../../system/secret-file.ts'
import type { Position } from './position.ts'

/** Of values: instances that write another one have other keys as well. */
const VERSION = 1
const POSITION_AT = 1
const TIME_AT = 11
const OCTETS_AT = 17
/** RFC 2104 section 5: half of the digest, 128 bits. */
const SEAL_OCTETS = 16
const KEY_OCTETS = 32

/** What a sealed value costs besides its octets. */
export const VALUE_OVERHEAD: number = OCTETS_AT + SEAL_OCTETS

export interface Value {
  readonly octets: Uint8Array
  /** ms since 1970. */
  readonly writtenAt: number
  /** The last removal that its writer knew. */
  readonly position: Position
}

export class Seals {
  /** The first one seals, each opens. */
  readonly #secrets: readonly { readonly values: Uint8Array; readonly messages: Uint8Array }[]

  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets.map(secret => ({
      values: derived(secret, 'rootwalk shared cache: values'),
      messages: derived(secret, 'rootwalk shared cache: messages'),
    }))
  }

  sealValue(key: string, { octets, writtenAt, position }: Value): Uint8Array {
    const bytes = new Uint8Array(OCTETS_AT + octets.length + SEAL_OCTETS)
    bytes[0] = VERSION
    putU48(bytes, POSITION_AT, position.ms)
    putU32(bytes, POSITION_AT + 6, position.seq)
    putU48(bytes, TIME_AT, writtenAt)
    bytes.set(octets, OCTETS_AT)
    const end = OCTETS_AT + octets.length
    bytes.set(seal(this.#secrets[0]?.values, key, bytes.subarray(0, end)), end)
    return bytes
  }

  /** Null: it was not written under this key by one who has the secret. */
  openValue(key: string, bytes: Uint8Array): Value | null {
    const end = bytes.length - SEAL_OCTETS
    if (end < OCTETS_AT || bytes[0] !== VERSION) return null
    const content = bytes.subarray(0, end)
    if (!this.#secrets.some(({ values }) => isSealed(values, key, content, bytes.subarray(end)))) return null
    return {
      octets: bytes.subarray(OCTETS_AT, end),
      writtenAt: u48(bytes, TIME_AT),
      position: { ms: u48(bytes, POSITION_AT), seq: u32(bytes, POSITION_AT + 6) },
    }
  }

  /** For `stream`, in hexadecimal digits. */
  sealMessage(stream: string, text: string): string {
    return Buffer.from(seal(this.#secrets[0]?.messages, stream, Buffer.from(text))).toString('hex')
  }

  isSealedMessage(stream: string, text: string, digits: string): boolean {
    const content = Buffer.from(text)
    return this.#secrets.some(({ messages }) => isSealed(messages, stream, content, Buffer.from(digits, 'hex')))
  }
}

const derived = (secret: Uint8Array, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), purpose, KEY_OCTETS))

function seal(key: Uint8Array | undefined, place: string, content: Uint8Array): Uint8Array {
  if (key === undefined) throw new Error('seals need a secret')
  const length = new Uint8Array(2)
  const at = Buffer.from(place)
  putU16(length, 0, at.length)
  return createHmac('sha256', key).update(length).update(at).update(content).digest().subarray(0, SEAL_OCTETS)
}

function isSealed(key: Uint8Array, place: string, content: Uint8Array, found: Uint8Array): boolean {
  return found.length === SEAL_OCTETS && timingSafeEqual(seal(key, place, content), found)
}

/** 128 bits at 4 to 6 bits a character; whoever guesses can try as often as they like. */
const LEAST_CHARACTERS = 24

const SECRETS: SecretForm = {
  severity: 'error',
  noun: 'secret',
  textOf: line => line.trim(),
  read: text => (text.length < LEAST_CHARACTERS ? null : Buffer.from(text)),
  expected: `at least ${LEAST_CHARACTERS} characters, as \`openssl rand -base64 32\` prints`,
  unreadable: 'make it with: openssl rand -base64 32',
  empty: 'make it with: openssl rand -base64 32',
}

/** A line for each secret: the first one seals, a second is accepted as well while it is rolled over. */
export const readSecrets = (file: string): SecretsRead => readSecretFile(file, SECRETS)
