/** What the caches of a running server have for a question, handed out: small, and nothing is asked for it. */
import { packShared } from '../../cache/snapshot/shared-value.ts'
import type { Delegation } from '../../cache/delegations.ts'
import type { Question } from '../../dns/message.ts'
import { type Name, parentOf, ROOT } from '../../dns/name.ts'
import { RrType } from '../../dns/types.ts'
import type { OpenEngine } from '../open-engine.ts'
import { cachesOf, type Lent } from './borrowed-cache.ts'

/** Cuts above one name: real ones have three or four. */
const CUTS = 10
/** Servers of the closest one whose addresses go along. */
const SERVERS = 13

/** Null: no view asks what the text says. */
export function lend(engine: OpenEngine, partition: string, question: Question): Lent | null {
  const caches = cachesOf(engine, partition)
  if (caches === undefined) return null
  const now = engine.recursor.clock.now()
  const { validate, points } = engine.trust.validation()
  const judgedOnly = validate && !points.isEmpty
  const packed = (asked: Question): Uint8Array | null =>
    packShared({ caches, question: asked, now, since: Number.NEGATIVE_INFINITY, judgedOnly })?.octets ?? null
  const cuts: Delegation[] = []
  for (let at: Name = question.name; cuts.length < CUTS; ) {
    const cut = caches.delegations.closest(at, now)
    if (cut === undefined || cut.zone === ROOT) break
    cuts.push(cut)
    at = parentOf(cut.zone)
  }
  const names = (cuts[0]?.servers ?? []).slice(0, SERVERS)
  return {
    answer: packed(question),
    cuts: cuts.map(({ zone, servers, ds, expiresAt }) => ({ zone, servers, ds, leftMs: expiresAt - now })),
    addresses: names.flatMap(({ name }) =>
      [RrType.A, RrType.AAAA].flatMap(type => packed({ name, type, class: question.class }) ?? []),
    ),
  }
}
