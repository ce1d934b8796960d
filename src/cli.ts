#!/usr/bin/env node
/**
 * The command line: says which commands and options there are, and hands over to the file of the command. The only file
 * that reads the arguments. Data goes to standard output, talk to standard error; commands are loaded when they are
 * used.
 */
import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Argv, Options } from 'yargs'
import { bugText } from './events.ts'
import type { Config, ConfigSources, Override } from './config/types.ts'
import type { Output } from './cli/output.ts'
import { Exit } from './cli/startup-problems.ts'
import { version } from './system/version.ts'

export interface CliContext extends Output {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
  /** Standard output is a terminal. */
  readonly terminal: boolean
  /** Of the terminal. */
  readonly columns?: number
  /** Standard error, when it is a terminal that may be drawn on. */
  readonly errorTerminal?: { readonly write: (text: string) => void; readonly now: () => number }
}

type Arguments = Readonly<Record<string, unknown>>

/** Runs a command; the exit code. Never rejects. */
export async function main(words: readonly string[], around: CliContext): Promise<number> {
  // Without loading anything: scripts ask for the version often.
  if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
    around.out(`${version}\n`)
    return Exit.Ok
  }
  try {
    return (
      (await execAtOnce(words, around)) ??
      (await queryAtOnce(words, around)) ??
      (await demoAtOnce(words)) ??
      (await serveAtOnce(words, around)) ??
      (await (
        await choose(words, around)
      )())
    )
  } catch (error) {
    if (isUsageError(error)) {
      const [first = '-'] = words
      const command = first.startsWith('-') ? '' : `${first} `
      around.err(`rootwalk: ${error.message}${await didYouMean(error.message)}\nTry: rootwalk ${command}--help\n`)
      return Exit.Usage
    }
    around.err(`rootwalk: ${bugText(error)}\n`)
    return Exit.Failure
  }
}

class UsageError extends Error {}

/** What yargs finds wrong in a command that it loads when it is named comes past its own handler, as a YError. */
const isUsageError = (error: unknown): error is Error =>
  error instanceof UsageError || (error instanceof Error && error.name === 'YError')

/**
 * `exec` adds to the time of the command it runs, whose arguments are not ours: read without yargs. Null: yargs reports
 * the error.
 */
async function execAtOnce(words: readonly string[], around: CliContext): Promise<number | null> {
  if (words[0] !== 'exec') return null
  const { readExecWords } = await import('./cli/exec-args.ts')
  const options = readExecWords(words.slice(1))
  if (options === null) return null
  const { runExec } = await import('./cli/exec.ts')
  return runExec(options, around)
}

/** Null: help is wanted, which yargs knows as of all commands. */
async function demoAtOnce(words: readonly string[]): Promise<number | null> {
  if (words[0] !== 'demo' || words.includes('--help') || words.includes('-h')) return null
  const { runDemo } = await import('./demo/demo.ts')
  return runDemo(words.slice(1))
}

/** Arguments in the style of dig have their own rules. Null: help is wanted. */
async function queryAtOnce(words: readonly string[], around: CliContext): Promise<number | null> {
  if (words[0] !== 'query') return null
  const { runQueryLine } = await import('./cli/query/line.ts')
  const ran = await runQueryLine(words.slice(1), family => ownServer(around, family), around)
  if (typeof ran === 'object' && ran !== null) throw new UsageError(ran.usage)
  return ran
}

/** `serve` starts in less time without yargs. Null: yargs shall help, or say what is wrong. */
async function serveAtOnce(words: readonly string[], around: CliContext): Promise<number | null> {
  if (words[0] !== 'serve') return null
  const [{ readServeWords }, { runServe }] = await Promise.all([
    import('./cli/serve-args.ts'),
    import('./cli/serve.ts'),
  ])
  const read = readServeWords(words.slice(1))
  return read === null
    ? null
    : runServe(
        { file: read.file, environment: around.environment, flags: read.flags, directory: around.directory },
        around,
      )
}

