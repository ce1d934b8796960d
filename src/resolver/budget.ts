/**
 * What one client query may cause, counted in one object that is never reset and that every sub-query inherits
 * (CAMP 2024, NXNSAttack, CVE-2014-8500). Each `take…` answers null, or the words for the EDE text that name the limit
 * that ended the work.
 */
import { counted } from '../presentation/counted.ts'
import { formatName } from '../presentation/text.ts'
import { isWithin, type Name } from '../dns/name.ts'
import type { Work } from '../dnssec/rules.ts'
import type { BudgetLimits, DnssecLimits } from '../limits.ts'

export class Budget implements Work {
  readonly limits: BudgetLimits
  readonly #dnssec: Pick<DnssecLimits, 'verifications' | 'nsec3Hashes'>
  /** What the client asked for. */
  readonly name: Name
  /** Clock time, ms, after which nothing new is started. */
  readonly deadline: number
  #queries = 0
  #receivedBytes = 0
  #aliases = 0
  #referrals = 0
  #addressLookups = 0
  #verifications = 0
  #nsec3Hashes = 0
  /** How long it has waited for what other instances know, ms. */
  sharedMs = 0
  /** Did it wait for a place of our own? Then its time was not only the servers'. */
  heldUp = false
  /** Server names whose glue parents have been asked for: null as long as there are none. */
  #gluedNames: Set<Name> | null = null
  readonly #perName = new Tally()
  readonly #perForeignCut = new Tally()
  readonly #perServer = new Tally()

  constructor(
    limits: BudgetLimits,
    dnssec: Pick<DnssecLimits, 'verifications' | 'nsec3Hashes'>,
    name: Name,
    now: number,
  ) {
    this.limits = limits
    this.#dnssec = dnssec
    this.name = name
    this.deadline = now + limits.timeMs
  }

  get queries(): number {
    return this.#queries
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** One message to a server of `zone`, asked while `name` is being resolved; null: it has no bound of its own. */
  takeQuery(name: Name, zone: Name, serverKey: string | null, now: number): string | null {
    const { limits } = this
    if (now >= this.deadline) return `time limit of ${limits.timeMs} ms reached`
    if (this.#receivedBytes >= limits.receivedBytes)
      return `limit of ${limits.receivedBytes} octets received for one query reached`
    if (this.#queries >= limits.queries)
      return `limit of ${counted(limits.queries, 'query', 'queries')} to servers reached`
    if (!this.#perName.take(name, limits.queriesPerName))
      return `limit of ${counted(limits.queriesPerName, 'query', 'queries')} for ${formatName(name)} reached`
    if (!isWithin(this.name, zone) && !this.#perForeignCut.take(zone, limits.queriesPerForeignCut)) {
      return (
        `limit of ${counted(limits.queriesPerForeignCut, 'query', 'queries')} to the servers of ` +
        `${formatName(zone)} on behalf of another name reached`
      )
    }
    if (serverKey !== null && !this.#perServer.take(serverKey, limits.queriesPerServer))
      return `limit of ${counted(limits.queriesPerServer, 'query', 'queries')} to the server ${serverKey} reached`
    this.#queries++
    return null
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes
  }

  takeAliases(aliases: number): string | null {
    this.#aliases += aliases
    return this.#aliases > this.limits.aliases
      ? `limit of ${counted(this.limits.aliases, 'alias', 'aliases')} reached`
      : null
  }

  takeReferral(): string | null {
    return ++this.#referrals > this.limits.referrals
      ? `limit of ${counted(this.limits.referrals, 'referral')} reached`
      : null
  }

  takeAddressLookup(): string | null {
    return ++this.#addressLookups > this.limits.addressLookups
      ? `limit of ${counted(this.limits.addressLookups, 'look-up')} of server addresses reached`
      : null
  }

  /** May the parent be asked for the address of a server? Once, whoever of those who work for the client needs it. */
  takeGlue(server: Name): boolean {
    this.#gluedNames ??= new Set()
    if (this.#gluedNames.has(server)) return false
    this.#gluedNames.add(server)
    return true
  }

  get verifications(): number {
    return this.#verifications
  }

  get isSpentOnValidation(): boolean {
    return (
      this.#verifications >= this.#dnssec.verifications ||
      this.#nsec3Hashes >= this.#dnssec.nsec3Hashes ||
      this.#receivedBytes >= this.limits.receivedBytes
    )
  }

  takeVerification(): string | null {
    const { verifications } = this.#dnssec
    if (this.#verifications >= verifications)
      return `limit of ${counted(verifications, 'signature verification')} for one query reached`
    this.#verifications++
    return null
  }

  takeNsec3Hash(): string | null {
    const { nsec3Hashes } = this.#dnssec
    if (this.#nsec3Hashes >= nsec3Hashes)
      return `limit of ${counted(nsec3Hashes, 'NSEC3 hash', 'NSEC3 hashes')} for one query reached`
    this.#nsec3Hashes++
    return null
  }
}

/** Counts by key. Most count one key only, and a map is made when there is a second. */
class Tally {
  #only: string | null = null
  #count = 0
  #others: Map<string, number> | null = null

  /** Counts one more; false, and nothing counted, when `limit` is reached. */
  take(key: string, limit: number): boolean {
    this.#only ??= key
    if (key === this.#only) {
      if (this.#count >= limit) return false
      this.#count++
      return true
    }
    this.#others ??= new Map()
    const before = this.#others.get(key) ?? 0
    if (before >= limit) return false
    this.#others.set(key, before + 1)
    return true
  }
}
