/**
 * Class CHAOS: the customary names for the version and identity of a server (RFC 4892). Both are hidden, that is
 * refused, unless the configuration gives a text. `ready.server.` is for balancers: an answer while clients may be sent
 * here, else refused as not ready (RFC 8914 section 4.15). Every other question outside class IN is refused here too:
 * there is no CHAOS or HESIOD tree to walk.
 */
import type { Question } from '../dns/message.ts'
import { nameFromLabels, type Name, foldName } from '../dns/name.ts'
import { makeRRset } from '../dns/rrset.ts'
import { className, EdeCode, RrClass, RrType } from '../dns/types.ts'
import type { Answer, Stage } from './handler.ts'

/** Null hides it. At most 255 octets of UTF-8. */
export interface Identity {
  readonly version: string | null
  readonly id: string | null
}

/** `isReady`: may clients be sent here? */
export function makeChaos(identity: Identity, isReady: () => boolean = () => true): Stage {
  const texts = new Map<Name, string | null>()
  const say = (labels: readonly string[], text: string | null): Name | null => {
    const labelled = nameFromLabels(labels)
    const name = labelled === null ? null : foldName(labelled)
    if (name !== null) texts.set(name, text)
    return name
  }
  say(['version', 'bind'], identity.version)
  say(['version', 'server'], identity.version)
  say(['id', 'server'], identity.id)
  say(['hostname', 'bind'], identity.id)
  const ready = say(['ready', 'server'], 'ready')
  return {
    name: 'chaos',
    after: [],
    before: ['minimal-any'],
    handle(query, next) {
      const { question } = query
      if (question.class === RrClass.IN) return next(query)
      if (question.class === RrClass.CH && question.name === ready && !isReady()) return Promise.resolve(NOT_READY)
      return Promise.resolve(
        question.class === RrClass.CH ? answerChaos(question, texts.get(question.name) ?? null) : refuse(question),
      )
    },
  }
}

const NOT_READY: Answer = { kind: 'refused', by: 'chaos', ede: EdeCode.NotReady, text: 'send clients elsewhere' }

function answerChaos(question: Question, text: string | null): Answer {
  if (text === null || (question.type !== RrType.TXT && question.type !== RrType.ANY)) return refuse(question)
  const octets = new TextEncoder().encode(text)
  const rdata = Uint8Array.of(octets.length, ...octets)
  return {
    kind: 'resolved',
    by: 'chaos',
    shareable: false,
    // RFC 4892 section 3: TTL 0, the texts are about this server and this moment.
    outcome: {
      kind: 'answer',
      rrsets: [makeRRset(question.name, RrType.TXT, RrClass.CH, 0, [rdata])],
      proof: [],
      additional: [],
      authoritative: true,
      security: { kind: 'insecure' },
    },
  }
}

const refuse = (question: Question): Answer => ({
  kind: 'refused',
  by: 'chaos',
  ede: question.class === RrClass.CH ? EdeCode.Prohibited : EdeCode.NotSupported,
  text: question.class === RrClass.CH ? 'hidden' : `class ${className(question.class)} is not served`,
})
