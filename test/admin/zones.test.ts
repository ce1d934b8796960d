/** Zones made, changed, undone and deleted through the API, and what a query gets meanwhile. */
import { createSocket } from 'node:dgram'
import { mkdirSync, readdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { type Asking, type Served, startServed } from './served.ts'
import { encodeQuery } from './wire.ts'

const ZONES = '/api/v1/zones'
const SOA = { name: 'lan', type: 'SOA', ttl: 3600, data: ['ns.lan. root.lan. 1 7200 900 2419200 300'] }
const NS = { name: 'lan', type: 'NS', ttl: 3600, data: ['ns.lan.'] }
const rrsets = [SOA, NS, { name: 'ns.lan.', type: 'A', ttl: 60, data: ['192.0.2.1'] }]
const FILE = `; of the office
$TTL 60
@ SOA ns root (
    7      ; serial
    7200 900 2419200 300 )
  NS ns    ; here
ns A 192.0.2.53
www A 192.0.2.80 ; the web
`
let served: Served
const ask = (path: string, method: string, body?: unknown, more: Asking = {}) =>
  served.ask(path, { method, body, ...more })
const text = (zone: string) => served.ask(`${ZONES}/${zone}`, { headers: { accept: 'text/dns' } })

/** The last octets of the first A record that comes back, or the response code. */
function resolve(name: string, of: Served = served): Promise<string> {
  const port = of.server.addresses.find(({ transport }) => transport === 'udp')?.port ?? 0
  const socket = createSocket('udp4')
  return new Promise(done => {
    socket.on('message', reply => {
      socket.close()
      const answers = reply.readUInt16BE(6)
      done(answers === 0 ? `rcode ${(reply[3] ?? 0) & 15}` : [...reply.subarray(-4)].join('.'))
    })
    socket.send(encodeQuery(1, name, 1), port, '127.0.0.1')
  })
}

let directory = ''
beforeAll(async () => {
  served = await startServed({ zones: [{ file: 'edit/*.zone', editable: true }, 'laid/*.zone'] })
  directory = served.directory
  for (const folder of ['edit', 'laid']) mkdirSync(join(directory, folder))
  writeFileSync(join(directory, 'edit', 'office.example.zone'), FILE)
  writeFileSync(join(directory, 'laid', 'laid.example.zone'), FILE)
  await ask('/api/v1/reload', 'POST')
  for (let left = 500; left > 0 && (await served.ask(ZONES)).body.zones.length < 2; left--);
})
afterAll(() => served.stop())

describe('a zone of the API', () => {
  it('is tried, made with its place, answers at once, and is refused the second time', async () => {
    const tried = await ask(`${ZONES}?dryRun=true`, 'POST', { name: 'lan', rrsets })
    expect(tried.status).toBe(200)
    expect(tried.body).toMatchObject({ dryRun: true, difference: { addedCount: 3, removedCount: 0 } })
    expect((await served.ask(`${ZONES}/lan`)).status).toBe(404)
    const made = await ask(`${ZONES}?comment=for%20the%20lab`, 'POST', { name: 'lan', rrsets })
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`${ZONES}/lan.`)
    expect(made.body.zone).toMatchObject({ name: 'lan.', source: 'api', records: 3, serial: 1, revision: 1 })
    expect(await resolve('ns.lan')).toBe('192.0.2.1')
    expect((await ask(ZONES, 'POST', { name: 'lan', rrsets })).status).toBe(409)
  })

  it('has sets that are put, read and deleted twice with the same end, and its serial number goes on', async () => {
    const path = `${ZONES}/lan/rrsets/www.lan/A`
    for (const address of ['192.0.2.8', '192.0.2.9', '192.0.2.9'])
      expect((await ask(path, 'PUT', { ttl: 30, data: [address] })).status).toBe(200)
    expect(await resolve('www.lan')).toBe('192.0.2.9')
    expect((await served.ask(path)).body).toEqual({ name: 'www.lan.', type: 'A', ttl: 30, data: ['192.0.2.9'] })
    const { serial, revision } = (await served.ask(`${ZONES}/lan`)).body
    expect({ serial, revision }).toEqual({ serial: 3, revision: 3 })
    for (let left = 2; left > 0; left--) expect((await ask(path, 'DELETE')).status).toBe(204)
    expect(await resolve('www.lan')).toBe('rcode 3')
    expect((await served.ask(path)).status).toBe(404)
  })

  it('is patched in one revision, with records that join and leave their sets', async () => {
    const add = [{ name: 'a.lan', type: 'A', data: ['192.0.2.10', '192.0.2.11'] }]
    const set = [{ name: 'b.lan', type: 'TXT', data: ['"one" "two"'] }]
    const first = await ask(`${ZONES}/lan`, 'PATCH', { add, set })
    expect(first.body.difference).toMatchObject({ addedCount: 4, removedCount: 1 })
    const remove = [{ name: 'a.lan', type: 'A', data: ['192.0.2.10'] }, { name: 'b.lan' }]
    const second = await ask(`${ZONES}/lan`, 'PATCH', { remove })
    expect(second.body.difference.removed).toContain('a.lan.\t300\tIN\tA\t192.0.2.10')
    expect(second.body.zone.revision).toBe(first.body.zone.revision + 1)
    expect(await resolve('a.lan')).toBe('192.0.2.11')
  })

  it('is replaced by a text whose comments are kept, under a condition', async () => {
    const put = (body: string, headers: Record<string, string> = {}) =>
      ask(`${ZONES}/text.example`, 'PUT', body, { headers: { 'content-type': 'text/dns', ...headers } })
    expect((await put(FILE, { 'if-match': '"other"' })).status).toBe(412)
    expect((await put(FILE)).status).toBe(201)
    expect((await put(FILE, { 'if-none-match': '*' })).status).toBe(412)
    const { headers, text: kept } = await text('text.example')
    expect(kept).toBe(FILE)
    const etag = headers.etag ?? ''
    expect((await put(FILE, { 'if-match': etag })).body.zone.revision).toBe(1)
    const changed = await put(FILE.replace('.80', '.81'), { 'if-match': etag })
    expect(changed.status).toBe(200)
    expect(changed.headers.etag).not.toBe(etag)
    expect((await put(FILE, { 'if-match': etag })).status).toBe(412)
    // The serial number goes on where it stands, with its comment.
    expect((await text('text.example')).text).toBe(FILE.replace('.80', '.81').replace('7      ;', '8      ;'))
    const again = { headers: { 'if-none-match': changed.headers.etag ?? '' } }
    expect((await served.ask(`${ZONES}/text.example`, again)).status).toBe(304)
    await ask(`${ZONES}/text.example/rrsets/www.text.example/A`, 'PUT', { data: ['192.0.2.82'] })
    expect((await text('text.example')).text).toContain('www A 192.0.2.82 ; the web\n')
  })

  it('has a history with authors and reasons, differences, undo step by step, and a way back to any state', async () => {
    const { revisions } = (await served.ask(`${ZONES}/lan/revisions`)).body
    expect(revisions.at(-1)).toMatchObject({ number: 1, author: 'local', comment: 'for the lab', restores: null })
    const before = (await served.ask(`${ZONES}/lan`)).body.revision
    const { added } = (await served.ask(`${ZONES}/lan/difference?from=0&to=1`)).body
    expect(added).toHaveLength(3)
    const undone = await ask(`${ZONES}/lan/undo`, 'POST')
    expect(undone.body.difference.added).toContain('a.lan.\t300\tIN\tA\t192.0.2.10')
    await ask(`${ZONES}/lan/undo`, 'POST')
    expect(await resolve('a.lan')).toBe('rcode 3')
    const reverted = await ask(`${ZONES}/lan/revisions/${before}/revert?comment=back`, 'POST')
    expect(reverted.status).toBe(200)
    expect(await resolve('a.lan')).toBe('192.0.2.11')
    expect((await served.ask(`${ZONES}/lan/revisions`)).body.revisions[0]).toMatchObject({
      comment: 'back',
      restores: before,
    })
    expect((await ask(`${ZONES}/lan/revisions/999/revert`, 'POST')).status).toBe(404)
  })

  it('is deleted twice with the same end, and its deletion undone', async () => {
    expect((await ask(`${ZONES}/lan?dryRun=true`, 'DELETE')).body.difference.removedCount).toBeGreaterThan(3)
    for (let left = 2; left > 0; left--) expect((await ask(`${ZONES}/lan`, 'DELETE')).status).toBe(204)
    expect((await served.ask(`${ZONES}/lan`)).status).toBe(404)
    expect((await ask(`${ZONES}/lan/undo`, 'POST')).status).toBe(200)
    expect(await resolve('a.lan')).toBe('192.0.2.11')
    expect((await ask(`${ZONES}/never.example/undo`, 'POST')).status).toBe(404)
  })

  it('is there after a restart; a damaged revision is set aside and the one before it counts', async () => {
    const state = join(directory, 'state')
    const restarted = await startServed({ state })
    expect(await resolve('a.lan', restarted)).toBe('192.0.2.11')
    await restarted.stop()
    const folder = join(state, 'zones', 'lan.')
    const [last = ''] = readdirSync(folder).sort().reverse()
    writeFileSync(join(folder, last), readFileSync(join(folder, last), 'utf8').slice(0, 40))
    const damaged = await startServed({ state })
    expect(damaged.events).toContainEqual(expect.objectContaining({ kind: 'admin-state-failed' }))
    expect((await damaged.ask(ZONES)).body.zones.map(({ name }: { name: string }) => name)).toEqual(['text.example.'])
    expect(existsSync(join(folder, `${last}.broken`))).toBe(true)
    await damaged.stop()
  })
})

