/** Settings of a running server: shown with where they come from, changed, refused, changed back. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { readConfig } from '../../src/config/read.ts'
import type { Override } from '../../src/config/types.ts'
import { type Served, startServed } from './served.ts'

const PATH = '/api/v1/configuration'
const TEXT = `{
  "allow": ["127.0.0.0/8"],
  "any": "tcp",
  "admin": { "tokens": [{ "name": "ci", "scope": "read", "sha256": "${'a'.repeat(64)}" }] }
}`
const fixed: readonly Override[] = [{ label: 'ROOTWALK_REVERSE', path: ['reverse'], value: 'false' }]
let text = TEXT
const settings = { ...JSON.parse(TEXT), reverse: false }

/** Another process with the same state. */
async function started(directory: string): Promise<Served> {
  const whole = {
    ...{ listen: ['127.0.0.1:0'], any: 'tcp', state: join(directory, 'state') },
    admin: {
      listen: [`unix:${join(directory, 'other.sock')}`, '127.0.0.1:0'],
      tokens: [{ name: 'root', scope: 'admin', sha256: createHash('sha256').update(TOKEN).digest('hex') }],
    },
  }
  return startServed(whole, {
    readConfig: overlay =>
      readConfig({ file: { path: '/r.json', text: JSON.stringify(whole) }, overrides: overlay, directory: '/' }),
  })
}
const TOKEN = 'rw_root'

let served: Served
beforeAll(async () => {
  served = await startServed(settings, {
    readConfig: overlay =>
      readConfig({ file: { path: '/r.json', text }, overrides: [...overlay, ...fixed], directory: '/' }),
  })
})
afterAll(() => served.stop())

interface Setting {
  readonly path: string
  readonly value: unknown
  readonly source: string
  readonly where: string | null
  readonly fixed: string | null
  readonly isPending: boolean
}
const setting = async (path: string, of: Served = served, token?: string): Promise<Setting> => {
  const all: readonly Setting[] = (await of.ask(PATH, token === undefined ? {} : { token })).body.settings
  const found = all.find(one => one.path === path)
  if (found === undefined) throw new Error(`no setting ${path}`)
  return found
}
const patch = (body: unknown, query = '', headers = {}) =>
  served.ask(`${PATH}${query}`, { method: 'PATCH', body, headers })

it('every setting says where it comes from, and hashes of tokens are shown to no one', async () => {
  expect(await setting('allow')).toMatchObject({
    value: ['127.0.0.0/8'],
    source: 'file',
    where: expect.stringMatching(/resolver\.config\.json:2:12$/),
  })
  expect(await setting('reverse')).toMatchObject({ source: 'environment', where: 'ROOTWALK_REVERSE' })
  expect(await setting('dnssec.validate')).toMatchObject({ source: 'default', where: null, fixed: null })
  expect(await setting('admin.tokens')).toMatchObject({ value: [{ name: 'ci', scope: 'read' }] })
  expect((await served.ask(PATH)).text).not.toContain('aaaa')
})

it('a change is tried, made, shown, kept with its reason, and taken back', async () => {
  const { headers } = await served.ask(PATH)
  const etag = headers.etag ?? ''
  const tried = await patch({ any: 'resolve' }, '?dryRun=true')
  expect(tried.body).toMatchObject({ dryRun: true, difference: { added: ['any = "resolve"'] } })
  expect((await setting('any')).value).toBe('tcp')
  expect((await patch({ any: 'resolve' }, '', { 'if-match': '"other"' })).status).toBe(412)
  const made = await patch({ any: 'resolve', dnssec: { validate: false } }, '?comment=trial', { 'if-match': etag })
  expect(made.status).toBe(200)
  expect(made.body.revision).toBe(1)
  expect(await setting('any')).toMatchObject({ value: 'resolve', source: 'api', where: 'the API' })
  expect((await patch({ any: 'resolve' }, '', { 'if-match': etag })).status).toBe(412)
  // The same again is no other revision.
  expect((await patch({ any: 'resolve' })).body.revision).toBe(1)
  await patch({ any: null })
  expect((await setting('any')).source).toBe('file')
  const { revisions } = (await served.ask(`${PATH}/revisions`)).body
  expect(revisions.at(-1)).toMatchObject({ number: 1, author: 'local', comment: 'trial' })
  await served.ask(`${PATH}/undo`, { method: 'POST' })
  expect((await setting('any')).value).toBe('resolve')
  await served.ask(`${PATH}/undo`, { method: 'POST' })
  expect((await setting('dnssec.validate')).source).toBe('default')
  expect((await served.ask(`${PATH}/undo`, { method: 'POST' })).status).toBe(409)
  expect((await served.ask(`${PATH}/revisions/1/revert`, { method: 'POST' })).status).toBe(200)
  expect((await served.ask(PATH, { method: 'PUT', body: {} })).body.difference.removedCount).toBe(2)
  expect((await served.ask(`${PATH}/revisions/77/revert`, { method: 'POST' })).status).toBe(404)
})

