// @ts-check
/**
 * First pages out of a history of ten million queries: the file is made once, by SQL, and the thread that searches is the
 * one of the server. Needs a Node.js with SQLite: this one, or the one that ROOTWALK_NODE_SQLITE names.
 *
 * Usage: node test/bench/history.mjs [ROWS] [DIRECTORY]
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

// The types are those of the oldest Node.js, which has none.
const sqlite = /** @type {any} */ (process.getBuiltinModule('node:sqlite'))
if (sqlite === undefined) {
  const other = process.env.ROOTWALK_NODE_SQLITE
  if (other === undefined) throw new Error('this Node.js has no SQLite: set ROOTWALK_NODE_SQLITE')
  execFileSync(other, process.argv.slice(1), { stdio: 'inherit' })
  process.exit()
}

const [count = '10000000', given] = process.argv.slice(2)
const ROWS = Number(count)
const NAMES = 200_000
const CLIENTS = 5_000
const directory = given ?? mkdtempSync(join(tmpdir(), 'rootwalk-history-bench-'))
const HOUR_MS = 3_600_000
const start = Date.UTC(2026, 10, 28)

/** @param {'reader' | 'writer'} role */
const thread = role =>
  new Worker(fileURLToPath(new URL('../../dist/history.bundle.js', import.meta.url)), {
    workerData: { role, settings: { directory, days: 3_650, bytes: 2 ** 40 } },
  })

if (!readdirSync(directory).some(name => name.endsWith('.db'))) await make()
await search()
if (given === undefined) rmSync(directory, { recursive: true })

/** The tables are the server's own, made by one query that it writes. */
async function make() {
  const writer = thread('writer')
  const first = [start, '10.255.0.1', 'udp', 'first.example.', 'A', 'IN', 'NOERROR', 60, 1, 'cache'].join('\t')
  writer.postMessage({ kind: 'rows', rows: first })
  for (;;) {
    const [message] = await once(writer, 'message')
    if (message.kind === 'taken') break
  }
  await writer.terminate()
  const [file] = readdirSync(directory).filter(name => name.endsWith('.db'))
  const db = new sqlite.DatabaseSync(join(directory, file ?? ''))
  const upTo = (/** @type {number} */ most) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`
  // 40 zones with 4,996 names each, and one of four names that is asked for seldom.
  db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA journal_mode = MEMORY; BEGIN;
    DROP INDEX by_name; DROP INDEX by_client; DROP INDEX by_form;
    ${upTo(NAMES - 1)} INSERT INTO names (id, text, turned, count) SELECT i + 1,
      CASE WHEN i < 5 THEN 'h' || i || '.rare.example.' ELSE 'h' || i || '.zone' || (i % 40) || '.example.' END,
      CASE WHEN i < 5 THEN 'example.rare.h' || i || '.' ELSE 'example.zone' || (i % 40) || '.h' || i || '.' END,
      ${Math.ceil(ROWS / NAMES)} FROM n;
    ${upTo(CLIENTS - 1)} INSERT INTO clients (id, text, count)
      SELECT i + 1, '10.' || (i / 65536) || '.' || (i / 256 % 256) || '.' || (i % 256), ${Math.ceil(ROWS / CLIENTS)} FROM n;
    INSERT INTO forms (id, text, count) VALUES
      (2, 'udp\tAAAA\tIN\tNOERROR\trecursion', ${ROWS / 3}), (3, 'udp\tA\tIN\tNXDOMAIN\tcache', ${ROWS / 10}),
      (4, 'udp\tA\tIN\tSERVFAIL\trecursion', ${ROWS / 10_000});
    ${upTo(ROWS)} INSERT INTO queries SELECT ${start} * 1000 + i * ${Math.floor((24 * HOUR_MS * 1_000) / (ROWS + 2))},
      1 + (i * 7919) % ${NAMES}, 1 + (i * 104729) % ${CLIENTS},
      CASE WHEN i % 10000 = 0 THEN 4 WHEN i % 10 = 0 THEN 3 WHEN i % 3 = 0 THEN 2 ELSE 1 END, 60, (i * 31) % 100000, NULL FROM n;
    CREATE INDEX by_name ON queries (name); CREATE INDEX by_client ON queries (client);
    CREATE INDEX by_form ON queries (form); COMMIT; PRAGMA journal_mode = WAL;`)
  db.close()
}

async function search() {
  const reader = thread('reader')
  await once(reader, 'message')
  let last = 0
  const page = async (/** @type {string} */ filter) => {
    const id = ++last
    const request = { kind: 'page', filter, from: 0, to: start + 48 * HOUR_MS, limit: 100, cursor: null }
    const began = performance.now()
    reader.postMessage({ kind: 'request', id, request })
    for (;;) {
      const [message] = await once(reader, 'message')
      if (message.id === id) return { ms: performance.now() - began, reply: message.reply }
    }
  }
  console.log(`first page of 100 among ${ROWS} queries, best of five, and the first one of them`)
  for (const filter of [
    '',
    'rcode=SERVFAIL',
    'name = h77.zone37.example',
    'name = nowhere.example',
    'name under zone3.example',
    'name under rare.example',
    'name under example',
    'name under zone3.example and rcode=SERVFAIL',
    'name under zone3.example and client=10.0.3.3',
    'name ~ *h123*',
    'client=10.0.3.3',
    'client in 10.0.3.0/24',
    'ms >= 99',
    'type=AAAA and source=recursion',
  ]) {
    const runs = []
    for (let left = 5; left > 0; left--) runs.push(await page(filter))
    const best = Math.min(...runs.map(({ ms }) => ms))
    const rows = runs[0]?.reply.queries?.length
    console.log(
      `${best.toFixed(1).padStart(8)} ms ${runs[0]?.ms.toFixed(1).padStart(8)} ms ${String(rows).padStart(4)} rows  ${filter}`,
    )
  }
  await reader.terminate()
}
