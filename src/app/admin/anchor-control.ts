/** Trust anchors and negative ones as the API sees them. */
import type { AnchorControls } from '../../admin/anchor-controls.ts'
import type { ControlsOf } from '../../admin/controls.ts'
import { formatName } from '../../presentation/text.ts'
import type { Changes } from '../shared/changes.ts'
import type { TrustAnchorManager } from '../trust-anchor-manager.ts'

export const anchorControls = (trust: TrustAnchorManager, changes: Changes): ControlsOf<AnchorControls> => ({
  negativeAnchors: () =>
    [
      ...changes.anchors.configured.map(one => ({ ...one, from: 'configuration' as const })),
      ...changes.anchors.added.map(one => ({ ...one, from: 'api' as const })),
    ].map(({ name, until, from }) => ({ name: formatName(name), until, from })),
  setNegativeAnchor: anchor => changes.setNegativeAnchor(anchor),
  removeNegativeAnchor: ({ name, dryRun, allInstances }) => changes.removeNegativeAnchor(name, dryRun, allInstances),
  trustPoints: () => trust.describe(),
})
