/** What a snapshot is made of, in the order in which a resolution needs it. */
import { denialSection, failureSection, negativeSection, rrsetSection } from './data-sections.ts'
import type { Section } from './section.ts'
import { delegationSection, lameSection, serverSection, silentSection, zoneStateSection } from './server-sections.ts'

export const sections: readonly Section[] = [
  delegationSection,
  serverSection,
  zoneStateSection,
  rrsetSection,
  negativeSection,
  denialSection,
  failureSection,
  lameSection,
  silentSection,
]
