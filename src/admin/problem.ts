/** Problems of RFC 9457 as responses. Sentences are for people; nothing of a request's octets is repeated in them. */
import { STATUS_CODES } from 'node:http'

/** A member of the body as a JSON pointer (RFC 6901), or a place in a text, counted from 1. */
interface ProblemPlace {
  readonly pointer: string
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly detail: string
}

interface ProblemFields {
  readonly status: number
  readonly detail: string
  /** What is wrong, all of it. */
  readonly errors?: readonly ProblemPlace[] | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** What a route throws to refuse: its response is the problem. */
export class Refusal extends Error {
  readonly response: Response

  constructor(response: Response) {
    super('refused')
    this.response = response
  }
}

export function refuse(fields: ProblemFields): never {
  throw new Refusal(problemResponse(fields))
}

/** "about:blank": the status says what kind of problem it is (RFC 9457 section 4.2.1). */
export function problemResponse({ status, detail, errors, headers = {} }: ProblemFields): Response {
  const body = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    ...(errors === undefined ? {} : { errors }),
  }
  return new Response(`${JSON.stringify(body, null, 2)}\n`, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  })
}