describe('a zone of a file', () => {
  it('that is editable is written, with its comments, and back', async () => {
    const path = join(directory, 'edit', 'office.example.zone')
    const changed = await ask(`${ZONES}/office.example`, 'PATCH', {
      set: [{ name: 'www.office.example', type: 'A', data: ['192.0.2.99'] }],
    })
    expect(changed.body.zone).toMatchObject({ source: 'file', editable: true, changed: false, serial: 8 })
    expect(readFileSync(path, 'utf8')).toBe(FILE.replace('.80', '.99').replace('7      ;', '8      ;'))
    expect(await resolve('www.office.example')).toBe('192.0.2.99')
    await ask(`${ZONES}/office.example/undo`, 'POST')
    expect(readFileSync(path, 'utf8')).toBe(FILE.replace('7      ;', '9      ;'))
    expect(await resolve('www.office.example')).toBe('192.0.2.80')
    expect((await ask(`${ZONES}/office.example`, 'DELETE')).status).toBe(409)
  })

  it('that is not is left alone: changes are laid over it, and follow when it changes', async () => {
    const path = join(directory, 'laid', 'laid.example.zone')
    const add = [{ name: 'new.laid.example', type: 'A', data: ['192.0.2.7'] }]
    const changed = await ask(`${ZONES}/laid.example`, 'PATCH', { add })
    expect(changed.body.zone).toMatchObject({ editable: false, changed: true, serial: 8, file: path })
    expect(readFileSync(path, 'utf8')).toBe(FILE)
    writeFileSync(path, FILE.replace('.80', '.85').replace('7      ;', '20     ;'))
    await expect.poll(() => resolve('www.laid.example')).toBe('192.0.2.85')
    expect(await resolve('new.laid.example')).toBe('192.0.2.7')
    expect((await served.ask(`${ZONES}/laid.example`)).body.serial).toBe(21)
    await ask(`${ZONES}/laid.example/undo`, 'POST')
    expect(await resolve('new.laid.example')).toBe('rcode 3')
    expect(await resolve('www.laid.example')).toBe('192.0.2.85')
  })
})

