/**
 * `rootwalk query +trace`: walks from the root with queries that do not ask for recursion, and prints what each server
 * says, as dig does. `rootwalk explain` is the way to see what the resolver itself would do.
 */
import type { DigQuery } from './dig-query.ts'
import { ipFromBytes, type IpAddress } from '../../dns/address.ts'
import type { Message } from '../../dns/message.ts'
import { foldName, isStrictlyWithin, isWithin, type Name, ROOT, trustWireName, type WireName } from '../../dns/name.ts'
import type { Rr } from '../../dns/rrset.ts'
import { formatName } from '../../presentation/text.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import { DNS_PORT, serverAddress } from '../../ports.ts'
import { styledRdata, styledRr } from '../../render/record-style.ts'
import { rootHints } from '../../zone/hints.ts'
import type { Output } from '../output.ts'
import { addressesOf } from './addresses.ts'
import { ask, type AskContext, type Replied } from './ask.ts'
import { Exit } from '../startup-problems.ts'

interface Server {
  readonly name: Name
  readonly addresses: readonly IpAddress[]
}

/** Storeys of server names below server names: one is common, two are rare. */
const MAX_DEPTH = 3

export async function runTrace(query: DigQuery, asking: AskContext, output: Output): Promise<number> {
  const walk = new TraceWalk(query, asking, output)
  const roots = await walk.roots()
  if (roots === null) return Exit.Unavailable
  const end = await walk.down(roots, query.cased, query.question.type, 0)
  return end === null ? Exit.Unavailable : Exit.Ok
}

class TraceWalk {
  readonly #query: DigQuery
  readonly #asking: AskContext
  readonly #output: Output
  #roots: readonly Server[] = []
  #left = defaultLimits.tool.traceQueries

  constructor(query: DigQuery, asking: AskContext, output: Output) {
    this.#query = query
    this.#asking = asking
    this.#output = output
  }

  /** The servers of the root: as the named server says, or the built-in ones. Null: it does not answer. */
  async roots(): Promise<readonly Server[] | null> {
    const { server } = this.#query
    if (server === null) this.#roots = rootHints().servers
    else {
      const named = { name: ROOT, addresses: await addressesOf(server, this.#query.family) }
      if (named.addresses.length === 0) this.#output.err(`rootwalk query: ${server} has no address\n`)
      const reply = await this.#askOne(named, ROOT, RrType.NS, true, true)
      if (reply === null) return null
      this.#roots = serversIn(ROOT, reply.message.answer, reply.message)
    }
    if (this.#roots.length === 0) this.#output.err('rootwalk query: the root has no name servers there\n')
    return this.#roots.length === 0 ? null : this.#roots
  }

  /** The last reply of the way down; null: it ended at servers that do not answer. `depth` 0 is printed. */
  async down(from: readonly Server[], name: WireName, type: number, depth: number): Promise<Message | null> {
    let servers = from
    let zone: Name = ROOT
    for (;;) {
      const reply = await this.#askAny(servers, name, type, depth)
      if (reply === null) return null
      const { message } = reply
      const cut = message.answer.length > 0 || message.authoritative ? null : referral(message, zone, foldName(name))
      if (cut === null) return message
      zone = cut
      servers = serversIn(cut, message.authority, message)
    }
  }

  async #askAny(servers: readonly Server[], name: WireName, type: number, depth: number): Promise<Replied | null> {
    for (const server of servers) {
      const addresses =
        server.addresses.length > 0 || depth >= MAX_DEPTH ? server.addresses : await this.#addresses(server.name, depth)
      if (this.#left <= 0) break
      const reply = await this.#askOne({ ...server, addresses }, name, type, false, depth === 0)
      if (reply !== null) return reply
    }
    if (depth === 0)
      this.#output.err(
        `rootwalk query: ${this.#left <= 0 ? 'too many servers were asked' : 'none of the servers answers'}\n`,
      )
    return null
  }

  async #addresses(name: Name, depth: number): Promise<readonly IpAddress[]> {
    const { family } = this.#query
    const types = family === 4 ? [RrType.A] : family === 6 ? [RrType.AAAA] : [RrType.A, RrType.AAAA]
    for (const type of types) {
      const reply = await this.down(this.#roots, name, type, depth + 1)
      const found = (reply?.answer ?? []).flatMap(rr => (rr.type === type ? [ipFromBytes(rr.rdata)] : []))
      if (found.length > 0) return found
    }
    return []
  }

  /** At the first address that answers. */
  async #askOne(
    server: Server,
    name: WireName,
    type: number,
    recursionDesired: boolean,
    printed: boolean,
  ): Promise<Replied | null> {
    const query = this.#query
    for (const ip of server.addresses) {
      if (this.#left <= 0) return null
      if (query.family !== null && ip.family !== query.family) continue
      this.#left--
      const edns = query.edns === null ? null : { ...query.edns, dnssecOk: true }
      const address = serverAddress(ip, query.port ?? DNS_PORT)
      const asked = await ask(
        address,
        { ...query, cased: name, question: { name: foldName(name), type, class: RrClass.IN }, recursionDesired, edns },
        this.#asking,
      )
      if (asked.kind === 'reply') {
        if (printed) this.#output.out(stepText(asked, server.name, address.key, query))
        return asked
      }
      if (printed) this.#output.err(`;; ${asked.message}\n`)
    }
    return null
  }
}

/** The zone that a reply leads to, below `zone` and above the name; null: it leads nowhere. */
function referral(message: Message, zone: Name, name: Name): Name | null {
  const cut = message.authority.find(rr => rr.type === RrType.NS)
  const owner = cut === undefined ? null : foldName(cut.owner)
  return owner !== null && isStrictlyWithin(owner, zone) && isWithin(name, owner) ? owner : null
}

function serversIn(zone: Name, records: readonly Rr[], message: Message): readonly Server[] {
  const names = records.flatMap(rr =>
    rr.type === RrType.NS && foldName(rr.owner) === zone ? [foldName(nameIn(rr))] : [],
  )
  return names.map(name => ({
    name,
    addresses: message.additional.flatMap(rr =>
      (rr.type === RrType.A || rr.type === RrType.AAAA) && foldName(rr.owner) === name ? [ipFromBytes(rr.rdata)] : [],
    ),
  }))
}

/** RDATA of NS is a name without compression by now. */
const nameIn = (rr: Rr): WireName => trustWireName(Buffer.from(rr.rdata).toString('latin1'))

function stepText(reply: Replied, server: Name, address: string, { show }: DigQuery): string {
  const { message, tookMs, octets } = reply
  const records = [...(show.answer ? message.answer : []), ...(show.authority ? message.authority : [])]
  if (show.form === 'short')
    return message.answer.map(rr => `${styledRdata(rr, { ...show.style, multiline: false })}\n`).join('')
  const lines = records.map(rr => styledRr(rr, show.style))
  const from = `;; Received ${octets} bytes from ${address}(${formatName(server)}) in ${Math.round(tookMs)} ms`
  return `${[...lines, ...(show.comments ? [from] : [])].join('\n')}\n\n`
}
