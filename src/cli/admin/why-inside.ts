/**
 * `policy why` without a server: lists and policy zones as a configuration names them, opened with an engine for one
 * question. Nothing listens, nothing is written, and no list is fetched: copies of an earlier server count.
 */
import type { Why, WhyRequest } from '../../admin/controls.ts'
import { allProblems, openEngineBeside, type OpenEngine } from '../../app/open-engine.ts'
import { openSilentServing } from '../../app/rehearsal/silent-serving.ts'
import { why } from '../../app/policy/why.ts'
import type { Config } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { EventSink, Network } from '../../ports.ts'
import type { ForwardZones } from '../../zone/forward-zones.ts'

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
  const { recursor, partitions } = engine
  const { serving, close } = await openSilentServing(config, engine, events)
  try {
    const { inspect } = serving
    const forwardZonesOf = (view: number): ForwardZones => partitions.forwardZonesOf(view)
    return await why(request, { config, clock: recursor.clock, inspect, forwardZonesOf })
  } finally {
    await close()
  }
}
