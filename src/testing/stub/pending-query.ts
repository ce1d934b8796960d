/** One query of a stub on its way: the client as production knows it, with all that the stub wants to remember. */
import type { IpAddress } from '../../dns/address.ts'
import type { AskedQuestion } from '../../dns/message.ts'
import type { Client, Transport } from '../../ports.ts'
import type { AskerFlags } from '../../resolver/asking/attempt.ts'
import type { HttpFaultAction } from './https-faults.ts'
import type { OpenQuery } from './query-book.ts'
import type { FaultAction, WireFault } from './rules.ts'
import type { Sockets } from './services.ts'

export class PendingQuery implements Client {
  readonly ip: IpAddress
  readonly port: number
  readonly transport: Transport
  readonly question: AskedQuestion
  readonly record: OpenQuery
  readonly flags: AskerFlags
  /** The connection, to break it. Null over UDP. */
  readonly sockets: Sockets | null
  fault: FaultAction | null = null
  /** A fault that acts on the octets of the reply. */
  wire: WireFault | null = null
  /** A fault of HTTP. */
  http: HttpFaultAction | null = null
  delayMs = 0
  ttl: number | null = null
  /** Whether the policy chain saw it. */
  reached = false
  /** How it is recorded, when not by its rcode. */
  answeredWith: string | null = null

  constructor(client: Client, question: AskedQuestion, record: OpenQuery, flags: AskerFlags, sockets: Sockets | null) {
    this.ip = client.ip
    this.port = client.port
    this.transport = client.transport
    this.question = question
    this.record = record
    this.flags = flags
    this.sockets = sockets
  }
}
