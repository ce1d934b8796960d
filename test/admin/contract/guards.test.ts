/**
 * Who may do what: every operation of the description with every kind of token, and with all that is wrong about a request
 * before it comes to its route. The table is made from the description, which says the scope of each.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SCOPES } from '../../../src/admin/access.ts'
import { startServed, type Served } from '../served.ts'
import { type Operation, operationsIn } from './described.ts'
import { askHead, TOKENS, tokenSettings } from './kit.ts'

let served: Served
let operations: readonly Operation[]
let guarded: readonly Operation[]
beforeAll(async () => {
  served = await startServed({ admin: { tokens: tokenSettings } })
  operations = operationsIn((await served.ask('/openapi.json')).body)
  guarded = operations.filter(({ needsToken }) => needsToken)
})
afterAll(() => served.stop())

/** Nothing is changed, and a stream is not followed: the code is all that is looked at. */
async function codeOf({ method, path, takesBody }: Operation, headers: Record<string, string>): Promise<number> {
  const type = takesBody && headers['content-type'] === undefined ? { 'content-type': 'application/json' } : {}
  const asked = method === 'GET' ? path : `${path}?dryRun=true`
  const body = takesBody ? {} : undefined
  return (await askHead(served.port, asked, { method, headers: { ...type, ...headers }, body })).status
}

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

describe('by its scope', () => {
  it('an operation is for those who may do it, and says so: for others it is 403', async () => {
    const wrong: string[] = []
    for (const operation of guarded)
      for (const has of SCOPES) {
        const mayDo = SCOPES.indexOf(has) >= SCOPES.indexOf(operation.scope ?? 'read')
        const code = await codeOf(operation, bearer(TOKENS[has]))
        if ((code !== 403) !== mayDo || code === 401 || code >= 500) wrong.push(`${operation.key} with ${has}: ${code}`)
      }
    expect(wrong).toEqual([])
    expect(guarded.length).toBeGreaterThan(60)
  })

  it('an operation that changes something is not for those who may only read', () => {
    const READS = ['POST /api/v1/explain', 'POST /api/v1/policy/tests']
    const open = guarded.filter(
      ({ method, scope, key }) => method !== 'GET' && scope === 'read' && !READS.includes(key),
    )
    expect(open.map(({ key }) => key)).toEqual([])
  })

  it('what changes tokens is for admin only', () => {
    const ofTokens = guarded.filter(({ template }) => /\/tokens/.test(template))
    expect(ofTokens.filter(({ scope }) => scope !== 'admin').map(({ key }) => key)).toEqual([])
  })
})

/** What is wrong, and the code that it gets whatever the operation is. `any`: also where no token is needed. */
const WRONG: readonly (readonly [what: string, headers: Record<string, string>, code: number, any: boolean])[] = [
  ['no token', {}, 401, false],
  ['a token of another scheme', { authorization: 'Basic cndfYWRtaW46' }, 401, false],
  ['a token that is too long', bearer('x'.repeat(600)), 401, false],
  ['a session that there is not', { cookie: 'rootwalk=x' }, 401, false],
  ['another host', { host: 'evil.example', ...bearer(TOKENS.admin) }, 421, true],
  ['a host that only begins like ours', { host: '127.0.0.1.evil.example', ...bearer(TOKENS.admin) }, 421, true],
  ['a page from elsewhere', { origin: 'https://evil.example', ...bearer(TOKENS.admin) }, 403, true],
  ['a page without an origin', { origin: 'null', ...bearer(TOKENS.admin) }, 403, true],
  ['what a browser sends across sites', { 'sec-fetch-site': 'cross-site', ...bearer(TOKENS.admin) }, 403, true],
  ['a page of the same host and another port', { origin: 'http://127.0.0.1:1', ...bearer(TOKENS.admin) }, 403, true],
]

describe('whatever the operation is', () => {
  it.each(WRONG)('%s is refused before anything is read', async (_what, headers, code, any) => {
    const wrong: string[] = []
    for (const operation of any ? operations : guarded) {
      const got = await codeOf(operation, headers)
      if (got !== code) wrong.push(`${operation.key}: ${got}`)
    }
    expect(wrong).toEqual([])
  })

  it('a token that is not known is refused, and slows its address down', async () => {
    const wrong: string[] = []
    for (const operation of guarded) {
      const got = await codeOf(operation, bearer('rw_wrong'))
      if (got !== 401 && got !== 429) wrong.push(`${operation.key}: ${got}`)
      // One that is known begins anew, once it may be looked at.
      while ((await codeOf(guarded[0] ?? operation, bearer(TOKENS.admin))) === 429) await Promise.resolve()
    }
    expect(wrong).toEqual([])
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    '',
  ])('a body of the type "%s" is 415', async type => {
    const wrong: string[] = []
    for (const { method, path, key } of operations) {
      const headers = { ...bearer(TOKENS.admin), 'content-type': type, 'content-length': '7' }
      const { status } = await askHead(served.port, path, { method, headers, body: { a: 1 } })
      if (status !== 415) wrong.push(`${key}: ${status}`)
    }
    expect(wrong).toEqual([])
  })

  it('another method is 405, with those that there are', async () => {
    const wrong: string[] = []
    for (const template of new Set(operations.map(one => one.template))) {
      const those = operations.filter(one => one.template === template)
      const methods = those.map(({ method }) => method)
      const path = those[0]?.path ?? ''
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].filter(
        one => !methods.includes(one),
      )) {
        const { status, headers } = await askHead(served.port, path, { method, headers: bearer(TOKENS.admin) })
        const allow = methods.flatMap(one => (one === 'GET' ? ['GET', 'HEAD'] : [one]))
        const allowed = String(headers.allow).split(', ')
        if (status !== 405 || allowed.sort().join() !== allow.sort().join())
          wrong.push(`${method} ${template}: ${status}, ${headers.allow}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
