/** Commands that change what a running server has: `token`, `zone`, `config`. */
import type { Argv, Options } from 'yargs'
import { ADMIN_OPTIONS, flagsOf } from './admin.ts'
import { type Arguments, type Choose, type CliContext, list, text, UsageError } from './options.ts'

export function addChanges(cli: Argv, around: CliContext, take: Choose): void {
  addToken(cli, around, take)
  addZone(cli, around, take)
  addConfig(cli, around, take)
}

function addToken(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'token <action> [token]',
    'Make, list and revoke tokens for the API',
    command =>
      command
        .positional('action', {
          type: 'string',
          choices: ['create', 'list', 'revoke'],
          demandOption: true,
          describe: 'What to do; create asks no server unless one is named',
        })
        .positional('token', { type: 'string', describe: 'With revoke: its name' })
        .options({
          ...ADMIN_OPTIONS,
          name: { type: 'string', requiresArg: true, default: 'new', describe: 'What the audit log calls it' },
          scope: {
            type: 'string',
            choices: ['read', 'operate', 'write', 'admin'],
            default: 'read',
            describe: 'What it may do',
          },
          expires: { type: 'string', requiresArg: true, describe: 'When it ends, such as 2027-01-01' },
          'on-server': { type: 'boolean', describe: 'With create: at the server that the configuration names' },
        })
        .example('$0 token create --name ci --scope read > ci.token', 'The setting to add goes to the terminal')
        .example('$0 token create --name ci --on-server > ci.token', 'The running server takes it at once')
        .example('$0 token revoke ci', 'Ends it, and the sessions that began with it'),
    argv => take(() => runTokenAction(argv, around)),
  )
}

async function runTokenAction(argv: Arguments, around: CliContext): Promise<number> {
  const { runToken, runTokenCreate } = await import('../admin/token.ts')
  const { parseInstant } = await import('../../config/values.ts')
  const flags = flagsOf(argv)
  const action = text(argv.action)
  if (action === 'list') return runToken({ kind: 'list' }, flags, around)
  if (action === 'revoke') {
    const name = text(argv.token)
    if (name === undefined) throw new UsageError('token revoke takes the name of a token')
    return runToken({ kind: 'revoke', name }, flags, around)
  }
  const written = text(argv.expires)
  const expires = written === undefined ? null : parseInstant(written)
  if (written !== undefined && expires === null)
    throw new UsageError(`--expires ${written}: expected a date such as 2027-01-01`)
  const name = text(argv.name) ?? 'new'
  if (!/^[\w.-]{1,64}$/.test(name)) throw new UsageError('--name takes letters, digits, ".", "-" and "_"')
  const scope = text(argv.scope) ?? 'read'
  const isElsewhere = argv['on-server'] === true || flags.admin !== undefined || flags.tokenFile !== undefined
  return isElsewhere
    ? runToken({ kind: 'create', name, scope, expires }, flags, around)
    : runTokenCreate({ name, scope, expires: written, json: flags.json }, around)
}

/** Of commands that change something. */
const CHANGE_OPTIONS: Readonly<Record<string, Options>> = {
  'dry-run': { type: 'boolean', describe: 'Only show what would change' },
  comment: { type: 'string', requiresArg: true, describe: 'Why, for the history' },
}

function addZone(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'zone <action> [zone] [what..]',
    'List, show and change the zones that are served, undo changes, and have zones transferred',
    command =>
      command
        .positional('action', {
          type: 'string',
          choices: [
            ...['list', 'show', 'add', 'set', 'delete', 'history', 'diff', 'undo', 'revert'],
            ...['transfers', 'refresh', 'retransfer'],
          ],
          demandOption: true,
          describe: 'What to do',
        })
        .positional('zone', { type: 'string', describe: 'Its name' })
        .positional('what', {
          type: 'string',
          array: true,
          default: [],
          describe: 'A zone file, or name, type and data; of diff two revisions, of revert one',
        })
        .options({
          ...ADMIN_OPTIONS,
          ...CHANGE_OPTIONS,
          ttl: { type: 'number', requiresArg: true, describe: 'Seconds; default: as the records that are there' },
        })
        .example('$0 zone add lan lan.zone', 'Makes a zone from a file')
        .example('$0 zone add lan www.lan A 192.0.2.7', 'One more record')
        .example('$0 zone set lan www.lan A 192.0.2.8 --dry-run', 'What would change')
        .example('$0 zone undo lan', 'Takes the last change back')
        .example('$0 zone transfers', 'Zones that other servers send: version, last transfer, expiry, failures')
        .example('$0 zone refresh corp.example', 'Asks its primaries now; retransfer fetches all of it'),
    argv =>
      take(async () => {
        const { runZone, zoneTask } = await import('../admin/zone.ts')
        const task = zoneTask({
          action: text(argv.action) ?? '',
          zone: text(argv.zone) ?? null,
          what: list(argv.what),
          ttl: typeof argv.ttl === 'number' ? argv.ttl : null,
          dryRun: argv['dry-run'] === true,
          comment: text(argv.comment) ?? null,
        })
        if ('error' in task) throw new UsageError(task.error)
        return runZone(task, flagsOf(argv), around)
      }),
  )
}

function addConfig(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'config <action> [setting] [value]',
    'Show the settings of the running server, and change those that need no restart',
    command =>
      command
        .positional('action', {
          type: 'string',
          choices: ['show', 'set', 'unset', 'history', 'undo', 'revert'],
          demandOption: true,
          describe: 'What to do',
        })
        .positional('setting', { type: 'string', describe: 'Such as dnssec.validate; of revert a revision' })
        .positional('value', { type: 'string', describe: 'As in the configuration file' })
        .options({ ...ADMIN_OPTIONS, ...CHANGE_OPTIONS })
        .example('$0 config show dnssec', 'With where each value comes from')
        .example('$0 config set allow \'["127.0.0.0/8", "10.0.0.0/8"]\' --dry-run', 'Would it hold?')
        .example('$0 config undo', 'Takes the last change back'),
    argv =>
      take(async () => {
        const { configTask, runConfig } = await import('../admin/config.ts')
        const task = configTask({
          action: text(argv.action) ?? '',
          setting: text(argv.setting) ?? null,
          value: text(argv.value) ?? null,
          dryRun: argv['dry-run'] === true,
          comment: text(argv.comment) ?? null,
        })
        if ('error' in task) throw new UsageError(task.error)
        return runConfig(task, flagsOf(argv), around)
      }),
  )
}
