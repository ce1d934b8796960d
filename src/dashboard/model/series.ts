/** Columns of numbers as charts want them: stacked, a second, within a span. Pure. */

export type Columns = Readonly<Record<string, readonly number[]>>

/** The newer ones after the older, of which those before `from` go. */
export function joined(before: Columns | null, more: Columns, from: number): Columns {
  const first = more.at?.[0] ?? Number.POSITIVE_INFINITY
  const times = before?.at ?? []
  const start = times.findIndex(at => at >= from)
  const end = times.findIndex(at => at >= first)
  const kept = start < 0 ? [0, 0] : [start, end < 0 ? times.length : end]
  return Object.fromEntries(
    Object.entries(more).map(([name, values]) => [name, [...(before?.[name] ?? []).slice(...kept), ...values]]),
  )
}

/** From the bottom up: each the sum of itself and those before. */
export function stacked(values: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const sums: (readonly number[])[] = []
  for (const column of values) {
    const below = sums.at(-1)
    sums.push(below === undefined ? column : column.map((value, index) => value + (below[index] ?? 0)))
  }
  return sums
}

export const perSecond = (values: readonly number[], stepMs: number): readonly number[] =>
  values.map(value => (value * 1_000) / stepMs)

export const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)

/** The last ones that are not older than `spanMs`. */
export function latest(columns: Columns, spanMs: number): Columns {
  const times = columns.at ?? []
  const end = times.at(-1) ?? 0
  const start = times.findIndex(at => at > end - spanMs)
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values.slice(Math.max(0, start))]))
}

/** Which of the values a height is of: the band that it is in, or the nearest line; null: above all bands. */
export function lineAt(values: readonly number[], height: number, isStacked: boolean): number | null {
  if (isStacked) {
    const tops = stacked(values.map(value => [value])).map(([top = 0]) => top)
    const found = tops.findIndex(top => height <= top)
    return found < 0 ? null : found
  }
  const distances = values.map(value => Math.abs(value - height))
  const nearest = distances.indexOf(Math.min(...distances))
  return nearest < 0 ? null : nearest
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
export function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map(factor => factor * power).find(top => top >= value) ?? power * 10
}
