/** Visits made by hand: a hop over HTTP/2 to www.example.test that took 100 ms, with changes. */
import { parseIp } from '../../src/dns/address.ts'
import { groupRRsets } from '../../src/dns/rrset.ts'
import { serverAddress } from '../../src/ports.ts'
import type { Attempt, Hop, LookUp, Pass, PassKind, ResponseFacts, TlsFacts, Visit } from '../../src/visit/types.ts'
import { question, record } from './names.ts'

const ip = (text: string): NonNullable<ReturnType<typeof parseIp>> => {
  const read = parseIp(text)
  if (read === null) throw new Error(text)
  return read
}

export const tls = (changes: Partial<TlsFacts> = {}): TlsFacts => ({
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  group: 'X25519',
  alpn: 'h2',
  serverName: 'www.example.test',
  isResumed: false,
  offeredEch: false,
  chain: [
    {
      subject: 'CN=www.example.test',
      issuer: 'CN=Test Authority',
      names: ['www.example.test'],
      notBefore: 1_767_225_600,
      notAfter: 1_775_001_600,
      daysLeft: 60,
      key: 'ec prime256v1',
      fingerprint: 'aa',
    },
  ],
  verdict: { kind: 'verified' },
  ...changes,
})

export const responded = (changes: Partial<ResponseFacts> = {}): ResponseFacts => ({
  protocol: 'HTTP/2',
  status: 200,
  reason: '',
  headers: [],
  interim: [],
  contentBytes: 1_000,
  closes: false,
  ...changes,
})

/** From `atMs` for 20 ms. */
export function lookUp(name: string, type: string, lines: readonly string[], atMs = 0): LookUp {
  const rrsets = groupRRsets(lines.map(record))
  return {
    question: question(name, type),
    because: type === 'HTTPS' ? 'service' : 'address',
    atMs,
    tookMs: 20,
    answer: { kind: rrsets.length === 0 ? 'nodata' : 'answer', rrsets, security: 'secure' },
    source: { kind: 'server', server: serverAddress(ip('192.0.2.53'), 53), transport: 'udp' },
  }
}

export const attempt = (address: string, atMs: number, kind: 'connected' | 'abandoned' | 'failed'): Attempt => ({
  endpoint: { ip: ip(address), port: 443, alpn: ['h2'], by: 'address', name: question('www.example.test', 'A').name },
  atMs,
  tookMs: 30 - Math.min(20, atMs - 20),
  outcome: kind === 'failed' ? { kind, reason: 'ECONNREFUSED' } : { kind },
})

export const hop = (changes: Partial<Hop> = {}): Hop => ({
  url: 'https://www.example.test/',
  host: question('www.example.test', 'A').name,
  isSecure: true,
  method: 'GET',
  atMs: 0,
  lookUps: [],
  services: [],
  attempts: [],
  connection: { isReused: false, local: '192.0.2.100', remote: '192.0.2.1', port: 443, family: 4 },
  tls: tls(),
  response: responded(),
  times: { namesMs: 20, connectedMs: 30, securedMs: 60, sentMs: 61, firstOctetMs: 80, totalMs: 100 },
  end: { kind: 'done', content: 'whole' },
  ...changes,
})

export const pass = (kind: PassKind, hops: readonly Hop[]): Pass => ({
  kind,
  hops,
  tookMs: hops.reduce((sum, { times }) => sum + times.totalMs, 0),
})

export const visited = (passes: readonly Pass[], changes: Partial<Visit> = {}): Visit => ({
  url: passes[0]?.hops[0]?.url ?? '',
  method: 'GET',
  startedAt: Date.UTC(2026, 0, 31),
  passes,
  checks: [],
  comparison: null,
  ...changes,
})
