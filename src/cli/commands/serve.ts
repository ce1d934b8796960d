/** `serve`: the resolver itself, with a flag for each setting. */
import type { Argv } from 'yargs'
import {
  type Choose,
  type CliContext,
  CONFIG_OPTION,
  DNSSEC_OPTIONS,
  dnssecOverrides,
  overridesFrom,
  sourcesFrom,
} from './options.ts'

/**
 * yargs makes the help text of a command whenever it runs; for all these flags it would take a tenth of the time to
 * start.
 */
export function addServe(cli: Argv, around: CliContext, take: Choose, readsOptions: boolean): void {
  cli.command(
    'serve',
    'Run the resolver',
    async command => {
      const { flagName, overridable, takesList } = await import('../../config/sources.ts')
      const { choicesOf, heading } = await import('../serve-help.ts')
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
        .example('$0 serve --lists ads.txt --lists https://lists.example/hosts', 'What lists name is blocked')
    },
    argv =>
      take(async () => {
        const { runServe } = await import('../serve.ts')
        const { overridable } = await import('../../config/sources.ts')
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
