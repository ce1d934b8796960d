import { describe, expect, test } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { foldName } from '../../src/dns/name.ts'
import { makeRRset } from '../../src/dns/rrset.ts'
import { parseName } from '../../src/presentation/text.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Answer, Query } from '../../src/policy/handler.ts'
import { makeRootKeySentinel } from '../../src/policy/root-key-sentinel.ts'
import type { Security } from '../../src/steps.ts'

const name = (text: string) => {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(parsed.error)
  return foldName(parsed)
}
const queryFor = (text: string, type: number, checkingDisabled: boolean): Query => ({
  question: { name: name(text), type, class: RrClass.IN },
  client: { ip: parseIp('127.0.0.1') ?? { family: 4, bytes: new Uint8Array(4), text: '' }, port: 1, transport: 'udp' },
  recursionDesired: true,
  checkingDisabled,
  dnssecOk: false,
  view: 0,
  receivedAt: 0,
})
const resolved = (security: Security): Answer => ({
  kind: 'resolved',
  by: 'recursion',
  shareable: true,
  outcome: {
    kind: 'answer',
    rrsets: [makeRRset(name('a.test'), RrType.A, RrClass.IN, 60, [Uint8Array.of(192, 0, 2, 1)])],
    proof: [],
    additional: [],
    authoritative: false,
    security,
  },
})
const denied = (kind: 'nxdomain' | 'nodata', security: Security): Answer => ({
  kind: 'resolved',
  by: 'recursion',
  shareable: true,
  outcome: { kind, rrsets: [], soa: null, proof: [], security, authoritative: false },
})

interface Given {
  readonly type?: number
  readonly security?: Security
  readonly checkingDisabled?: boolean
  readonly answer?: Answer
}

/** 20326 and 5 are trusted. */
async function ask(
  text: string,
  { type = RrType.A, security = { kind: 'secure' }, checkingDisabled = false, answer = resolved(security) }: Given = {},
): Promise<string> {
  const got = await makeRootKeySentinel(() => [5, 20_326]).handle(queryFor(text, type, checkingDisabled), () =>
    Promise.resolve(answer),
  )
  if (got === answer) return 'as it is'
  return got.kind === 'given' ? `${got.content.rcode}: ${got.content.ede?.text}` : got.kind
}

describe('root key sentinel (RFC 8509 section 3)', () => {
  test.each<[string, Given, string]>([
    ['root-key-sentinel-is-ta-20326.example.test', {}, 'as it is'],
    ['root-key-sentinel-is-ta-38696.example.test', {}, '2: root key sentinel: key 38696 is not trusted here'],
    ['root-key-sentinel-not-ta-20326.example.test', {}, '2: root key sentinel: key 20326 is trusted here'],
    ['root-key-sentinel-not-ta-38696.example.test', {}, 'as it is'],
    [
      'Root-Key-Sentinel-IS-ta-38696.example.test',
      { type: RrType.AAAA },
      '2: root key sentinel: key 38696 is not trusted here',
    ],
    // Five digits, and the whole first label.
    ['root-key-sentinel-not-ta-00005.example.test', {}, '2: root key sentinel: key 5 is trusted here'],
    ['root-key-sentinel-not-ta-5.example.test', {}, 'as it is'],
    ['root-key-sentinel-is-ta-038696.example.test', {}, 'as it is'],
    ['xroot-key-sentinel-is-ta-38696.example.test', {}, 'as it is'],
    ['www.root-key-sentinel-is-ta-38696.example.test', {}, 'as it is'],
    ['www.example.test', {}, 'as it is'],
    // Other types, checking disabled, and what is not a secure answer.
    ['root-key-sentinel-is-ta-38696.example.test', { type: RrType.TXT }, 'as it is'],
    ['root-key-sentinel-is-ta-38696.example.test', { checkingDisabled: true }, 'as it is'],
    ['root-key-sentinel-is-ta-38696.example.test', { security: { kind: 'insecure' } }, 'as it is'],
    ['root-key-sentinel-is-ta-38696.example.test', { security: { kind: 'indeterminate' } }, 'as it is'],
    // Secure denials count like data.
    ...(['nxdomain', 'nodata'] as const).flatMap((kind): [string, Given, string][] => [
      [
        'root-key-sentinel-is-ta-38696.example.test',
        { answer: denied(kind, { kind: 'secure' }) },
        '2: root key sentinel: key 38696 is not trusted here',
      ],
      [
        'root-key-sentinel-not-ta-20326.example.test',
        { answer: denied(kind, { kind: 'secure' }) },
        '2: root key sentinel: key 20326 is trusted here',
      ],
      ['root-key-sentinel-is-ta-20326.example.test', { answer: denied(kind, { kind: 'secure' }) }, 'as it is'],
      ['root-key-sentinel-is-ta-38696.example.test', { answer: denied(kind, { kind: 'insecure' }) }, 'as it is'],
      ['root-key-sentinel-is-ta-38696.example.test', { answer: denied(kind, { kind: 'indeterminate' }) }, 'as it is'],
    ]),
  ])('%s %j', async (text, given, expected) => expect(await ask(text, given)).toBe(expected))
})
