/** `doctor`: a look at this machine. */
import type { Argv } from 'yargs'
import {
  type Choose,
  type CliContext,
  dnssecOverrides,
  hasColour,
  overridesFrom,
  sourcesFrom,
  WALK_OPTIONS,
} from './options.ts'

const EPILOGUE =
  'Exit code: 0 nothing is wrong, 1 something is. Checked are the configuration, who holds the ports, ' +
  '/etc/resolv.conf, systemd-resolved, the clock, IPv6, the way to root servers or forwarders with EDNS and TCP, ' +
  'open files, receive buffers and the state directory. Nothing is changed.'

export function addDoctor(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'doctor',
    'Check this machine and the way to servers, and say what to do',
    command =>
      command
        .options({
          json: { type: 'boolean', describe: 'The findings as JSON' },
          strict: { type: 'boolean', describe: 'Warnings count in the exit code too' },
          offline: { type: 'boolean', describe: 'Send nothing: check only this machine' },
          ...WALK_OPTIONS,
        })
        .example('$0 doctor', 'Before the first start, or when something is wrong')
        .example('sudo $0 doctor --json', 'Everything, with who holds the ports, for a program')
        .epilogue(EPILOGUE),
    argv =>
      take(async () => {
        const { loadConfig } = await import('../../config/sources.ts')
        const { runDoctor } = await import('../doctor/run.ts')
        const { thisMachine } = await import('../doctor/world.ts')
        const flags = [...(await overridesFrom(argv, [['rootHints'], ['upstream', 'port']])), ...dnssecOverrides(argv)]
        const options = {
          json: argv.json === true,
          colour: hasColour(around),
          strict: argv.strict === true,
          offline: argv.offline === true,
        }
        return runDoctor(loadConfig(sourcesFrom(argv, around, flags)), options, thisMachine(), around)
      }),
  )
}
