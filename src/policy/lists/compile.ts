/**
 * A list from its octets: its rules in a table, what was counted, and whether it is a list at all. In steps, so that it
 * can be done in a thread at once or next to serving.
 *
 * Invariant: what is rejected leaves no rules; a list whose lines are mostly something else is not half taken.
 */
import { latin1 } from '../../dns/bytes.ts'
import type { Prefix } from '../../dns/address.ts'
import type { ListLimits } from '../../limits.ts'
import type { NameHasher } from './hash.ts'
import { readLines, type ReaderOptions, type RuleSink } from './reader.ts'
import { type ComplexRule, Flag, type SkipReason, skipReasons } from './rule.ts'
import { addWhole, TableDraft } from './table.ts'

/** A list ready for looking names up. Flat memory and plain data: it can be handed from thread to thread. */
export interface CompiledList {
  readonly slots: Uint32Array
  readonly complex: readonly ComplexRule[]
  /** Places in `complex` of patterns that no name leads to. */
  readonly scanned: readonly number[]
  /** Lengths of the address blocks in the table, in bits. */
  readonly ipv4Bits: readonly number[]
  readonly ipv6Bits: readonly number[]
  readonly counts: ListCounts
}

export interface ListCounts {
  readonly lines: number
  /** Those that hold, without duplicates. */
  readonly rules: number
  readonly exact: number
  readonly suffix: number
  readonly exceptions: number
  readonly patterns: number
  readonly addresses: number
  readonly duplicates: number
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>
  /** The first of them, with their texts. */
  readonly shown: readonly SkippedLine[]
}

interface SkippedLine {
  readonly line: number
  readonly reason: SkipReason
  readonly text: string
  /** More than `reason` says; empty mostly. */
  readonly detail: string
}

/** `rejected`: it is no list of this format; the reason is the end of a sentence. */
export type CompileResult =
  | { readonly kind: 'compiled'; readonly list: CompiledList }
  | { readonly kind: 'rejected'; readonly reason: string; readonly counts: ListCounts }

export interface CompileOptions extends Omit<ReaderOptions, 'limits'> {
  readonly limits: ListLimits
}

/** Between two steps at most this much is done: about a millisecond. */
const LINES_PER_STEP = 1_000
const ROWS_PER_STEP = 10_000

/** Yields how many octets have been read. */
export function* compileList(
  octets: Uint8Array,
  options: CompileOptions,
  hasher: NameHasher,
): Generator<number, CompileResult> {
  const draft = new Draft(hasher, options.limits)
  const strange = strangeContent(octets)
  if (strange !== null) return { kind: 'rejected', reason: strange, counts: draft.counts(0, 0, 0) }
  const lines = yield* readLines(octets, options, draft, LINES_PER_STEP)
  const tooBad = draft.tooBad()
  if (tooBad !== null) return { kind: 'rejected', reason: tooBad, counts: draft.counts(lines, 0, 0) }
  const steps = draft.table.compile(ROWS_PER_STEP)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) {
      const { slots, used, duplicates } = step.value
      return { kind: 'compiled', list: draft.compiled(slots, draft.counts(lines, used, duplicates)) }
    }
    yield octets.length
  }
}

/** What a server gives when it has no list: a page for people, or something compressed. Null: it may be a list. */
function strangeContent(octets: Uint8Array): string | null {
  if (octets[0] === 0x1f && octets[1] === 0x8b) return 'is compressed (gzip): unpack it first'
  if (octets[0] === 0x50 && octets[1] === 0x4b) return 'is a ZIP archive: unpack it first'
  const start = latin1(octets, 0, Math.min(octets.length, START_OCTETS))
  return /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml)/i.test(start) ? 'is a web page, not a list' : null
}
const START_OCTETS = 512

class Draft implements RuleSink {
  readonly table = new TableDraft()
  readonly #hasher: NameHasher
  readonly #limits: ListLimits
  readonly #complex: ComplexRule[] = []
  readonly #scanned: number[] = []
  readonly #bits = { ipv4: new Set<number>(), ipv6: new Set<number>() }
  readonly #skipped = new Map<SkipReason, number>()
  readonly #shown: SkippedLine[] = []
  readonly #identities = new Set<string>()
  #kinds = { exact: 0, suffix: 0, exceptions: 0, addresses: 0, repeated: 0 }

