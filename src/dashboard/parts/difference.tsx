/** What a change would take away and add, line by line, before it is made. */
import type { VNode } from 'preact'
import { counted } from '../model/format.ts'

interface DifferenceProps {
  readonly difference: {
    readonly removed: readonly string[]
    readonly added: readonly string[]
    readonly removedCount: number
    readonly addedCount: number
  }
  readonly warnings: readonly { readonly detail: string }[]
  /** What a line is: `record`. */
  readonly what: string
}

export function Difference({ difference, warnings, what }: DifferenceProps): VNode {
  const { removed, added, removedCount, addedCount } = difference
  return (
    <div class="difference">
      <p>
        {removedCount + addedCount === 0
          ? 'Nothing would change.'
          : `${counted(removedCount, what)} would go, ${counted(addedCount, what)} would come.`}
      </p>
      {removed.map(line => (
        <p key={`-${line}`} class="mono gone">
          − {line}
        </p>
      ))}
      {added.map(line => (
        <p key={`+${line}`} class="mono come">
          + {line}
        </p>
      ))}
      {warnings.map(({ detail }) => (
        <p key={detail} class="note">
          {detail}
        </p>
      ))}
    </div>
  )
}