/** yargs suggests commands; flags are left to us. */
async function didYouMean(message: string): Promise<string> {
  const unknown = /^Unknown arguments?: ([\w-]+)/.exec(message)?.[1]
  if (unknown === undefined) return ''
  const { flagName, overridable } = await import('./config/sources.ts')
  const { suggest } = await import('./presentation/suggest.ts')
  const { STUB_OPTIONS } = await import('./cli/stub-args.ts')
  const { EXEC_OPTIONS } = await import('./cli/exec-args.ts')
  const near = suggest(unknown, [
    'config',
    'json',
    'tcp',
    'port',
    'type',
    'reverse',
    'origin',
    'print',
    'strict',
    'cd',
    ...Object.keys(DNSSEC_OPTIONS),
    ...Object.keys({ ...STUB_OPTIONS, ...EXEC_OPTIONS }),
    ...overridable().map(setting => flagName(setting.path)),
  ])
  return near === null ? '' : ` (did you mean --${near}?)`
}

type Command = () => Promise<number>
/** Handlers only say what is to be done; it is done when the words have been understood. */
type Choose = (command: Command) => void

async function choose(words: readonly string[], around: CliContext): Promise<Command> {
  const { default: yargs } = await import('yargs')
  const chosen: { command: Command } = { command: () => Promise.resolve(Exit.Ok) }
  const take: Choose = command => {
    chosen.command = command
  }
  // After "--" comes the command of the user.
  const own = words[0] === 'exec' && words.includes('--') ? words.slice(0, words.indexOf('--')) : words
  const cli = yargs([...own])
    .scriptName('rootwalk')
    .usage(
      'rootwalk walks the DNS from the root: a recursive resolver, and tools to look at what it ' +
        'sees.\n\nUsage: $0 <command> [options]',
    )
    .version(version)
    .alias({ h: 'help', V: 'version' })
    .strict()
    .recommendCommands()
    .demandCommand(1, 'A command is needed.')
    .showHelpOnFail(false)
    .exitProcess(false)
    .parserConfiguration({ 'camel-case-expansion': false, 'duplicate-arguments-array': true })
    .fail((message: string | null, error: Error | undefined) => {
      // What yargs itself finds comes as a message, as a YError, or both; the rest was thrown by a command.
      throw error === undefined || error.name === 'YError'
        ? new UsageError(message ?? error?.message ?? 'wrong usage')
        : error
    })
    // Complaints are English like all else that is said, and are looked at (didYouMean).
    .detectLocale(false)
    .wrap(HELP_COLUMNS)
  await addCompletion(cli, words)
  const readsOptions = words.some(word => word === '--help' || word === '-h' || word.startsWith('--get-yargs'))
  addServe(cli, around, take, readsOptions)
  for (const add of [addQuery, addExplain, addOpen, addDemo, addStub, addExec, addCheckConfig, addCheckZone, addDdr])
    add(cli, around, take)
  await cli.parseAsync([...own], {}, (_error: Error | undefined, _argv: unknown, text: string) => {
    if (text !== '') around.out(`${withoutTypeOfText(text)}\n`)
  })
  return chosen.command
}

/** Help without `[string]`: that nearly all options are text says nothing. The column of the others stays. */
const withoutTypeOfText = (help: string): string =>
  help
    .split('\n')
    .flatMap(line => {
      if (!line.includes('[string]')) return line
      const left = line.replaceAll('[string]', '        ').trimEnd()
      return left === '' ? [] : left
    })
    .join('\n')

/** The script, and what it asks for while somebody types: that has to be known before the words are read. */
async function addCompletion(cli: Argv, words: readonly string[]): Promise<void> {
  const name = 'completion'
  const describe = 'Print a completion script for bash or zsh'
  if (!words.some(word => word.startsWith('--get-yargs'))) {
    cli.completion(name, describe)
    return
  }
  const { completeQuery } = await import('./cli/completion.ts')
  cli.completion(
    name,
    describe,
    (
      current: string,
      argv: { readonly _?: readonly unknown[] },
      usual: () => void,
      done: (offered: string[]) => void,
    ) => {
      const own = completeQuery(current, argv._ ?? [])
      if (own === null) usual()
      else done([...own])
    },
  )
}

