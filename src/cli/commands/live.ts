/** Commands that follow a running server: `tail` and `top`. */
import type { Argv, Options } from 'yargs'
import { ADMIN_OPTIONS, flagsOf } from './admin.ts'
import { type Choose, type CliContext, text, UsageError } from './options.ts'

const COUNT: Options = { type: 'string', requiresArg: true, alias: 'n', describe: 'End after this number' }

function countOf(value: unknown): number | null {
  const given = text(value)
  if (given === undefined) return null
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new UsageError(`--count ${given}: expected a number from 1 on`)
  return Number(given)
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function durationOf(given: string): number {
  const { number, unit = '' } = /^(?<number>[1-9]\d{0,5})(?<unit>[smhd])$/.exec(given)?.groups ?? {}
  if (number === undefined) throw new UsageError(`--since ${given}: expected a time such as 90s, 15m, 1h or 7d`)
  return Number(number) * (UNITS_MS[unit] ?? 0)
}

export function addLive(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'tail [filter]',
    'Follow the queries of the running server',
    command =>
      command
        .positional('filter', { type: 'string', default: '', describe: 'Which; see docs/live.md' })
        .options({ ...ADMIN_OPTIONS, count: COUNT })
        .example("$0 tail 'rcode=SERVFAIL and name under example.com'", 'What fails there, as it fails'),
    argv =>
      take(async () => {
        const count = countOf(argv.count)
        const { runTail } = await import('../admin/tail.ts')
        return runTail({ filter: text(argv.filter) ?? '', count }, flagsOf(argv), around)
      }),
  )
  cli.command(
    'queries [filter]',
    'Search the query history of the running server',
    command =>
      command
        .positional('filter', { type: 'string', default: '', describe: 'Which; see docs/live.md' })
        .options({
          ...ADMIN_OPTIONS,
          since: { type: 'string', requiresArg: true, default: '1h', describe: 'How far back: 90s, 15m, 1h, 7d' },
          count: { type: 'string', requiresArg: true, alias: 'n', default: '100', describe: 'At most this number' },
          summary: { type: 'boolean', default: false, describe: 'Counts and top lists of all queries instead' },
        })
        .example("$0 queries 'rcode=SERVFAIL' --since 7d", 'What failed in a week, newest first'),
    argv =>
      take(async () => {
        const count = countOf(argv.count) ?? 1
        const sinceMs = durationOf(text(argv.since) ?? '')
        const { runQueries } = await import('../admin/queries.ts')
        const task = { filter: text(argv.filter) ?? '', sinceMs, count, isSummary: argv.summary === true }
        return runQueries(task, flagsOf(argv), around)
      }),
  )
  cli.command(
    'top',
    'Show what the running server does, each second',
    command => command.options({ ...ADMIN_OPTIONS, count: COUNT }),
    argv =>
      take(async () => {
        const count = countOf(argv.count)
        const { runTop } = await import('../admin/top.ts')
        return runTop(count, flagsOf(argv), around)
      }),
  )
}
