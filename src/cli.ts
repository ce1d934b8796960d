#!/usr/bin/env node
/**
 * The command line: says which commands and options there are, and hands over to the file of the command. The only file
 * that reads the arguments. Data goes to standard output, talk to standard error; commands are loaded when they are
 * used.
 */
import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { bugText } from './events.ts'
import { addCommands } from './cli/commands/all.ts'
import {
  type Choose,
  type CliContext,
  type Command,
  DNSSEC_OPTIONS,
  HELP_COLUMNS,
  UsageError,
} from './cli/commands/options.ts'
import { Exit } from './cli/startup-problems.ts'
import { version } from './system/version.ts'

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
    'offline',
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
  const readsOptions = words.some(word => word === '--help' || word === '-h')
  addCommands(cli, around, take, readsOptions)
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
