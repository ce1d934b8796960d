/**
 * `policy why`: which rule decides. `policy test`: what another configuration would answer. `policy status`: policy
 * zones and programs of a running server.
 */
import type { Argv } from 'yargs'
import { ADMIN_OPTIONS, flagsOf } from './admin.ts'
import { CONFIG_OPTION, type Choose, type CliContext, text, UsageError } from './options.ts'

type Words = Readonly<Record<string, unknown>>

export function addPolicy(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'policy <action> [name]',
    'Which rule decides for a client and a name; what another configuration would answer; how zones and programs are',
    command =>
      command
        .positional('action', {
          type: 'string',
          choices: ['why', 'test', 'status'],
          demandOption: true,
          describe: 'What to do',
        })
        .positional('name', { type: 'string', describe: 'What the client asks for' })
        .options({
          ...ADMIN_OPTIONS,
          config: {
            ...CONFIG_OPTION,
            alias: 'c',
            describe: 'With why a file instead of a server, with test the one to try',
          },
          type: { type: 'string', requiresArg: true, default: 'A', describe: 'Record type' },
          client: { type: 'string', requiresArg: true, describe: 'Its address' },
          listener: {
            type: 'string',
            requiresArg: true,
            describe: 'Where it comes in, as in "listen" (default: the first)',
          },
          'client-id': { type: 'string', requiresArg: true, describe: 'What it calls itself' },
          'server-name': { type: 'string', requiresArg: true, describe: 'The name in its TLS handshake' },
          against: { ...CONFIG_OPTION, describe: 'With test the one of now, a file (default: the running server)' },
          queries: {
            type: 'string',
            requiresArg: true,
            describe: 'Query log, or "history" (default: what the one of now keeps)',
          },
          since: { type: 'string', requiresArg: true, describe: 'Only queries of so long: 30m, 24h, 7d' },
          offline: { type: 'boolean', describe: 'Ask no server; what needs one is not compared' },
        })
        .example('$0 policy why ads.example --client 192.168.2.7', 'Asks the running server')
        .example('$0 policy why ads.example --client ::1 --config new.json', 'A file that is not in force yet')
        .example('$0 policy test --config new.json --since 24h', 'Exit code 0: no change, 1: changes'),
    argv => take(() => actions[text(argv.action) ?? '']?.(argv, around) ?? policyWhy(argv, around)),
  )
}

const actions: Readonly<Record<string, (argv: Words, around: CliContext) => Promise<number>>> = {
  test: policyTest,
  status: async (argv, around) => {
    const { runAdmin } = await import('../admin/commands.ts')
    return runAdmin('policy', { kind: 'policy-status' }, flagsOf(argv), around)
  },
}

async function policyWhy(argv: Words, around: CliContext): Promise<number> {
  const name = text(argv.name)
  const client = text(argv.client)
  if (name === undefined) throw new UsageError('policy why takes a name')
  if (client === undefined) throw new UsageError('policy why needs --client ADDRESS')
  const { runWhy } = await import('../admin/why.ts')
  const request = {
    name,
    type: text(argv.type) ?? 'A',
    client,
    listener: text(argv.listener),
    clientId: text(argv['client-id']),
    serverName: text(argv['server-name']),
  }
  return runWhy(request, flagsOf(argv), around)
}

async function policyTest(argv: Words, around: CliContext): Promise<number> {
  const config = text(argv.config)
  if (config === undefined) throw new UsageError('policy test needs --config FILE')
  const since = text(argv.since)
  const sinceS = since === undefined ? null : secondsOf(since)
  if (sinceS === undefined) throw new UsageError(`--since ${since}: expected a time such as 30m, 24h or 7d`)
  const { runPolicyTest } = await import('../policy/test.ts')
  const [against, queries] = [text(argv.against), text(argv.queries)]
  return runPolicyTest({ ...flagsOf(argv), config, against, queries, sinceS, offline: argv.offline === true }, around)
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function secondsOf(words: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(words) ?? []
  const seconds = UNITS[unit]
  return number === undefined || seconds === undefined ? undefined : Number(number) * seconds
}
