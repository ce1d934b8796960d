/** Numbers as a person reads them: at most three digits of meaning, and the unit that one would say. Pure. */

/** `0.3 ms`, `41 ms`, `1.25 s`; 0 ms is "0 ms". */
export function durationText(ms: number): string {
  if (ms === 0) return '0 ms'
  // Below a tenth one digit says how little it is.
  if (ms < 0.1) return `${Number(ms.toPrecision(1))} ms`
  return ms < 1_000 ? `${digits(ms)} ms` : `${digits(ms / 1_000)} s`
}

/** Of a longer time, in the two largest units: `12 d 4 h`, `22 min`, `40 s`. */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const
  const first = units.findIndex(([size]) => whole >= size)
  const [size, unit] = units[first] ?? [1, 's']
  const next = units[first + 1]
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[0])
  // "3 min 20 s" says no more than "3 min" to whoever asks since when.
  const isLong = size >= 3_600 && rest > 0
  return `${Math.floor(whole / size)} ${unit}${isLong && next !== undefined ? ` ${rest} ${next[1]}` : ''}`
}

/** `1,204`, `123 k`, `1.2 M`. */
export function countText(count: number): string {
  const whole = Math.round(count)
  if (whole < 100_000) return grouped(whole)
  return whole < 1_000_000 ? `${Math.round(whole / 1_000)} k` : `${digits(whole / 1_000_000)} M`
}

/** Of something a second: `0.4`, `12`, `1,214`, `20 k`. */
export function rateText(rate: number): string {
  if (rate < 9.95) return String(Math.round(rate * 10) / 10)
  return rate < 10_000 ? grouped(Math.round(rate)) : `${digits(rate / 1_000)} k`
}

/** `512 B`, `164 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  return `${digits(value)} ${units[unit]}`
}

/** Of a share from 0 to 1: `93.4`, `0.21`, `100`, `0`. */
export function percentText(share: number): string {
  const percent = share * 100
  if (percent === 0) return '0'
  if (percent < 1) return String(Math.round(percent * 100) / 100)
  return percent >= 99.95 ? '100' : String(Math.round(percent * 10) / 10)
}

/** In the browser's own time zone: `17:42:10`. */
export function clockText(ms: number): string {
  const at = new Date(ms)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}

/** `2026-11-30 17:42`. */
export function dateText(ms: number): string {
  const at = new Date(ms)
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(part => String(part).padStart(2, '0')).join('-')
  return `${day} ${clockText(ms).slice(0, 'hh:mm'.length)}`
}

/** `1 server`, `2 servers`. */
export const counted = (count: number, one: string, many: string = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`

const grouped = (whole: number): string => String(whole).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')

/** Three digits from 100 on, else two. */
const digits = (value: number): string =>
  value >= 99.5 ? grouped(Math.round(value)) : String(Number(value.toPrecision(2)))
