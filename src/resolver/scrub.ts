/**
 * Keeps of a reply only what its server may say about the question: the alias chain that starts at the question, inside
 * the zone that was asked, and the set that ends it. Everything else in the answer section is dropped unseen, which is
 * the whole defence against records that ride along (CVE-2025-11411, CVE-2025-40778, chain pollution). Pure.
 */
import { foldName, isStrictlyWithin, isWithin, replaceSuffix, type Name } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { nameRdata, targetOf } from '../dns/rdata.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'

/**
 * What a chain of aliases came to. `name` is where it stands: the owner of the final set, or the name still to be
 * asked.
 */
export interface Chain {
  readonly aliases: readonly RRset[]
  readonly name: Name
  readonly final: RRset | null
  /** With `name-too-long` the last of `aliases` is the DNAME whose substitution does not fit. */
  readonly error: 'loop' | 'too-long' | 'name-too-long' | 'malformed' | null
  /** Aliases followed (a DNAME with its CNAME counts once). */
  readonly steps: number
}

type AliasStep = { readonly sets: readonly RRset[]; readonly target: Name } | 'none' | 'name-too-long' | 'malformed'

/**
 * Follows the chain from the question through `sets` (an answer section) as long as names stay within `zone`, and out
 * of zones of which its servers must not speak. At most `maxAliases` are followed.
 */
export function followChain(
  question: Question,
  zone: Name,
  sets: readonly RRset[],
  maxAliases: number,
  isElsewhere: ((name: Name) => boolean) | null = null,
): Chain {
  const [head] = sets
  // Most answers are what was asked for and nothing else.
  if (
    head !== undefined &&
    head.name === question.name &&
    head.type === question.type &&
    head.type !== RrType.CNAME &&
    head.class === question.class &&
    isWithin(head.name, zone)
  ) {
    return chainOf(NO_SETS, head.name, head, null, 0)
  }
  const belongs = (at: Name): boolean => isWithin(at, zone) && isElsewhere?.(at) !== true
  const usable = sets.filter(set => set.class === question.class && belongs(set.name))
  const aliases: RRset[] = []
  const seen: Name[] = []
  let name = question.name
  for (let steps = 0; ; steps++) {
    // At most `maxAliases` of them: no set is needed.
    if (seen.includes(name)) return chainOf(aliases, name, null, 'loop', steps)
    seen.push(name)
    if (!belongs(name)) return chainOf(aliases, name, null, null, steps)
    const here = name
    const final = usable.find(set => set.name === here && (set.type === question.type || question.type === RrType.ANY))
    if (final !== undefined) return withDname(chainOf(aliases, name, final, null, steps), final, usable)
    const step = aliasAt(name, usable)
    if (step === 'none') return chainOf(aliases, name, null, null, steps)
    if (step === 'name-too-long') aliases.push(...usable.filter(set => isDnameFor(name, set)).slice(0, 1))
    if (typeof step === 'string') return chainOf(aliases, name, null, step, steps)
    if (steps >= maxAliases) return chainOf(aliases, name, null, 'too-long', steps)
    aliases.push(...step.sets)
    name = step.target
  }
}

const NO_SETS: readonly RRset[] = Object.freeze([])

/** One shape, made in one place: object spread costs a microsecond here, and every reply passes. */
const chainOf = (
  aliases: readonly RRset[],
  name: Name,
  final: RRset | null,
  trouble: Chain['error'],
  steps: number,
): Chain => ({ aliases, name, final, error: trouble, steps })

/**
 * A CNAME that was asked for and comes from a DNAME is shown with it (RFC 6672 section 3.1): only the DNAME is data.
 */
function withDname(here: Chain, final: RRset, sets: readonly RRset[]): Chain {
  const dname = final.type === RrType.CNAME ? sets.find(set => isDnameFor(here.name, set)) : undefined
  if (dname === undefined) return here
  const step = throughDname(here.name, dname)
  if (step === 'name-too-long')
    return { ...here, aliases: [...here.aliases, dname], final: null, error: 'name-too-long' }
  if (typeof step === 'string') return { ...here, final: null, error: step === 'none' ? null : step }
  return {
    ...here,
    aliases: [...here.aliases, dname],
    final: step.sets.find(set => set.type === RrType.CNAME) ?? null,
    error: null,
  }
}

const isDnameFor = (name: Name, { name: owner, type }: RRset): boolean =>
  type === RrType.DNAME && isStrictlyWithin(name, owner)

/** The alias that applies to a name among these sets: its CNAME, or a DNAME above it (RFC 6672 section 3.2). */
function aliasAt(name: Name, sets: readonly RRset[]): AliasStep {
  const dname = sets.find(set => isDnameFor(name, set))
  if (dname !== undefined) return throughDname(name, dname)
  const cname = sets.find(set => set.type === RrType.CNAME && set.name === name)
  return cname === undefined ? 'none' : throughCname(cname)
}

/** RFC 2181 section 10.1: one CNAME at a name; a set of several is broken data. */
export function throughCname(cname: RRset): AliasStep {
  const [rdata] = cname.rdatas
  const target = rdata === undefined || cname.rdatas.length > 1 ? null : targetOf(rdata)
  return target === null ? 'malformed' : { sets: [cname], target: foldName(target) }
}

/**
 * The DNAME and the CNAME that it implies for `name`, made here and not taken from the reply: a server could send a
 * CNAME that the DNAME does not justify (RFC 6672 section 3.1; the synthesised TTL is the DNAME's).
 */
export function throughDname(name: Name, dname: RRset): AliasStep {
  const [rdata] = dname.rdatas
  const to = rdata === undefined || dname.rdatas.length > 1 ? null : targetOf(rdata)
  if (to === null) return 'malformed'
  const target = replaceSuffix(name, dname.name, to)
  if (target === null) return 'name-too-long'
  const cname = makeRRset(name, RrType.CNAME, dname.class, dname.ttl, [nameRdata(target)])
  return { sets: [dname, cname], target: foldName(target) }
}
