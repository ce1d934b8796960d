/** The trust anchors of a configuration, from the built-in ones and from files. */
import type { AnchorSource } from '../config/types.ts'
import { ROOT } from '../dns/name.ts'
import { formatName } from '../presentation/text.ts'
import { isSupported, isSupportedDigest } from '../dnssec/algorithms.ts'
import { builtInAnchors, mergeAnchors, parseAnchors, type TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Problem } from '../events.ts'
import { defaultLimits } from '../limits.ts'
import { readZoneFile } from '../system/zone-files.ts'

export type LoadedAnchors =
  | { readonly kind: 'anchors'; readonly anchors: readonly TrustAnchor[]; readonly warnings: readonly Problem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** One mistake anywhere and there are none: half of the anchors would leave zones unvalidated that should be. */
export function loadAnchors(sources: readonly AnchorSource[]): LoadedAnchors {
  const anchors: TrustAnchor[] = []
  const problems: Problem[] = []
  for (const source of sources) {
    const parsed = source.kind === 'built-in' ? { anchors: builtInAnchors(), problems: [] } : readAnchors(source.file)
    anchors.push(...parsed.anchors)
    problems.push(...parsed.problems)
    if (source.kind === 'file') problems.push(...unusable(source.file, parsed.anchors))
  }
  if (problems.some(({ severity }) => severity === 'error')) return { kind: 'invalid', problems }
  const merged = mergeAnchors(anchors)
  return { kind: 'anchors', anchors: merged, warnings: [...problems, ...withoutRoot(sources, merged)] }
}

function readAnchors(file: string): {
  readonly anchors: readonly TrustAnchor[]
  readonly problems: readonly Problem[]
} {
  const read = readZoneFile(file, defaultLimits.zone)
  if (read.kind === 'unreadable') return { anchors: [], problems: [read.problem] }
  const { anchors, problems } = parseAnchors(read.text, file)
  return { anchors, problems: read.warning === null ? problems : [read.warning, ...problems] }
}

/**
 * RFC 4035 section 5.2: a zone whose anchor has an unsupported algorithm or digest counts as unsigned, which is never
 * what was meant.
 */
const unusable = (file: string, anchors: readonly TrustAnchor[]): readonly Problem[] =>
  anchors
    .filter(
      ({ ds, keys }) =>
        !ds.some(rdata => isSupported(rdata[2] ?? 0) && isSupportedDigest(rdata[3] ?? 0)) &&
        !keys.some(rdata => isSupported(rdata[3] ?? 0)),
    )
    .map(({ name }) => ({
      file,
      line: 0,
      column: 0,
      severity: 'warning',
      message:
        `the anchor of ${formatName(name)} has no algorithm and digest that can be checked: the zone is treated ` +
        'as unsigned',
    }))

/** Who adds an island easily forgets that the files stand instead of the built-in anchors. */
function withoutRoot(sources: readonly AnchorSource[], anchors: readonly TrustAnchor[]): readonly Problem[] {
  const [first] = sources.flatMap(source => (source.kind === 'file' ? [source.file] : []))
  if (first === undefined || anchors.some(({ name }) => name === ROOT)) return []
  const names = anchors.map(({ name }) => formatName(name)).join(', ')
  const message =
    `no anchor of the root: only ${names} and what is below is validated; add "built-in" to "trustAnchors" for ` +
    'the rest'
  return [{ file: first, line: 0, column: 0, severity: 'warning', message }]
}
