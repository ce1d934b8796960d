/**
 * LOC (RFC 1876): 16 octets ⇄ `42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m`. Only version 0 has a text.
 * Integers throughout (milliseconds of arc, centimetres), so that a round trip never moves a place.
 */
import { OctetReader, type OctetWriter } from '../dns/rdata-io.ts'
import { shown, type TextError } from './text.ts'

/**
 * RFC 1876 section 2: the equator and the prime meridian are 2^31, altitude counts from 100,000 m below the reference.
 */
const MIDDLE = 0x8000_0000
const ALTITUDE_BASE_CM = 10_000_000
const MAX_ALTITUDE_CM = 0xffff_ffff - ALTITUDE_BASE_CM
const MAX_SIZE_CM = 9_000_000_000
/** RFC 1876 section 3: what is meant when size and precisions are left out, in centimetres. */
const DEFAULT_SIZES_CM = [100, 1_000_000, 1_000] as const
const SIZE_NAMES = ['size', 'horizontal precision', 'vertical precision'] as const

const SECOND = 1_000
const MINUTE = 60 * SECOND
const DEGREE = 60 * MINUTE

/** Null when the octets are not a LOC of version 0 with values in range. */
export function formatLocation(rdata: Uint8Array): string | null {
  const from = new OctetReader(rdata)
  if (rdata.length !== 16 || from.u8() !== 0) return null
  const sizes = [from.u8(), from.u8(), from.u8()].map(formatSize)
  const latitude = formatAngle(from.u32(), 90, 'N', 'S')
  const longitude = formatAngle(from.u32(), 180, 'E', 'W')
  const altitude = from.u32() - ALTITUDE_BASE_CM
  if (latitude === null || longitude === null || sizes.includes(null)) return null
  const height = Math.abs(altitude)
  const metres = `${altitude < 0 ? '-' : ''}${Math.trunc(height / 100)}.${twoDigits(height % 100)}m`
  return [latitude, longitude, metres, ...sizes].join(' ')
}

const twoDigits = (value: number): string => value.toString().padStart(2, '0')

/** Mantissa and power of ten, a nibble each, in centimetres. */
function formatSize(octet: number): string | null {
  const mantissa = octet >> 4
  const exponent = octet & 15
  if (mantissa > 9 || exponent > 9) return null
  const centimetres = mantissa * 10 ** exponent
  return centimetres % 100 === 0 && exponent > 1
    ? `${centimetres / 100}m`
    : `${Math.trunc(centimetres / 100)}.${twoDigits(centimetres % 100)}m`
}

function formatAngle(value: number, maxDegrees: number, positive: string, negative: string): string | null {
  const offset = value - MIDDLE
  const angle = Math.abs(offset)
  if (angle > maxDegrees * DEGREE) return null
  const seconds = angle % MINUTE
  const degrees = Math.trunc(angle / DEGREE)
  const minutes = Math.trunc((angle % DEGREE) / MINUTE)
  return (
    `${degrees} ${minutes} ${Math.trunc(seconds / SECOND)}.${(seconds % SECOND).toString().padStart(3, '0')} ` +
    `${offset < 0 ? negative : positive}`
  )
}

const found = (token: string | undefined): string => (token === undefined ? 'the end of the record' : shown(token))

interface LocError extends TextError {
  /** Index of the bad token among those given. */
  readonly index: number
}

/** Writes the 16 octets; an error names the token, null means done. */
export function parseLocation(tokens: readonly string[], out: OctetWriter): LocError | null {
  const latitude = parseAngle(tokens, 0, 90, 'N', 'S')
  if ('error' in latitude) return latitude
  const longitude = parseAngle(tokens, latitude.next, 180, 'E', 'W')
  if ('error' in longitude) return longitude
  const at = longitude.next
  const altitude = centimetresOf(tokens[at] ?? '')
  if (altitude === null || altitude < -ALTITUDE_BASE_CM || altitude > MAX_ALTITUDE_CM) {
    return {
      index: at,
      error: `expected the altitude in metres from -100000.00 to 42849672.95, like 24m, found ${found(tokens[at])}`,
    }
  }
  const sizes: number[] = []
  for (const [i, name] of SIZE_NAMES.entries()) {
    const text = tokens[at + 1 + i]
    const size = text === undefined ? (DEFAULT_SIZES_CM[i] ?? 0) : centimetresOf(text)
    if (size === null || size < 0 || size > MAX_SIZE_CM)
      return {
        index: at + 1 + i,
        error: `expected the ${name} in metres from 0 to 90000000, like 10m, found ${found(text)}`,
      }
    sizes.push(size)
  }
  if (tokens.length > at + 4)
    return { index: at + 4, error: `found ${shown(tokens[at + 4] ?? '')} after a complete LOC record` }
  out.u8(0)
  for (const size of sizes) out.u8(packSize(size))
  out.u32(MIDDLE + latitude.angle)
  out.u32(MIDDLE + longitude.angle)
  out.u32(ALTITUDE_BASE_CM + altitude)
  return null
}

function packSize(centimetres: number): number {
  let exponent = 0
  let mantissa = centimetres
  while (mantissa >= 10) {
    mantissa = Math.trunc(mantissa / 10)
    exponent++
  }
  return (mantissa << 4) | exponent
}

/** `24`, `24.5m`, `-0.25`; null for anything else. */
function centimetresOf(text: string): number | null {
  const match = /^(-?)(\d{1,8})(?:\.(\d{1,2}))?m?$/i.exec(text)
  if (match === null) return null
  const value = Number(match[2]) * 100 + Number((match[3] ?? '').padEnd(2, '0'))
  return match[1] === '-' ? -value : value
}

/** `degrees [minutes [seconds]] N|S` from token `at` on. `angle` in milliseconds of arc, negative for `negative`. */
function parseAngle(
  tokens: readonly string[],
  at: number,
  maxDegrees: number,
  positive: string,
  negative: string,
): { angle: number; next: number } | LocError {
  let angle = 0
  const parts = [
    ['degrees', maxDegrees, DEGREE],
    ['minutes', 59, MINUTE],
    ['seconds', 59.999, SECOND],
  ] as const
  for (const [i, [name, max, unit]] of parts.entries()) {
    const text = tokens[at + i] ?? ''
    const value = (name === 'seconds' ? /^\d{1,2}(\.\d{1,3})?$/ : /^\d{1,3}$/).test(text) ? Number(text) : null
    if (value === null || value > max)
      return {
        index: at + i,
        error:
          `expected ${name} from 0 to ${max}${i === 0 ? '' : ` or ${positive} or ${negative}`}, found ` +
          `${found(tokens[at + i])}`,
      }
    angle += Math.round(value * unit)
    if (angle > maxDegrees * DEGREE) return { index: at + i, error: `found an angle above ${maxDegrees} degrees` }
    const direction = (tokens[at + i + 1] ?? '').toUpperCase()
    if (direction === positive || direction === negative)
      return { angle: direction === negative ? -angle : angle, next: at + i + 2 }
  }
  return { index: at + 3, error: `expected ${positive} or ${negative}, found ${found(tokens[at + 3])}` }
}
