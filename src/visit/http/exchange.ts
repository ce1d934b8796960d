/**
 * One request and its response over a connection that is there. Content is counted and thrown away, and never decoded;
 * the bounds of `limits.visit` end what has no end.
 */
import type { Clock } from '../../ports.ts'
import type { VisitLimits } from '../../limits.ts'
import type { Failure, HttpProtocol, ResponseFacts } from '../types.ts'

export interface Request {
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly isSecure: boolean
  /** Names as given. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export interface ExchangeOptions {
  readonly clock: Clock
  readonly limits: VisitLimits
  readonly contentBytes: number
  readonly signal: AbortSignal
}

/** Times are the clock's. */
export interface Exchanged {
  readonly response: ResponseFacts | null
  readonly content: 'whole' | 'cut' | 'none'
  readonly failure: Failure | null
  readonly sentAtMs: number | null
  readonly firstOctetAtMs: number | null
  readonly endedAtMs: number
}

/** A connection that requests can be sent over, one after the other. */
export interface Channel {
  readonly protocol: 'h1' | 'h2'
  readonly isOpen: boolean
  exchange(request: Request, options: ExchangeOptions): Promise<Exchanged>
  close(): void
}

/** What both protocols note down while a response comes, and the one end of it. */
export class ResponseNotes {
  readonly #options: ExchangeOptions
  readonly #resolve: (exchanged: Exchanged) => void
  readonly #protocol: HttpProtocol
  readonly #abandon: () => void
  readonly #interim: number[] = []
  #sentAtMs: number | null = null
  #firstOctetAtMs: number | null = null
  #response: Omit<ResponseFacts, 'contentBytes' | 'interim'> | null = null
  #contentBytes = 0
  #isOver = false

  /** `abandon` gives up the request, and the connection when it can carry no other one. */
  constructor(
    protocol: HttpProtocol,
    options: ExchangeOptions,
    abandon: () => void,
    resolve: (exchanged: Exchanged) => void,
  ) {
    this.#protocol = protocol
    this.#options = options
    this.#abandon = abandon
    this.#resolve = resolve
    options.signal.addEventListener('abort', this.#timeOut)
    if (options.signal.aborted) this.#timeOut()
  }

  sent(): void {
    this.#sentAtMs ??= this.#options.clock.now()
  }

  octet(): void {
    this.#firstOctetAtMs ??= this.#options.clock.now()
  }

  interim(status: number): void {
    this.octet()
    this.#interim.push(status)
    if (this.#interim.length > this.#options.limits.interimResponses)
      this.fail({ kind: 'bad-reply', protocol: this.#protocol, reason: 'interim responses without end' })
  }

  begun(response: Omit<ResponseFacts, 'contentBytes' | 'interim'>): void {
    this.octet()
    this.#response = response
  }

  content(bytes: number): void {
    this.#contentBytes += bytes
    if (this.#contentBytes >= this.#options.contentBytes) this.#end('cut', null)
  }

  whole(): void {
    this.#end('whole', null)
  }

  fail(failure: Failure): void {
    this.#end(this.#response === null ? 'none' : 'cut', failure)
  }

  /** The connection broke: what that means depends on how far it had come. */
  broken(reason: string): void {
    if (this.#response !== null) this.fail({ kind: 'incomplete-content', reason })
    else if (this.#firstOctetAtMs === null && (reason === '' || reason === 'ECONNRESET' || reason === 'EPIPE'))
      this.fail({ kind: 'empty-reply' })
    else this.fail({ kind: 'broken-off', during: 'request', reason })
  }

  readonly #timeOut = (): void =>
    this.fail({ kind: 'time-out', during: this.#response === null ? 'request' : 'content' })

  #end(content: 'whole' | 'cut' | 'none', failure: Failure | null): void {
    if (this.#isOver) return
    this.#isOver = true
    const { signal, clock } = this.#options
    signal.removeEventListener('abort', this.#timeOut)
    const response =
      this.#response === null ? null : { ...this.#response, interim: this.#interim, contentBytes: this.#contentBytes }
    this.#resolve({
      response,
      content: content === 'whole' && this.#contentBytes === 0 ? 'none' : content,
      failure,
      sentAtMs: this.#sentAtMs,
      firstOctetAtMs: this.#firstOctetAtMs,
      endedAtMs: clock.now(),
    })
    if (content !== 'whole' || failure !== null) this.#abandon()
  }
}