const HELP_COLUMNS = 80
const CONFIG_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'Configuration file (default: the first of ./, ~/.config/rootwalk/, /etc/rootwalk/)',
} as const satisfies Options

/** Shorter words for the settings that are tried by hand. */
const DNSSEC_OPTIONS = {
  'trust-anchors': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'File with DS or DNSKEY records to trust instead of the built-in ones; repeatable',
  },
  dnssec: { type: 'boolean', describe: 'Validate (default); --no-dnssec turns validation off' },
} as const satisfies Readonly<Record<string, Options>>

/** Of commands that walk from the root once. */
const WALK_OPTIONS = {
  config: { ...CONFIG_OPTION, alias: 'c' },
  'root-hints': { type: 'string', requiresArg: true, describe: 'Hints file instead of the built-in root servers' },
  ...DNSSEC_OPTIONS,
  'upstream-port': {
    alias: 'p',
    type: 'string',
    requiresArg: true,
    describe: 'Port of the servers that are asked',
  },
} as const satisfies Readonly<Record<string, Options>>

function dnssecOverrides(argv: Arguments): Override[] {
  const files = list(argv['trust-anchors'])
  return [
    ...(files.length === 0 ? [] : [{ label: '--trust-anchors', path: ['dnssec', 'trustAnchors'], value: files }]),
    ...(typeof argv.dnssec === 'boolean'
      ? [{ label: argv.dnssec ? '--dnssec' : '--no-dnssec', path: ['dnssec', 'validate'], value: String(argv.dnssec) }]
      : []),
  ]
}

/**
 * yargs makes the help text of a command whenever it runs; for all these flags it would take a tenth of the time to
 * start.
 */
function addServe(cli: Argv, around: CliContext, take: Choose, readsOptions: boolean): void {
  cli.command(
    'serve',
    'Run the resolver',
    async command => {
      const { flagName, overridable, takesList } = await import('./config/sources.ts')
      const { choicesOf, heading } = await import('./cli/serve-help.ts')
      command.option('config', { ...CONFIG_OPTION, alias: 'c', group: 'Server:' })
      for (const setting of overridable()) {
        const group = setting.path.length === 1 ? 'Server:' : `${heading(setting.path[0] ?? '')}:`
        const { description = '', default: value } = setting.schema
        const choices = choicesOf(setting.schema)
        const shown =
          value === undefined || takesList(setting) || typeof value === 'object'
            ? {}
            : { defaultDescription: String(value) }
        command.option(flagName(setting.path), {
          type: 'string',
          requiresArg: true,
          group,
          describe: choices.length === 0 ? description : `${description} One of: ${choices.join(', ')}.`,
          hidden: !readsOptions,
          ...shown,
        })
      }
      return command
        .options(
          Object.fromEntries(
            Object.entries(DNSSEC_OPTIONS).map(([name, option]) => [name, { ...option, group: 'Server:' }]),
          ),
        )
        .example('$0 serve', 'On port 53 of this host, or as the configuration says')
        .example('$0 serve --listen 127.0.0.1:5300', 'Without privileges, on a high port')
    },
    argv =>
      take(async () => {
        const { runServe } = await import('./cli/serve.ts')
        const { overridable } = await import('./config/sources.ts')
        return runServe(
          sourcesFrom(argv, around, [
            ...(await overridesFrom(
              argv,
              overridable().map(setting => setting.path),
            )),
            ...dnssecOverrides(argv),
          ]),
          around,
        )
      }),
  )
}