describe('what is wrong is refused with its place, and the good zone stays', () => {
  const patch = (body: object) => ask(`${ZONES}/laid.example`, 'PATCH', body)
  it.each([
    [
      'an address that is none',
      { set: [{ name: 'a.laid.example', type: 'A', data: ['192.0.2.1', 'x'] }] },
      '/set/0/data/1',
    ],
    ['a type that is none', { set: [{ name: 'a.laid.example', type: 'AA', data: ['x'] }] }, '/set/0/type'],
    ['a name of another zone', { add: [{ name: 'a.example', type: 'A', data: ['192.0.2.1'] }] }, '/add/0/name'],
    [
      'a second line',
      { add: [{ name: 'a.laid.example', type: 'A', data: ['192.0.2.1\nx A 192.0.2.2'] }] },
      '/add/0/data/0',
    ],
    [
      'an alias next to other data',
      { add: [{ name: 'www.laid.example', type: 'CNAME', data: ['a.example.'] }] },
      '/add/0',
    ],
    ['no SOA', { remove: [{ name: 'laid.example', type: 'SOA' }] }, ''],
  ])('%s', async (_what, body, pointer) => {
    const { status, body: problem } = await patch(body)
    expect(status).toBe(422)
    expect(problem.errors.map((one: { pointer: string }) => one.pointer)).toContain(pointer)
    expect(await resolve('www.laid.example')).toBe('192.0.2.85')
  })

  it('all of a text, with line and column', async () => {
    const bad = FILE.replace('192.0.2.53', '192.0.2.530').replace('www A', 'www AA')
    const { status, body } = await ask(`${ZONES}/text.example`, 'PUT', bad, { headers: { 'content-type': 'text/dns' } })
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([
      { line: 7, column: 6, pointer: '' },
      { line: 8, column: 5, pointer: '' },
    ])
  })

  it('a text that includes a file of the server', async () => {
    const bad = `${FILE}$INCLUDE /etc/passwd\n`
    const { status, text: said } = await ask(`${ZONES}/text.example`, 'PUT', bad, {
      headers: { 'content-type': 'text/dns' },
    })
    expect(status).toBe(422)
    expect(said).toContain('nothing can be included here')
  })

  it.each([
    ['text/plain', 415],
    ['text/dns', 415],
  ])('%s for PATCH', async (type, status) => {
    const reply = await ask(`${ZONES}/laid.example`, 'PATCH', 'x', { headers: { 'content-type': type } })
    expect(reply.status).toBe(status)
  })
})

