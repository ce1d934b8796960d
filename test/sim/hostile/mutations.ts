/**
 * What an attacker does to replies, each as a function from a message to a message. They are combined at random, so
 * each takes what it finds: where there is nothing to change it changes nothing.
 */
import type { Message } from '../../../src/dns/message.ts'
import {
  foldName,
  isWildcard,
  labelCount,
  type Name,
  parentOf,
  ROOT,
  suffixOf,
  wildcardOf,
} from '../../../src/dns/name.ts'
import { readRrsig } from '../../../src/dns/rdata-dnssec.ts'
import { rrsigRdata } from '../../../src/dns/rdata-dnssec-make.ts'
import { coveredType, makeRRset, type Rr, type RRset } from '../../../src/dns/rrset.ts'
import { formatName } from '../../../src/presentation/text.ts'
import { Rcode, RrClass, RrType, typeName } from '../../../src/dns/types.ts'
import { signedLabels, signedOctets } from '../../../src/dnssec/canonical.ts'
import { nameOf, record } from '../../../src/simulation/records.ts'
import type { SimRandom } from '../../../src/simulation/random.ts'
import type { Scene } from './attacker.ts'
import { pick, TTL } from './plan.ts'
import type { Held } from './position.ts'
import { isWithin } from './truth.ts'

export interface Mutation {
  readonly name: string
  readonly change: (scene: Scene, reply: Message) => Message
}

type Section = 'answer' | 'authority'
const DAY_S = 86_400

/** RDATA as text that no honest zone has. */
const FORGED: ReadonlyMap<number, string> = new Map<number, string>([
  [RrType.A, '203.0.113.66'],
  [RrType.AAAA, '2001:db8:bad::66'],
  [RrType.TXT, '"FORGED"'],
  [RrType.MX, '0 forged.tld.'],
  [RrType.TLSA, `3 1 1 ${'ff'.repeat(32)}`],
  [RrType.HTTPS, '1 forged.tld.'],
  [RrType.CNAME, 'forged.tld.'],
  [RrType.DS, `4711 15 2 ${'66'.repeat(32)}`],
  [RrType.DNSKEY, `257 3 15 ${Buffer.alloc(32, 0x66).toString('base64')}`],
  [RrType.NS, 'ns.forged.tld.'],
  [RrType.NSEC, '~.tld. A'],
])

const text = (name: Name): string => formatName(name)
const rrOf = (owner: string, type: number, data: string): Rr => record(`${owner} ${TTL} IN ${typeName(type)} ${data}`)
const forgedFor = (owner: string, type: number): Rr =>
  rrOf(owner, FORGED.has(type) ? type : RrType.TXT, FORGED.get(type) ?? '"FORGED"')
const isProof = ({ type }: Rr): boolean => type === RrType.NSEC || type === RrType.NSEC3
const positive = (reply: Message, answer: readonly Rr[]): Message => ({
  ...reply,
  authoritative: true,
  rcode: Rcode.NOERROR,
  answer,
  authority: [],
})

interface Junk {
  readonly covered: number
  readonly labels: number
  readonly signer: Name
  readonly wall: number
}

/** A signature that looks like one. */
const junk = (random: SimRandom, owner: Rr['owner'], { covered, labels, signer, wall }: Junk): Rr => {
  const signature = new Uint8Array(64)
  random.bytes(signature)
  const rdata = rrsigRdata({
    covered,
    algorithm: pick(random, [15, 15, 13, 8]),
    labels,
    originalTtl: TTL,
    expiration: wall + DAY_S,
    inception: wall - DAY_S,
    keyTag: random.below(65_536),
    signer,
    signature,
  })
  return { owner, type: RrType.RRSIG, class: RrClass.IN, ttl: TTL, rdata }
}

/** The sets of a section by owner and type, RRSIGs left out. */
const headsOf = (records: readonly Rr[]): readonly Rr[] =>
  records.filter(
    (one, i) =>
      one.type !== RrType.RRSIG &&
      records.findIndex(other => other.type === one.type && foldName(other.owner) === foldName(one.owner)) === i,
  )

function inSections(scene: Scene, reply: Message, change: (records: readonly Rr[]) => readonly Rr[]): Message {
  const section: Section = reply.answer.length > 0 && scene.random.below(3) > 0 ? 'answer' : 'authority'
  return { ...reply, [section]: change(reply[section]) }
}

