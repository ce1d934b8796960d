/**
 * The templates of $GENERATE, with all forms of BIND: `$`, `$$`, `\$` and `${offset,width,base}` where base is d, o, x,
 * X, n or N (nibbles in reverse order with dots). Only text to text: what comes out is read like any other line.
 */
import { parseUnsigned, shown, type TextError } from '../presentation/text.ts'

export interface GenerateRange {
  readonly start: number
  readonly stop: number
  readonly step: number
}

const MAX_I32 = 0x7fff_ffff
/** No number in a name or a string needs more characters than they hold. */
const MAX_WIDTH = 255

/** `start-stop` or `start-stop/step`. */
export function parseRange(text: string): GenerateRange | TextError {
  const match = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(text)
  const [start, stop, step] = [match?.[1], match?.[2], match?.[3] ?? '1'].map(part =>
    parseUnsigned(part ?? '', MAX_I32),
  )
  if (
    start === null ||
    start === undefined ||
    stop === null ||
    stop === undefined ||
    step === null ||
    step === undefined
  ) {
    return { error: `expected a range like 1-100 or 0-254/2, found ${shown(text)}` }
  }
  if (start > stop) return { error: `the range ${text} runs backwards: write ${stop}-${start}` }
  if (step === 0) return { error: `the range ${text} never ends: its step must be at least 1` }
  return { start, stop, step }
}

export const rangeSize = (range: GenerateRange): number => Math.floor((range.stop - range.start) / range.step) + 1

interface Slot {
  readonly offset: number
  readonly width: number
  readonly base: 'd' | 'o' | 'x' | 'X' | 'n' | 'N'
}

/** Literal text and places for the number, in order. */
export type Template = readonly (string | Slot)[]

const PLAIN_SLOT: Slot = { offset: 0, width: 0, base: 'd' }
const SLOT = /^\{\s*([+-]?\d+)\s*(?:,\s*(\d+)\s*(?:,\s*([doxXnN])\s*)?)?\}/

const isBase = (text: string): text is Slot['base'] => /^[doxXnN]$/.test(text)

/** Takes a template apart once, so that an error is reported once and not for each number. */
export function parseTemplate(text: string): Template | TextError {
  const parts: (string | Slot)[] = []
  let literal = ''
  const flush = (): void => {
    if (literal !== '') parts.push(literal)
    literal = ''
  }
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at)
    if (character === '\\') {
      // Kept with its backslash: whoever reads the line resolves it.
      literal += text.slice(at, at + 2)
      at += 2
    } else if (character !== '$') {
      literal += character
      at++
    } else if (text.charAt(at + 1) === '$') {
      literal += '$'
      at += 2
    } else if (text.charAt(at + 1) !== '{') {
      flush()
      parts.push(PLAIN_SLOT)
      at++
    } else {
      const match = SLOT.exec(text.slice(at + 1))
      const [whole = '', offset = '', width = '0', base = 'd'] = match ?? []
      if (match === null || !isBase(base))
        return {
          error:
            `expected \${offset,width,base} with base d, o, x, X, n or N, like \${0,3,d}, found ` +
            `${shown(text.slice(at))}`,
        }
      if (Math.abs(Number(offset)) > MAX_I32 || Number(width) > MAX_WIDTH)
        return { error: `the offset or the width in ${shown(`$${whole}`)} is too big (widths to ${MAX_WIDTH})` }
      flush()
      parts.push({ offset: Number(offset), width: Number(width), base })
      at += 1 + whole.length
    }
  }
  flush()
  return parts
}

/** The template with `number` in its places. */
export function expandTemplate(template: Template, number: number): string | TextError {
  let text = ''
  for (const part of template) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    const value = number + part.offset
    if (value < -MAX_I32 || value > MAX_I32)
      return {
        error:
          `the offset ${part.offset} makes the number ${number} become ${value}, outside -${MAX_I32} to ` +
          `${MAX_I32}`,
      }
    text += formatSlot(value, part)
  }
  return text
}

/**
 * As C's printf writes them for BIND: in base 10 a sign counts for the width, in the others a negative number shows its
 * 32 bits.
 */
function formatSlot(value: number, { width, base }: Slot): string {
  const bits = value >>> 0
  switch (base) {
    case 'd':
      return value < 0 ? `-${(-value).toString().padStart(width - 1, '0')}` : value.toString().padStart(width, '0')
    case 'o':
      return bits.toString(8).padStart(width, '0')
    case 'x':
      return bits.toString(16).padStart(width, '0')
    case 'X':
      return bits.toString(16).toUpperCase().padStart(width, '0')
    case 'n':
      return nibbles(bits, width)
    case 'N':
      return nibbles(bits, width).toUpperCase()
    default:
      return base satisfies never
  }
}

/** Hex digits, lowest first, with dots between; `width` counts the dots too, so that an even one ends in a dot. */
function nibbles(value: number, width: number): string {
  const digits = [...value.toString(16)].reverse().join('.')
  return digits.length >= width
    ? digits
    : digits + '.0'.repeat(Math.ceil((width - digits.length) / 2)).slice(0, width - digits.length)
}
