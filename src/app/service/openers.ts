/** Parts of the server that are opened at its start from the configuration, each by itself. */
import { designationOf } from '../../config/designation.ts'
import type { Config } from '../../config/types.ts'
import type { ListLimits } from '../../limits.ts'
import type { ListenFailure } from '../../net/listener.ts'
import type { Designation } from '../../policy/designation.ts'
import type { EventSink } from '../../ports.ts'
import type { Certificate } from '../../system/certificates.ts'
import { Lists, type ListsParts } from '../lists/lists.ts'
import type { OpenEngine } from '../open-engine.ts'
import { openStateDirectory } from '../persistence/state-directory.ts'
import { LazyPolicies } from '../policy/lazy-policies.ts'
import type { ServerIdentity } from '../server-identity.ts'
import type { SharedStore } from '../shared/shared-store.ts'
import type { Transfers } from '../transfer/transfers.ts'
import { chooseUdpMode, type UdpMode } from '../udp-mode.ts'
import { StartError } from './start-error.ts'

/** What lists have instead: the program of threads that read them, certificates in PEM that are trusted, bounds. */
export type ListsInstead = Pick<ListsParts, 'thread' | 'authorities'> & { readonly limits?: Partial<ListLimits> }

/** Zones that other servers send, and policy zones. Nothing of it is loaded where there are none. */
export async function openTransfers(
  { state, secondaries, rpz }: Config,
  { recursor, partitions }: OpenEngine,
  events: EventSink,
  onPolicy: () => void,
): Promise<Transfers | null> {
  if (secondaries.length + rpz.length === 0) return null
  const { Transfers } = await import('../transfer/transfers.ts')
  const { clock, random, limits, zones } = recursor
  return new Transfers({
    ...{ clock, random, limits, events, onPolicy },
    directory: state,
    onChange: (partition, served) =>
      (partition === '' ? zones : partitions.storeOf(partition))?.serveTransferred(served),
  })
}

/** Where what lasts is kept; null when nothing is, or it cannot be used: the server runs all the same. */
export function openState({ state }: Config, events: EventSink): string | null {
  const problem = state === null ? null : openStateDirectory(state)
  if (state === null || problem === null) return state
  events({ kind: 'state-failed', path: state, ...problem })
  return null
}

/** Nothing of it is loaded where there is none. Rejects with `StartError`; connects nowhere yet. */
export async function openSharedCache(
  config: Config,
  state: string | null,
  events: EventSink,
): Promise<SharedStore | null> {
  if (config.sharedCache === null) return null
  const { openShared } = await import('../shared/open-shared.ts')
  return openShared(config, state, events)
}

export function openLists(
  config: Config,
  { limits: changes = {}, ...instead }: ListsInstead,
  { recursor }: OpenEngine,
  events: EventSink,
  onChange: () => void,
): Lists {
  const { clock, random, resolver, limits } = recursor
  return new Lists({
    clock,
    random,
    resolver,
    limits: { ...limits, lists: { ...limits.lists, ...changes } },
    events,
    onChange,
    stateDirectory: config.state,
    ...instead,
  })
}

export function openCode(
  thread: URL | undefined,
  { recursor: { clock, limits } }: OpenEngine,
  events: EventSink,
  onChange: () => void,
): LazyPolicies {
  return new LazyPolicies({ clock, limits, events, onChange, thread })
}

/** By the certificate of the moment. One that was made here is trusted by no client, so none is sent to it. */
export function designated({ listen }: Config, identity: ServerIdentity): () => Designation | null {
  let made: { readonly of: Certificate; readonly designation: Designation | null } | null = null
  return () => {
    const { certificate, isSelfSigned } = identity
    if (isSelfSigned) return null
    if (made?.of !== certificate) made = { of: certificate, designation: designationOf(listen, certificate.names) }
    return made.designation
  }
}

/** Threads that move datagrams in batches, where that is possible. */
export function udpMode(config: Config, threadEntry: URL | undefined, events: EventSink): UdpMode {
  const mode = chooseUdpMode(config.udp.mode, threadEntry)
  switch (mode.kind) {
    case 'impossible':
      throw new StartError({ kind: 'listen', failures: config.listen.map(noBatch(mode.why)) })
    case 'plain':
      events({ kind: 'udp-mode', mode: 'plain', why: mode.why })
      return mode
    case 'batch':
      events({ kind: 'udp-mode', mode: 'batch', threads: config.udp.threads })
      return mode
    default:
      return mode satisfies never
  }
}

/** What was asked for and cannot be had is no reason to serve in another way, unasked. */
const noBatch =
  (why: string) =>
  ({ address, port }: { readonly address: string; readonly port: number }): ListenFailure => ({
    kind: 'listen-failed',
    transport: 'udp',
    address,
    port,
    code: 'ENOTSUP',
    message: `datagrams cannot be moved in batches here: ${why}`,
  })