/** Zones that somebody may claim to speak for. */
function someSigner({ random, plan, name }: Scene): Name {
  const above = plan.zones.filter(({ origin }) => isWithin(name, origin))
  return nameOf(pick(random, random.below(3) > 0 ? above : plan.zones).origin)
}

function junkFor(scene: Scene, target: Rr): Rr {
  const { random, wall } = scene
  const own = signedLabels(foldName(target.owner))
  // A label or two less is the wildcard of a zone near by.
  const labels = pick(random, [own, Math.max(0, own - 1), Math.max(0, own - 2), random.below(own + 1)])
  return junk(random, target.owner, { covered: target.type, labels, signer: someSigner(scene), wall })
}

/** In front of everything or behind it. */
function addJunk(scene: Scene, reply: Message): Message {
  return inSections(scene, reply, records => {
    const heads = headsOf(records)
    if (heads.length === 0) return records
    const added = Array.from({ length: 1 + scene.random.below(2) }, () => junkFor(scene, pick(scene.random, heads)))
    return scene.random.below(3) > 0 ? [...added, ...records] : [...records, ...added]
  })
}

/** One before each set, as if a wildcard of a zone above had made it. */
function junkInFront(scene: Scene, reply: Message): Message {
  const { random, plan, wall } = scene
  const inFront = (records: readonly Rr[]): readonly Rr[] => {
    const added = headsOf(records).flatMap(head => {
      const owner = foldName(head.owner)
      const above = plan.zones.filter(({ origin }) => isWithin(text(owner), origin)).map(({ origin }) => nameOf(origin))
      return above.length === 0
        ? []
        : [
            junk(random, head.owner, {
              covered: head.type,
              labels: labelCount(pick(random, above)),
              signer: pick(random, above),
              wall,
            }),
          ]
    })
    return [...added, ...records]
  }
  return {
    ...reply,
    answer: inFront(reply.answer),
    authority: random.below(2) === 0 ? inFront(reply.authority) : reply.authority,
  }
}

const isSignature = ({ type }: Rr): boolean => type === RrType.RRSIG

function dropSignatures(scene: Scene, reply: Message): Message {
  if (scene.random.below(2) === 0) {
    const without = (records: readonly Rr[]): readonly Rr[] =>
      records.filter(one => !isSignature(one) && (scene.random.below(2) === 0 || !isProof(one)))
    return { ...reply, answer: without(reply.answer), authority: without(reply.authority) }
  }
  return inSections(scene, reply, records => records.filter(one => !isSignature(one) || scene.random.below(2) === 0))
}

