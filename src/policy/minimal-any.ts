/**
 * ANY answered minimally (RFC 8482): asking for everything is what reflection attacks do, and a cache never has
 * everything. Names of a local zone are answered with one of their RRsets (section 4.1). Others are looked up as an
 * alias: a name that is one is answered with its CNAME, one that does not exist with the denial, and all others with a
 * made-up HINFO (section 4.2).
 */
import type { Question } from '../dns/message.ts'
import { hinfoRdata } from '../dns/rdata.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { Outcome } from '../steps.ts'
import type { Answer, Query, Stage } from './handler.ts'

/** What the stage wants to know of the local zones of a view: do they say anything about the question? */
export type AnsweredLocally = (question: Question, view: number) => boolean

/** Which questions for ANY get a minimal answer: all, those over UDP, or none. */
export type AnyMode = 'minimal' | 'tcp' | 'resolve'

/** RFC 8482 section 4.2: the CPU field says why, the OS field is empty. */
const HINFO_RFC8482 = hinfoRdata('RFC8482', '')

export function makeMinimalAny(
  answeredLocally: AnsweredLocally,
  limits: { readonly anyTtl: number },
  mode: AnyMode = 'minimal',
): Stage {
  const isMinimal = ({ client }: Query): boolean => mode === 'minimal' || (mode === 'tcp' && client.transport === 'udp')
  // What is shared is given to all, whatever they ask over.
  const settled = (answer: Answer): Answer =>
    mode === 'tcp' && answer.kind === 'resolved' ? { ...answer, shareable: false } : answer
  return {
    name: 'minimal-any',
    after: ['chaos'],
    before: [],
    handle(query, next) {
      const { question } = query
      if (question.type !== RrType.ANY || question.class !== RrClass.IN) return next(query)
      if (!isMinimal(query)) return next(query).then(settled)
      if (answeredLocally(question, query.view)) return next(query).then(answer => settled(onlyOne(answer)))
      return next({ ...query, question: { ...question, type: RrType.CNAME } }).then(answer =>
        settled(synthesised(question, limits.anyTtl, answer)),
      )
    },
  }
}

/** `asAlias` is the answer to a question for the CNAME: kept unless it says that there is none. */
function synthesised(question: Question, ttl: number, asAlias: Answer): Answer {
  if (asAlias.kind !== 'resolved' || asAlias.outcome.kind !== 'nodata') return asAlias
  const outcome: Outcome = {
    kind: 'answer',
    rrsets: [makeRRset(question.name, RrType.HINFO, RrClass.IN, ttl, [HINFO_RFC8482])],
    proof: [],
    additional: [],
    authoritative: false,
    security: { kind: 'insecure' },
  }
  return { kind: 'resolved', outcome, by: 'minimal-any', shareable: asAlias.shareable }
}

function onlyOne(answer: Answer): Answer {
  if (answer.kind !== 'resolved' || answer.outcome.kind !== 'answer') return answer
  const chosen = smallest(answer.outcome.rrsets)
  return chosen === null ? answer : { ...answer, outcome: { ...answer.outcome, rrsets: [chosen], additional: [] } }
}

/** The RRset with the fewest octets, signatures and SOA last: the point is a small answer that is still of use. */
function smallest(rrsets: readonly RRset[]): RRset | null {
  const isLast = (set: RRset): boolean => set.type === RrType.RRSIG || set.type === RrType.SOA
  const weight = (set: RRset): number => set.rdatas.reduce((sum, rdata) => sum + rdata.length, isLast(set) ? 0xffff : 0)
  return rrsets.reduce<RRset | null>((best, set) => (best === null || weight(set) < weight(best) ? set : best), null)
}
