/**
 * `policy why` without a server: lists and policy zones as a configuration names them, opened with an engine for one
 * question. Nothing listens, nothing is written, and no list is fetched: copies of an earlier server count.
 */
import type { Why, WhyRequest } from '../../admin/controls.ts'
import { LazyPolicies } from '../../app/policy/lazy-policies.ts'
import { Lists } from '../../app/lists/lists.ts'
import { allProblems, openEngineBeside, type OpenEngine } from '../../app/open-engine.ts'
import { why } from '../../app/policy/why.ts'
import { Serving } from '../../app/serving.ts'
import { Transfers } from '../../app/transfer/transfers.ts'
import type { Config } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { EventSink, Network } from '../../ports.ts'

export async function whyInside(
  config: Config,
  request: WhyRequest,
  events: EventSink,
  network?: Network,
): Promise<Why | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }> {
  const opened = await openEngineBeside(config, { events, network })
  if (opened.kind === 'invalid') return { kind: 'invalid', problems: allProblems(opened.problems) }
  try {
    return await whyWith(opened, config, request, events)
  } finally {
    await opened.close()
  }
}

/** The same with an engine that is open. */
export async function whyWith(
  engine: OpenEngine,
  written: Config,
  request: WhyRequest,
  events: EventSink,
): Promise<Why> {
  // What asks is no client: it is in no log.
  const config: Config = { ...written, queryLog: null }
  const { recursor, partitions, secondaries } = engine
  const { clock, random, resolver, limits, zones } = recursor
  const onChange = (): void => serving.policyChanged()
  const lists = new Lists({ clock, random, resolver, limits, events, onChange, stateDirectory: config.state })
  const transfers = new Transfers({
    ...{ clock, random, limits, events, onPolicy: onChange },
    directory: config.state,
    onChange: served => zones.serveTransferred(served),
  })
  const code = new LazyPolicies({ clock, limits, events, onChange, thread: undefined })
  const { programs } = code
  const serving = new Serving(config, engine, { events, lists, policies: () => transfers.policies, programs })
  try {
    await transfers.configure(config, secondaries)
    await lists.configure(config)
    await code.configure(config.policies)
    const { inspect } = serving
    return await why(request, { config, clock, inspect, forwardZonesOf: view => partitions.forwardZonesOf(view) })
  } finally {
    transfers.close()
    lists.close()
    code.close()
    await serving.close()
  }
}
