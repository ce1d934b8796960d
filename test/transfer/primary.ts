/** A primary of one zone inside the process: SOA over UDP, all of it or what the test makes of it over TCP. */
import type { Message } from '../../src/dns/message.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { RrType, typeName } from '../../src/dns/types.ts'
import { type Canned, type CannedReply, rr, startCanned } from '../cli/canned-server.ts'

export interface Version {
  readonly serial: number
  /** Records without the SOA, with full names. */
  readonly records: readonly string[]
  /** REFRESH, RETRY, EXPIRE and MINIMUM, in seconds. */
  readonly timers?: string
}

export interface TestPrimary {
  /** What it serves from now on; a number: it answers with this rcode. */
  serves: Version | number
  /** What it replies over TCP instead of a whole zone. */
  transfer: ((query: Message, version: Version) => readonly CannedReply[]) | null
  readonly address: string
  /** `SOA udp`, `AXFR tcp`: in their order. */
  readonly asked: readonly string[]
  close(): Promise<void>
}

export const soaOf = (zone: string, { serial, timers = '3600 600 86400 60' }: Version): Rr =>
  rr(`${zone} 300 SOA ns.${zone} hostmaster.${zone} ${serial} ${timers}`)

/** `zone` with the last dot. */
export async function startTestPrimary(zone: string, first: Version): Promise<TestPrimary> {
  const asked: string[] = []
  const answer = (query: Message, tcp: boolean): readonly CannedReply[] => {
    const type = query.question?.type ?? 0
    asked.push(`${typeName(type)} ${tcp ? 'tcp' : 'udp'}`)
    const { serves, transfer } = primary
    if (typeof serves === 'number') return [{ rcode: serves }]
    const soa = soaOf(zone, serves)
    if (type === RrType.SOA) return [{ authoritative: true, answer: [soa] }]
    if (transfer !== null) return transfer(query, serves)
    return [{ authoritative: true, answer: [soa, ...serves.records.map(rr), soa] }, 'close']
  }
  const canned: Canned = await startCanned(answer)
  const primary: TestPrimary = {
    serves: first,
    transfer: null,
    address: `127.0.0.1:${canned.port}`,
    asked,
    close: () => canned.close(),
  }
  return primary
}
