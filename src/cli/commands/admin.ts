/** Commands that ask a running server: `status`, `cache`, `flush`, `servers`, `reload`, `restart`, `stop`. */
import type { Argv, Options } from 'yargs'
import type { AdminFlags, AdminTask } from '../admin/commands.ts'
import { type Arguments, type Choose, type CliContext, CONFIG_OPTION, text, UsageError } from './options.ts'

/** Where the server is, and how its answer is shown. */
export const ADMIN_OPTIONS: Readonly<Record<string, Options>> = {
  admin: {
    type: 'string',
    requiresArg: true,
    describe: 'Where the server is: unix:PATH or a URL (default: as the configuration says)',
  },
  'token-file': { type: 'string', requiresArg: true, describe: 'File that holds a token, for a server behind a URL' },
  json: { type: 'boolean', describe: 'What the server says, as JSON' },
  config: { ...CONFIG_OPTION, alias: 'c' },
}

const VIEW: Options = {
  type: 'string',
  requiresArg: true,
  describe: 'Of a view with caches of its own ("default": of those who are in no other)',
}
const DRY_RUN: Options = { type: 'boolean', describe: 'Only count what would go' }
const ALL_INSTANCES: Options = {
  type: 'boolean',
  describe: 'On all instances of the shared cache, and say which confirmed it',
}

export const flagsOf = (argv: Arguments): AdminFlags => ({
  config: text(argv.config),
  admin: text(argv.admin),
  tokenFile: text(argv['token-file']),
  json: argv.json === true,
})

type Run = (command: string, taskOf: (argv: Arguments) => AdminTask) => (argv: Arguments) => void

const plain = (command: Argv): Argv => command.options({ ...ADMIN_OPTIONS })

export function addAdmin(cli: Argv, around: CliContext, take: Choose): void {
  const run: Run = (command, taskOf) => argv =>
    take(async () => {
      const { runAdmin } = await import('../admin/commands.ts')
      return runAdmin(command, taskOf(argv), flagsOf(argv), around)
    })
  addPlain(cli, run)
  addCache(cli, run)
  addAnchors(cli, run)
}

/** Of the server as a whole. */
function addPlain(cli: Argv, run: Run): void {
  cli.command(
    'status',
    'Show how the running server is',
    plain,
    run('status', () => ({ kind: 'status' })),
  )
  cli.command(
    'reload',
    'Read configuration and zones again, as SIGHUP does',
    plain,
    run('reload', () => ({ kind: 'reload' })),
  )
  cli.command(
    'restart',
    'Start the program again without losing a query, as SIGUSR1 does',
    plain,
    run('restart', () => ({ kind: 'restart' })),
  )
  cli.command(
    'stop',
    'End the running server, as SIGTERM does',
    plain,
    run('stop', () => ({ kind: 'stop' })),
  )
  cli.command(
    'limits',
    'Networks of clients that are above a limit now, the busiest first',
    plain,
    run('limits', () => ({ kind: 'limits' })),
  )
  cli.command(
    'servers',
    'List the servers that were asked: round trips, EDNS, failures',
    command => plain(command).options({ troubled: { type: 'boolean', describe: 'Only those that fail' }, view: VIEW }),
    run('servers', argv => ({ kind: 'servers', troubled: argv.troubled === true, view: text(argv.view) })),
  )
}

