/**
 * What a server answers with, put together around an engine that is open, without listening anywhere: lists, policy
 * zones and programs as the configuration names them. For what looks at a configuration without running it.
 */
import type { Config } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { EventSink } from '../../ports.ts'
import { Lists } from '../lists/lists.ts'
import type { Frozen } from './frozen.ts'
import type { OpenEngine } from '../open-engine.ts'
import { LazyPolicies } from '../policy/lazy-policies.ts'
import { Serving, type ServingOptions } from '../serving.ts'
import { Transfers } from '../transfer/transfers.ts'

export interface SilentServing {
  readonly serving: Serving
  /** Of programs, which cannot be used then. */
  readonly problems: readonly Problem[]
  /** What the configuration names and is not here, in a sentence each. */
  missing(): readonly string[]
  /** The engine stays open. */
  close(): Promise<void>
}

export async function openSilentServing(
  config: Config,
  engine: OpenEngine,
  events: EventSink,
  { frozen, ...options }: Pick<ServingOptions, 'onQuery'> & { readonly frozen?: Frozen | undefined } = {},
): Promise<SilentServing> {
  const { recursor, secondaries, partitions } = engine
  const { clock, random, resolver, limits, zones } = recursor
  const onChange = (): void => serving.policyChanged()
  const lists = new Lists({
    clock,
    random,
    resolver,
    limits,
    events,
    onChange,
    stateDirectory: config.state,
    held: frozen?.lists,
  })
  const code = new LazyPolicies({ clock, limits, events, onChange })
  const transfers = new Transfers({
    ...{ clock, random, limits, events, onPolicy: onChange },
    directory: config.state,
    ...frozen?.transfers,
    onChange: (partition, served) =>
      (partition === '' ? zones : partitions.storeOf(partition))?.serveTransferred(served),
  })
  const policies = (): Transfers['policies'] => transfers.policies
  const { programs } = code
  const serving = new Serving(config, engine, { events, lists, policies, programs, ...options })
  const close = async (): Promise<void> => {
    transfers.close()
    lists.close()
    code.close()
    await serving.close()
  }
  try {
    await transfers.configure(config, secondaries)
    await lists.configure(config)
    const missing = (): readonly string[] => missingIn(lists, transfers)
    return { serving, problems: await code.configure(config.policies), missing, close }
  } catch (error) {
    await close()
    throw error
  }
}

function missingIn(lists: Lists, { policies, secondaries }: Transfers): readonly string[] {
  return [
    ...lists
      .status()
      .filter(({ state }) => state === 'waiting')
      .map(({ name }) => `the list "${name}" was not fetched yet: its rules are not known here`),
    ...policies
      .statuses()
      .filter(({ state }) => state === 'missing')
      .map(({ zone }) => `the policy zone ${zone} was not sent yet: its rules are not known here`),
    ...secondaries
      .statuses()
      .filter(({ state, isPolicy }) => state === 'missing' && !isPolicy)
      .map(({ zone }) => `the zone ${zone} was not sent yet: its names are not known here`),
  ]
}
