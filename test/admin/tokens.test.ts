/** Tokens made, listed and revoked through the API and the CLI, and what is kept of them. */
import { createHash } from 'node:crypto'
import { readFileSync, existsSync, writeFileSync, chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { type Served, startServed } from './served.ts'

const PATH = '/api/v1/tokens'
const hash = (token: string): string => createHash('sha256').update(token).digest('hex')
const later = '2099-01-01T00:00:00Z'
const admin = {
  tokens: [
    { name: 'root', scope: 'admin', sha256: hash('rw_root') },
    { name: 'writer', scope: 'write', sha256: hash('rw_writer') },
  ],
}
let served: Served
beforeAll(async () => {
  served = await startServed({ admin })
})
afterAll(() => served.stop())

const create = (body: object, query = '') => served.ask(`${PATH}${query}`, { method: 'POST', body })
const revoke = (name: string, query = '') => served.ask(`${PATH}/${name}${query}`, { method: 'DELETE' })
const file = (): string => readFileSync(join(served.directory, 'state', 'tokens.json'), 'utf8')

it('a token is shown once, works at once, and is on the disk as a hash when it is answered', async () => {
  const { status, headers, body } = await create({ name: 'ci', scope: 'operate', expires: later })
  expect(status).toBe(201)
  expect(headers.location).toBe(`${PATH}/ci`)
  expect(body).toMatchObject({ name: 'ci', scope: 'operate', expires: later, from: 'api', createdBy: 'local' })
  expect(body.token).toMatch(/^rw_[\w-]{43}$/)
  expect(file()).toContain(hash(body.token))
  expect(file()).not.toContain(body.token)
  expect((await served.ask('/api/v1/status', { token: body.token })).status).toBe(200)
  const { body: one, text } = await served.ask(`${PATH}/ci`)
  expect(one.lastUsedAt).toMatch(/^20\S+Z$/)
  expect(text).not.toContain(hash(body.token))
  const { body: all, text: listed } = await served.ask(PATH)
  expect(all.tokens.map(({ name }: { name: string }) => name)).toEqual(['root', 'writer', 'ci'])
  expect(listed).not.toMatch(/sha256|rw_/)
  expect((await create({ name: 'ci' })).status).toBe(409)
  expect((await revoke('ci')).status).toBe(204)
  expect((await revoke('ci')).status).toBe(204)
  expect((await served.ask('/api/v1/status', { token: body.token })).status).toBe(401)
  expect(file()).not.toContain(hash(body.token))
})

it('with dryRun nothing is made or revoked', async () => {
  const tried = await create({ name: 'tried' }, '?dryRun=true')
  expect(tried.status).toBe(200)
  expect(tried.body.token).toBeNull()
  expect((await served.ask(`${PATH}/tried`)).status).toBe(404)
  await create({ name: 'kept' })
  expect((await revoke('kept', '?dryRun=true')).status).toBe(204)
  expect((await served.ask(`${PATH}/kept`)).status).toBe(200)
})

it('those of the configuration are listed and not revoked', async () => {
  expect((await revoke('root')).status).toBe(409)
  expect((await create({ name: 'root' })).status).toBe(409)
})

describe('a wish is refused with its place', () => {
  it.each([
    ['a name with a space', { name: 'a b' }, '/name'],
    ['a name that the log has for others', { name: 'local' }, '/name'],
    ['a scope that is none', { name: 'a', scope: 'root' }, '/scope'],
    ['an end in the past', { name: 'a', expires: '2020-01-01T00:00:00Z' }, '/expires'],
    ['an end that is no time', { name: 'a', expires: 'never' }, '/expires'],
    ['a member that is unknown', { name: 'a', sha256: '0' }, '/'],
  ])('%s', async (_what, body, pointer) => {
    const reply = await create(body)
    expect(reply.status).toBe(422)
    expect(reply.body.errors[0].pointer).toBe(pointer)
  })
})

it('whoever has less than admin neither lists nor makes tokens', async () => {
  expect((await served.ask(PATH, { token: 'rw_writer' })).status).toBe(403)
  expect((await served.ask(PATH, { token: 'rw_writer', method: 'POST', body: { name: 'a' } })).status).toBe(403)
})

it('what was made is in the log with who made it and the id of the request', async () => {
  const headers = { 'x-request-id': 'deploy-42' }
  const { headers: back } = await served.ask(PATH, {
    method: 'POST',
    body: { name: 'logged' },
    token: 'rw_root',
    headers,
  })
  expect(back['x-request-id']).toBe('deploy-42')
  await expect
    .poll(() => served.events)
    .toContainEqual({
      kind: 'admin-audit',
      who: 'root',
      what: 'token logged made, scope read',
      from: '127.0.0.1',
      requestId: 'deploy-42',
    })
  // One that would forge a line of the log is replaced.
  const forged = await served.ask(PATH, { headers: { 'x-request-id': 'a b' } })
  expect(forged.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
})

it('a session ends with the token that it began with', async () => {
  const { token } = (await create({ name: 'page', scope: 'read' })).body
  const own = `http://127.0.0.1:${served.port}`
  const login = await served.ask('/api/v1/session', {
    method: 'POST',
    tcp: true,
    body: { token },
    headers: { origin: own },
  })
  const cookie = (login.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? ''
  const look = () => served.ask('/api/v1/status', { tcp: true, headers: { cookie } })
  expect((await look()).status).toBe(200)
  await revoke('page')
  expect((await look()).status).toBe(401)
})

it('tokens are there after a restart; a damaged file lets no one in, is set aside and reported', async () => {
  const { token } = (await create({ name: 'lasting' })).body
  const state = join(served.directory, 'state')
  const text = file()
  const restarted = await startServed({ state })
  expect((await restarted.ask('/api/v1/status', { token })).status).toBe(200)
  await restarted.stop()
  writeFileSync(join(state, 'tokens.json'), text.slice(0, -9))
  const damaged = await startServed({ state })
  expect((await damaged.ask('/api/v1/status', { token })).status).toBe(401)
  await expect.poll(() => damaged.events).toContainEqual(expect.objectContaining({ kind: 'admin-state-failed' }))
  expect(existsSync(join(state, 'tokens.json.broken'))).toBe(true)
  await damaged.stop()
})

it('what cannot be written is refused, and nothing has changed', async () => {
  const other = await startServed()
  const state = join(other.directory, 'state')
  rmSync(state, { recursive: true })
  writeFileSync(state, '')
  chmodSync(state, 0o600)
  const { status, headers } = await other.ask(PATH, { method: 'POST', body: { name: 'lost' } })
  expect(status).toBe(503)
  expect(headers['retry-after']).toBeDefined()
  expect((await other.ask(PATH)).body.tokens).toEqual([])
  await other.stop()
})

it('the command line makes one at the server, lists and revokes it', async () => {
  const run = async (...words: readonly string[]) => {
    const said = { out: '', err: '' }
    const code = await main(['token', ...words, '--admin', `unix:${served.socket}`], {
      out: text => {
        said.out += text
      },
      err: text => {
        said.err += text
      },
      environment: {},
      directory: served.directory,
      terminal: false,
    })
    return { code, ...said }
  }
  const made = await run('create', '--name', 'cli', '--scope', 'write', '--expires', '2099-01-01')
  expect(made.code).toBe(0)
  expect(made.out).toMatch(/^rw_[\w-]{43}\n$/)
  expect((await run('list')).out).toMatch(/^cli\twrite, until 2099-01-01T00:00:00Z, not used yet \(api\)$/m)
  expect(await run('revoke', 'cli')).toMatchObject({ code: 0, out: 'revoked\n' })
  expect((await run('list')).out).not.toContain('cli')
  expect((await run('revoke')).code).toBe(64)
})
