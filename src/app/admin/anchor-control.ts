/**
 * Negative anchors that came by the API: kept in the state directory, laid over those of the configuration, and gone
 * when their time is over. A file that is damaged adds none and is reported.
 */
import { join } from 'node:path'
import type { AnchorControls } from '../../admin/anchor-controls.ts'
import type { ControlsOf } from '../../admin/controls.ts'
import { adminLimits } from '../../admin/limits.ts'
import { foldName } from '../../dns/name.ts'
import type { NegativeAnchor } from '../../dnssec/trust-anchors.ts'
import { errorText } from '../../events.ts'
import type { EventSink } from '../../ports.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { openStateFile, type StateFile } from '../../system/state-file.ts'
import type { TrustAnchorManager } from '../trust-anchor-manager.ts'

const FILE = 'negative-anchors.json'

export function anchorControls(
  trust: TrustAnchorManager,
  state: string | null,
  wall: () => number,
  events: EventSink,
): ControlsOf<AnchorControls> {
  const report = (message: string): void => events({ kind: 'anchor-state-failed', message, problems: [] })
  const file = state === null ? null : stateFile(state, report)
  trust.addNegative(file === null ? [] : readAnchors(file, report))
  const living = (): readonly NegativeAnchor[] => trust.negative().added.filter(({ until }) => until > wall())
  const isConfigured = (name: string): boolean =>
    trust.negative().configured.some(one => one.name === name && one.until > wall())
  const keep = (anchors: readonly NegativeAnchor[]): void => {
    trust.addNegative(anchors)
    file?.write(
      `${JSON.stringify(
        anchors.map(({ name, until }) => ({ name: formatName(name), until })),
        null,
        2,
      )}\n`,
    )
  }
  return {
    negativeAnchors() {
      const { configured } = trust.negative()
      return [
        ...configured.filter(({ until }) => until > wall()).map(one => ({ ...one, from: 'configuration' as const })),
        ...living().map(one => ({ ...one, from: 'api' as const })),
      ].map(({ name, until, from }) => ({ name: formatName(name), until, from }))
    },
    setNegativeAnchor({ name, until, dryRun }) {
      if (isConfigured(name)) return { kind: 'configured' }
      const others = living().filter(one => one.name !== name)
      if (others.length >= adminLimits.negativeAnchors) return { kind: 'too-many' }
      const kind = others.length === living().length ? 'added' : 'changed'
      if (!dryRun) keep([...others, { name, until }])
      return { kind }
    },
    removeNegativeAnchor({ name, dryRun }) {
      const others = living().filter(one => one.name !== name)
      if (others.length === living().length) return { kind: isConfigured(name) ? 'configured' : 'absent' }
      if (!dryRun) keep(others)
      return { kind: 'removed' }
    },
    trustPoints: () => trust.describe(),
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