  constructor(hasher: NameHasher, limits: ListLimits) {
    this.#hasher = hasher
    this.#limits = limits
  }

  name(wire: Uint8Array, octets: number, flags: number, line: number): void {
    if (this.#isFull(line)) return
    this.#hasher.wire(wire, octets)
    addWhole(this.table, this.#hasher, (line << 8) | flags)
    if ((flags & (Flag.Suffix | Flag.Below)) === 0) this.#kinds.exact++
    else this.#kinds.suffix++
    if ((flags & Flag.Exception) !== 0) this.#kinds.exceptions++
  }

  prefix({ family, bytes, length }: Prefix, flags: number, line: number): void {
    if (this.#isFull(line)) return
    this.#hasher.prefix(bytes, length)
    addWhole(this.table, this.#hasher, (line << 8) | flags)
    this.#bits[family === 4 ? 'ipv4' : 'ipv6'].add(length)
    this.#kinds.addresses++
  }

  complex(rule: ComplexRule, wire: Uint8Array, octets: number): void {
    const { line, text, identity, match, isBadFilter } = rule
    const key = `${identity} ${isBadFilter}`
    if (this.#identities.has(key)) {
      this.#kinds.repeated++
      return
    }
    if (this.#complex.length >= this.#limits.complexRules) {
      this.skip('too-many', line, text, '')
      return
    }
    this.#identities.add(key)
    const place = this.#complex.push(rule)
    if (rule.isException) this.#kinds.exceptions++
    if (octets === 0) this.#scanned.push(place - 1)
    else {
      this.#hasher.wire(wire, octets)
      const flags = Flag.Complex | (match === 'suffix' ? Flag.Suffix : match === 'below' ? Flag.Below : 0)
      addWhole(this.table, this.#hasher, (place << 8) | flags)
    }
  }

  skip(reason: SkipReason, line: number, text: string, detail: string): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1)
    if (this.#shown.length < this.#limits.skippedShown)
      this.#shown.push({ line, reason, text: text.slice(0, SHOWN_CHARACTERS), detail })
  }

  /** Why too many lines are no rules; null when they are few. */
  tooBad(): string | null {
    let bad = 0
    let others = 0
    for (const [reason, count] of this.#skipped) {
      if (skipReasons[reason].isBad) bad += count
      else others += count
    }
    const all = this.table.count + this.#scanned.length + this.#kinds.repeated + bad + others
    if (bad <= this.#limits.badLinesBorne || bad * 1_000 <= all * this.#limits.badLinesPermille) return null
    const first = this.#shown.find(({ reason }) => skipReasons[reason].isBad)
    const example = first === undefined ? '' : ` (line ${first.line}: ${skipReasons[first.reason].text})`
    return `has ${bad} of ${all} lines that are no rules of its format${example}`
  }

  counts(lines: number, used: number, duplicates: number): ListCounts {
    const { exact, suffix, exceptions, addresses, repeated } = this.#kinds
    return {
      lines,
      rules: used + this.#scanned.length,
      exact,
      suffix,
      exceptions,
      patterns: this.#complex.filter(({ pattern }) => pattern !== null).length,
      addresses,
      duplicates: duplicates + repeated,
      skipped: Object.fromEntries(this.#skipped),
      shown: this.#shown,
    }
  }

  compiled(slots: Uint32Array, counts: ListCounts): CompiledList {
    const { ipv4, ipv6 } = this.#bits
    return {
      slots,
      complex: this.#complex,
      scanned: this.#scanned,
      ipv4Bits: [...ipv4],
      ipv6Bits: [...ipv6],
      counts,
    }
  }

  #isFull(line: number): boolean {
    if (line <= this.#limits.rulesPerList && this.table.count < this.#limits.rulesPerList) return false
    this.skip('too-many', line, '', '')
    return true
  }
}

const SHOWN_CHARACTERS = 100
