/**
 * The arguments of `rootwalk exec`: options up to `--`, then the command, which is not interpreted. Read without the
 * parser of the other commands, whose loading would be half of the time that `exec` costs; that one is called for help
 * and to complain.
 */
import { parseArgs } from 'node:util'

/** In the form of both parsers: `array` is the one's word for what is `multiple` to the other. */
export const EXEC_OPTIONS = {
  zone: {
    type: 'string',
    array: true,
    multiple: true,
    requiresArg: true,
    describe: 'Zone file whose records are served (can be repeated)',
  },
  records: {
    type: 'string',
    array: true,
    multiple: true,
    requiresArg: true,
    describe: 'JSON file of records: {"api.internal": {"A": ["127.0.0.1"], "ttl": 5}}',
  },
  record: {
    type: 'string',
    array: false,
    requiresArg: true,
    describe: 'Write every query into this file, a JSON object a line',
  },
  cassette: {
    type: 'string',
    array: false,
    requiresArg: true,
    describe: 'Recorded exchanges for names that are not listed',
  },
  control: {
    type: 'boolean',
    array: false,
    requiresArg: false,
    describe: 'Open the control API inside; the command finds it in ROOTWALK_CONTROL',
  },
  'assert-no-unmatched': {
    type: 'boolean',
    array: false,
    requiresArg: false,
    describe: 'Exit code 1 when a name was asked for that is not listed',
  },
} as const

export interface ExecOptions {
  readonly zones: readonly string[]
  readonly records: readonly string[]
  readonly record: string | null
  readonly cassette: string | null
  readonly control: boolean
  readonly assertNoUnmatched: boolean
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
}

/** Null: something is missing or wrong, or help is wanted. */
export function readExecWords(words: readonly string[]): ExecOptions | null {
  const end = words.indexOf('--')
  const [program, ...args] = end < 0 ? [] : words.slice(end + 1)
  if (program === undefined) return null
  try {
    const { values } = parseArgs({ args: words.slice(0, end), options: EXEC_OPTIONS })
    return {
      zones: values.zone ?? [],
      records: values.records ?? [],
      record: values.record ?? null,
      cassette: values.cassette ?? null,
      control: values.control === true,
      assertNoUnmatched: values['assert-no-unmatched'] === true,
      command: [program, ...args],
    }
  } catch {
    return null
  }
}
