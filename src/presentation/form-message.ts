/**
 * What a value of the wrong form should have been, in words: for the configuration and for bodies of the API, whose
 * schemas know what they expect. The path of the value is for whoever reports it.
 */

/** What is known of a value that does not fit, as zod has it. */
interface FormIssue {
  readonly code: string
  readonly input?: unknown
  readonly expected?: unknown
  readonly origin?: unknown
  readonly minimum?: unknown
  readonly maximum?: unknown
  readonly inclusive?: unknown
  readonly values?: readonly unknown[]
}

/** Longer values are not repeated in a message. */
const SHOWN_CHARACTERS = 60

/** Null: what the schema itself says is left as it is. Example: `expected a list: write ["127.0.0.1:53"]`. */
export function formMessage(issue: FormIssue): string | null {
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(String(issue.expected), issue.input)
    case 'too_small':
      return boundMessage(issue, issue.inclusive === false ? 'more than' : 'at least', Number(issue.minimum))
    case 'too_big':
      return boundMessage(issue, issue.inclusive === false ? 'less than' : 'at most', Number(issue.maximum))
    case 'invalid_value':
      return `expected ${choices(issue.values ?? [])}${found(issue.input)}`
    default:
      return null
  }
}

function typeMessage(expected: string, input: unknown): string {
  const wanted = WANTED.get(expected) ?? expected
  if (input === undefined) return `is missing: expected ${wanted}`
  const text = shown(input)
  if (expected === 'array' && text !== null && input !== null) return `expected a list: write [${text}]`
  return `expected ${wanted}${found(input)}`
}

const WANTED: ReadonlyMap<string, string> = new Map([
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['string', 'a text in quotes'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
])

function boundMessage({ origin, input }: FormIssue, than: string, bound: number): string {
  if (origin === 'string') return `expected ${than} ${bound} ${bound === 1 ? 'character' : 'characters'}`
  if (origin === 'array') return `expected ${than} ${bound} ${bound === 1 ? 'item' : 'items'}`
  return `expected ${than} ${bound}${found(input)}`
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
function choices(values: readonly unknown[]): string {
  const texts = values.map(value => JSON.stringify(value))
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`
}

function found(input: unknown): string {
  if (input === undefined) return ''
  if (input === null) return ', found null'
  if (Array.isArray(input)) return ', found a list'
  if (typeof input === 'object') return ', found an object'
  return `, found ${shown(input) ?? `a ${typeof input}`}`
}

/** As JSON has it; null for what is too long or no JSON. */
function shown(input: unknown): string | null {
  if (typeof input === 'number') return String(input)
  const text = typeof input === 'bigint' || typeof input === 'function' ? undefined : JSON.stringify(input)
  return text === undefined || text.length > SHOWN_CHARACTERS ? null : text
}
