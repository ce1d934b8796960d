/**
 * The stub over HTTP, for tests in any language: records, rules, recorded queries and the state as a whole. The stub
 * judges what is right; here a request becomes a call and a mistake becomes a problem that says what was expected.
 *
 * Invariant: a request that is answered with a problem has changed nothing.
 */
import { counted } from '../../presentation/counted.ts'
import { formatEndpoint } from '../../dns/address.ts'
import { suggest } from '../../presentation/suggest.ts'
import { controlSettings } from '../../http/settings.ts'
import {
  openHttpApi,
  content,
  created,
  nothing,
  problem,
  type Answer,
  type Problem,
  type Request,
} from '../../http/json-api.ts'
import { makeRule, ruleJson } from './rules.ts'
import { deleteRecords, getRecords, putRecords, recordsJson } from './records.ts'
import { queryJson } from './query-json.ts'
import type { DnsStub, RecordedQuery } from '../stub/types.ts'

export interface ControlOptions {
  /** Default 127.0.0.1. On another address everybody who reaches it can change the stub. */
  readonly address?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** Names besides localhost that clients may use for it (the Host header). */
  readonly hosts?: readonly string[]
  /** Called before recorded queries are thrown away. */
  readonly beforeForgetting?: () => void
}

export interface ControlApi {
  /** `127.0.0.1:8055`. */
  readonly address: string
  /** `http://127.0.0.1:8055`. */
  readonly url: string
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Rejects when the address or the port cannot be bound. */
export async function openControlApi(stub: DnsStub, options: ControlOptions = {}): Promise<ControlApi> {
  const { address = '127.0.0.1', port = 0, hosts = [], beforeForgetting = () => {} } = options
  const api = await openHttpApi({ address, port, hosts, answer: request => answer(stub, request, beforeForgetting) })
  const bound = formatEndpoint(api.address, api.port)
  return { address: bound, url: `http://${bound}`, close: () => api.close(), [Symbol.asyncDispose]: () => api.close() }
}

interface Call {
  readonly stub: DnsStub
  readonly request: Request
  /** Undefined when there is none. */
  readonly body: unknown
  readonly beforeForgetting: () => void
}

type Action = (call: Call) => Answer | Promise<Answer>

/** The paths, a star for any segment, with what can be done there. */
const ROUTES: readonly { readonly path: readonly string[]; readonly methods: Readonly<Record<string, Action>> }[] = [
  {
    path: [''],
    methods: {
      GET: () =>
        content({
          paths: ROUTES.map(({ path, methods }) => ({ path: `/${path.join('/')}`, methods: Object.keys(methods) })),
        }),
    },
  },
  { path: ['health'], methods: { GET: ({ stub }) => content({ status: 'ok', dns: stub.address, pid: process.pid }) } },
  {
    path: ['records'],
    methods: {
      GET: ({ stub }) => content(recordsJson(stub)),
      PUT: ({ stub, body }) => putRecords(stub, [], body),
      DELETE: ({ stub }) => deleteRecords(stub, []),
    },
  },
  {
    path: ['records', '*'],
    methods: {
      GET: ({ stub, request }) => getRecords(stub, request.segments.slice(1)),
      PUT: ({ stub, request, body }) => putRecords(stub, request.segments.slice(1), body),
      DELETE: ({ stub, request }) => deleteRecords(stub, request.segments.slice(1)),
    },
  },
  {
    path: ['records', '*', '*'],
    methods: {
      GET: ({ stub, request }) => getRecords(stub, request.segments.slice(1)),
      PUT: ({ stub, request, body }) => putRecords(stub, request.segments.slice(1), body),
      DELETE: ({ stub, request }) => deleteRecords(stub, request.segments.slice(1)),
    },
  },
  {
    path: ['faults'],
    methods: { GET: ({ stub }) => content(stub.faults.map(ruleJson)), POST: postFault, DELETE: deleteFaults },
  },
  { path: ['faults', '*'], methods: { GET: getFault, DELETE: deleteFault } },
  { path: ['queries'], methods: { GET: getQueries, DELETE: deleteQueries } },
  { path: ['queries', 'wait'], methods: { GET: waitForQuery } },
  { path: ['state'], methods: { GET: getState, DELETE: deleteState } },
]

/** Parameters of the query string that a path knows. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  queries: ['name', 'type', 'unmatched'],
  'queries/wait': ['name', 'type', 'timeout', 'count'],
}

async function answer(stub: DnsStub, request: Request, beforeForgetting: () => void): Promise<Answer> {
  const { method, segments, query } = request
  const route = ROUTES.find(
    ({ path }) =>
      path.length === segments.length &&
      path.every((part, at) => part === segments[at] || (part === '*' && segments[at] !== '')),
  )
  if (route === undefined) return problem(404, `There is no /${segments.join('/')}. GET / lists what there is.`)
  const action = Object.hasOwn(route.methods, method) ? route.methods[method] : undefined
  const allow = Object.keys(route.methods)
  if (action === undefined)
    return {
      ...problem(
        405,
        `${method} is not for /${segments.join('/')}; ${allow.join(', ')} ${allow.length === 1 ? 'is' : 'are'}.`,
      ),
      allow,
    }
  const wrong = wrongParameter(query, (method === 'GET' ? PARAMETERS[route.path.join('/')] : undefined) ?? [])
  if (wrong !== null) return wrong
  const body = await request.body()
  if (body.kind === 'problem') return body
  const takesBody = method === 'PUT' || method === 'POST'
  if (takesBody !== (body.value !== undefined))
    return problem(400, takesBody ? `${method} needs a JSON body.` : `${method} takes no body.`)
  return action({ stub, request, body: body.value, beforeForgetting })
}

function wrongParameter(query: URLSearchParams, known: readonly string[]): Problem | null {
  const names = [...query.keys()]
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    const near = suggest(unknown, known)
    const expected = known.length === 0 ? 'There are no parameters here.' : `The parameters are ${known.join(', ')}.`
    return problem(
      400,
      `Unknown parameter "${unknown}"${near === null ? '' : ` (did you mean "${near}"?)`}. ${expected}`,
    )
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  return twice === undefined ? null : problem(400, `The parameter "${twice}" is given twice.`)
}

function postFault({ stub, body }: Call): Answer {
  const made = makeRule(stub, body)
  return made.kind === 'problem' ? made : created(ruleJson(made.rule), `/faults/${encodeURIComponent(made.rule.id)}`)
}

function getFault({ stub, request }: Call): Answer {
  const rule = stub.faults.find(({ id }) => id === request.segments[1])
  return rule === undefined ? noRule(request) : content(ruleJson(rule))
}

function deleteFault({ stub, request }: Call): Answer {
  const rule = stub.faults.find(({ id }) => id === request.segments[1])
  if (rule === undefined) return noRule(request)
  rule.remove()
  return nothing
}

const noRule = ({ segments }: Request): Problem =>
  problem(404, `There is no fault "${segments[1]}" in force. GET /faults lists those that are.`)

function deleteFaults({ stub }: Call): Answer {
  for (const rule of [...stub.faults]) rule.remove()
  return nothing
}

function getQueries({ stub, request: { query } }: Call): Answer {
  const unmatched = query.get('unmatched')
  if (unmatched !== null && unmatched !== 'true' && unmatched !== 'false')
    return problem(400, `unmatched is true or false, not "${unmatched}".`)
  const name = query.get('name')
  const type = query.get('type') ?? undefined
  const wrong = (message: string): Problem => problem(400, message)
  return attempt(() => {
    const ofName =
      name === null
        ? stub.queries.filter(one => type === undefined || one.type === type.toUpperCase())
        : stub.queriesFor(name, type)
    return content(ofName.filter(one => unmatched === null || one.matched === (unmatched === 'false')).map(queryJson))
  }, wrong)
}

function deleteQueries({ stub, beforeForgetting }: Call): Answer {
  beforeForgetting()
  stub.clearQueries()
  return nothing
}

async function waitForQuery({ stub, request: { query, gone } }: Call): Promise<Answer> {
  const name = query.get('name')
  if (name === null) return problem(400, 'The parameter "name" is missing: for which name?')
  const timeout = wholeNumber(query.get('timeout'), controlSettings.waitMs, controlSettings.longestWaitMs)
  const count = wholeNumber(query.get('count'), 1, Number.MAX_SAFE_INTEGER)
  if (timeout === null)
    return problem(400, `timeout is a number of milliseconds up to ${controlSettings.longestWaitMs}.`)
  if (count === null || count === 0) return problem(400, 'count is a whole number from 1.')
  const type = query.get('type')
  const queries = count === 1 ? 'query' : counted(count, 'query', 'queries')
  const asked = `${queries} for ${name}${type === null ? '' : ` ${type}`}`
  try {
    const found = await Promise.race([
      stub.waitForQuery(name, { timeout, count, ...(type === null ? {} : { type }) }),
      left(gone),
    ])
    return found === null ? nothing : content(queryJson(found))
  } catch (error) {
    if (error instanceof TypeError) return problem(400, error.message)
    return problem(404, `No ${asked} came within ${timeout} ms. ${seen(stub.queries)}`)
  }
}

/** What did come, or a person has to ask again to see that it was another name. */
function seen(queries: readonly RecordedQuery[]): string {
  const names = [...new Set(queries.map(({ name, type }) => `${name} ${type}`))]
  const shown = names.slice(-5).join(', ')
  return names.length === 0 ? 'Nothing was asked at all.' : `Asked were: ${names.length > 5 ? '… ' : ''}${shown}.`
}

const left = (gone: AbortSignal): Promise<null> =>
  new Promise(resolve => gone.addEventListener('abort', () => resolve(null), { once: true }))

/** `missing` when there is no text; null when it is no whole number in range. */
function wholeNumber(text: string | null, missing: number, max: number): number | null {
  if (text === null) return missing
  const value = Number(text)
  return /^\d+$/.test(text) && value <= max ? value : null
}

function getState({ stub }: Call): Answer {
  return content({
    dns: stub.address,
    records: recordsJson(stub),
    faults: stub.faults.map(ruleJson),
    queries: stub.queries.map(queryJson),
    unmatched: stub.unmatched.length,
  })
}

function deleteState({ stub, beforeForgetting }: Call): Answer {
  beforeForgetting()
  stub.clear()
  return nothing
}

/** The stub says what is wrong with a call in a TypeError; anything else is a bug. */
function attempt(call: () => Answer, wrong: (message: string) => Problem): Answer {
  try {
    return call()
  } catch (error) {
    if (error instanceof TypeError) return wrong(error.message)
    throw error
  }
}
