// @ts-check
/**
 * Checks of the query history on disk, a program by itself since the Node that runs the tests may have no SQLite:
 * `node history-checks.mjs search|kill|damage|retention|full|served`. Says nothing when all is well.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** @typedef {Record<string, any>} Message */

const ENTRY = new URL('../../dist/history.bundle.js', import.meta.url)
const HOUR_MS = 3_600_000
const WAIT_MS = 30_000

/** A thread of the history, and what it said. */
class History {
  /** @param {string} directory @param {object} [settings] @param {'writer' | 'reader'} [role] */
  constructor(directory, settings = {}, role = 'writer') {
    const workerData = { role, settings: { directory, days: 7, bytes: 2 ** 31, ...settings } }
    this.worker = new Worker(ENTRY, { workerData, execArgv: ['--disable-warning=ExperimentalWarning'] })
    /** @type {Message[]} */
    this.said = []
    this.worker.on('message', message => this.said.push(message))
    this.ids = 0
  }

  /** @param {(message: Message) => boolean} is @returns {Promise<Message>} */
  async wait(is) {
    const end = AbortSignal.timeout(WAIT_MS)
    for (;;) {
      const found = this.said.find(is)
      if (found !== undefined) return found
      await once(this.worker, 'message', { signal: end })
    }
  }

  /** Writes them, and waits until they are written. @param {readonly string[]} rows */
  async write(rows) {
    const before = this.taken()
    for (let at = 0; at < rows.length; at += 512)
      this.worker.postMessage({ kind: 'rows', rows: rows.slice(at, at + 512).join('\n') })
    const end = AbortSignal.timeout(WAIT_MS)
    while (this.taken() - before < rows.length) await once(this.worker, 'message', { signal: end })
  }

  taken() {
    return this.said.reduce((sum, one) => sum + (one.kind === 'taken' ? one.kept + one.lost : 0), 0)
  }

  /** @param {object} asked @returns {Promise<any>} */
  async ask(asked) {
    const id = this.ids++
    this.worker.postMessage({ kind: 'request', id, request: asked })
    return (await this.wait(({ kind, id: of }) => kind === 'reply' && of === id)).reply
  }

  /** @param {string} filter @param {object} [more] */
  page(filter, more = {}) {
    return this.ask({ kind: 'page', filter, from: 0, to: 4e12, limit: 100, cursor: null, ...more })
  }

  async stop() {
    this.worker.postMessage({ kind: 'stop' })
    await once(this.worker, 'exit')
  }
}

/** @param {number} at @param {Partial<Record<'client' | 'name' | 'type' | 'rcode' | 'by' | 'ms', string>>} [given] */
const row = (at, given = {}) => {
  const {
    client = '10.0.0.1',
    name = 'www.example.com.',
    type = 'A',
    rcode = 'NOERROR',
    by = 'cache',
    ms = '1',
  } = given
  return [at, client, 'udp', name, type, 'IN', rcode, 60, ms, by].join('\t')
}

/** @param {number} count @param {number} start @param {number} stepMs */
const many = (count, start, stepMs) =>
  Array.from({ length: count }, (_, n) =>
    row(start + n * stepMs, {
      client: `10.0.${n % 7}.${n % 200}`,
      name: `H${n % 5_000}.zone${n % 40}.example.`,
      type: n % 3 === 0 ? 'AAAA' : 'A',
      rcode: n % 1_000 === 0 ? 'SERVFAIL' : n % 10 === 0 ? 'NXDOMAIN' : 'NOERROR',
      by: n % 4 === 0 ? 'recursion' : 'cache',
      ms: String(n % 100),
    }),
  )

/** All pages, one after the other. @param {History} history @param {string} filter */
async function all(history, filter) {
  const found = []
  let cursor = null
  do {
    const page = await history.page(filter, { limit: 1_000, cursor })
    assert.equal(page.kind, 'page', JSON.stringify(page))
    found.push(...page.queries)
    cursor = page.next
  } while (cursor !== null)
  return found
}

