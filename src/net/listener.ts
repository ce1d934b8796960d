/**
 * What every listener is to the rest, and the two ways of opening one ending: values, because a taken port is ordinary.
 */
import type { EventSink, Serve, Transport } from '../ports.ts'

export interface Listener {
  readonly kind: 'listener'
  readonly transport: Transport
  /** The address bound, as text, and the port (the real one when 0 was asked for). */
  readonly address: string
  readonly port: number
  /** What another process needs to go on with its sockets; null: they are not known. */
  descriptors(): readonly number[] | null
  /**
   * Takes nothing more, and leaves what comes to whoever else has the sockets: what was taken is answered. Resolves
   * when nothing is being taken any longer.
   */
  leave(): Promise<void>
  /** Takes nothing new from now on; replies to what was taken still go out. */
  stop(): void
  /** Stops, lets replies that are under way go out as far as the transport knows of them, and closes. */
  close(): Promise<void>
}

export interface ListenFailure {
  readonly kind: 'listen-failed'
  readonly transport: Transport
  readonly address: string
  readonly port: number
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
  readonly code: string
  readonly message: string
}

export interface ListenOptions {
  readonly address: string
  /** 0 lets the kernel choose. */
  readonly port: number
  readonly onMessage: Serve
  readonly events: EventSink
  /** A socket to begin with that is bound already; its address is `address`. */
  readonly inherited?: number | undefined
}
