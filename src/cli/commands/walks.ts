/** `explain` and `open`: walks from the root, made once and shown. */
import type { Argv } from 'yargs'
import type { Config } from '../../config/types.ts'
import {
  type Arguments,
  type Choose,
  type CliContext,
  dnssecOverrides,
  hasColour,
  HELP_COLUMNS,
  overridesFrom,
  sourcesFrom,
  text,
  UsageError,
  WALK_OPTIONS,
} from './options.ts'

export function addExplain(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'explain <name> [type]',
    'Resolve once from the root and show every step',
    command =>
      command
        .positional('name', { type: 'string', demandOption: true, describe: 'What to resolve' })
        .positional('type', { type: 'string', default: 'A', describe: 'Record type' })
        .options({
          json: { type: 'boolean', describe: 'The walk as JSON' },
          ...WALK_OPTIONS,
          cd: { type: 'boolean', describe: 'Checking disabled: accept data without validation' },
        })
        .example('$0 explain www.example.com', 'Every query to a server and its reply'),
    argv =>
      take(async () => {
        const { runExplain } = await import('../explain.ts')
        const options = {
          name: text(argv.name) ?? '',
          type: text(argv.type) ?? 'A',
          json: argv.json === true,
          colour: hasColour(around),
          checkingDisabled: argv.cd === true,
        }
        return withConfig(argv, around, config => runExplain(config, options, around))
      }),
  )
}

/** The configuration that a walk is made by, or what is wrong with it. */
async function withConfig(
  argv: Arguments,
  around: CliContext,
  use: (config: Config) => Promise<number>,
): Promise<number> {
  const { loadConfig } = await import('../../config/sources.ts')
  const flags = [...(await overridesFrom(argv, [['rootHints'], ['upstream', 'port']])), ...dnssecOverrides(argv)]
  const result = loadConfig(sourcesFrom(argv, around, flags))
  return result.kind === 'invalid' ? (await import('../check.ts')).runCheckConfig(result, around) : use(result.config)
}

export function addOpen(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'open <url>',
    'Open a URL and show what happens on the way',
    async command => {
      const { OPEN_EPILOGUE, OPEN_OPTIONS } = await import('../open-args.ts')
      return command
        .positional('url', { type: 'string', demandOption: true, describe: 'https:// unless it says otherwise' })
        .options({ ...OPEN_OPTIONS, ...WALK_OPTIONS })
        .example('$0 open https://www.example.com/ --repeat 2', 'What is slow at first, and what stays slow')
        .example('$0 open https://localhost:8443/ --ip 127.0.0.1 --ca ca.pem', 'A server of your own')
        .epilogue(OPEN_EPILOGUE)
    },
    argv =>
      take(async () => {
        const { readOpenOptions } = await import('../open-args.ts')
        const read = readOpenOptions(argv)
        if (read.kind === 'usage') throw new UsageError(read.message)
        const { runOpen } = await import('../open.ts')
        return withConfig(argv, around, config =>
          runOpen(config, read.command, { colour: hasColour(around), columns: around.columns ?? HELP_COLUMNS }, around),
        )
      }),
  )
}
