/**
 * The description of the API (OpenAPI 3.1) as it is served: what several operations have alike, responses and
 * parameters, is in it once, under `components`, and referred to (section 4.8.7). Pure.
 */
import { STATUS_CODES } from 'node:http'

interface Operation {
  readonly responses?: Readonly<Record<string, unknown>>
  readonly parameters?: readonly unknown[]
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>
export interface Description {
  readonly openapi: string
  readonly paths?: object | undefined
  readonly components?: object | undefined
}

/** The same description with nothing said twice. */
export function folded(description: Description): Description {
  const paths: Paths = { ...description.paths }
  const operations = Object.values(paths).flatMap(methods => Object.values(methods))
  const responses = new Shared(
    'responses',
    operations.flatMap(({ responses: of = {} }) => Object.entries(of).map(([status, one]) => [named(status), one])),
  )
  const parameters = new Shared(
    'parameters',
    operations.flatMap(({ parameters: of = [] }) => of.map(one => [named(nameIn(one)), one])),
  )
  const fold = (operation: Operation): Operation => ({
    ...operation,
    ...(operation.parameters === undefined ? {} : { parameters: operation.parameters.map(one => parameters.use(one)) }),
    ...(operation.responses === undefined ? {} : { responses: mapped(operation.responses, one => responses.use(one)) }),
  })
  return {
    ...description,
    paths: mapped(paths, methods => mapped(methods, fold)),
    components: { ...description.components, responses: responses.all, parameters: parameters.all },
  }
}

/** What is there more than once, by a name of its own. */
class Shared {
  readonly #room: string
  readonly #names = new Map<string, string>()
  readonly all: Record<string, unknown> = {}

  constructor(room: string, given: readonly (readonly [name: string, value: unknown])[]) {
    this.#room = room
    const seen = new Set<string>()
    for (const [name, value] of given) {
      const text = JSON.stringify(value)
      if (seen.has(text)) this.#share(name, text, value)
      seen.add(text)
    }
  }

  use(value: unknown): unknown {
    const name = this.#names.get(JSON.stringify(value))
    return name === undefined ? value : { $ref: `#/components/${this.#room}/${name}` }
  }

  #share(wanted: string, text: string, value: unknown): void {
    if (this.#names.has(text)) return
    let name = wanted
    for (let number = 2; name in this.all; number++) name = `${wanted}${number}`
    this.#names.set(text, name)
    this.all[name] = value
  }
}

const mapped = <T, U>(members: Readonly<Record<string, T>>, change: (value: T) => U): Readonly<Record<string, U>> =>
  Object.fromEntries(Object.entries(members).map(([key, value]) => [key, change(value)]))

const nameIn = (parameter: unknown): string =>
  typeof parameter === 'object' && parameter !== null && 'name' in parameter ? String(parameter.name) : ''

/** `404` is NotFound, `idempotency-key` IdempotencyKey. */
const named = (text: string): string =>
  (STATUS_CODES[text] ?? text).replaceAll(/(?:^|[^A-Za-z]+)([A-Za-z]?)/g, (_all, letter: string) =>
    letter.toUpperCase(),
  )