it('pages through records, and finds those of a name', async () => {
  const names: string[] = []
  let cursor = ''
  do {
    const { body } = await served.ask(`${ZONES}/office.example/rrsets?limit=2${cursor}`)
    names.push(...body.rrsets.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`))
    cursor = body.next === null ? '' : `&cursor=${body.next}`
  } while (cursor !== '')
  expect(names.sort()).toEqual([
    'ns.office.example. A',
    'office.example. NS',
    'office.example. SOA',
    'www.office.example. A',
  ])
  const { body } = await served.ask(`${ZONES}/office.example/rrsets?name=www.office.example`)
  expect(body.rrsets).toHaveLength(1)
})

it('names with a zero octet, a slash and 255 octets are zones and owners like others', async () => {
  const label = 'x'.repeat(63)
  const long = `${label}.${label}.${label}.${'y'.repeat(61)}`
  for (const name of ['\\000.odd.example', 'a/b.odd.example', 'a%2Fb.odd.example', long, '__proto__']) {
    const own = [
      { ...SOA, name },
      { ...NS, name },
    ]
    const path = `${ZONES}/${encodeURIComponent(name)}`
    const { status, body } = await ask(path, 'PUT', { rrsets: own })
    expect(status, `${name}: ${JSON.stringify(body)}`).toBe(201)
    expect((await served.ask(`${path}/rrsets/${encodeURIComponent(name)}/NS`)).body.data).toEqual(['ns.lan.'])
    expect((await ask(path, 'DELETE')).status).toBe(204)
  }
})

describe('the command line', () => {
  const run = async (...words: readonly string[]) => {
    const said = { out: '', err: '' }
    const code = await main(['zone', ...words, '--admin', `unix:${served.socket}`], {
      out: out => {
        said.out += out
      },
      err: err => {
        said.err += err
      },
      environment: {},
      directory,
      terminal: false,
    })
    return { code, ...said }
  }

  it('makes a zone from a file, changes and shows it, and undoes', async () => {
    writeFileSync(join(directory, 'cli.zone'), FILE)
    expect(await run('add', 'cli.example', 'cli.zone', '--comment', 'first')).toMatchObject({ code: 0 })
    const tried = await run('set', 'cli.example', 'www.cli.example', 'A', '192.0.2.3', '--dry-run')
    expect(tried.out).toMatch(
      /^-cli\.example\.\t.*\n-www.*\n\+cli.*\n\+www\.cli\.example\.\t60\tIN\tA\t192\.0\.2\.3\n; nothing was changed\n$/,
    )
    await run('add', 'cli.example', 'www.cli.example', 'A', '192.0.2.3')
    expect((await run('show', 'cli.example')).out).toContain(
      'www A 192.0.2.80 ; the web\nwww.cli.example.\t60\tIN\tA\t192.0.2.3\n',
    )
    expect((await run('delete', 'cli.example', 'www.cli.example', 'A', '192.0.2.80')).out).toContain(
      '-www.cli.example.',
    )
    expect((await run('diff', 'cli.example', '1', '3')).out).toContain('+www.cli.example.\t60\tIN\tA\t192.0.2.3\n')
    expect((await run('undo', 'cli.example')).out).toContain('; revision 4\n')
    expect((await run('revert', 'cli.example', '1')).code).toBe(0)
    expect((await run('history', 'cli.example')).out).toMatch(
      /^5\t20\S+Z local, back to 1\n4\t.* back to 2\n(?:.*\n){2}1\t.*: first\n$/,
    )
    expect((await run('list')).out).toMatch(
      /^cli\.example\.\t4 records, serial \d+, made through the API, revision 5$/m,
    )
    expect(await run('delete', 'cli.example')).toMatchObject({ code: 0, out: 'deleted\n' })
  })

  it('shows every fault of a file with its place', async () => {
    writeFileSync(join(directory, 'bad.zone'), FILE.replace('192.0.2.53', 'x').replace('www A', 'www AA'))
    const { code, err } = await run('add', 'bad.example', 'bad.zone')
    expect(code).toBe(65)
    expect(err).toMatch(/\n {2}7:6: .*\n {2}8:5: /)
  })

  it.each([
    [['show'], 'takes the name of a zone'],
    [['add', 'lan', 'www.lan', 'A'], 'takes a zone file, or a name, a type and data'],
    [['revert', 'lan', 'x'], 'takes a revision'],
    [['diff', 'lan', '1'], 'takes two revisions'],
  ])('%j is explained', async (words, why) => {
    const { code, err } = await run(...words)
    expect(code).toBe(64)
    expect(err).toContain(why)
  })
})
