/**
 * Names of servers of lists, resolved by our own engine: no other resolver is needed, and no list is asked, so that one
 * which blocks its own server can still be replaced.
 */
import type { LookupFunction } from 'node:net'
import { foldName } from '../../dns/name.ts'
import { ipOf } from '../../dns/rdata.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import type { Resolves } from '../../resolver/resolver.ts'
import { readName } from '../../system/idna.ts'

interface Found {
  readonly address: string
  readonly family: 4 | 6
}

export const engineLookup =
  (resolver: Resolves): LookupFunction =>
  (host, { family, all }, done) => {
    const wanted =
      family === 4 || family === 'IPv4' ? [RrType.A] : family === 6 || family === 'IPv6' ? [RrType.AAAA] : []
    const types = wanted.length > 0 ? wanted : [RrType.A, RrType.AAAA]
    void Promise.all(types.map(type => addresses(resolver, host, type))).then(found => {
      const every = found.flatMap(one => one.found)
      const [first] = every
      if (first === undefined) {
        const why = found.find(({ reason }) => reason !== null)?.reason ?? 'it has no address'
        done(Object.assign(new Error(`${host}: ${why}`), { code: 'ENOTFOUND' }), '', 0)
      } else if (all === true) done(null, every)
      else done(null, first.address, first.family)
    })
  }

function addresses(
  resolver: Resolves,
  host: string,
  type: number,
): Promise<{ readonly found: readonly Found[]; readonly reason: string | null }> {
  const name = readName(host)
  if (typeof name !== 'string') return Promise.resolve({ found: [], reason: name.error })
  return new Promise(settle => {
    const question = { name: foldName(name), type, class: RrClass.IN }
    resolver.resolve(question, { recursionDesired: true, because: 'client' }, outcome => {
      if (outcome.kind === 'failure') settle({ found: [], reason: outcome.text })
      else if (outcome.kind !== 'answer')
        settle({ found: [], reason: outcome.kind === 'nxdomain' ? 'there is no such name' : null })
      else {
        const sets = outcome.rrsets.filter(set => set.type === type)
        const ips = sets.flatMap(set => set.rdatas.flatMap(rdata => ipOf(type, rdata) ?? []))
        settle({ found: ips.map(({ text, family }) => ({ address: text, family })), reason: null })
      }
    })
  })
}