describe('what cannot be changed is refused, all of it, with the reason', () => {
  it.each([
    ['what waits for a restart', { listen: ['127.0.0.1:0'], threads: 2 }, 409, ['/listen', '/threads']],
    ['what the environment sets', { reverse: true }, 409, ['/reverse']],
    [
      'what names files',
      { zones: ['/etc/*'], dnssec: { managedAnchors: '/etc/x' } },
      409,
      ['/zones', '/dnssec/managedAnchors'],
    ],
    [
      'what names files in the middle of a setting',
      {
        lists: [
          { name: 'x', source: '/etc/passwd' },
          { name: 'y', source: 'https://lists.example/y' },
        ],
        policy: ['/tmp/other.policy.mjs'],
        rpz: [{ zone: 'rpz.example', file: '/etc/passwd' }],
        forward: [{ zone: '.', to: 'tls://192.0.2.1#dns.example', authorities: ['/etc/passwd'] }],
        views: [{ name: 'kids', clients: ['192.0.2.0/24'], zones: ['/etc/passwd'] }],
      },
      409,
      ['/lists', '/policy', '/rpz', '/forward', '/views'],
    ],
    ['tokens', { admin: { tokens: [] } }, 409, ['/admin/tokens']],
    ['what is unknown', { allwo: [], dnssec: { vaildate: true } }, 422, ['/allwo', '/dnssec/vaildate']],
    ['values that do not fit', { allow: ['x'], any: 'some' }, 422, ['/allow', '/any']],
    ['what is no setting but a group', { dnssec: true }, 422, ['/dnssec']],
  ])('%s', async (_what, body, status, pointers) => {
    const reply = await patch(body)
    expect(reply.status).toBe(status)
    expect(reply.body.errors.map((one: { pointer: string }) => one.pointer).sort()).toEqual([...pointers].sort())
    expect((await setting('any')).value).toBe('tcp')
  })

  it('__proto__, which is no setting', async () => {
    const { status, body } = await patch('{"__proto__": {"any": "resolve"}, "constructor": 1}')
    expect(status).toBe(422)
    expect(body.errors).toHaveLength(2)
  })
})

it('what the file has by now and is not read yet is pending', async () => {
  text = TEXT.replace('"tcp"', '"resolve"')
  expect(await setting('any')).toMatchObject({ value: 'tcp', isPending: true })
  text = TEXT
})

it('changes are there after a restart; those that do not hold any more are set aside, and the server starts', async () => {
  const state = join(served.directory, 'state')
  await patch({ any: 'minimal' })
  const restarted = await started(served.directory)
  expect(await setting('any', restarted, TOKEN)).toMatchObject({ value: 'minimal', source: 'api' })
  await restarted.stop()
  const folder = join(state, 'configuration')
  const [last = ''] = readdirSync(folder).sort().reverse()
  const kept = readFileSync(join(folder, last), 'utf8')
  writeFileSync(join(folder, last), kept.replace('"minimal"', '"nonsense"'))
  const started2 = await started(served.directory)
  expect((await setting('any', started2, TOKEN)).value).toBe('tcp')
  expect(started2.events).toContainEqual(
    expect.objectContaining({ kind: 'admin-state-failed', message: expect.stringContaining('set aside') }),
  )
  expect(existsSync(join(folder, `${last}.broken`))).toBe(true)
  await started2.stop()
})

it('the command line shows, sets, unsets and undoes', async () => {
  const run = async (...words: readonly string[]) => {
    const said = { out: '', err: '' }
    const code = await main(['config', ...words, '--admin', `unix:${served.socket}`], {
      out: out => {
        said.out += out
      },
      err: err => {
        said.err += err
      },
      environment: {},
      directory: served.directory,
      terminal: false,
    })
    return { code, ...said }
  }
  await served.ask(PATH, { method: 'PUT', body: {} })
  expect((await run('show', 'any')).out).toMatch(/^any = "tcp"\t\(\S+:3:10\)\n$/)
  expect((await run('set', 'any', 'resolve')).out).toMatch(/^\+any = "resolve"\n(?:; .*\n)?; revision \d+\n$/)
  expect((await run('set', 'allow', '["127.0.0.0/8", "10.0.0.0/8"]', '--dry-run')).out).toContain(
    '; nothing was changed\n',
  )
  expect((await run('unset', 'any')).out).toContain('-any = "resolve"\n')
  expect((await run('undo')).out).toContain('+any = "resolve"\n')
  expect((await run('history')).out).toMatch(/^\d+\t20\S+Z local, back to \d+\n/)
  expect((await run('set', 'listen', 'x')).err).toContain('/listen: it takes effect at the next start only')
  expect((await run('set', 'any')).code).toBe(64)
})
