/** What commands share: the words around them, options that several have, and how their values are read. */
import type { Options } from 'yargs'
import type { ConfigSources, Override } from '../../config/types.ts'
import type { Output } from '../output.ts'

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

export type Arguments = Readonly<Record<string, unknown>>

/** The words are wrong; the message says how. */
export class UsageError extends Error {}

export type Command = () => Promise<number>
/** Handlers only say what is to be done; it is done when the words have been understood. */
export type Choose = (command: Command) => void

/** https://no-color.org: any value switches colours off. */
export const hasColour = ({ terminal, environment }: CliContext): boolean =>
  terminal && (environment.NO_COLOR ?? '') === ''

export const HELP_COLUMNS = 80
export const CONFIG_OPTION: Options = {
  type: 'string',
  requiresArg: true,
  describe: 'Configuration file (default: the first of ./, ~/.config/rootwalk/, /etc/rootwalk/)',
}

/** Shorter words for the settings that are tried by hand. */
export const DNSSEC_OPTIONS: Readonly<Record<string, Options>> = {
  'trust-anchors': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'File with DS or DNSKEY records to trust instead of the built-in ones; repeatable',
  },
  dnssec: { type: 'boolean', describe: 'Validate (default); --no-dnssec turns validation off' },
}

/** Of commands that walk from the root once. */
export const WALK_OPTIONS: Readonly<Record<string, Options>> = {
  config: { ...CONFIG_OPTION, alias: 'c' },
  'root-hints': { type: 'string', requiresArg: true, describe: 'Hints file instead of the built-in root servers' },
  ...DNSSEC_OPTIONS,
  'upstream-port': {
    alias: 'p',
    type: 'string',
    requiresArg: true,
    describe: 'Port of the servers that are asked',
  },
}

export function dnssecOverrides(argv: Arguments): Override[] {
  const files = list(argv['trust-anchors'])
  return [
    ...(files.length === 0 ? [] : [{ label: '--trust-anchors', path: ['dnssec', 'trustAnchors'], value: files }]),
    ...(typeof argv.dnssec === 'boolean'
      ? [{ label: argv.dnssec ? '--dnssec' : '--no-dnssec', path: ['dnssec', 'validate'], value: String(argv.dnssec) }]
      : []),
  ]
}

/** Given twice, the last one counts. */
export const text = (value: unknown): string | undefined =>
  Array.isArray(value) ? text(value.at(-1)) : value === undefined ? undefined : String(value)

export const list = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]

export const sourcesFrom = (argv: Arguments, around: CliContext, flags: readonly Override[]): ConfigSources => ({
  file: text(argv.config),
  environment: around.environment,
  flags,
  directory: around.directory,
})

/** The settings among the flags. Lists may be given with commas or by repeating the flag. */
export async function overridesFrom(argv: Arguments, paths: readonly (readonly string[])[]): Promise<Override[]> {
  const { flagName, overridable, takesList } = await import('../../config/sources.ts')
  const lists = new Set(
    overridable()
      .filter(takesList)
      .map(setting => flagName(setting.path)),
  )
  const { items } = await import('../serve-args.ts')
  return paths.flatMap((path): Override[] => {
    const name = flagName(path)
    const value = argv[name]
    if (value === undefined) return []
    return [{ label: `--${name}`, path, value: lists.has(name) ? list(value).flatMap(items) : (text(value) ?? '') }]
  })
}
