/**
 * The look-ups of one hop: HTTPS records and both address families at once, then whatever aliases and targets of HTTPS
 * records ask for (RFC 9460 section 3). It knows at any time where one could connect; `onChange` is called when that
 * may have changed.
 *
 * Invariant: every question is asked once; what has not been answered when the hop ends is listed without an answer.
 */
import type { Question } from '../dns/message.ts'
import { type Name, ROOT } from '../dns/name.ts'
import { ipOf } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { IpAddress } from '../dns/address.ts'
import type { VisitLimits } from '../limits.ts'
import type { Clock } from '../ports.ts'
import { serviceName } from './records/dns-names.ts'
import { HTTP_PORT, HTTPS_PORT } from './target.ts'
import { type Addresses, type Pending, planEndpoints, spokenBy } from './plan.ts'
import { type ServiceRecord, serviceRecords } from './records/service-record.ts'
import type { Alpn, Endpoint, Failure, Found, LookUp, Names } from './types.ts'

export interface NamesPhaseOptions {
  readonly names: Names
  readonly clock: Clock
  readonly limits: VisitLimits
  readonly host: Name
  readonly port: number
  /** False: HTTPS records only say that TLS is wanted (RFC 9460 section 9.5). */
  readonly isSecure: boolean
  readonly families: readonly (4 | 6)[]
  readonly offer: readonly Alpn[]
  readonly startedAtMs: number
  readonly onAnswer: (lookUp: LookUp) => void
  readonly onChange: () => void
}

export class NamesPhase {
  readonly #options: NamesPhaseOptions
  readonly #lookUps: LookUp[] = []
  /** Null while it is asked. */
  readonly #addresses = new Map<string, readonly IpAddress[] | null>()
  /** As found, aliases too. */
  #records: readonly ServiceRecord[] = []
  /** What is connected to. */
  #services: readonly ServiceRecord[] = []
  #servicePending = true

  constructor(options: NamesPhaseOptions) {
    this.#options = options
  }

  get lookUps(): readonly LookUp[] {
    return this.#lookUps
  }

  /** Those that can be used, aliases that led to them first. */
  get services(): readonly ServiceRecord[] {
    return this.#records
  }

  get pending(): Pending {
    const waits = (family: 4 | 6): boolean =>
      [...this.#addresses].some(([key, found]) => found === null && key.endsWith(`/${family}`))
    return { service: this.#servicePending, v4: waits(4), v6: waits(6) }
  }

  start(): void {
    const { host, port, isSecure } = this.#options
    // The service first: a record of it would change all the rest.
    this.#askService(serviceName(host, !isSecure && port === HTTP_PORT ? HTTPS_PORT : port), 0)
    this.#askAddresses(host)
  }

  endpoints(): readonly Endpoint[] {
    const { host, port, offer, limits, isSecure } = this.#options
    return planEndpoints({
      host,
      port,
      offer,
      services: isSecure ? this.#services : [],
      addressesOf: name => this.#addressesOf(name),
      most: limits.endpoints,
    })
  }

  /** Why there is no endpoint, when all has been answered. */
  failure(): Failure {
    const answers = this.#lookUps.filter(({ because }) => because === 'address').map(({ answer }) => answer?.kind)
    if (answers.includes('failure')) return { kind: 'names', why: 'failed' }
    return { kind: 'names', why: answers.every(kind => kind === 'nxdomain') ? 'no-such-name' : 'no-address' }
  }

  #addressesOf(name: Name): Addresses {
    const { families } = this.#options
    const of = (family: 4 | 6): readonly IpAddress[] | null =>
      families.includes(family) ? (this.#addresses.get(keyOf(name, family)) ?? null) : []
    return { v4: of(4), v6: of(6) }
  }

  #askAddresses(name: Name): void {
    for (const family of [6, 4] as const) {
      const key = keyOf(name, family)
      if (!this.#options.families.includes(family) || this.#addresses.has(key)) continue
      this.#addresses.set(key, null)
      const type = family === 4 ? RrType.A : RrType.AAAA
      this.#ask({ name, type, class: RrClass.IN }, 'address', ({ answer }) => {
        const rrsets = answer.kind === 'answer' ? answer.rrsets : []
        this.#addresses.set(
          key,
          rrsets.filter(set => set.type === type).flatMap(set => set.rdatas.flatMap(rdata => ipOf(type, rdata) ?? [])),
        )
      })
    }
  }

  #askService(name: Name, aliases: number): void {
    this.#servicePending = true
    this.#ask({ name, type: RrType.HTTPS, class: RrClass.IN }, 'service', ({ answer }) => {
      this.#servicePending = false
      const set = answer.kind === 'answer' ? answer.rrsets.find(({ type }) => type === RrType.HTTPS) : undefined
      this.#takeServices(set, aliases)
    })
  }

  #takeServices(set: RRset | undefined, aliases: number): void {
    const records = set === undefined ? [] : serviceRecords(set)
    const [first] = records
    const { offer, limits } = this.#options
    if (first?.priority === 0) {
      // An alias to the root says that there is no service (RFC 9460 section 2.5.1): the origin itself is used.
      if (first.target === ROOT || aliases >= limits.serviceAliases) return
      this.#records = [...this.#records, first]
      this.#askService(first.target, aliases + 1)
      this.#askAddresses(first.target)
      return
    }
    this.#services = records.filter(record => spokenBy(record, offer).length > 0).slice(0, limits.services)
    const alias = this.#records.at(-1)
    this.#records = [...this.#records, ...this.#services]
    // An alias alone (RFC 9460 section 3): the service is at its target, with the origin's port.
    if (this.#services.length === 0 && alias !== undefined) this.#services = [{ ...alias, alpn: offer }]
    for (const { target } of this.#services) this.#askAddresses(target)
  }

  #ask(question: Question, because: LookUp['because'], take: (found: Found) => void): void {
    const { names, clock, startedAtMs, onAnswer, onChange } = this.#options
    const index = this.#lookUps.length
    const at = clock.now()
    const open: LookUp = { question, because, atMs: at - startedAtMs, tookMs: null, answer: null, source: null }
    this.#lookUps.push(open)
    void names.lookUp(question).then(found => {
      const ended: LookUp = { ...open, tookMs: clock.now() - at, ...found }
      this.#lookUps[index] = ended
      onAnswer(ended)
      take(found)
      onChange()
    })
  }
}

const keyOf = (name: Name, family: 4 | 6): string => `${name}/${family}`
