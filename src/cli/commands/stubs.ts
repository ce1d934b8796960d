/** `demo`, `stub` and `exec`: an internet of our own, for people and for tests. */
import type { Argv } from 'yargs'
import { Exit } from '../startup-problems.ts'
import { type Choose, type CliContext, UsageError } from './options.ts'

/** Only for help and completion: `demoAtOnce` runs it. */
export function addDemo(cli: Argv, _around: CliContext, take: Choose): void {
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
          dashboard: {
            type: 'number',
            requiresArg: true,
            defaultDescription: '8530',
            describe: 'Port of the dashboard; 0 lets the system choose',
          },
          once: { type: 'boolean', describe: 'Ask one question, print the walk and the answer, exit' },
        })
        .example('$0 demo', 'Then, in another terminal: dig @127.0.0.1 -p 5300 www.example.com')
        .example('$0 demo --once www.example.com', 'One walk'),
    () => take(() => Promise.resolve(Exit.Usage)),
  )
}

export function addStub(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'stub',
    'Run a DNS stub for tests',
    async command => {
      const { STUB_OPTIONS } = await import('../stub-args.ts')
      return command
        .options(STUB_OPTIONS)
        .example('$0 stub --zone test.zone --port 5353', 'Answer from a zone file')
        .example('$0 stub --control 127.0.0.1:0 --print-port', 'For a test that sets records and faults over HTTP')
    },
    argv =>
      take(async () => {
        const { readStubOptions } = await import('../stub-args.ts')
        const read = readStubOptions(argv)
        if (read.kind === 'usage') throw new UsageError(read.message)
        const { runStub } = await import('../stub.ts')
        return runStub(read.command, around)
      }),
  )
}

/** Only for help and complaints: `execAtOnce` runs it. */
export function addExec(cli: Argv, _around: CliContext, take: Choose): void {
  cli.command(
    'exec',
    'Run a command whose only network is a DNS stub',
    async command => {
      const { EXEC_OPTIONS } = await import('../exec-args.ts')
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
