/**
 * The times of RRSIG records (RFC 4034 section 3.2): seconds since 1970 UTC ⇄ YYYYMMDDHHmmSS. Plain calendar
 * arithmetic.
 */
import { parseUnsigned } from './text.ts'

const DAY = 86_400
/** Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar, and of its cycle of 400 years. */
const EPOCH_DAYS = 719_468
const CYCLE_DAYS = 146_097
const MAX_U32 = 0xffff_ffff
/** RFC 4034 section 3.1.5: the times wrap around in 32 bits. */
const WRAP = 0x1_0000_0000

const digits = (value: number, width: number): string => value.toString().padStart(width, '0')

/** Of 32 bits of seconds; they are taken as the years 1970 to 2106, since serial arithmetic would need a clock. */
export function formatTime(seconds: number): string {
  const days = Math.floor(seconds / DAY) + EPOCH_DAYS
  const cycle = Math.floor(days / CYCLE_DAYS)
  const dayOfCycle = days % CYCLE_DAYS
  const yearOfCycle = Math.floor(
    (dayOfCycle - Math.floor(dayOfCycle / 1_460) + Math.floor(dayOfCycle / 36_524) - Math.floor(dayOfCycle / 146_096)) /
      365,
  )
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100))
  // Years that begin in March put the leap day at their end.
  const shifted = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  const year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
  const left = seconds - Math.floor(seconds / DAY) * DAY
  return (
    digits(year, 4) +
    digits(month, 2) +
    digits(day, 2) +
    digits(Math.floor(left / 3_600), 2) +
    digits(Math.floor((left % 3_600) / 60), 2) +
    digits(left % 60, 2)
  )
}

/** The same in what people and programs read: `2026-01-16T00:00:00Z` (ISO 8601, RFC 3339). */
export function readableTime(seconds: number): string {
  const at = formatTime(seconds)
  const part = (from: number): string => at.slice(from, from + 2)
  return `${at.slice(0, 4)}-${part(4)}-${part(6)}T${part(8)}:${part(10)}:${part(12)}Z`
}

/**
 * Seconds from YYYYMMDDHHmmSS or from a plain number of seconds; null when it is neither, or no day of the calendar.
 * What lies before 1970 or after February 2106 is taken modulo 2^32 (RFC 4034 section 3.1.5), as BIND, NSD and Knot do:
 * 21060207062816 is 0.
 */
export function parseTime(text: string): number | null {
  const plain = parseUnsigned(text, MAX_U32)
  if (plain !== null) return plain
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  const shiftedYear = month <= 2 ? year - 1 : year
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const days =
    shiftedYear * 365 +
    Math.floor(shiftedYear / 4) -
    Math.floor(shiftedYear / 100) +
    Math.floor(shiftedYear / 400) +
    dayOfYear -
    EPOCH_DAYS
  const seconds = days * DAY + hour * 3_600 + minute * 60 + second
  // Written back it must be the same: refuses month 13, 30 February and 25 o'clock alike.
  return formatTime(seconds) === text ? ((seconds % WRAP) + WRAP) % WRAP : null
}