/** Only for help and completion: `queryAtOnce` runs it. */
function addQuery(cli: Argv, _around: CliContext, take: Choose): void {
  cli.command(
    'query [words..]',
    'Ask a server, as dig does',
    async command => {
      const { QUERY_HELP, QUERY_OPTIONS } = await import('./cli/query/help.ts')
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

/** Where our own resolver listens, as far as the configuration says. */
async function ownServer(
  around: CliContext,
  family: 4 | 6 | null,
): Promise<{ readonly address: string; readonly port: number }> {
  const { loadConfig } = await import('./config/sources.ts')
  const { DNS_PORT } = await import('./ports.ts')
  const result = loadConfig({
    file: undefined,
    environment: around.environment,
    flags: [],
    directory: around.directory,
  })
  const listen = result.kind === 'config' ? result.config.listen : []
  const first = listen.find(
    ({ address, service }) => service === undefined && (family === null || address.includes(':') === (family === 6)),
  )
  if (first === undefined) return { address: family === 6 ? '::1' : '127.0.0.1', port: DNS_PORT }
  const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  return { address: wildcards[first.address] ?? first.address, port: first.port }
}

function addExplain(cli: Argv, around: CliContext, take: Choose): void {
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
        const { runExplain } = await import('./cli/explain.ts')
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
  const { loadConfig } = await import('./config/sources.ts')
  const flags = [...(await overridesFrom(argv, [['rootHints'], ['upstream', 'port']])), ...dnssecOverrides(argv)]
  const result = loadConfig(sourcesFrom(argv, around, flags))
  return result.kind === 'invalid'
    ? (await import('./cli/check.ts')).runCheckConfig(result, around)
    : use(result.config)
}

const hasColour = ({ terminal, environment }: CliContext): boolean => terminal && (environment.NO_COLOR ?? '') === ''

function addOpen(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'open <url>',
    'Open a URL and show what happens on the way',
    async command => {
      const { OPEN_EPILOGUE, OPEN_OPTIONS } = await import('./cli/open-args.ts')
      return command
        .positional('url', { type: 'string', demandOption: true, describe: 'https:// unless it says otherwise' })
        .options({ ...OPEN_OPTIONS, ...WALK_OPTIONS })
        .example('$0 open https://www.example.com/ --repeat 2', 'What is slow at first, and what stays slow')
        .example('$0 open https://localhost:8443/ --ip 127.0.0.1 --ca ca.pem', 'A server of your own')
        .epilogue(OPEN_EPILOGUE)
    },
    argv =>
      take(async () => {
        const { readOpenOptions } = await import('./cli/open-args.ts')
        const read = readOpenOptions(argv)
        if (read.kind === 'usage') throw new UsageError(read.message)
        const { runOpen } = await import('./cli/open.ts')
        return withConfig(argv, around, config =>
          runOpen(config, read.command, { colour: hasColour(around), columns: around.columns ?? HELP_COLUMNS }, around),
        )
      }),
  )
}

/** Only for help and completion: `demoAtOnce` runs it. */
function addDemo(cli: Argv, _around: CliContext, take: Choose): void {
  cli.command(
    'demo [words..]',
    'Run the resolver in a simulated internet',
    command =>
      command
        .positional('words', { type: 'string', array: true, describe: 'With --once: NAME [TYPE]' })
        .options({
          port: {
            type: 'number',
            requiresArg: true,
            defaultDescription: '5300',
            describe: 'Port on 127.0.0.1; 0 lets the system choose',
          },
          once: { type: 'boolean', describe: 'Ask one question, print the walk and the answer, exit' },
        })
        .example('$0 demo', 'Then, in another terminal: dig @127.0.0.1 -p 5300 www.example.com')
        .example('$0 demo --once www.example.com', 'One walk'),
    () => take(() => Promise.resolve(Exit.Usage)),
  )
}

function addStub(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'stub',
    'Run a DNS stub for tests',
    async command => {
      const { STUB_OPTIONS } = await import('./cli/stub-args.ts')
      return command
        .options(STUB_OPTIONS)
        .example('$0 stub --zone test.zone --port 5353', 'Answer from a zone file')
        .example('$0 stub --control 127.0.0.1:0 --print-port', 'For a test that sets records and faults over HTTP')
    },
    argv =>
      take(async () => {
        const { readStubOptions } = await import('./cli/stub-args.ts')
        const read = readStubOptions(argv)
        if (read.kind === 'usage') throw new UsageError(read.message)
        const { runStub } = await import('./cli/stub.ts')
        return runStub(read.command, around)
      }),
  )
}

/** Only for help and complaints: `execAtOnce` runs it. */
function addExec(cli: Argv, _around: CliContext, take: Choose): void {
  cli.command(
    'exec',
    'Run a command whose only network is a DNS stub',
    async command => {
      const { EXEC_OPTIONS } = await import('./cli/exec-args.ts')
      return command
        .usage('Usage: $0 exec [options] -- COMMAND …')
        .options(EXEC_OPTIONS)
        .example(
          '$0 exec --zone test.zone --assert-no-unmatched -- npm test',
          'Also fails when a test queries a name that is not in the zone',
        )
        .epilogue(
          'The command runs in a private network: port 53 of 127.0.0.1 is the stub, and nothing else can be ' +
            'reached. Its exit code is passed on.',
        )
    },
    () =>
      take(() => {
        throw new UsageError('the command is missing: rootwalk exec [options] -- COMMAND …')
      }),
  )
}

function addCheckConfig(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'check-config [file]',
    'Check a configuration and list its errors',
    command => command.positional('file', { type: 'string', describe: 'Default: the one that serve would use' }),
    argv =>
      take(async () => {
        const { loadConfig } = await import('./config/sources.ts')
        const { runCheckConfig } = await import('./cli/check.ts')
        return runCheckConfig(
          loadConfig({
            file: text(argv.file),
            environment: around.environment,
            flags: [],
            directory: around.directory,
          }),
          around,
        )
      }),
  )
}

