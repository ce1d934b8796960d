/** `query`, `check-config`, `check-zone` and `ddr`: one look, and the end. */
import type { Argv } from 'yargs'
import { Exit } from '../startup-problems.ts'
import { type Choose, type CliContext, CONFIG_OPTION, list, text } from './options.ts'

/** Only for help and completion: `queryAtOnce` runs it. */
export function addQuery(cli: Argv, _around: CliContext, take: Choose): void {
  cli.command(
    'query [words..]',
    'Ask a server, as dig does',
    async command => {
      const { QUERY_HELP, QUERY_OPTIONS } = await import('../query/help.ts')
      return command
        .positional('words', {
          type: 'string',
          array: true,
          describe: '[@server] NAME [TYPE] [CLASS] [+word …], any order',
        })
        .options(QUERY_OPTIONS)
        .example('$0 query www.example.com AAAA', 'Query the resolver in the configuration')
        .example('$0 query @192.0.2.1 NS example.com +norec', 'Ask a name server')
        .example('$0 query @192.0.2.1 example.com AXFR', 'Transfer a zone')
        .epilogue(QUERY_HELP)
    },
    () => take(() => Promise.resolve(Exit.Usage)),
  )
}

/** Other commands take it so. */
const AS_ELSEWHERE = { ...CONFIG_OPTION, alias: 'c', describe: 'The same file, as other commands take it' }

export function addCheckConfig(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'check-config [file]',
    'Check a configuration and list its errors',
    command =>
      command
        .positional('file', { type: 'string', describe: 'Default: the one that serve would use' })
        .option('config', AS_ELSEWHERE),
    argv =>
      take(async () => {
        const { loadConfig } = await import('../../config/sources.ts')
        const { runCheckConfig } = await import('../check.ts')
        return runCheckConfig(
          loadConfig({
            file: text(argv.file) ?? text(argv.config),
            environment: around.environment,
            flags: [],
            directory: around.directory,
          }),
          around,
        )
      }),
  )
}

export function addDdr(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'ddr [file]',
    'Print the records and DHCP options that lead clients to the encrypted listeners',
    command =>
      command
        .positional('file', {
          type: 'string',
          describe: 'A configuration; default: the one that serve would use',
        })
        .option('config', AS_ELSEWHERE),
    argv =>
      take(async () => {
        const { loadConfig } = await import('../../config/sources.ts')
        const { runDdr } = await import('../ddr.ts')
        return runDdr(
          loadConfig({
            file: text(argv.file) ?? text(argv.config),
            environment: around.environment,
            flags: [],
            directory: around.directory,
          }),
          around,
        )
      }),
  )
}

export function addCheckZone(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'check-zone <files..>',
    'Check zone files and list their errors',
    command =>
      command
        .positional('files', { type: 'string', array: true, demandOption: true, describe: 'Master files' })
        .options({
          origin: {
            alias: 'o',
            type: 'string',
            requiresArg: true,
            describe: 'Name of the zone (default: the file name without .zone, or $ORIGIN)',
          },
          print: { type: 'boolean', describe: 'Print the zone in canonical order' },
          strict: { type: 'boolean', describe: 'Refuse records outside the zone, which are left out otherwise' },
        }),
    argv =>
      take(async () => {
        const { runCheckZone } = await import('../check.ts')
        return runCheckZone(
          {
            files: list(argv.files),
            origin: text(argv.origin),
            print: argv.print === true,
            strict: argv.strict === true,
          },
          around,
          around.errorTerminal ?? null,
        )
      }),
  )
}
