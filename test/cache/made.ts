/** Names, records and questions for the tests of the stores. */
import { foldName, type Name } from '../../src/dns/name.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import type { Question } from '../../src/dns/message.ts'
import { nsRdata, soaRdata } from '../../src/dns/rdata.ts'
import { makeRRset, recordsOf, type RRset } from '../../src/dns/rrset.ts'
import { parseName } from '../../src/presentation/text.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { defaultLimits, type CacheLimits } from '../../src/limits.ts'
import type { Security } from '../../src/steps.ts'

export const SECURE: Security = { kind: 'secure' }
export const INSECURE: Security = { kind: 'insecure' }
export const UNJUDGED: Security = { kind: 'indeterminate' }
export const BOGUS: Security = { kind: 'bogus', ede: 6, text: 'signature does not verify' }

export function n(text: string): Name {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(`${text}: ${name.error}`)
  return foldName(name)
}

export const q = (name: string, type: number = RrType.A): Question => ({ name: n(name), type, class: RrClass.IN })

export const set = (owner: string, type: number, ttl: number, ...rdatas: readonly (readonly number[])[]): RRset =>
  makeRRset(
    n(owner),
    type,
    RrClass.IN,
    ttl,
    rdatas.map(octets => Uint8Array.from(octets)),
  )

export const a = (owner: string, ttl = 300, last = 1): RRset => set(owner, RrType.A, ttl, [192, 0, 2, last])

export const ns = (owner: string, ttl: number, ...targets: readonly string[]): RRset =>
  makeRRset(
    n(owner),
    RrType.NS,
    RrClass.IN,
    ttl,
    targets.map(target => nsRdata(n(target))),
  )

export const soa = (zone: string, ttl: number, minimum: number): RRset =>
  makeRRset(n(zone), RrType.SOA, RrClass.IN, ttl, [
    soaRdata({
      mname: n(`ns.${zone === '.' ? '' : zone}`),
      rname: n('hostmaster.'),
      serial: 1,
      refresh: 7200,
      retry: 900,
      expire: 86_400,
      minimum,
    }),
  ])

export const limitsOf = (changes: Partial<CacheLimits> = {}): CacheLimits => ({ ...defaultLimits.cache, ...changes })

/** A start that is neither zero nor round, as a monotonic clock's is. */
export const T0 = 10_250.5
export const seconds = (count: number): number => count * 1000

/** An encoded reply with one record of `octets` octets of data. */
export function replyOf(name: string, type: number, octets: number): Uint8Array {
  const asked = q(name, type)
  return encodeMessage(
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
      question: { ...asked, cased: asked.name },
      answer: recordsOf(set(name, 65_280, 300, Array<number>(octets).fill(1))),
      authority: [],
      additional: [],
      edns: null,
    },
    { maxBytes: 65_535 },
  ).bytes
}
