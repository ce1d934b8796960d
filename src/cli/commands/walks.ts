/** `explain` and `open`: walks from the root, made once and shown. */
import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { ADMIN_OPTIONS, flagsOf } from './admin.ts'
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

const FORMATS = ['text', 'json', 'mermaid', 'svg'] as const

export function addExplain(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'explain [name] [type]',
    'Resolve once from the root and show every step',
    command =>
      command
        .positional('name', { type: 'string', describe: 'What to resolve' })
        .positional('type', { type: 'string', default: 'A', describe: 'Record type' })
        .options({
          json: { type: 'boolean', describe: 'The walk as JSON: --format json' },
          format: {
            type: 'string',
            requiresArg: true,
            choices: ['text', 'json', 'mermaid', 'svg'],
            describe: 'Lines (default), data, a sequence diagram, or a picture',
          },
          of: { type: 'string', requiresArg: true, describe: 'A walk that was saved as JSON, instead of a new one' },
          ...WALK_OPTIONS,
          cd: { type: 'boolean', describe: 'Checking disabled: accept data without validation' },
          client: {
            type: 'string',
            requiresArg: true,
            describe: 'Who asks: in the view of this address, with its rules (default: 127.0.0.1)',
          },
          view: { type: 'string', requiresArg: true, describe: 'With --running: in this view' },
          running: { type: 'boolean', describe: 'Ask the running server, with what it has cached' },
          'from-root': { type: 'boolean', describe: 'With --running: with empty caches, the whole walk' },
          admin: { ...ADMIN_OPTIONS.admin, describe: 'With --running: where it is, unix:PATH or a URL' },
          'token-file': { ...ADMIN_OPTIONS['token-file'] },
        })
        .example('$0 explain www.example.com', 'Every query to a server and its reply')
        .example('$0 explain www.example.com --running --client 192.168.2.7', 'What the server does for a client'),
    argv =>
      take(async () => {
        const { runExplain, runExplainSaved } = await import('../explain.ts')
        const format = argv.json === true ? 'json' : (FORMATS.find(one => one === text(argv.format)) ?? 'text')
        const saved = text(argv.of)
        const name = text(argv.name)
        if ((saved === undefined) === (name === undefined)) throw new UsageError('explain takes a name, or --of FILE')
        if (saved !== undefined) return runExplainSaved(resolve(around.directory, saved), format, around)
        if (argv.running === true || argv.admin !== undefined) {
          const { runExplainAt } = await import('../admin/explain.ts')
          const view = text(argv.view)
          const client = text(argv.client)
          if (view !== undefined && client !== undefined)
            throw new UsageError('--client is in one view: leave --view out')
          const asked = {
            ...{ name: name ?? '', type: text(argv.type) ?? 'A', checkingDisabled: argv.cd === true },
            ...{ client, view, fromRoot: argv['from-root'] === true },
          }
          return runExplainAt(asked, format, flagsOf(argv), around)
        }
        if (text(argv.view) !== undefined) throw new UsageError('--view needs --running: without, say --client ADDRESS')
        const options = {
          name: name ?? '',
          type: text(argv.type) ?? 'A',
          format,
          colour: hasColour(around),
          checkingDisabled: argv.cd === true,
          client: text(argv.client) ?? '127.0.0.1',
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
