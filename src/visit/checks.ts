/** What is asked about a host after a visit: who may issue its certificates (CAA), and which it should have (TLSA). */
import type { Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { VisitLimits } from '../limits.ts'
import type { Clock } from '../ports.ts'
import { type CaaFound, caaNames, caaRecords } from './records/caa.ts'
import { type DaneVerdict, daneMatch } from './records/dane.ts'
import { tlsaName } from './records/dns-names.ts'
import type { HostChecks, LookUp, LookUpAnswer, Names } from './types.ts'

export interface CheckOptions {
  readonly names: Names
  readonly clock: Clock
  readonly limits: VisitLimits
  readonly host: Name
  readonly port: number
  /** DER, the leaf first; null over plain HTTP. */
  readonly chain: readonly Uint8Array[] | null
  /** The chain leads to an authority that is trusted. */
  readonly isPkix: boolean
}

export async function checkHost(options: CheckOptions): Promise<HostChecks> {
  const lookUps: LookUp[] = []
  const ask = async (question: Question, because: LookUp['because']): Promise<LookUpAnswer> => {
    const startedAtMs = options.clock.now()
    const found = await options.names.lookUp(question)
    lookUps.push({ question, because, atMs: 0, tookMs: options.clock.now() - startedAtMs, ...found })
    return found.answer
  }
  const [caa, dane] = await Promise.all([findCaa(options, ask), judgeDane(options, ask)])
  return { host: options.host, port: options.port, caa, dane, lookUps }
}

type Ask = (question: Question, because: LookUp['because']) => Promise<LookUpAnswer>

/** From the host up until there are records (RFC 8659 section 3); null: a look-up failed. */
async function findCaa({ host, limits }: CheckOptions, ask: Ask): Promise<CaaFound | null> {
  for (const name of caaNames(host, limits.caaNames)) {
    const answer = await ask({ name, type: RrType.CAA, class: RrClass.IN }, 'caa')
    if (answer.kind === 'failure') return null
    const records = answer.kind === 'answer' ? caaRecords(answer.rrsets) : []
    if (records.length > 0) return { at: name, records }
  }
  return { at: null, records: [] }
}

async function judgeDane({ host, port, chain, isPkix }: CheckOptions, ask: Ask): Promise<DaneVerdict | null> {
  if (chain === null) return null
  const answer = await ask({ name: tlsaName(host, port), type: RrType.TLSA, class: RrClass.IN }, 'tlsa')
  if (answer.kind === 'failure') return { kind: 'failed' }
  const verdict = answer.kind === 'answer' ? daneMatch(answer.rrsets, chain, isPkix) : ({ kind: 'none' } as const)
  return verdict.kind === 'none' || answer.security === 'secure' ? verdict : { kind: 'not-signed' }
}
