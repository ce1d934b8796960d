/** `policy why`: which rule decides. */
import type { Argv } from 'yargs'
import { ADMIN_OPTIONS, flagsOf } from './admin.ts'
import { CONFIG_OPTION, type Choose, type CliContext, text, UsageError } from './options.ts'

export function addPolicy(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'policy <action> [name]',
    'Which rule decides for a client and a name',
    command =>
      command
        .positional('action', { type: 'string', choices: ['why'], demandOption: true, describe: 'What to do' })
        .positional('name', { type: 'string', describe: 'What the client asks for' })
        .options({
          ...ADMIN_OPTIONS,
          config: { ...CONFIG_OPTION, alias: 'c', describe: 'With this file and without a server' },
          type: { type: 'string', requiresArg: true, default: 'A', describe: 'Record type' },
          client: { type: 'string', requiresArg: true, describe: 'Its address' },
          listener: {
            type: 'string',
            requiresArg: true,
            describe: 'Where it comes in, as in "listen" (default: the first)',
          },
          'client-id': { type: 'string', requiresArg: true, describe: 'What it calls itself' },
          'server-name': { type: 'string', requiresArg: true, describe: 'The name in its TLS handshake' },
        })
        .example('$0 policy why ads.example --client 192.168.2.7', 'Asks the running server')
        .example('$0 policy why ads.example --client ::1 --config new.json', 'A file that is not in force yet'),
    argv =>
      take(async () => {
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
      }),
  )
}
