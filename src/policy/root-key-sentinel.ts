/**
 * Lets clients find out which keys of the root are trusted here (RFC 8509): a name that begins with a sentinel label is
 * resolved as always, and when the answer is secure the label decides whether it is given or SERVFAIL. Off by default:
 * it reveals to clients which keys this resolver trusts.
 *
 * Invariant: no other name and no answer that is not secure is touched (section 3.1).
 */
import { labelsOf, type Name } from '../dns/name.ts'
import { EdeCode, Rcode, RrType } from '../dns/types.ts'
import type { Answer, Content, Query, Stage } from './handler.ts'

/** Tags of the root keys that are trusted now. */
export type RootKeyTags = () => readonly number[]

export function makeRootKeySentinel(tags: RootKeyTags): Stage {
  return {
    name: 'root-key-sentinel',
    after: ['chaos', 'minimal-any'],
    before: [],
    handle(query, next) {
      const sentinel = concerns(query) ? readSentinel(query.question.name) : null
      return sentinel === null
        ? next(query)
        : next(query).then(answer => judge(answer, sentinel, tags().includes(sentinel.tag)))
    },
  }
}

interface Sentinel {
  readonly asks: 'is-ta' | 'not-ta'
  readonly tag: number
}

/** RFC 8509 section 3.1: checking is not disabled, and an address is asked for. */
const concerns = ({ question, checkingDisabled }: Query): boolean =>
  !checkingDisabled && (question.type === RrType.A || question.type === RrType.AAAA)

/** Section 2: the tag is decimal, filled up with zeros to five digits. Names of a question are in lower case. */
function readSentinel(name: Name): Sentinel | null {
  const [, asks, digits] = /^root-key-sentinel-(is|not)-ta-(\d{5})$/.exec(labelsOf(name)[0] ?? '') ?? []
  return asks === undefined ? null : { asks: asks === 'is' ? 'is-ta' : 'not-ta', tag: Number(digits) }
}

function judge(answer: Answer, { asks, tag }: Sentinel, trusted: boolean): Answer {
  // Data, its absence and that of the name alike, as long as they are secure.
  if (answer.kind !== 'resolved' || answer.outcome.kind === 'failure' || answer.outcome.security.kind !== 'secure')
    return answer
  if (trusted === (asks === 'is-ta')) return answer
  return {
    kind: 'given',
    content: servfail(`root key sentinel: key ${tag} is ${trusted ? '' : 'not '}trusted here`),
    by: 'root-key-sentinel',
  }
}

const servfail = (text: string): Content => ({
  rcode: Rcode.SERVFAIL,
  authoritative: false,
  secure: false,
  answer: [],
  authority: [],
  additional: [],
  ede: { code: EdeCode.Other, text },
})