function addDdr(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'ddr [file]',
    'Print the records and DHCP options that lead clients to the encrypted listeners',
    command =>
      command.positional('file', {
        type: 'string',
        describe: 'A configuration; default: the one that serve would use',
      }),
    argv =>
      take(async () => {
        const { loadConfig } = await import('./config/sources.ts')
        const { runDdr } = await import('./cli/ddr.ts')
        return runDdr(
          loadConfig({
            file: text(argv.file),
            environment: around.environment,
            flags: [],
            directory: around.directory,
          }),
          around,
        )
      }),
  )
}

function addCheckZone(cli: Argv, around: CliContext, take: Choose): void {
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
        const { runCheckZone } = await import('./cli/check.ts')
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

/** Given twice, the last one counts. */
const text = (value: unknown): string | undefined =>
  Array.isArray(value) ? text(value.at(-1)) : value === undefined ? undefined : String(value)

const list = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]

const sourcesFrom = (argv: Arguments, around: CliContext, flags: readonly Override[]): ConfigSources => ({
  file: text(argv.config),
  environment: around.environment,
  flags,
  directory: around.directory,
})

/** The settings among the flags. Lists may be given with commas or by repeating the flag. */
async function overridesFrom(argv: Arguments, paths: readonly (readonly string[])[]): Promise<Override[]> {
  const { flagName, overridable, takesList } = await import('./config/sources.ts')
  const lists = new Set(
    overridable()
      .filter(takesList)
      .map(setting => flagName(setting.path)),
  )
  const { items } = await import('./cli/serve-args.ts')
  return paths.flatMap((path): Override[] => {
    const name = flagName(path)
    const value = argv[name]
    if (value === undefined) return []
    return [{ label: `--${name}`, path, value: lists.has(name) ? list(value).flatMap(items) : (text(value) ?? '') }]
  })
}

/** Started as a program, and not imported by a test? */
const isProgram = (): boolean =>
  process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href

if (isProgram()) {
  // A reader that has seen enough (head, less) is no failure.
  process.stdout.on('error', error => process.exit('code' in error && error.code === 'EPIPE' ? Exit.Ok : Exit.Failure))
  process.exitCode = await main(process.argv.slice(2), {
    out: written => process.stdout.write(written),
    err: written => process.stderr.write(written),
    environment: process.env,
    directory: process.cwd(),
    terminal: process.stdout.isTTY === true,
    ...(process.stdout.isTTY === true ? { columns: process.stdout.columns } : {}),
    ...(process.stderr.isTTY === true
      ? { errorTerminal: { write: text => void process.stderr.write(text), now: () => performance.now() } }
      : {}),
  })
}
