/**
 * The words for what a trace step holds, shared by the tree of `explain` (`walk.ts`) and the lines of golden files and
 * errors (`trace-lines.ts`). Only here does a step become a sentence.
 */
import { counted } from '../presentation/counted.ts'
import { algorithmName } from '../dnssec/algorithms.ts'
import type { DenialClaim } from '../dnssec/rules.ts'
import { rcodeName, typeName } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import { readableTime } from '../presentation/time-text.ts'
import type { Outcome } from '../steps.ts'
import { upstreamText } from '../zone/upstream-text.ts'
import { INTERCEPTED, INTERCEPTION_CURE } from '../resolver/interception.ts'
import type { CacheFind, Came, Decided, Note, ReplySummary, Subject, TraceStep } from '../resolver/trace.ts'

type Exchange = Extract<TraceStep, { kind: 'exchange' }>
type Validated = Extract<TraceStep, { kind: 'validated' }>

/** `NOERROR aa, 2 answers, 1 in authority`. */
export function replyText(reply: ReplySummary): string {
  const { authoritative, truncated, recursionAvailable, answer, authority, additional } = reply
  const flags = `${authoritative ? ' aa' : ''}${truncated ? ' tc' : ''}${recursionAvailable ? ' ra' : ''}`
  const sections = [
    ...(answer === 0 ? [] : [`, ${counted(answer, 'answer')}`]),
    ...(authority === 0 ? [] : [`, ${authority} in authority`]),
    ...(additional === 0 ? [] : [`, ${additional} in additional`]),
  ].join('')
  return `${rcodeName(reply.rcode)}${flags}${sections}${reply.edns ? '' : ', no EDNS'}`
}

/** The server that was asked: `ns1.example.com. 192.0.2.53#53`, or as the operator writes it. */
export function serverText(exchange: Exchange): string {
  const { server, serverName } = exchange
  const who = serverName === null ? upstreamText(server) : `${formatName(serverName)} ${server.key}`
  return `${who}${overText(exchange)}`
}

/** How, where the server's address does not say it: ` over TCP`. */
export function overText({ server, transport }: Exchange): string {
  if (transport === 'udp' || server.secure !== undefined) return ''
  return ` over ${transport.toUpperCase()}`
}

/** What came: a reply in short, or why there is none. */
export function cameText(came: Came): string {
  switch (came.kind) {
    case 'reply':
      return replyText(came)
    case 'timeout':
      return 'nothing'
    case 'malformed':
      return 'a malformed reply'
    case 'spoofing-suspected':
      return came.mismatches === 1 ? '1 reply that does not match' : `${came.mismatches} replies that do not match`
    case 'unreachable':
      return `unreachable: ${came.reason}`
    case 'unverified':
      return `not verified: ${came.reason}`
    case 'http-status':
      return `HTTP status ${came.status}`
    case 'not-sent':
      return `not sent: ${came.reason}`
    default:
      return came satisfies never
  }
}

/** What it means, in a word or two: `referral`, `lame`, `timeout`. */
export function verdictText({ came, verdict }: Exchange): string {
  if (verdict !== null) return verdict.kind
  switch (came.kind) {
    case 'reply':
      return 'case not echoed'
    case 'spoofing-suspected':
      return 'spoofing suspected'
    case 'not-sent':
      return 'not sent'
    case 'unverified':
      return 'not verified'
    case 'http-status':
      return 'HTTP status'
    case 'timeout':
    case 'malformed':
    case 'unreachable':
      return came.kind
    default:
      return came satisfies never
  }
}

