/**
 * Negative anchors that came while the server runs, by the API or from another instance: kept in the state directory,
 * laid over those of the configuration, and gone when their time is over. A file that is damaged adds none and is
 * reported.
 */
import { join } from 'node:path'
import { adminLimits } from '../../admin/limits.ts'
import { foldName, type Name } from '../../dns/name.ts'
import type { NegativeAnchor } from '../../dnssec/trust-anchors.ts'
import { errorText } from '../../events.ts'
import type { EventSink } from '../../ports.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { openStateFile, type StateFile } from '../../system/state-file.ts'
import type { TrustAnchorManager } from '../trust-anchor-manager.ts'

const FILE = 'negative-anchors.json'

export class NegativeAnchors {
  readonly #trust: TrustAnchorManager
  readonly #file: StateFile | null
  readonly #wall: () => number

  /** `state`: the directory; null: they end with the process. `wall` in seconds since 1970. */
  constructor(trust: TrustAnchorManager, state: string | null, wall: () => number, events: EventSink) {
    const report = (message: string): void => events({ kind: 'anchor-state-failed', message, problems: [] })
    this.#trust = trust
    this.#wall = wall
    this.#file = state === null ? null : stateFile(state, report)
    trust.addNegative(this.#file === null ? [] : readAnchors(this.#file, report))
  }

  get configured(): readonly NegativeAnchor[] {
    return this.#trust.negative().configured.filter(({ until }) => until > this.#wall())
  }

  get added(): readonly NegativeAnchor[] {
    return this.#trust.negative().added.filter(({ until }) => until > this.#wall())
  }

  /** `configured`: it is in the configuration, and stays as it is there. */
  set(anchor: NegativeAnchor, isDryRun = false): 'added' | 'changed' | 'configured' | 'too-many' {
    if (this.#isConfigured(anchor.name)) return 'configured'
    const living = this.added
    const others = living.filter(one => one.name !== anchor.name)
    if (others.length >= adminLimits.negativeAnchors) return 'too-many'
    if (!isDryRun) this.#keep([...others, anchor])
    return others.length === living.length ? 'added' : 'changed'
  }

  remove(name: Name, isDryRun = false): 'removed' | 'absent' | 'configured' {
    const living = this.added
    const others = living.filter(one => one.name !== name)
    if (others.length === living.length) return this.#isConfigured(name) ? 'configured' : 'absent'
    if (!isDryRun) this.#keep(others)
    return 'removed'
  }

  #isConfigured(name: Name): boolean {
    return this.configured.some(one => one.name === name)
  }

  #keep(anchors: readonly NegativeAnchor[]): void {
    this.#trust.addNegative(anchors)
    const shown = anchors.map(({ name, until }) => ({ name: formatName(name), until }))
    this.#file?.write(`${JSON.stringify(shown, null, 2)}\n`)
  }
}

function stateFile(directory: string, report: (message: string) => void): StateFile {
  const path = join(directory, FILE)
  const onError = (message: string): void => report(`${path}: ${message}`)
  return openStateFile({ path, maxBytes: adminLimits.negativeAnchorFileBytes, onError })
}

function readAnchors(file: StateFile, report: (message: string) => void): readonly NegativeAnchor[] {
  const read = file.read()
  if (read.kind === 'missing') return []
  if (read.kind === 'unreadable') {
    report(`${FILE} ${read.message}`)
    return []
  }
  try {
    const value: unknown = JSON.parse(read.text)
    if (!Array.isArray(value)) throw new Error('it is no list')
    return value.map(anchorFrom)
  } catch (error) {
    report(`${FILE} is not used: ${errorText(error)}`)
    return []
  }
}

function anchorFrom(value: unknown): NegativeAnchor {
  const { name, until }: { name?: unknown; until?: unknown } = typeof value === 'object' && value !== null ? value : {}
  const read = typeof name === 'string' ? parseName(name, null) : null
  if (typeof read !== 'string' || typeof until !== 'number') throw new Error('an entry is not a name with an end')
  return { name: foldName(read), until }
}
