/**
 * Resolvers of a test's internet that forward to others: which zones, read as a test writes them, and in memory the
 * resolver that is forwarded to, at an address of its own. On sockets that is `startResolver`.
 */
import type { IpAddress } from '../../dns/address.ts'
import type { Question } from '../../dns/message.ts'
import { mistake } from '../../input/mistake.ts'
import { described, foldedName, knownFields } from '../../input/names.ts'
import { questionText } from '../../resolver/trace.ts'
import { failure } from '../../resolver/outcome.ts'
import type { SimClock } from '../../simulation/clock.ts'
import { SimForwarder } from '../../simulation/forwarder.ts'
import type { Host } from '../../simulation/network.ts'
import type { SimRandom } from '../../simulation/random.ts'
import { ip } from '../../simulation/records.ts'
import { simSettings } from '../../simulation/settings.ts'
import type { Outcome } from '../../steps.ts'
import { type ForwardZone, ForwardZones, noForwardZones, type Upstream } from '../../zone/forward-zones.ts'
import { parseUpstream } from '../../zone/upstream-text.ts'
import type { ForwardedZone } from './types.ts'
import type { TestEngine } from './test-engine.ts'

export const forwardFields: readonly string[] = ['forward', 'stub']

/** Mistakes are TypeErrors that name the field. */
export function readForwarding({
  forward = [],
  stub = [],
}: {
  readonly forward?: readonly ForwardedZone[] | undefined
  readonly stub?: readonly ForwardedZone[] | undefined
}): ForwardZones {
  const zones = [...zonesOf('forward', forward), ...zonesOf('stub', stub)]
  return zones.length === 0 ? noForwardZones : new ForwardZones(zones)
}

function zonesOf(kind: ForwardZone['kind'], given: unknown): ForwardZone[] {
  if (!Array.isArray(given)) mistake(`expected ${kind} to be a list of zones, found ${described(given)}`)
  return given.map((one: unknown, index) => {
    const at = `${kind}[${index}]`
    const fields = kind === 'forward' ? ['zone', 'to', 'recurseOnFailure'] : ['zone', 'to']
    knownFields(one, fields, at)
    const { zone, to, recurseOnFailure = false } = fieldsOf(one)
    if (typeof recurseOnFailure !== 'boolean')
      mistake(`expected ${at}.recurseOnFailure to be true or false, found ${described(recurseOnFailure)}`)
    const servers: readonly unknown[] = Array.isArray(to) ? to : [to]
    if (servers.length === 0) mistake(`expected ${at}.to to have a server`)
    return { kind, zone: foldedName(zone), recurseOnFailure, upstreams: servers.map(server => upstreamOf(server, at)) }
  })
}

const fieldsOf = (given: unknown): { readonly zone?: unknown; readonly to?: unknown; recurseOnFailure?: unknown } =>
  typeof given === 'object' && given !== null ? given : {}

function upstreamOf(server: unknown, at: string): Upstream {
  const text = typeof server === 'object' && server !== null && 'address' in server ? server.address : server
  if (typeof text !== 'string')
    mistake(`expected ${at}.to to be a server such as "192.0.2.1", or a resolver, found ${described(server)}`)
  const upstream = parseUpstream(text)
  return 'error' in upstream ? mistake(`${at}.to: ${upstream.error}`) : upstream
}

/** The address of the resolver with this number, away from those of servers. */
export const resolverAddress = (number: number): string => `198.19.${number >> 8}.${(number & 0xff) + 1}`

/**
 * A resolver as something that can be asked in the simulated network. What asks it waits as long as its walk takes: the
 * clock is the same, and goes on meanwhile.
 */
export function resolverHost(address: string, engine: TestEngine, clock: SimClock, random: SimRandom): Host {
  const resolve = (question: Question, checkingDisabled: boolean): Outcome => {
    const state: { outcome: Outcome | null } = { outcome: null }
    engine.resolver.resolve(question, { recursionDesired: true, because: 'client', checkingDisabled }, outcome => {
      state.outcome = outcome
    })
    clock.runUntil(() => state.outcome !== null)
    return state.outcome ?? failure('deadline', `nothing more happens for ${questionText(question)}`)
  }
  const at: IpAddress = ip(address)
  return { ip: at, latencyMs: simSettings.latencyMs, server: new SimForwarder({ at: [address] }, resolve, random) }
}
