/**
 * Hexadecimal (RFC 4648 section 8), base64 (section 4) and base32 with the extended hex alphabet (section 7), both
 * ways. Strict: a character outside the alphabet, a missing padding or leftover bits make the text invalid, so that one
 * value has one text. Own code because the vocabulary imports nothing of the platform.
 */

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE32HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV'
const HEX = '0123456789ABCDEF'

const valuesOf = (alphabet: string): ReadonlyMap<number, number> => {
  const values = new Map<number, number>()
  for (let i = 0; i < alphabet.length; i++) {
    values.set(alphabet.charCodeAt(i), i)
    if (alphabet.length <= 32) values.set(alphabet.toLowerCase().charCodeAt(i), i)
  }
  return values
}
const base64Values = valuesOf(BASE64)
const base32Values = valuesOf(BASE32HEX)
const hexValues = valuesOf(HEX)

function format(bytes: Uint8Array, alphabet: string, bits: number): string {
  let text = ''
  let held = 0
  let heldBits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    heldBits += 8
    while (heldBits >= bits) {
      heldBits -= bits
      text += alphabet.charAt((held >> heldBits) & (alphabet.length - 1))
    }
    held &= (1 << heldBits) - 1
  }
  return heldBits === 0 ? text : text + alphabet.charAt((held << (bits - heldBits)) & (alphabet.length - 1))
}

/**
 * Null for a foreign character, for more leftover bits than an octet border explains, or for leftover bits that are
 * set.
 */
function parse(text: string, values: ReadonlyMap<number, number>, bits: number): Uint8Array | null {
  const bytes = new Uint8Array((text.length * bits) >> 3)
  let held = 0
  let heldBits = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = values.get(text.charCodeAt(i))
    if (value === undefined) return null
    held = (held << bits) | value
    heldBits += bits
    if (heldBits >= 8) {
      heldBits -= 8
      bytes[at++] = held >> heldBits
      held &= (1 << heldBits) - 1
    }
  }
  return heldBits >= bits || held !== 0 ? null : bytes
}

/** Upper case. */
export const formatHex = (bytes: Uint8Array): string => format(bytes, HEX, 4)
export const parseHex = (text: string): Uint8Array | null => (text.length % 2 === 0 ? parse(text, hexValues, 4) : null)

export function formatBase64(bytes: Uint8Array): string {
  const text = format(bytes, BASE64, 6)
  return text + '='.repeat((4 - (text.length % 4)) % 4)
}

export function parseBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return parse(text.slice(0, text.length - padding), base64Values, 6)
}

/** Upper case, without padding (RFC 5155 section 3.3). */
export const formatBase32Hex = (bytes: Uint8Array): string => format(bytes, BASE32HEX, 5)
/** Any case, without padding. */
export const parseBase32Hex = (text: string): Uint8Array | null => parse(text, base32Values, 5)
