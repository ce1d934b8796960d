/** The shared cache of a running server, from its configuration. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../config/types.ts'
import type { EventSink } from '../../ports.ts'
import { openStateFile, type StateFile } from '../../system/state-file.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { StartError } from '../service/start-error.ts'
import { loadLibrary, openClient } from './client.ts'
import { parsePosition, positionText, type Position } from './position.ts'
import { readSharedSettings } from './shared-settings.ts'
import { SharedStore } from './shared-store.ts'

const FILE = 'shared-cache.position'
/** A position has 25 octets. */
const MAX_OCTETS = 64

/**
 * Null: there is none in the configuration. Connects nowhere before it is started. `state`: the directory, or null.
 * Rejects with `StartError`.
 */
export async function openShared(config: Config, state: string | null, events: EventSink): Promise<SharedStore | null> {
  const settings = readSharedSettings(config)
  if (settings === null) return null
  if (settings.kind === 'invalid') throw new StartError({ kind: 'shared', problems: settings.problems })
  const { url, authorities, seals } = settings
  const limits = config.limits.shared
  const [clock, random] = [systemClock(), systemRandom()]
  const file = state === null ? null : positionFile(state, events)
  const { hostname: host, port } = new URL(url)
  const failed = (message: string): void => store.connectionFailed(message)
  const store: SharedStore = new SharedStore({
    client: openClient(await loadLibrary(), { url, authorities, limits, random, failed }),
    ...{ seals, clock, random, limits, events },
    name: config.identity.id ?? hostname(),
    at: `${host}:${port === '' ? DEFAULT_PORT : port}`,
    before: file === null ? null : readPosition(file),
    reached: position => file?.write(`${positionText(position)}\n`),
    // Those of the clock may be late by 4 ms, which a deadline of 10 ms notices.
    after(delayMs, fire) {
      const timer = setTimeout(fire, Math.floor(delayMs))
      return () => clearTimeout(timer)
    },
    soon: then => void setImmediate(then),
    wallMs: () => Date.now(),
  })
  return store
}

const DEFAULT_PORT = '6379'

function positionFile(state: string, events: EventSink): StateFile {
  const path = join(state, FILE)
  const cure = 'after a restart everything that is kept of the cache is removed'
  return openStateFile({
    path,
    maxBytes: MAX_OCTETS,
    onError: message => events({ kind: 'state-failed', path, message, cure }),
  })
}

function readPosition(file: StateFile): Position | null {
  const read = file.read()
  return read.kind === 'text' ? parsePosition(read.text.trim()) : null
}
