// @ts-check
/** Messages as they come over the wire: what the codec is measured with and what junk is made from. */
import { encode as packet } from 'dns-packet'

/** @typedef {{ name: string, bytes: Uint8Array }} Sample */

const question = (/** @type {string} */ name, /** @type {string} */ type = 'A') => [{ type, name, class: 'IN' }]
const opt = { type: 'OPT', name: '.', udpPayloadSize: 1_232, flags: 0x8000, options: [] }

/** @type {(name: string, content: object) => Sample} */
const sample = (name, content) => ({
  name,
  bytes: Uint8Array.from(packet(/** @type {any} */ ({ id: 0x4321, ...content }))),
})

export const query = sample('query', {
  type: 'query',
  flags: 0x0100,
  questions: question('www.example.com'),
  additionals: [opt],
})

export const answer = sample('answer', {
  type: 'response',
  flags: 0x8180,
  questions: question('www.example.com'),
  additionals: [opt],
  answers: [
    { type: 'CNAME', name: 'www.example.com', ttl: 300, data: 'www.cdn.example.net' },
    ...[1, 2, 3, 4].map(n => ({ type: 'A', name: 'www.cdn.example.net', ttl: 60, data: `198.18.0.${n}` })),
  ],
})

export const referral = sample('referral', {
  type: 'response',
  flags: 0x8000,
  questions: question('www.example.com'),
  authorities: Array.from({ length: 13 }, (_, n) => ({
    type: 'NS',
    name: 'com',
    ttl: 172_800,
    data: `${String.fromCharCode(0x61 + n)}.gtld-servers.net`,
  })),
  additionals: [
    ...Array.from({ length: 13 }, (_, n) => ({
      type: 'A',
      name: `${String.fromCharCode(0x61 + n)}.gtld-servers.net`,
      ttl: 172_800,
      data: `192.5.6.${n + 1}`,
    })),
    opt,
  ],
})

const others = [
  sample('mx', {
    type: 'response',
    flags: 0x8180,
    questions: question('example.com', 'MX'),
    answers: [{ type: 'MX', name: 'example.com', ttl: 60, data: { preference: 10, exchange: 'mail.example.com' } }],
  }),
  sample('soa', {
    type: 'response',
    flags: 0x8183,
    questions: question('no.example.com'),
    authorities: [
      {
        type: 'SOA',
        name: 'example.com',
        ttl: 60,
        data: {
          mname: 'ns.example.com',
          rname: 'h.example.com',
          serial: 1,
          refresh: 2,
          retry: 3,
          expire: 4,
          minimum: 5,
        },
      },
    ],
  }),
  sample('srv', {
    type: 'response',
    flags: 0x8180,
    questions: question('_sip._tcp.example.com', 'SRV'),
    answers: [{ type: 'SRV', name: '_sip._tcp.example.com', ttl: 60, data: { port: 5060, target: 'a.example.com' } }],
  }),
  sample('txt', {
    type: 'response',
    flags: 0x8180,
    questions: question('example.com', 'TXT'),
    answers: [{ type: 'TXT', name: 'example.com', ttl: 60, data: ['v=spf1 -all', 'x'.repeat(200)] }],
  }),
]

export const samples = [query, answer, referral, ...others]

/**
 * A generator of numbers below `n`, the same for the same seed (xorshift32).
 * @param {number} seed
 */
export function seeded(seed) {
  let state = seed | 1
  return (/** @type {number} */ n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

/**
 * A damaged copy of one of the samples, or random octets with a header that promises much.
 * @param {(n: number) => number} below
 * @returns {Uint8Array}
 */
export function junk(below) {
  const from = samples[below(samples.length)]?.bytes ?? query.bytes
  switch (below(6)) {
    case 0:
      return Uint8Array.from({ length: below(600) }, () => below(256))
    case 1:
      return from.slice(0, below(from.length + 1))
    case 2:
      return withCounts(from, below)
    case 3:
      return withPointers(from, below)
    case 4: {
      const other = samples[below(samples.length)]?.bytes ?? query.bytes
      const cut = below(from.length)
      return Uint8Array.from([...from.subarray(0, cut), ...other.subarray(Math.min(cut, other.length))])
    }
    default:
      return withFlips(from, below)
  }
}

/** @type {(from: Uint8Array, below: (n: number) => number) => Uint8Array} */
function withFlips(from, below) {
  const bytes = from.slice()
  for (let flips = 1 + below(8); flips > 0; flips--) bytes[below(bytes.length)] = below(256)
  return bytes
}

/** @type {(from: Uint8Array, below: (n: number) => number) => Uint8Array} */
function withCounts(from, below) {
  const bytes = from.slice()
  for (let at = 4; at < 12; at++) if (below(2) === 0) bytes[at] = below(256)
  return bytes
}

/** @type {(from: Uint8Array, below: (n: number) => number) => Uint8Array} */
function withPointers(from, below) {
  const bytes = from.slice()
  for (let n = 1 + below(20); n > 0; n--) {
    const at = 12 + below(Math.max(1, bytes.length - 13))
    bytes[at] = 0xc0 | below(2)
    bytes[at + 1] = below(256)
  }
  return bytes
}