export const DECIDED_TEXTS: Readonly<Record<Decided, string>> = {
  use: 'use it',
  'use-as-last-resort': 'use it only if no other server knows better',
  'follow-alias': 'follow the alias',
  'ask-child-zone': 'ask the servers of the child zone',
  'accept-denial': 'the denial stands',
  'give-up': 'give up: the alias chain does not end',
  'ask-over-tcp': 'ask over TCP',
  'ask-without-edns': 'ask without EDNS',
  'ask-with-new-cookie': 'ask with the new cookie',
  'ask-without-cookie': 'ask without a cookie',
  'ask-unchecked': 'ask for what it has, validated or not',
  'ask-unmodified': 'repeat the question unmodified',
  'ask-in-clear': 'ask without TLS',
  'ask-again': 'repeat the question until replies agree',
  'other-server-or-retry': 'another server or another try',
  'other-server': 'another server',
}

export const CACHE_TEXTS: Readonly<Record<CacheFind, string>> = {
  data: 'data',
  alias: 'alias',
  nodata: 'nodata',
  nxdomain: 'nxdomain',
  'synthesised-data': 'data of the wildcard',
  'synthesised-nodata': 'nodata by a denial of another name',
  'synthesised-nxdomain': 'nxdomain by a denial of another name',
  'expired-data': 'expired data',
  'expired-alias': 'an expired alias',
  'expired-nodata': 'an expired nodata',
  'expired-nxdomain': 'an expired nxdomain',
}

const SHARED_TEXTS: Readonly<Record<Extract<Note, { kind: 'shared' }>['found'], string>> = {
  hit: 'has it',
  miss: 'does not have it',
  timeout: 'says nothing in time',
}

export function noteText(note: Note): string {
  switch (note.kind) {
    case 'cached-data-bogus':
      return 'what is cached does not validate: asking again'
    case 'delegation-outdated':
      return 'the cached delegation led nowhere: asking its parent again'
    case 'intercepted':
      return `${INTERCEPTED}; ${INTERCEPTION_CURE}`
    case 'recursing':
      return `the servers of the forward zone ${formatName(note.zone)} failed: resolving from the root`
    case 'shared':
      return `the shared cache ${SHARED_TEXTS[note.found]}, ${note.tookMs.toFixed(1)} ms`
    case 'first-alias-alone':
      return `${note.reason}: going by the first alias alone`
    case 'other-server':
      return `${note.reason}: asking another server`
    default:
      return note satisfies never
  }
}

/** What was validated: `www.example.com. A`, `the delegation of com.`. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'set':
      return `${formatName(subject.name)} ${typeName(subject.type)}`
    case 'delegation':
    case 'denial':
      return `the ${subject.kind} of ${formatName(subject.name)}`
    case 'proof':
      return claimText(subject.claim)
    default:
      return subject satisfies never
  }
}

function claimText(claim: DenialClaim): string {
  switch (claim.kind) {
    case 'nxdomain':
      return `the proof that ${formatName(claim.name)} does not exist`
    case 'nodata':
      return `the proof that ${formatName(claim.name)} has no such data`
    case 'expansion':
      return `the proof that ${formatName(claim.wildcard)} applies to ${formatName(claim.name)}`
    case 'no-ds':
      return `the proof that ${formatName(claim.name)} has no DS`
    default:
      return claim satisfies never
  }
}

/** Which key of which zone signed it and until when, or why it is not secure; empty when there is nothing to say. */
export function groundsText({ zone, verdict, signature, reason }: Validated): string {
  if (verdict !== 'secure' || signature === null) return reason ?? ''
  const { keyTag, algorithm, expires } = signature
  return `signed by key ${keyTag} of ${formatName(zone)}, ${algorithmName(algorithm)}, until ${readableTime(expires)}`
}

/** How a resolution ended. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answer':
      return (
        'answer, ' +
        `${outcome.rrsets.map(set => `${typeName(set.type)} x${set.rdatas.length} ttl ${set.ttl}`).join(', ')}`
      )
    case 'nodata':
      return 'NODATA: the name exists, not with this type'
    case 'nxdomain':
      return 'NXDOMAIN: the name does not exist'
    case 'failure':
      return `failure: ${outcome.text}`
    default:
      return outcome satisfies never
  }
}
