/** What the two versions of HTTP have in common: a request, and one connection that takes them. */
import type { Cancel } from '../../ports.ts'
import type { LineAnswer, LineUser } from './line.ts'

export interface HttpRequest {
  readonly path: string
  readonly authority: string
  /** Null: a GET, whose path says all. */
  readonly body: Uint8Array | null
  /** What the reply has to belong to, with its own ID. */
  readonly query: Uint8Array
  readonly heard: (answer: LineAnswer) => void
}

/** HTTP on one connection. */
export interface HttpSpeaker {
  readonly capacity: number
  ask(request: HttpRequest): Cancel
  probe?(): void
  close(): void
}

export type SpeakerUser = Pick<LineUser, 'leaving' | 'ended'>

/** RFC 8484 section 4.1. */
export const messageHeaders = (body: Uint8Array | null): Readonly<Record<string, string | number>> => ({
  accept: 'application/dns-message',
  ...(body === null ? {} : { 'content-type': 'application/dns-message', 'content-length': body.length }),
})
