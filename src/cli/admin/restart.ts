/**
 * `rootwalk restart`: the running server starts the program again and hands it the sockets, as on SIGUSR1, and it is
 * waited for the new process. Only for a server on this machine: the signal goes to the process that its status shows.
 */
import { errorText } from '../../events.ts'
import { defaultLimits } from '../../limits.ts'
import { errorCode } from '../../system/system-error.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, type AdminPlace, askAdmin } from './client.ts'
import { fieldsOf } from './fields.ts'

/** Between two looks at the status: short for who waits, and nothing to the server. ms. */
const LOOK_MS = 200
/** The old process is given the time for a new one to serve, and then some for the API, which changes hands. ms. */
const { handOverMs, leaveMs } = defaultLimits.server
const PATIENCE_MS = handOverMs + 10 * leaveMs

interface Restarted {
  readonly pid: number
  readonly before: number
}

/** Rejects with `AdminFault` when the same process goes on, or none answers. */
export async function restart(place: AdminPlace): Promise<Restarted> {
  if (!isHere(place))
    throw new AdminFault(
      `${place.text} is not on this machine: a restart is asked for where the server runs`,
      Exit.Usage,
    )
  const before = await pidOf(place)
  signal(before)
  let silent = false
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    const pid = await pidOf(place).catch((error: unknown) => {
      // While the API changes hands nobody is there; that the other rejects the token is for whoever asked.
      if (error instanceof AdminFault && error.exitCode !== Exit.NoPermission) return null
      throw error
    })
    silent = pid === null
    if (pid !== null && pid !== before) return { pid, before }
  }
  throw new AdminFault(
    silent
      ? 'the server does not answer any more; its log says why'
      : `process ${before} goes on: no new one served within ${PATIENCE_MS / 1_000} s. Its log says why ` +
          '(hand-over-failed)',
    Exit.Unavailable,
  )
}

const LOOPBACK: ReadonlySet<unknown> = new Set(['localhost', '::1'])
const isHere = ({ connect: { socketPath, host } }: AdminPlace): boolean =>
  typeof socketPath === 'string' || LOOPBACK.has(host) || host?.startsWith('127.') === true

async function pidOf(place: AdminPlace): Promise<number> {
  const { pid } = fieldsOf((await askAdmin(place, 'GET', 'api/v1/status')).body)
  if (typeof pid === 'number' && Number.isInteger(pid) && pid > 0) return pid
  throw new AdminFault(`${place.text} does not say which process it is`, Exit.Failure)
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGUSR1')
  } catch (error) {
    const isDenied = errorCode(error) === 'EPERM'
    throw new AdminFault(
      isDenied
        ? `process ${pid} is another user's: run it as root, or as the user of the server`
        : `process ${pid} cannot be signalled: ${errorText(error)}`,
      isDenied ? Exit.NoPermission : Exit.Failure,
    )
  }
}