function shuffle(scene: Scene, reply: Message): Message {
  return inSections(scene, reply, records => {
    const doubled = scene.random.below(2) === 0 ? records : [...records, ...records]
    return doubled
      .map(one => ({ one, at: scene.random.below(1_000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one)
  })
}

/** Fields of true signatures are changed; the octets of the signature stay. */
const bendSignatures =
  (
    bend: (
      scene: Scene,
      fields: NonNullable<ReturnType<typeof readRrsig>>,
    ) => Partial<NonNullable<ReturnType<typeof readRrsig>>>,
  ) =>
  (scene: Scene, reply: Message): Message =>
    inSections(scene, reply, records => {
      const keep = scene.random.below(2) === 0
      return records.flatMap(one => {
        const fields = isSignature(one) ? readRrsig(one.rdata) : null
        if (fields === null || scene.random.below(3) === 0) return [one]
        const bent = { ...one, rdata: rrsigRdata({ ...fields, ...bend(scene, fields) }) }
        return keep ? [bent, one] : [bent]
      })
    })

const relabel = bendSignatures(({ random }, { labels }) => ({ labels: random.below(labels + 2) }))
const retime = bendSignatures(({ random, wall }, { originalTtl }) =>
  pick(random, [
    { expiration: wall + 300 * DAY_S },
    { inception: wall + DAY_S },
    { expiration: wall - DAY_S },
    { originalTtl: originalTtl * 1_000 },
    { originalTtl: 0 },
  ]),
)
const resign = bendSignatures(scene => ({ signer: someSigner(scene) }))

/** Another TTL on everything: nothing that is signed lives longer for it. */
const longLived = (_: Scene, reply: Message): Message => {
  const long = (records: readonly Rr[]): readonly Rr[] => records.map(one => ({ ...one, ttl: 7 * DAY_S }))
  return { ...reply, answer: long(reply.answer), authority: long(reply.authority), additional: long(reply.additional) }
}

/** The data is another, the signatures stay or go. */
function forgeData(scene: Scene, reply: Message): Message {
  const { question, name, random } = scene
  const mode = random.below(4)
  if (mode === 0) return positive(reply, [forgedFor(name, question.type)])
  if (mode === 1) return positive(reply, [forgedFor(name, question.type), ...reply.answer.filter(isSignature)])
  const forged = forgedFor(name, question.type)
  if (mode === 2) return positive(reply, [junkFor(scene, forged), forged])
  return {
    ...reply,
    answer: reply.answer.map(one => (isSignature(one) ? one : forgedFor(text(foldName(one.owner)), one.type))),
  }
}

const OTHER_LABELS = [
  'www',
  'edge',
  'x.wild',
  '*.wild',
  '*',
  'nothing',
  'alias',
  'cloud',
  'deep.ent',
  'ent',
  '_acme-challenge.cloud',
  'old',
  'ns',
  '',
  'kid',
  'far.ent',
  'x',
]
const OTHER_TYPES = ['A', 'TXT', 'MX', 'CNAME', 'DS', 'NS', 'SOA', 'DNSKEY', 'AAAA', 'TLSA', 'DNAME', 'NSEC']

/** An honest reply about something else, mostly near. */
function another(scene: Scene, type?: string): Message | null {
  const { random, plan, name } = scene
  const near = plan.zones.filter(({ origin }) => isWithin(name, origin))
  const zone = pick(random, random.below(3) > 0 ? near : plan.zones)
  const label = pick(random, OTHER_LABELS)
  const other =
    zone.origin === '.' ? (label === '' ? '.' : `${label}.`) : label === '' ? zone.origin : `${label}.${zone.origin}`
  return scene.asks(other, type ?? pick(random, OTHER_TYPES))
}

/** Data of another name, signatures and all, under the name that was asked for: wildcards do no other. */
function moveSet(scene: Scene, reply: Message): Message {
  const { question, random } = scene
  const from = another(scene, typeName(question.type))
  const first = from?.answer.find(one => !isSignature(one))
  if (from === null || first === undefined) return reply
  const moved = from.answer
    .filter(one => foldName(one.owner) === foldName(first.owner))
    .map(one => ({ ...one, owner: question.name }))
  return { ...positive(reply, moved), authority: random.below(2) === 0 ? from.authority : reply.authority }
}

/** A denial with proofs of another name, or none. */
function foreignProof(scene: Scene, reply: Message): Message {
  const { random } = scene
  const proofs = Array.from({ length: 1 + random.below(2) }, () => another(scene)).flatMap(
    from => from?.authority ?? [],
  )
  const own = random.below(2) === 0 ? reply.authority : []
  return {
    ...reply,
    authoritative: true,
    rcode: pick(random, [Rcode.NOERROR, Rcode.NXDOMAIN]),
    answer: [],
    authority: [...own, ...proofs],
  }
}

/** NXDOMAIN becomes NODATA, data becomes a denial, a denial loses what proves it. */
function turn(scene: Scene, reply: Message): Message {
  const { random, plan, name } = scene
  const rcode = reply.rcode === Rcode.NXDOMAIN || random.below(3) === 0 ? Rcode.NOERROR : Rcode.NXDOMAIN
  if (reply.answer.length === 0 && random.below(2) === 0) return { ...reply, authoritative: true, rcode }
  const zone = pick(
    random,
    plan.zones.filter(({ origin }) => isWithin(name, origin)),
  )
  const soa =
    random.below(2) === 0
      ? (scene.asks(zone.origin, 'SOA')?.answer ?? [])
      : [rrOf(zone.origin, RrType.SOA, `ns.${zone.origin.replace(/^\.$/, '')} h. 1 7200 3600 1209600 3600`)]
  return {
    ...reply,
    authoritative: true,
    rcode,
    answer:
      random.below(4) === 0 ? reply.answer.filter(({ type }) => type === RrType.CNAME || type === RrType.RRSIG) : [],
    authority: soa,
  }
}

/** In the world of the top-level zone `tld.`. */
const TARGETS = [
  'edge.cdn.tld.',
  'www.main.tld.',
  'nothing.cdn.tld.',
  'www.twin.tld.',
  'www.kid.main.tld.',
  'x.wild.main.tld.',
  'forged.tld.',
  'cdn.tld.',
  'main.tld.',
]

/** In this world. */
const someTarget = ({ random, plan }: Scene): string =>
  pick(random, TARGETS).replace(/tld\.$/, plan.zones.find(({ parent }) => parent?.origin === '.')?.origin ?? 'tld.')

/** An alias where there is none: at the name, as if from a wildcard, or by a DNAME above it. */
function alias(scene: Scene, reply: Message): Message {
  const { random, question, name } = scene
  const target = someTarget(scene)
  const kept = random.below(2) === 0 ? reply.answer : []
  const above = suffixOf(question.name, random.below(Math.max(1, labelCount(question.name))))
  const owner = random.below(3) > 0 ? name : text(above)
  const record_ = owner === name ? rrOf(name, RrType.CNAME, target) : rrOf(owner, RrType.DNAME, target)
  const signature = random.below(3) > 0 ? [] : [junkFor(scene, record_)]
  const data = random.below(2) === 0 ? [] : [forgedFor(target, question.type)]
  return {
    ...positive(reply, [record_, ...signature, ...kept, ...data]),
    authority: random.below(2) === 0 ? reply.authority : [],
  }
}

/** A signed alias of another name in front of true or forged data: what a set proves it proves of its own name. */
function trueAlias(scene: Scene, reply: Message): Message {
  const from = another(scene, 'CNAME')
  if (from === null || from.answer.length === 0) return reply
  const moved = from.answer.map(one => ({ ...one, owner: scene.question.name }))
  return positive(reply, [...moved, forgedFor('forged.tld.', scene.question.type)])
}

/** Referrals and answers about DS lose the set, or have another. */
function dropDs(scene: Scene, reply: Message): Message {
  const { random } = scene
  const isDs = (one: Rr): boolean =>
    one.type === RrType.DS || (isSignature(one) && coveredType(one.rdata) === RrType.DS)
  const mode = random.below(4)
  const without = (records: readonly Rr[]): Rr[] => records.filter(one => !isDs(one))
  const changed = (records: readonly Rr[]): readonly Rr[] => {
    const [ds] = records.filter(({ type }) => type === RrType.DS)
    if (ds === undefined) return records
    const owner = text(foldName(ds.owner))
    if (mode === 1) return [...without(records), forgedFor(owner, RrType.DS)]
    if (mode === 2)
      return [
        ...without(records),
        rrOf(owner, RrType.DS, `1 200 2 ${'66'.repeat(32)}`),
        ...records.filter(isDs).filter(isSignature),
      ]
    return without(records)
  }
  const proofs = mode === 3 ? (another(scene)?.authority.filter(one => isProof(one) || isSignature(one)) ?? []) : []
  return { ...reply, answer: changed(reply.answer), authority: [...changed(reply.authority), ...proofs] }
}

/** A referral where there is none, to the server itself: without DS, or with the proof of another name. */
function referral(scene: Scene, reply: Message): Message {
  const { random, question, name, address } = scene
  const labels = labelCount(question.name)
  const cut = random.below(2) === 0 || labels < 2 ? name : text(suffixOf(question.name, 1 + random.below(labels)))
  const server = `ns.${cut === '.' ? '' : cut}`
  const proofs =
    random.below(2) === 0 ? [] : ((random.below(2) === 0 ? another(scene) : scene.asks(cut, 'DS'))?.authority ?? [])
  return {
    ...reply,
    authoritative: false,
    rcode: Rcode.NOERROR,
    answer: [],
    authority: [rrOf(cut, RrType.NS, server), ...proofs.filter(({ type }) => type !== RrType.SOA)],
    additional: [rrOf(server, RrType.A, address)],
  }
}

/** May the holder of these keys say anything of a name? Not where others have their zones, nor above them. */
const isOurs = (held: Held, name: string): boolean =>
  isWithin(name, held.origin) && !held.cuts.some(cut => isWithin(name, cut))

/** A valid signature by the zone's own key. */
export function signWith(held: Held, set: RRset, wall: number, labels: number = signedLabels(set.name)): Rr | null {
  const [key] = held.signers
  if (key === undefined) return null
  const head = rrsigRdata({
    covered: set.type,
    algorithm: key.algorithm,
    labels,
    originalTtl: set.ttl,
    expiration: wall + 7 * DAY_S,
    inception: wall - DAY_S,
    keyTag: key.tag,
    signer: nameOf(held.origin),
    signature: new Uint8Array(0),
  })
  const own = signedLabels(set.name)
  const owner = labels < own ? wildcardOf(suffixOf(set.name, labels)) : set.name
  return owner === null
    ? null
    : {
        owner: set.owner,
        type: RrType.RRSIG,
        class: RrClass.IN,
        ttl: set.ttl,
        rdata: Uint8Array.of(...head, ...key.sign(signedOctets(head, set, owner, set.ttl))),
      }
}

/** Forged data of its own zone, with a valid signature, the count of labels now and then one too small. */
function signForged(scene: Scene, reply: Message): Message {
  const { held, random, question, name, wall } = scene
  if (held === null || !isOurs(held, name)) return reply
  const isAlias = random.below(4) === 0 && !held.cuts.some(cut => isWithin(cut, name)) && name !== held.origin
  const forged = isAlias ? rrOf(name, RrType.CNAME, someTarget(scene)) : forgedFor(name, question.type)
  const set = makeRRset(forged.owner, forged.type, RrClass.IN, TTL, [forged.rdata])
  const least = signedLabels(nameOf(held.origin))
  const own = signedLabels(set.name)
  const labels = random.below(4) === 0 && own > least && !isWildcard(set.name) ? least + random.below(own - least) : own
  const signature = signWith(held, set, wall, labels)
  if (signature === null) return reply
  return { ...positive(reply, [forged, signature]), authority: random.below(2) === 0 ? reply.authority : [] }
}

/**
 * The zone's own key under the name of another zone, or over another's data. Not as itself over the data of a zone
 * below: who may sign the DS set of a child may give it other keys as well, and nothing protects the child from that.
 */
function signForeign(scene: Scene, reply: Message): Message {
  const { held, random, question, name, wall } = scene
  if (held === null) return reply
  const forged = forgedFor(name, question.type)
  const set = makeRRset(forged.owner, forged.type, RrClass.IN, TTL, [forged.rdata])
  const origin = random.below(2) === 0 ? held.origin : text(someSigner(scene))
  if (origin === held.origin && held.cuts.some(cut => isWithin(name, cut))) return reply
  const signature = signWith({ ...held, origin }, set, wall, random.below(signedLabels(set.name) + 1))
  return signature === null ? reply : positive(reply, [forged, signature])
}

/** A wildcard of a name above the one asked for, as its own set. */
function wildcardAbove(scene: Scene, reply: Message): Message {
  const { question } = scene
  const wildcard = question.name === ROOT ? null : wildcardOf(parentOf(question.name))
  if (wildcard === null) return reply
  const forged = forgedFor(text(wildcard), question.type)
  return { ...reply, answer: [...reply.answer, forged, junkFor(scene, forged)] }
}

export const mutations: readonly Mutation[] = [
  { name: 'junk signatures', change: addJunk },
  {
    name: 'signed with its own key, junk beside it',
    change: (scene, reply) => addJunk(scene, signForged(scene, reply)),
  },
  { name: 'signed with its own key', change: signForged },
  { name: 'junk signatures in front', change: junkInFront },
  { name: "another's name signed with its own key", change: signForeign },
  { name: 'signatures dropped', change: dropSignatures },
  { name: 'records shuffled', change: shuffle },
  { name: 'labels counted otherwise', change: relabel },
  { name: 'other times', change: retime },
  { name: 'another signer', change: resign },
  { name: 'long TTLs', change: longLived },
  { name: 'forged data', change: forgeData },
  {
    name: 'forged data without anything else',
    change: ({ name, question }, reply) => positive(reply, [forgedFor(name, question.type)]),
  },
  { name: 'a set of another name', change: moveSet },
  { name: 'a proof of another name', change: foreignProof },
  { name: 'turned around', change: turn },
  { name: 'an alias put in', change: alias },
  { name: 'the alias of another name', change: trueAlias },
  { name: 'DS dropped or replaced', change: dropDs },
  { name: 'a referral', change: referral },
  { name: 'a wildcard put in', change: wildcardAbove },
]
