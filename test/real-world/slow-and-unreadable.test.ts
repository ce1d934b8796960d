/**
 * Servers whose replies come late, are lost for a while, have octets after the last record (DVE-2017-0001), cannot be
 * read (DVE-2017-0012, erlang/otp 5145), or have RA and no AA (Unbound issue 818).
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Server, silent } from './world.ts'

const NAMES = ['w0', 'w1', 'w2', 'w3', 'w4', 'w5']
const RECORDS = [
  ...NAMES.map((name, i) => `${name} A 192.0.2.${i}`),
  'slow A 192.0.2.9',
  'slow AAAA 2001:db8::9',
  'slow HTTPS 1 .',
].join('\n')
const DATA = { A: '192.0.2.9', AAAA: '2001:db8::9', HTTPS: '1 .' } as const
const SLOW = 'slow.kab.test.'
const kab = (...servers: readonly Server[]): Row['zones'] => ({ 'kab.test.': { records: RECORDS, servers } })
/** So that the server is known to answer fast. */
const WARM = NAMES.map((name, i) => `${name}.kab.test. A -> NOERROR 192.0.2.${i}`)

const late =
  (afterMs: number): Server =>
  ask =>
    ask.name === SLOW ? { afterMs } : undefined

describe('a server that is known as fast', () => {
  rows([
    ...[300, 800, 1_500].map(
      (ms): Row => ({
        title: `and takes ${ms} ms once is waited for`,
        zones: kab(late(ms)),
        script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9`],
      }),
    ),
    ...Object.entries(DATA).map(
      ([type, data]): Row => ({
        title: `and takes 0.8 s for ${type} is waited for`,
        zones: kab(late(800)),
        script: [...WARM, `${SLOW} ${type} -> NOERROR ${data}`],
      }),
    ),
    {
      title: 'and takes 0.8 s is waited for, as one of two that do',
      zones: kab(late(800), late(800)),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9`],
    },
    {
      title: 'and takes 0.8 s is not waited for when the other is quick',
      zones: kab(late(800), honest),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9`],
    },
    {
      title: 'loses two packets: the name resolves',
      zones: kab(honest),
      script: [...WARM, 'lose 2', `${SLOW} A -> NOERROR 192.0.2.9; 3 packets`],
    },
    {
      title: 'and is silent now is asked three times, as before, and its parent once',
      zones: kab(ask => (ask.name === SLOW ? 'silent' : undefined)),
      script: [...WARM, `${SLOW} A -> SERVFAIL; 4 packets`],
    },
  ])
})

describe('octets after the last record', () => {
  const more: Server = ask =>
    ask.name === SLOW ? { octets: bytes => Uint8Array.of(...bytes, 0, 0, 0, 0, 0, 0, 0) } : undefined
  rows([
    ...Object.entries(DATA).map(
      ([type, data]): Row => ({
        title: `are passed over: ${type}`,
        zones: kab(more),
        script: [...WARM, `${SLOW} ${type} -> NOERROR ${data}; 1 packet`],
      }),
    ),
    {
      title: 'are passed over from one of two servers',
      zones: kab(more, honest),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9; 1 packet`],
    },
    {
      title: 'are passed over next to a denial',
      zones: kab(ask => (ask.name === 'none.kab.test.' ? { octets: bytes => Uint8Array.of(...bytes, 1) } : undefined)),
      script: [...WARM, 'none.kab.test. A -> NXDOMAIN; 1 packet'],
    },
  ])
})

describe('a reply that cannot be read', () => {
  const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 14)
  const garbled =
    (when: (ask: Parameters<Server>[0]) => boolean = () => true): Server =>
    ask =>
      ask.name === SLOW && when(ask) ? { octets: cut } : undefined
  rows([
    {
      title: 'from the only server fails the name at once: with EDNS and without, and its parent is asked',
      zones: kab(garbled()),
      script: [...WARM, `${SLOW} A -> SERVFAIL; 3 packets`],
    },
    {
      title: 'from one of two servers leaves the name to the other',
      zones: kab(garbled(), honest),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9; at most 3 packets`],
    },
    {
      title: 'is not silence: other names of the server are asked for as before',
      zones: kab(garbled()),
      script: [
        ...WARM,
        `${SLOW} A -> SERVFAIL`,
        `${SLOW} AAAA -> SERVFAIL`,
        `${SLOW} HTTPS -> SERVFAIL`,
        'none.kab.test. A -> NXDOMAIN; 1 packet',
      ],
    },
    {
      title: 'and comes with EDNS only is followed by a question without',
      zones: kab(garbled(ask => ask.edns)),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9; 2 packets`],
    },
  ])
})

describe('an answer with RA and without AA', () => {
  const cached: Server = ask =>
    ask.name === SLOW && ask.type === 'A'
      ? { ...replies('NOERROR', { answer: `${SLOW} A 192.0.2.9`, aa: false }), recursionAvailable: true }
      : undefined
  rows([
    {
      title: 'is used after one try of a silent server',
      zones: kab(cached, ask => (ask.name === SLOW ? silent(ask) : undefined)),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9; at most 4 packets`],
    },
    {
      title: 'gives way to an answer with authority',
      zones: kab(cached, ask =>
        ask.name === SLOW && ask.type === 'A' ? replies('NOERROR', { answer: `${SLOW} A 192.0.2.8` }) : undefined,
      ),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.8`],
    },
    {
      title: 'of the only server is used',
      zones: kab(cached),
      script: [...WARM, `${SLOW} A -> NOERROR 192.0.2.9; 1 packet`],
    },
  ])
})
