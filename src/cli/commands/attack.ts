/** `attack`: what known attacks bring about. */
import type { Argv } from 'yargs'
import { type Choose, type CliContext, hasColour, text, UsageError } from './options.ts'

const EPILOGUE =
  'Without --target the attacks run inside this process, on a virtual clock: nothing is sent. With it they go to a ' +
  'resolver on a loopback address, or in a network namespace without a way out, and never to another one. ' +
  'Exit code: 0 all were held, 1 not all, 69 the target does not resolve there, 77 the target is refused.'

const MAX_PORT = 65_535

export function addAttack(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'attack <action> [name]',
    'Replay known attacks on resolvers and measure what they bring about',
    command =>
      command
        .positional('action', {
          type: 'string',
          choices: ['list', 'run', 'score', 'hints'],
          demandOption: true,
          describe: 'list them, run one, run all; hints prints the root hints for a target',
        })
        .positional('name', { type: 'string', describe: 'With run: which attack' })
        .options({
          target: { type: 'string', requiresArg: true, describe: 'A resolver on this machine, such as 127.0.0.1:5300' },
          'internet-port': {
            type: 'number',
            requiresArg: true,
            default: 5354,
            describe: 'With --target: port of the servers that it asks, on 127.54.0.0/16',
          },
          seed: { type: 'number', requiresArg: true, default: 1, describe: 'Equal seeds give equal numbers' },
          json: { type: 'boolean', describe: 'The score card as JSON' },
          html: { type: 'string', requiresArg: true, describe: 'Write the score card as a page into this file' },
        })
        .example('$0 attack run nxns', 'One attack, with all that was measured')
        .example('$0 attack score --html score.html', 'All of them, as a page')
        .epilogue(EPILOGUE),
    argv =>
      take(async () => {
        const action = text(argv.action)
        if (action !== 'list' && action !== 'run' && action !== 'score' && action !== 'hints')
          throw new UsageError('attack takes list, run, score or hints')
        const port = Number(argv['internet-port'])
        if (!(Number.isInteger(port) && port > 0 && port <= MAX_PORT))
          throw new UsageError('--internet-port takes a port')
        const seed = Number(argv.seed)
        if (!Number.isSafeInteger(seed)) throw new UsageError('--seed takes a whole number')
        const { runAttacks } = await import('../attack/run.ts')
        const [name, target, html] = [text(argv.name), text(argv.target), text(argv.html)]
        const json = argv.json === true
        return runAttacks({ action, name, target, port, seed, json, html, colour: hasColour(around) }, around)
      }),
  )
}
