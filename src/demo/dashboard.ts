/** The dashboard of the demo: a token that nobody else knows, and from it a code for the address that is printed. */
import { createHash, randomBytes } from 'node:crypto'
import type { Event } from '../events.ts'
import type { Client, EventSink } from '../ports.ts'
import { scratchDirectory } from '../system/scratch.ts'
import { DemoTraffic } from './traffic.ts'

const TOKEN_OCTETS = 32
/** As long as the demo is likely to run: a working day. */
const CODE_SECONDS = 43_200

export class DemoDashboard {
  readonly #token = randomBytes(TOKEN_OCTETS).toString('base64url')
  readonly #port: number
  readonly #history = scratchDirectory('rootwalk-demo-')
  #traffic: DemoTraffic | null = null
  #settle: (at: string | null) => void = () => {}
  /** Where it listens; null: it does not. */
  readonly #at = new Promise<string | null>(settle => {
    this.#settle = settle
  })

  /** 0 lets the system choose. */
  constructor(port: number) {
    this.#port = port
  }

  /** More of the configuration: the API, a history that ends with the demo, and a rule for the dashboard to show. */
  get settings(): object {
    const sha256 = createHash('sha256').update(this.#token).digest('hex')
    return {
      admin: { listen: `127.0.0.1:${this.#port}`, tokens: [{ name: 'demo', scope: 'admin', sha256 }] },
      history: { directory: this.#history.path },
      rules: ['||ads.example.com^', '@@||wanted.ads.example.com^'],
    }
  }

  /** To be told what the server reports. */
  readonly events: EventSink = (event: Event) => {
    if (event.kind === 'admin-listening') this.#settle(event.at)
    if (event.kind === 'admin-listener-failed' || (event.kind === 'bug' && event.where === 'admin')) this.#settle(null)
    if (event.kind === 'admin-audit' && event.what === 'session begun') void this.#traffic?.start()
  }

  /** The resolver answers on this port: whoever opens the dashboard finds it at work. */
  serve(port: number): void {
    this.#traffic = new DemoTraffic(port)
  }

  /** Queries of its own making. */
  isOwn(client: Pick<Client, 'port'>): boolean {
    return this.#traffic?.includes(client) ?? false
  }

  /** The address to open, with a code that is good once; null when nothing listens there. */
  async url(): Promise<string | null> {
    const at = await this.#at
    if (at === null) return null
    const response = await fetch(`${at}/api/v1/session/codes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ seconds: CODE_SECONDS }),
    })
    const body: unknown = response.status === 201 ? await response.json() : null
    return hasCode(body) ? `${at}/#code=${body.code}` : null
  }

  stop(): void {
    this.#settle(null)
    this.#traffic?.stop()
  }

  /** When the server has stopped. */
  cleanUp(): void {
    this.#history.remove()
  }
}

const hasCode = (body: unknown): body is { readonly code: string } =>
  typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