/** Of what it remembers. */
function addCache(cli: Argv, run: Run): void {
  cli.command(
    'cache [name]',
    'Show what is cached of a name, or everything',
    command =>
      plain(command)
        .positional('name', { type: 'string', describe: 'Default: all names' })
        .options({
          kind: {
            type: 'string',
            choices: ['rrsets', 'negatives', 'failures', 'delegations'],
            default: 'rrsets',
            describe: 'Without a name: which entries',
          },
          under: { type: 'string', requiresArg: true, describe: 'Without a name: only at and below this one' },
          view: VIEW,
        })
        .example('$0 cache www.example.com', 'With the TTL that is left and why it is what it is'),
    run('cache', cacheTask),
  )
  cli.command(
    'flush [name]',
    'Remove a name, a subtree or everything from the cache',
    command =>
      plain(command)
        .positional('name', { type: 'string', describe: 'What to remove' })
        .options({
          below: { type: 'boolean', describe: 'And all names below it' },
          all: { type: 'boolean', describe: 'Everything' },
          servers: { type: 'boolean', describe: 'With --all: what is known of servers, too' },
          view: { ...VIEW, describe: 'In this view only (default: in all)' },
          'dry-run': DRY_RUN,
          'all-instances': ALL_INSTANCES,
        })
        .example('$0 flush example.com --below', 'The zone example.com and what is below it')
        .example('$0 flush --all --dry-run', 'How much there is'),
    run('flush', flushTask),
  )
  cli.command(
    'lists [action] [name]',
    'Block and allow lists: rules, what was skipped and why, hits, age',
    command =>
      plain(command)
        .positional('action', {
          type: 'string',
          choices: ['show', 'refresh'],
          default: 'show',
          describe: 'Look, or read and fetch again',
        })
        .positional('name', { type: 'string', describe: 'Of one list everything; default: all lists' })
        .example('$0 lists show ads', 'With the first lines that were skipped'),
    run('lists', argv => ({ kind: 'lists', isRefresh: argv.action === 'refresh', name: text(argv.name) })),
  )
}

/** Of what it does not validate. */
function addAnchors(cli: Argv, run: Run): void {
  cli.command(
    'ntas [action] [name]',
    'Negative trust anchors: names that are not validated for a while',
    command =>
      plain(command)
        .positional('action', {
          type: 'string',
          choices: ['list', 'add', 'delete'],
          default: 'list',
          describe: 'What to do',
        })
        .positional('name', { type: 'string', describe: 'Where, all names below it included' })
        .options({
          hours: { type: 'number', requiresArg: true, default: 24, describe: 'With add: for how long' },
          'all-instances': ALL_INSTANCES,
        })
        .example('$0 ntas add broken.example --hours 6', 'While its owner mends the signatures'),
    run('ntas', anchorTask),
  )
}

const cacheTask = (argv: Arguments): AdminTask => {
  const name = text(argv.name)
  return name === undefined
    ? { kind: 'dump', of: text(argv.kind) ?? 'rrsets', under: text(argv.under), view: text(argv.view) }
    : { kind: 'cache', name, view: text(argv.view) }
}

function flushTask(argv: Arguments): AdminTask {
  const name = text(argv.name)
  const all = argv.all === true
  if ((name === undefined) === !all) throw new UsageError('flush takes a name, or --all')
  if (name === undefined && argv.below === true) throw new UsageError('--below belongs to a name')
  if (name !== undefined && argv.servers === true) throw new UsageError('--servers belongs to --all')
  return {
    kind: 'flush',
    name: name ?? null,
    below: argv.below === true,
    view: text(argv.view),
    servers: argv.servers === true,
    dryRun: argv['dry-run'] === true,
    allInstances: argv['all-instances'] === true,
  }
}

function anchorTask(argv: Arguments): AdminTask {
  const name = text(argv.name)
  const action = text(argv.action)
  if (action === 'list') return { kind: 'negative-anchors' }
  if (name === undefined) throw new UsageError(`ntas ${action} takes a name`)
  const allInstances = argv['all-instances'] === true
  if (action === 'delete') return { kind: 'validate-again', name, allInstances }
  const hours = Number(argv.hours)
  if (!(hours > 0 && hours <= MOST_HOURS)) throw new UsageError('--hours takes a number above 0')
  return { kind: 'validate-not', name, hours, allInstances }
}

/** What a date can still hold; the server has its own bound. */
const MOST_HOURS = 1_000_000
