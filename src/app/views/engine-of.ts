/** Which engine answers the clients of a view, or a client: with what each has cached, for those who look. */
import type { Config } from '../../config/types.ts'
import type { Client } from '../../ports.ts'
import { makeSelect } from '../../policy/views/select.ts'
import type { Partitions, Served } from './partitions.ts'

export interface ViewEngines {
  /** Null: that of all. `default` is the view of those who are in no other. Undefined: there is no such view. */
  named(view: string | null): Served | undefined
  of(client: Client): Served
}

const DEFAULT = 'default'

export function viewEngines(config: () => Config, partitions: Pick<Partitions, 'served'>): ViewEngines {
  return {
    named(view) {
      const index = view === null ? -1 : config().views.findIndex(({ name }) => name === view)
      return index < 0 && view !== null && view !== DEFAULT ? undefined : partitions.served()[index + 1]
    },
    of(client) {
      const { views, limits } = config()
      const select = makeSelect(
        views.map(({ selector }) => selector),
        limits.server,
      )
      const [base] = partitions.served()
      const found = partitions.served()[select(client) + 1] ?? base
      if (found === undefined) throw new Error('there is an engine of all')
      return found
    },
  }
}
