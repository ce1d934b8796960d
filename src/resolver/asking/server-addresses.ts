/**
 * Addresses of name servers that came without usable glue: from memory at once, else by separate look-ups (NXNSAttack
 * is why each is counted against the client's budget).
 */
import type { IpAddress } from '../../dns/address.ts'
import type { Question } from '../../dns/message.ts'
import { parentOf, ROOT, type Name } from '../../dns/name.ts'
import { ipOf } from '../../dns/rdata.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { all, first, lookup, type Steps } from '../../steps.ts'
import { usableFamilies, type Env, type Task } from '../env.ts'
import { failure, type Failure } from '../outcome.ts'

export interface FoundServer {
  readonly name: Name
  readonly addresses: readonly IpAddress[]
}

/** `cyclic` when a look-up ended because it waited for the asker: such a miss says nothing about the server. */
export interface Found {
  readonly kind: 'found'
  readonly servers: readonly FoundServer[]
  /** Names whose look-up was let go because another was found first. */
  readonly unfinished: readonly Name[]
  readonly cyclic: boolean
  /** The same for a look-up that ended for lack of own resources. */
  readonly overloaded: boolean
}

interface Branch extends FoundServer {
  readonly cyclic: boolean
  readonly overloaded: boolean
}

const typeOf = (family: 4 | 6): number => (family === 4 ? RrType.A : RrType.AAAA)

/** The addresses in A and AAAA sets. */
export const addressesIn = (sets: readonly RRset[]): IpAddress[] =>
  sets.flatMap(set => set.rdatas.flatMap(rdata => ipOf(set.type, rdata) ?? []))

export const addressQuestion = (name: Name, family: 4 | 6): Question => ({
  name,
  type: typeOf(family),
  class: RrClass.IN,
})

/** The glue of a server in the deepest delegation that has some: of the zone that its name is in, or of one above. */
export function glueOf(env: Env, server: Name): readonly IpAddress[] {
  const now = env.clock.now()
  for (let zone = server; zone !== ROOT; zone = parentOf(zone)) {
    const found = env.caches.delegations.get(zone, now)?.servers.find(({ name }) => name === server)
    if (found !== undefined && found.addresses.length > 0) return found.addresses
  }
  return []
}

/** What the cache and the local zones know, without asking anyone. */
export function knownAddresses(env: Env, name: Name): readonly IpAddress[] {
  const now = env.clock.now()
  return usableFamilies(env).flatMap(family => {
    const question = addressQuestion(name, family)
    const local = env.localZones().find(question)?.answer(question)
    if (local?.kind === 'answer') return addressesIn(local.rrsets)
    const cached = env.caches.rrsets.get(name, question.type, RrClass.IN, now)
    return cached === undefined ? [] : addressesIn([cached.rrset])
  })
}

/**
 * Looks up several names at once and goes on with the first that has an address; the others are let go. Failure when
 * the budget forbids it.
 */
export function* findAddresses(env: Env, task: Task, names: readonly Name[]): Steps<Found | Failure> {
  const families = usableFamilies(env)
  for (const _ of names) {
    const denied = task.budget.takeAddressLookup()
    if (denied !== null) return failure('budget', denied)
  }
  let cyclic = false
  let overloaded = false
  const finished = new Set<Name>()
  const found = yield* first(
    names.map(name => findOne(name, families)),
    server => {
      cyclic ||= server.cyclic
      overloaded ||= server.overloaded
      finished.add(server.name)
      return server.addresses.length > 0
    },
  )
  return {
    kind: 'found',
    servers: found === null ? [] : [found],
    unfinished: names.filter(name => !finished.has(name)),
    cyclic,
    overloaded,
  }
}

function* findOne(name: Name, families: readonly (4 | 6)[]): Steps<Branch> {
  const outcomes = yield* all(families.map(family => lookup(addressQuestion(name, family), 'server-address')))
  return {
    name,
    addresses: outcomes.flatMap(outcome => (outcome.kind === 'answer' ? addressesIn(outcome.rrsets) : [])),
    cyclic: outcomes.some(outcome => outcome.kind === 'failure' && outcome.why === 'cycle'),
    overloaded: outcomes.some(outcome => outcome.kind === 'failure' && outcome.why === 'overload'),
  }
}
