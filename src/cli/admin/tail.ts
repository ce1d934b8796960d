/** `rootwalk tail`: queries and events of a running server as they come, a line each. */
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, placeFor } from './client.ts'
import { type AdminFlags, configFor } from './commands.ts'
import { followEvents, type StreamEvent } from './event-source.ts'

export interface TailTask {
  readonly filter: string
  /** Ends after this number of lines; null: never. */
  readonly count: number | null
}

export async function runTail({ filter, count }: TailTask, flags: AdminFlags, around: CliContext): Promise<number> {
  const { terminal, environment, out, err } = around
  const paint = terminal && (environment.NO_COLOR ?? '') === '' ? painted : plain
  const end = new AbortController()
  let lines = 0
  try {
    await followEvents({
      place: placeFor(flags.admin, flags.tokenFile, around.directory, () => configFor(flags, around)),
      path: `api/v1/events?filter=${encodeURIComponent(filter)}`,
      onEvent: event => {
        if (end.signal.aborted) return
        out(flags.json ? `${JSON.stringify({ event: event.event, ...event.data })}\n` : `${lineOf(event, paint)}\n`)
        if (++lines === count) end.abort()
      },
      onLost: why => err(`rootwalk tail: ${why}; trying again\n`),
      signal: end.signal,
      random: Math.random,
    })
    return Exit.Ok
  } catch (error) {
    if (!(error instanceof AdminFault)) throw error
    err(`rootwalk tail: ${error.message}\n`)
    return error.exitCode
  }
}

type Paint = (source: string, text: string) => string

/** SGR parameters (ECMA-48 section 8.3.117) by source. */
const COLOURS: readonly (readonly [RegExp, number])[] = [
  [/^cache$/, 32],
  [/^recursion$/, 36],
  [/^local$/, 34],
  [/^failure/, 31],
  [/./, 33],
]

const plain: Paint = (_source, text) => text
const painted: Paint = (source, text) => {
  const colour = COLOURS.find(([which]) => which.test(source))?.[1]
  return colour === undefined ? text : `\u001b[${colour}m${text}\u001b[0m`
}

const clock = (at: unknown): string => new Date(Number(at)).toISOString().slice(11, 23)

/** Names are escaped by the server, so that no line holds what a terminal obeys. */
export function lineOf({ event, data }: StreamEvent, paint: Paint): string {
  if (event === 'gap') {
    const { dropped } = data
    return paint('failure', `… ${dropped === null ? 'some' : String(dropped)} queries are missing here`)
  }
  if (event === 'event') return paint('policy', `${clock(data.at)} ${String(data.level)} ${String(data.text)}`)
  const { at, client, transport, name, type, rcode, ms, by } = data
  const who = `${String(client) === '' ? '-' : String(client)} ${String(transport)}`
  const what = `${String(name)} ${String(type)}`
  const how = paint(String(by), `${String(rcode)} ${String(by)}`)
  return `${clock(at)} ${who} ${what} ${how} ${Number(ms).toFixed(1)} ms`
}
