/** A trace as JSON: kinds, numbers, and names in presentation format. Programs read it; the fields are stable. */
import { algorithmName } from '../dnssec/algorithms.ts'
import type { SignatureFacts } from '../dnssec/rules.ts'
import { edeName, rcodeName, typeName } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import { questionText, type Came, type Note, type Subject, type TraceStep } from '../resolver/trace.ts'
import type { Outcome } from '../steps.ts'
import { upstreamText } from '../zone/upstream-text.ts'

export type JsonField = string | number | boolean | readonly Readonly<Record<string, string | number>>[]
export type JsonStep = Readonly<Record<string, JsonField>>

/**
 * One step. Fields that do not apply are absent; times are milliseconds since `startedAtMs`, to three digits after the
 * point, and `expires` is seconds since 1970.
 */
export function jsonStep(step: TraceStep, startedAtMs = 0): JsonStep {
  const plain = plainStep(step)
  const { atMs, tookMs } = plain
  return {
    ...plain,
    ...(typeof atMs === 'number' ? { atMs: rounded(atMs - startedAtMs) } : {}),
    ...(typeof tookMs === 'number' ? { tookMs: rounded(tookMs) } : {}),
  }
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000

function plainStep(step: TraceStep): JsonStep {
  const { kind, id, depth } = step
  const head = { kind, id, ...('parent' in step ? { parent: step.parent } : {}), depth }
  switch (step.kind) {
    case 'lookup':
      return { ...head, atMs: step.atMs, question: questionText(step.question), because: step.because }
    case 'joined':
      return { ...head, atMs: step.atMs, question: questionText(step.question) }
    case 'local':
      return { ...head, zone: formatName(step.zone), what: step.what }
    case 'cache':
      return { ...head, what: step.what, name: formatName(step.name), type: typeName(step.type), ttl: step.ttl }
    case 'cut':
      return { ...head, zone: formatName(step.zone), from: step.from, servers: step.servers }
    case 'exchange':
      return {
        ...head,
        atMs: step.atMs,
        tookMs: step.tookMs,
        server: step.serverName === null ? upstreamText(step.server) : step.server.key,
        ...(step.serverName === null ? {} : { serverName: formatName(step.serverName) }),
        zone: formatName(step.zone),
        transport: step.transport,
        question: questionText(step.question),
        ...cameFields(step.came),
        ...(step.verdict === null ? {} : { verdict: step.verdict.kind }),
        ...(step.verdict?.lame == null ? {} : { lame: step.verdict.lame }),
        decided: step.decided,
      }
    case 'note':
      return { ...head, ...noteFields(step.note) }
    case 'validated':
      return {
        ...head,
        zone: formatName(step.zone),
        ...subjectFields(step.subject),
        verdict: step.verdict,
        ...(step.signature === null ? {} : signatureFields(step.signature)),
        ...(step.reason === null ? {} : { reason: step.reason }),
      }
    case 'end':
      return { ...head, atMs: step.atMs, tookMs: step.tookMs, ...outcomeFields(step.outcome) }
    default:
      return step satisfies never
  }
}

/** What is behind the facts in memory, keys and octets of signatures among it, stays there. */
const signatureFields = ({ keyTag, algorithm, expires }: SignatureFacts): JsonStep => ({
  keyTag,
  algorithm: algorithmName(algorithm),
  expires,
})

function cameFields(came: Came): JsonStep {
  switch (came.kind) {
    case 'reply':
      return {
        came: came.kind,
        rcode: rcodeName(came.rcode),
        authoritative: came.authoritative,
        truncated: came.truncated,
        recursionAvailable: came.recursionAvailable,
        answer: came.answer,
        authority: came.authority,
        additional: came.additional,
        edns: came.edns,
      }
    case 'timeout':
    case 'malformed':
      return { came: came.kind }
    case 'spoofing-suspected':
      return { came: came.kind, mismatches: came.mismatches }
    case 'unreachable':
    case 'not-sent':
    case 'unverified':
      return { came: came.kind, reason: came.reason }
    case 'http-status':
      return {
        came: came.kind,
        status: came.status,
        ...(came.retryAfterMs === null ? {} : { retryAfterMs: came.retryAfterMs }),
      }
    default:
      return came satisfies never
  }
}

const noteFields = (note: Note): JsonStep => ({
  note: note.kind,
  ...('zone' in note ? { zone: formatName(note.zone) } : {}),
  ...('found' in note ? { found: note.found, tookMs: note.tookMs } : {}),
  ...('reason' in note ? { reason: note.reason, ede: note.ede } : {}),
})

function subjectFields(subject: Subject): JsonStep {
  switch (subject.kind) {
    case 'set':
      return { subject: subject.kind, name: formatName(subject.name), type: typeName(subject.type) }
    case 'delegation':
    case 'denial':
      return { subject: subject.kind, name: formatName(subject.name) }
    case 'proof': {
      const { claim } = subject
      return {
        subject: subject.kind,
        claim: claim.kind,
        name: formatName(claim.name),
        ...(claim.kind === 'nodata' ? { type: typeName(claim.type) } : {}),
        ...(claim.kind === 'expansion' ? { wildcard: formatName(claim.wildcard) } : {}),
      }
    }
    default:
      return subject satisfies never
  }
}

function outcomeFields(outcome: Outcome): JsonStep {
  const sets = outcome.rrsets.map(set => ({
    name: formatName(set.name),
    type: typeName(set.type),
    ttl: set.ttl,
    records: set.rdatas.length,
  }))
  if (outcome.kind !== 'failure') return { outcome: outcome.kind, security: outcome.security.kind, sets }
  const { why, ede, text } = outcome
  return { outcome: outcome.kind, why, ede, edeName: edeName(ede), text, sets }
}
