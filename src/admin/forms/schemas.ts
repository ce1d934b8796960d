/** What routes have in common: names and types as parameters, pages, problems, how they are documented. */
import { z } from '@hono/zod-openapi'
import { foldName, type Name } from '../../dns/name.ts'
import { typeNumber } from '../../dns/types.ts'
import { readName } from '../../system/idna.ts'
import { adminLimits } from '../limits.ts'
import { IDEMPOTENCY_KEY } from '../requests/once.ts'

export const json = <T extends z.ZodType>(schema: T): { 'application/json': { schema: T } } => ({
  'application/json': { schema },
})

interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?:
    | readonly {
        readonly pointer: string
        readonly line?: number | undefined
        readonly column?: number | undefined
        readonly detail: string
      }[]
    | undefined
}

/** Of what is wrong, or notable. */
export const place: z.ZodObject<{
  pointer: z.ZodString
  line: z.ZodOptional<z.ZodNumber>
  column: z.ZodOptional<z.ZodNumber>
  detail: z.ZodString
}> = z.object({
  pointer: z.string().describe('JSON pointer (RFC 6901); empty in a text.'),
  line: z.number().optional().describe('Of a text, from 1.'),
  column: z.number().optional(),
  detail: z.string(),
})

const problem: z.ZodType<ProblemBody> = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    errors: z.array(place).optional(),
  })
  .openapi('Problem')

export interface DocumentedProblem {
  readonly description: string
  readonly content: { readonly 'application/problem+json': { readonly schema: z.ZodType<ProblemBody> } }
}

/** RFC 9457. The texts of those that every route can give are here. */
export const fault = (description: string): DocumentedProblem => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
})

/** Of a POST with a key that has no other conflict. */
export const underWay: DocumentedProblem = fault('A request with this Idempotency-Key is under way.')

type Faults<S extends number> = { readonly [K in S]: DocumentedProblem }

/** Whoever asks, and whatever for. */
const ANY: Faults<400 | 403 | 408 | 413 | 415 | 421 | 431 | 500> = {
  400: fault('A parameter is not what is expected, `errors` says which; or this is no HTTP, or no JSON.'),
  403: fault('The token may not do this, or a page from elsewhere asks.'),
  408: fault('The request did not arrive in time.'),
  413: fault('The body is too large.'),
  415: fault('The body is not JSON.'),
  421: fault('The Host is none of ours.'),
  431: fault('The headers are too large.'),
  500: fault('A bug in the server, which is in its log under the id of the request.'),
}
const STOPPING: Faults<503> = { 503: fault('The server is stopping.') }
const TOKENS: Faults<401 | 429> = {
  401: fault('No token, or one that is not known or has expired.'),
  429: fault('Too many requests; Retry-After says when to come again.'),
}
const BODY: Faults<422> = {
  422: fault('The body is not what is expected; `errors` has everything that is wrong.'),
}

/** Where no token is needed. */
export const OPEN_FAULTS: typeof ANY & typeof STOPPING = { ...ANY, ...STOPPING }
/** What needs a token and is answered by the API's thread alone. */
export const OWN_FAULTS: typeof ANY & typeof TOKENS = { ...ANY, ...TOKENS }
export const ownWithBody: typeof OWN_FAULTS & typeof BODY = { ...OWN_FAULTS, ...BODY }
/** What asks the server. */
export const FAULTS: typeof OWN_FAULTS & typeof STOPPING = { ...OWN_FAULTS, ...STOPPING }
export const withBody: typeof FAULTS & typeof BODY = { ...FAULTS, ...BODY }

/** A name in presentation format (RFC 1035 section 5.1); read, and in lower case. */
export const dnsName: z.ZodType<Name, string> = z
  .string()
  .min(1)
  .max(adminLimits.nameCharacters)
  .transform((text, context) => {
    const name = readName(text)
    if (typeof name === 'string') return foldName(name)
    context.addIssue({ code: 'custom', message: name.error })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'A name in presentation format.', example: 'www.example.com' })

/** A type mnemonic, or `TYPE65280`. */
export const rrType: z.ZodType<number, string> = z
  .string()
  .max(adminLimits.typeCharacters)
  .transform((text, context) => {
    const type = typeNumber(text)
    if (type !== null) return type
    context.addIssue({ code: 'custom', message: 'expected a record type such as AAAA or TYPE65280' })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'A record type, or TYPE and its number.', example: 'AAAA' })

export const flag: z.ZodType<boolean, 'true' | 'false' | undefined> = z
  .enum(['true', 'false'])
  .default('false')
  .transform(text => text === 'true')
  .openapi({ type: 'boolean', default: false })

export const limit: z.ZodType<number, string | undefined> = z.coerce
  .number<string | undefined>()
  .int()
  .min(1)
  .max(adminLimits.pageEntries)
  .default(adminLimits.pageDefault)
  .openapi({ description: 'Entries on a page, at most.' })

/** Opaque: what the page before said under `next`. */
export const cursor: z.ZodType<string | undefined, string | undefined> = z
  .string()
  .max(adminLimits.cursorCharacters)
  .transform((text, context) => {
    if (/^[\w-]+$/.test(text)) return Buffer.from(text, 'base64url').toString('utf8')
    context.addIssue({ code: 'custom', message: 'expected what the page before has under "next"' })
    return z.NEVER
  })
  .optional()
  .openapi({ type: 'string', description: 'What the page before has under `next`.' })

export const cursorText = (next: string | null): string | null =>
  next === null ? null : Buffer.from(next, 'utf8').toString('base64url')

export const nextPage: z.ZodType<string | null> = z
  .string()
  .nullable()
  .describe('The cursor of the next page; null: this is the last.')

export const TOKEN: { token: string[] }[] = [{ token: [] }]

export const scope: z.ZodEnum<{ read: 'read'; operate: 'operate'; write: 'write'; admin: 'admin' }> = z.enum([
  'read',
  'operate',
  'write',
  'admin',
])

/** Of what changes something. */
export const dry: z.ZodObject<{ dryRun: typeof flag }> = z.object({ dryRun: flag })

/** Of a POST that makes or changes something: see `once.ts`. */
export const keyed: z.ZodObject<{ 'idempotency-key': z.ZodOptional<z.ZodString> }> = z.object({
  'idempotency-key': z
    .string()
    .regex(IDEMPOTENCY_KEY, { error: 'expected 1 to 64 letters, digits, ".", ":", "-" and "_", in quotes or not' })
    .optional()
    .describe('Sent again with the same key and body, the first answer comes again, and nothing is done twice.'),
})

/** UTC, without parts of a second, from seconds since 1970. */
export const timeText = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
