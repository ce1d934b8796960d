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
