/**
 * Names by which programs ask whether they may go around the resolver of a network; a denial says no. Firefox does not
 * turn on DNS over HTTPS by itself then, and Apple's devices do not use Private Relay. What users have turned on
 * themselves is theirs.
 */
import { foldName, type Name } from '../../dns/name.ts'
import { RrClass } from '../../dns/types.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import type { Answer, Stage } from '../handler.ts'
import type { AnsweredLocally } from '../minimal-any.ts'
import { madeUpSoa } from '../made-up.ts'

/** True: the names of it are denied. */
export interface Canaries {
  readonly firefoxDoh: boolean
  readonly privateRelay: boolean
}

const NAMES: Readonly<Record<keyof Canaries, readonly string[]>> = {
  firefoxDoh: ['use-application-dns.net.'],
  privateRelay: ['mask.icloud.com.', 'mask-h2.icloud.com.'],
}

export function makeCanary(
  canaries: Canaries,
  answeredByOwn: AnsweredLocally,
  limits: { readonly blockedTtl: number },
): Stage {
  const denied = new Set<Name>()
  for (const key of ['firefoxDoh', 'privateRelay'] as const)
    for (const text of canaries[key] ? NAMES[key] : []) {
      const name = parseName(text, null)
      if (typeof name === 'string') denied.add(foldName(name))
    }
  return {
    name: 'canary',
    after: ['chaos'],
    before: ['rebinding', 'dns64'],
    handle(query, next) {
      const { question } = query
      if (!denied.has(question.name) || question.class !== RrClass.IN || answeredByOwn(question, query.view))
        return next(query)
      return Promise.resolve(denial(question.name, limits.blockedTtl))
    },
  }
}

const denial = (name: Name, ttl: number): Answer => ({
  kind: 'resolved',
  by: 'canary',
  decisions: [{ stage: 'canary', rule: formatName(name), source: null, lost: [] }],
  shareable: true,
  outcome: {
    kind: 'nxdomain',
    rrsets: [],
    soa: madeUpSoa(name, ttl),
    proof: [],
    security: { kind: 'insecure' },
    authoritative: false,
  },
})
