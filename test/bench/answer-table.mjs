// @ts-check
/**
 * What a hit in the answer cache costs in CPU time, sockets left out: peeking at the query, look-up, copy, patches;
 * random names, as many as said. Run by itself: `node test/bench/answer-table.mjs [names …]`; `BENCH_DIST` as in
 * `built.mjs`. "own" is the thread that puts answers in, "reader" is any other.
 */
import { argv } from 'node:process'
import { answerCache, encode, limits, wire } from './built.mjs'
import { median } from './measure.mjs'

const ROUNDS = 9
const HITS = 200_000
/** As many queries as a listener takes at once, each in a slot of one buffer. */
const SLOTS = 64
const SLOT_OCTETS = 512
const NOW = 1_000_000
const TCP = 65_535
const MIB = 1_024 * 1_024

const { encodeMessage, encodeQuery } = await encode()
const { keyOf, newPeek, peekQuery } = await wire()
const built = await answerCache()
const { defaultLimits } = await limits()

/** @typedef {{ name: string, edns: boolean, mixed: boolean }} Variant */
/** @type {Variant[]} */
const variants = [
  { name: 'plain', edns: false, mixed: false },
  { name: 'EDNS+DO', edns: true, mixed: false },
  { name: '0x20', edns: false, mixed: true },
]

const peek = newPeek()
const queries = Buffer.alloc(SLOTS * SLOT_OCTETS)
const out = Buffer.alloc(SLOTS * SLOT_OCTETS)
const IP = Uint8Array.of(192, 0, 2, 1)
const NUMBER_AT = 13

/**
 * `n0001234.z12.bench.` in a message, one of whose labels says which.
 * @param {Variant} variant
 */
function template(variant) {
  /** @type {any} */
  const name = variant.mixed ? '\x08N0000000\x03z00\x05BenCh\x00' : '\x08n0000000\x03z00\x05bench\x00'
  const question = { name, type: 1, class: 1 }
  const edns = variant.edns ? { payloadSize: 1_232, version: 0, dnssecOk: true, flags: 0, options: [] } : null
  return encodeQuery({ id: 7, question, cased: name, recursionDesired: true, checkingDisabled: false, edns })
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} number
 */
function setNumber(bytes, at, number) {
  let left = number
  for (let i = at + NUMBER_AT + 7; i > at + NUMBER_AT; i--) {
    const rest = (left / 10) | 0
    bytes[i] = 48 + left - rest * 10
    left = rest
  }
  const zone = number % 50
  bytes[at + NUMBER_AT + 10] = 48 + ((zone / 10) | 0)
  bytes[at + NUMBER_AT + 11] = 48 + (zone % 10)
}

/** @param {number} names */
function fill(names) {
  const cache = new built.AnswerCache(defaultLimits.cache, Math.max(64 * MIB, names * 400))
  for (const variant of variants.slice(0, 2)) {
    const query = Buffer.from(template(variant))
    for (let i = 0; i < names; i++) {
      setNumber(query, 0, i)
      peekQuery(query, query.length, peek)
      const key = keyOf(peek)
      /** @type {any} */
      const name = key.slice(0, -2)
      const question = { name, type: 1, class: 1, cased: name }
      const made = encodeMessage(
        {
          id: 1,
          response: true,
          opcode: 0,
          authoritative: false,
          truncated: false,
          recursionDesired: true,
          recursionAvailable: true,
          authenticData: false,
          checkingDisabled: false,
          rcode: 0,
          question,
          answer: [{ owner: name, type: 1, class: 1, ttl: 3_600, rdata: IP }],
          authority: [],
          additional: [],
          edns: null,
        },
        { maxBytes: TCP },
      )
      if (
        !cache.put(
          {
            key,
            dnssecOk: variant.edns,
            checkingDisabled: false,
            wire: made.bytes,
            ttlOffsets: made.ttlOffsets,
            ttlSeconds: 3_600,
          },
          NOW,
        )
      )
        throw new Error('not kept')
    }
  }
  return cache
}

/**
 * @param {Variant} variant
 * @param {number} names
 * @param {(slot: number) => number} hit
 */
function nanoseconds(variant, names, hit) {
  const query = template(variant)
  for (let slot = 0; slot < SLOTS; slot++) queries.set(query, slot * SLOT_OCTETS)
  const { length } = query
  let state = 12_345
  let missed = 0
  const views = Array.from({ length: SLOTS }, (_, slot) =>
    queries.subarray(slot * SLOT_OCTETS, slot * SLOT_OCTETS + length),
  )
  const start = process.cpuUsage()
  for (let i = 0; i < HITS; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const slot = i & (SLOTS - 1)
    setNumber(queries, slot * SLOT_OCTETS, Math.floor((state / 2 ** 32) * names))
    if (!peekQuery(views[slot] ?? queries, length, peek)) throw new Error('no query')
    if (hit(slot) === 0) missed++
  }
  const { user, system } = process.cpuUsage(start)
  return { ns: ((user + system) * 1_000) / HITS, missed }
}

const sizes = argv.length > 2 ? argv.slice(2).map(Number) : [10_000, 1_000_000]
for (const names of sizes) {
  const before = process.memoryUsage().rss
  const cache = fill(names)
  const mib = (process.memoryUsage().rss - before) / MIB
  console.log(
    `${names} names (twice: with DO too): ${cache.size} kept, ${(cache.bytes / MIB).toFixed(1)} MiB counted, ${mib.toFixed(1)} MiB resident`,
  )
  /** @type {[string, Variant, (slot: number) => number][]} */
  const cases = []
  for (const variant of variants) {
    cases.push([`peek only, ${variant.name}`, variant, () => 1])
    const slots = Array.from({ length: SLOTS }, (_, slot) =>
      queries.subarray(slot * SLOT_OCTETS, (slot + 1) * SLOT_OCTETS),
    )
    const first = out.subarray(0, SLOT_OCTETS)
    cases.push([
      `own, ${variant.name}`,
      variant,
      slot => cache.reader.write(peek, slots[slot] ?? queries, first, 0, NOW + 5_000, TCP, 1_232),
    ])
    if (built.AnswerReader === undefined) continue
    const reader = new built.AnswerReader(cache.handle)
    cases.push([
      `reader, ${variant.name}`,
      variant,
      slot => reader.write(peek, slots[slot] ?? queries, out, slot * SLOT_OCTETS, NOW + 5_000, SLOT_OCTETS, 1_232),
    ])
  }
  /** @type {number[][]} */
  const rounds = cases.map(() => [])
  let missed = 0
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, [, variant, hit]] of cases.entries()) {
      const measured = nanoseconds(variant, names, hit)
      missed += measured.missed
      if (round > 0) rounds[i]?.push(measured.ns)
    }
  }
  for (const [i, [name]] of cases.entries())
    console.log(
      `  ${name.padEnd(24)} ${Math.min(...(rounds[i] ?? []))
        .toFixed(0)
        .padStart(5)} ns, median ${median(rounds[i] ?? []).toFixed(0)}`,
    )
  console.log(`  missed: ${missed}`)
}
