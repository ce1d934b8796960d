/** The description of the API, and the API as it is. `ROOTWALK_WRITE_OPENAPI=1` writes the file again. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Served, startServed } from './served.ts'

const FILE = new URL('../../docs/openapi.json', import.meta.url)
interface Operation {
  readonly security?: readonly object[]
  readonly summary?: string
  readonly responses: Readonly<Record<string, unknown>>
}
interface Described {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** They go on until the client leaves; `live.test.ts` is about them. */
const STREAMS = ['/api/v1/events', '/api/v1/walk', '/api/v1/visits/{id}/events']

/** JSON with what is short on one line: most of the description are references. */
function printed(value: unknown, indent = ''): string {
  const short = JSON.stringify(value)
  if (typeof value !== 'object' || value === null || short.length + indent.length <= 100) return short
  const inner = `${indent}  `
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const lines = Object.entries(value).map(([key, member]) => {
    const label = Array.isArray(value) ? '' : `${JSON.stringify(key)}: `
    return `${inner}${label}${printed(member, inner)}`
  })
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`
}

let served: Served
let text: string
let operations: readonly { readonly path: string; readonly method: string; readonly operation: Operation }[]
beforeAll(async () => {
  served = await startServed()
  const { body } = await served.ask('/openapi.json')
  const described: Described = body
  text = `${printed(described)}\n`
  operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
})
afterAll(() => served.stop())

it('the description in docs/ is the one that is served', () => {
  if (process.env.ROOTWALK_WRITE_OPENAPI === '1') writeFileSync(FILE, text)
  expect(readFileSync(FILE, 'utf8')).toBe(text)
})

/** The part of the description that an explanation is, as a schema of its own. */
function explanationSchema(description: unknown): string {
  const text = JSON.stringify(description).replaceAll('#/components/schemas/', '#/$defs/')
  const { Explanation, RootCause, ExplanationStep } = JSON.parse(text).components.schemas
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'An explanation of rootwalk, version 1',
    ...Explanation,
    $defs: { RootCause, ExplanationStep },
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

it('the schema of explanations in docs/ is the one that is served', async () => {
  const file = new URL('../../docs/explain.schema.json', import.meta.url)
  const schema = explanationSchema((await served.ask('/openapi.json')).body)
  if (process.env.ROOTWALK_WRITE_OPENAPI === '1') writeFileSync(file, schema)
  expect(readFileSync(file, 'utf8')).toBe(schema)
})

it('every operation says what it is for and answers 401 without a token, if it needs one', async () => {
  expect(operations.length).toBeGreaterThan(15)
  for (const { path, method, operation } of operations) {
    expect(operation.summary, `${method} ${path}`).toBeDefined()
    if (operation.security === undefined && STREAMS.includes(path)) continue
    const { status } = await served.ask(path.replaceAll(/\{\w+\}/g, 'example.com'), { method, tcp: true })
    // An empty one among them: it may be asked without a token from here.
    const needsToken = operation.security?.every(one => Object.keys(one).length > 0) === true
    if (needsToken) expect(status, `${method} ${path}`).toBe(401)
    else expect(Object.keys(operation.responses), `${method} ${path}`).toContain(String(status))
  }
})

it('every operation answers with a code that it names, whatever comes as its query and body', async () => {
  const queries = ['', '?dryRun=true', '?dryRun=maybe', '?limit=-1', '?__proto__=1', '?cursor=%00', '?under=%2F']
  const bodies = [undefined, {}, [], { name: '\\000.example' }, { name: 'x'.repeat(2_000) }, { until: 'never' }]
  for (const { path, method, operation } of operations) {
    if (path === '/api/v1/stop' || STREAMS.includes(path)) continue
    for (const query of queries)
      for (const body of method === 'GET' ? [undefined] : bodies) {
        const asked = `${path.replaceAll(/\{\w+\}/g, 'a%2Fb%5C000.example')}${query}`
        const { status } = await served.ask(asked, { method, body })
        expect(Object.keys(operation.responses), `${method} ${asked} ${JSON.stringify(body)}`).toContain(String(status))
      }
  }
  expect(served.events.filter(({ kind }) => kind === 'bug')).toEqual([])
})
