// @ts-check
/**
 * The first answer after a start with a snapshot of 200,000 RRsets, and without one, what it takes to read the snapshot
 * and to take it: node test/bench/warm-start.mjs [STARTS] [RRSETS]. What is read from it must not keep clients waiting.
 */
import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { encode } from 'dns-packet'
import { cliPath, limits, names, snapshots } from './built.mjs'
import { cpuMicros, median } from './measure.mjs'

const ASK_EVERY_MS = 2
const LIMIT_MS = 20_000
const starts = Number(process.argv[2] ?? 15)
const entries = Number(process.argv[3] ?? 200_000)
/** In which all entries have room. */
const CACHE_MIB = 512 * Math.ceil(entries / 200_000)

/** @returns {Promise<number>} a port that was free a moment ago */
function freePort() {
  const socket = createSocket('udp4')
  return new Promise(done =>
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => done(port))
    }),
  )
}

/**
 * ms from the start of the process to its first answer, and until the snapshot is read; null where there is none.
 * @param {string} config
 * @param {number} port
 * @param {boolean} isFull
 * @returns {Promise<{ readonly first: number; readonly restored: string | null }>}
 */
async function firstAnswer(config, port, isFull) {
  const message = encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ type: 'A', name: 'localhost' }] })
  const socket = createSocket('udp4')
  const begun = performance.now()
  const child = spawn(process.execPath, [cliPath, 'serve', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  /** @type {Promise<string>} */
  const restored = new Promise(done => {
    let text = ''
    child.stderr.on('data', octets => {
      text += octets
      const line = text.split('\n').find(one => one.includes('"cache-restored"') && one.endsWith('}'))
      if (line !== undefined) done(String(JSON.parse(line).msg))
    })
  })
  const exited = new Promise(done => child.once('exit', done))
  const first = await new Promise((done, failed) => {
    const timer = setInterval(() => socket.send(message, port, '127.0.0.1'), ASK_EVERY_MS)
    const limit = setTimeout(() => failed(new Error('no answer')), LIMIT_MS)
    socket.on('error', () => {})
    socket.on('message', () => {
      clearInterval(timer)
      clearTimeout(limit)
      done(performance.now() - begun)
    })
  })
  const said = isFull
    ? `${await restored} (${(cpuMicros(child.pid ?? 0) / 1e6).toFixed(1)} s of processor time since the start)`
    : null
  child.kill('SIGKILL')
  await exited
  socket.close()
  return { first, restored: said }
}

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-warm-'))
const port = await freePort()
const { readHeader, takeSnapshot, writeSnapshot, createCaches } = await snapshots()
const { defaultLimits } = await limits()
const { foldName, trustWireName } = await names()

/**
 * A configuration, with a full state directory or without one.
 * @param {boolean} isFull
 */
async function configured(isFull) {
  const path = join(directory, isFull ? 'full.json' : 'none.json')
  const state = join(directory, 'state')
  const [log, cache] = [{ form: 'json' }, { bytes: `${CACHE_MIB}MiB` }]
  const settings = { listen: [`127.0.0.1:${port}`], dnssec: { validate: false }, warmUp: false, log, cache }
  const text = JSON.stringify(isFull ? { ...settings, state } : settings)
  writeFileSync(path, text)
  if (!isFull) return path
  // What the entries have to depend on a server says, in the snapshot that it leaves.
  mkdirSync(state)
  const child = spawn(process.execPath, [cliPath, 'serve', '--config', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.on('data', octets => {
    if (String(octets).includes('"listening"')) child.kill('SIGTERM')
  })
  await new Promise(done => child.once('exit', done))
  const read = readHeader(readFileSync(join(state, 'cache.snapshot')), crc32)
  if (read.kind !== 'header') throw new Error(read.kind)
  const made = createCaches({ ...defaultLimits.cache, totalBytes: CACHE_MIB * 2 ** 20 })
  for (let i = 0; i < entries; i++) {
    const text = `host${i}`
    const owner = trustWireName(`${String.fromCharCode(text.length)}${text}\u0007example\u0000`)
    const set = { owner, name: foldName(owner), type: 1, class: 1, ttl: 3_600 }
    const rrset = { ...set, rdatas: [Uint8Array.of(192, 0, 2, i & 255)], signatures: [] }
    made.rrsets.put(rrset, 6, { kind: 'indeterminate' }, 1)
  }
  const header = { ...read.header, takenAt: Date.now(), bootId: null }
  const before = process.cpuUsage()
  const blocks = takeSnapshot({ caches: made, now: 1, checksum: crc32 })
  await writeSnapshot(
    state,
    header,
    blocks,
    () => Promise.resolve(),
    () => true,
  )
  const { user, system } = process.cpuUsage(before)
  console.log(`snapshot of ${entries} RRsets: ${((user + system) / 1e6).toFixed(2)} s of processor time`)
  return path
}

try {
  const [full, none] = [await configured(true), await configured(false)]
  /** @type {{ full: number[]; none: number[] }} */
  const ms = { full: [], none: [] }
  let said = ''
  for (let round = 0; round < starts; round++) {
    ms.none.push((await firstAnswer(none, port, false)).first)
    const { first, restored } = await firstAnswer(full, port, true)
    ms.full.push(first)
    said = restored ?? said
  }
  /** @param {number[]} all */
  const shown = all => `${Math.min(...all).toFixed(0)} ms at best, ${median(all).toFixed(0)} ms in the median`
  console.log(`first answer with the snapshot: ${shown(ms.full)}; without: ${shown(ms.none)} (${starts} starts each)`)
  console.log(said)
} finally {
  rmSync(directory, { recursive: true })
}