/** @type {Record<string, (directory: string) => Promise<void>>} */
const checks = {
  /** Every filter finds what going through all of it finds, over several days, newest first. */
  async search(directory) {
    const start = Date.UTC(2026, 10, 28, 20)
    const rows = many(60_000, start, 500)
    const writer = new History(directory, { days: 100_000 })
    await writer.write(rows)
    const reader = new History(directory, {}, 'reader')
    /** @type {readonly (readonly [string, (n: number) => boolean])[]} */
    const filters = [
      ['', () => true],
      ['name = h7.zone7.example', n => n % 5_000 === 7],
      ['name under zone3.example', n => n % 40 === 3],
      ['name under zone3.example and rcode=SERVFAIL', n => n % 40 === 3 && n % 1_000 === 0],
      ['name ~ h12?.zone*', n => n % 5_000 >= 120 && n % 5_000 < 130],
      ['rcode=SERVFAIL', n => n % 1_000 === 0],
      ['rcode in (SERVFAIL, NXDOMAIN) and type=AAAA', n => n % 10 === 0 && n % 3 === 0],
      ['client in 10.0.3.0/24', n => n % 7 === 3],
      ['client=10.0.3.3 or rcode=SERVFAIL', n => (n % 7 === 3 && n % 200 === 3) || n % 1_000 === 0],
      ['not source=cache and ms >= 96', n => n % 4 === 0 && n % 100 >= 96],
      ['ms >= 99', n => n % 100 >= 99],
      ['name = nowhere.example', () => false],
      ['event=servfail', () => false],
    ]
    for (const [filter, passes] of filters) {
      const expected = rows.flatMap((_, n) => (passes(n) ? [start + n * 500] : [])).reverse()
      assert.deepEqual(
        (await all(reader, filter)).map(({ at }) => at),
        expected,
        filter,
      )
    }
    const day = { from: Date.UTC(2026, 10, 29), to: Date.UTC(2026, 10, 29, 1) }
    const within = (await reader.page('', { ...day, limit: 1_000 })).queries
    assert.equal(within.length, 1_000)
    assert.ok(within.every((/** @type {Message} */ { at }) => at >= day.from && at < day.to))
    const summary = await reader.ask({ kind: 'summary', from: start, to: start + 9 * HOUR_MS })
    assert.equal(summary.queries, rows.length)
    assert.deepEqual(
      summary.rcodes.find((/** @type {Message} */ { key }) => key === 'SERVFAIL'),
      { key: 'SERVFAIL', count: 60 },
    )
    assert.equal(summary.names.length, 20)
    assert.equal(summary.failing[0].count, 12)
    assert.deepEqual(
      readdirSync(directory).filter(name => name.endsWith('.db')),
      ['queries-2026-11-28.db', 'queries-2026-11-29.db'],
    )
    assert.match((await reader.page('rcode=')).detail, /^column 7/)
    await Promise.all([writer.stop(), reader.stop()])
  },

  /** A process is killed while it writes: what it reported as kept is there, and the counts agree with the rows. */
  async kill(directory) {
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'write-on', directory])
      let said = ''
      child.stdout.on('data', chunk => {
        said += chunk
      })
      const end = AbortSignal.timeout(WAIT_MS)
      while (said.split('\n').length < 6) await once(child.stdout, 'data', { signal: end })
      child.kill('SIGKILL')
      await once(child, 'exit')
      const reported = Number(
        said
          .trimEnd()
          .split('\n')
          .filter(line => /^\d+\.$/.test(line))
          .at(-1)
          ?.slice(0, -1),
      )
      assert.ok(reported > 0)
      const history = new History(directory, {}, 'writer')
      await history.write([row(Date.now(), { name: 'after.example.' })])
      const { queries } = await history.ask({ kind: 'summary', from: 0, to: 4e12 })
      const found = await all(history, 'name under round.example')
      assert.ok(found.length >= reported, `${found.length} of ${reported}`)
      assert.equal(queries, (await all(history, '')).length)
      await history.stop()
      rmSync(directory, { recursive: true })
    }
  },

  /** What cannot be read is set aside, by whoever finds it, and all else goes on. */
  async damage(directory) {
    const now = Date.now()
    const first = new History(directory)
    await first.write([row(now - 24 * HOUR_MS, { name: 'yesterday.example.' }), row(now, { name: 'lost.example.' })])
    await first.stop()
    const [yesterday = '', today = ''] = readdirSync(directory).sort()
    writeFileSync(join(directory, today), 'this is no database, and was one once'.repeat(500))
    const writer = new History(directory)
    await writer.write([row(now, { name: 'new.example.' })])
    assert.equal((await writer.wait(({ kind }) => kind === 'set-aside')).file, join(directory, today))
    assert.deepEqual(
      (await all(writer, '')).map(({ name }) => name),
      ['new.example.', 'yesterday.example.'],
    )
    writeFileSync(join(directory, yesterday), 'neither is this'.repeat(500))
    const reader = new History(directory, {}, 'reader')
    const page = await reader.page('')
    assert.deepEqual([page.queries.length, page.unreadable], [1, 1])
    const { file } = await reader.wait(({ kind }) => kind === 'damaged')
    writer.worker.postMessage({ kind: 'damaged', file })
    await writer.wait(({ kind, file: of }) => kind === 'set-aside' && of === file)
    assert.equal((await reader.page('')).unreadable, 0)
    assert.equal(readdirSync(directory).filter(name => name.endsWith('.bad')).length, 2)
    await Promise.all([writer.stop(), reader.stop()])
  },

  /** Days and octets are bounds: whole files go, the oldest first. */
  async retention(directory) {
    const now = Date.now()
    const writer = new History(directory, { days: 2, bytes: 16 * 2 ** 20 })
    await writer.write([row(now - 72 * HOUR_MS), row(now)])
    await writer.wait(({ kind, why }) => kind === 'removed' && why === 'age')
    for (let round = 0; round < 12; round++)
      await writer.write(
        Array.from({ length: 20_000 }, (_, n) =>
          row(Date.now(), { name: `${round}-${n}.a-rather-long-name.example.` }),
        ),
      )
    await writer.wait(({ kind, why }) => kind === 'removed' && why === 'size')
    const sizes = readdirSync(directory).map(name => statSync(join(directory, name)).size)
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 22 * 2 ** 20, String(sizes))
    const newest = (await writer.page('', { limit: 1 })).queries[0]
    assert.match(newest.name, /^11-19999\./)
    await writer.stop()
  },

  /** A place that takes nothing costs those queries, which are counted, and is used again when it does. */
  async full(directory) {
    const blocked = join(directory, 'history')
    writeFileSync(blocked, 'a file where the directory should be')
    const writer = new History(blocked)
    await writer.write([row(Date.now())])
    await writer.write([row(Date.now())])
    assert.equal(writer.said.filter(({ kind }) => kind === 'failed').length, 1)
    assert.deepEqual(
      writer.said.filter(({ kind }) => kind === 'taken').map(({ lost }) => lost),
      [1, 1],
    )
    rmSync(blocked)
    await writer.write([row(Date.now())])
    assert.equal((await writer.wait(({ kind }) => kind === 'works')).lost, 2)
    assert.equal((await all(writer, '')).length, 1)
    await writer.stop()
  },

  /** The program as built: asked by DNS, and then by its API; clients are masked before anything is stored. */
  async served(directory) {
    const file = join(directory, 'rootwalk.json')
    const socket = join(directory, 'admin.sock')
    const port = await freePort()
    const settings = {
      listen: [`127.0.0.1:${port}`],
      admin: { listen: `unix:${socket}`, dashboard: false },
      history: { directory: 'history', clients: 'masked' },
      records: { 'printer.test': { A: '192.0.2.7' } },
      dnssec: { validate: false },
      forward: [{ zone: '.', to: '127.0.0.9:9' }],
      warmUp: false,
    }
    writeFileSync(file, JSON.stringify(settings))
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
    const child = spawn(process.execPath, [cli, 'serve', '--config', file])
    let log = ''
    child.stderr.on('data', chunk => {
      log += chunk
    })
    try {
      const end = AbortSignal.timeout(WAIT_MS)
      while (!/queries are kept in/.test(log) || !/API listens/.test(log))
        await once(child.stderr, 'data', { signal: end }).catch(error => assert.fail(`${error}: ${log}`))
      for (let i = 0; i < 3; i++) await askDns(port, 'Printer.Test')
      let queries = []
      for (const until = Date.now() + WAIT_MS; queries.length < 3 && Date.now() < until; ) {
        const path = `/api/v1/queries?filter=${encodeURIComponent('name = printer.test')}`
        queries = (await get(socket, path)).queries ?? assert.fail(log)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      assert.deepEqual(
        queries.map((/** @type {Message} */ { client, name, type, rcode }) => [client, name, type, rcode]),
        [
          ['127.0.0.0/24', 'printer.test.', 'A', 'NOERROR'],
          ['127.0.0.0/24', 'printer.test.', 'A', 'NOERROR'],
          ['127.0.0.0/24', 'printer.test.', 'A', 'NOERROR'],
        ],
      )
      assert.equal((await get(socket, '/api/v1/queries/summary')).names[0].key, 'printer.test.')
      const tool = spawn(process.execPath, [cli, 'queries', 'type=A', '--since', '1h', '-n', '2', '--config', file])
      let shown = ''
      tool.stdout.on('data', chunk => {
        shown += chunk
      })
      await once(tool, 'close')
      assert.match(shown, /^(?:[\d-]{10} \S+ 127\.0\.0\.0\/24 udp printer\.test\. A NOERROR \S+ [\d.]+ ms\n){2}$/)
    } finally {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  },

  /** For `kill`: writes until it is killed, and says how much is kept. */
  async 'write-on'(directory) {
    const history = new History(directory)
    let sent = 0
    for (;;) {
      await history.write(
        Array.from({ length: 4_096 }, () => row(Date.now(), { name: `${sent++ % 9_000}.round.example.` })),
      )
      process.stdout.write(`${sent}.\n`)
    }
  },
}

async function freePort() {
  const socket = createSocket('udp4')
  await new Promise(resolve => socket.bind(0, '127.0.0.1', () => resolve(null)))
  const { port } = socket.address()
  socket.close()
  return port
}

/** @param {number} port @param {string} name */
async function askDns(port, name) {
  const socket = createSocket('udp4')
  const labels = name.split('.').flatMap(label => [label.length, ...Buffer.from(label)])
  socket.send(Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]), port, '127.0.0.1')
  await once(socket, 'message', { signal: AbortSignal.timeout(WAIT_MS) })
  socket.close()
}

/** @param {string} socketPath @param {string} path @returns {Promise<any>} */
async function get(socketPath, path) {
  const outgoing = request({ socketPath, path })
  outgoing.end()
  const [incoming] = await once(outgoing, 'response')
  let text = ''
  for await (const chunk of incoming) text += chunk
  return JSON.parse(text)
}

const directory = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'history-'))
await checks[process.argv[2] ?? '']?.(directory)
if (process.argv[3] === undefined) rmSync(directory, { recursive: true, force: true })
process.exit(0)
