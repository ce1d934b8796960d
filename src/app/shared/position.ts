/** Where an entry stands in a stream of Valkey: `1735689600000-3`, the milliseconds of its clock and a number. */
export interface Position {
  readonly ms: number
  readonly seq: number
}

export const START: Position = { ms: 0, seq: 0 }

/** Above 0: `a` comes after `b`. */
export const comparePositions = (a: Position, b: Position): number => a.ms - b.ms || a.seq - b.seq

export const positionText = ({ ms, seq }: Position): string => `${ms}-${seq}`

export const positionAfter = ({ ms, seq }: Position): Position => ({ ms, seq: seq + 1 })

/** Milliseconds in six octets, numbers in four: what a value has room for. */
const MAX_MS = 2 ** 48 - 1
const MAX_SEQ = 2 ** 32 - 1

/** Null: it is none, or larger than any that a server makes. */
export function parsePosition(text: string): Position | null {
  const parts = /^(?<ms>\d{1,15})-(?<seq>\d{1,10})$/.exec(text)?.groups
  const [ms, seq] = [Number(parts?.ms), Number(parts?.seq)]
  return ms <= MAX_MS && seq <= MAX_SEQ ? { ms, seq } : null
}
