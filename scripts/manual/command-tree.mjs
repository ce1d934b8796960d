// @ts-check
/**
 * The commands and options of the command line as data. What describes them to yargs describes them to a recorder here,
 * so that manual pages and completions have what the program has.
 *
 * @typedef {{
 *   name: string, aliases: readonly string[], describe: string, takesValue: boolean, array: boolean,
 *   choices: readonly string[], file: boolean, group: string, default: string
 * }} Option `name` without its hyphens; `default` as text, empty: none.
 * @typedef {{ name: string, describe: string, choices: readonly string[], array: boolean, file: boolean }} Positional
 * @typedef {{
 *   name: string, usage: string, describe: string, options: readonly Option[], positionals: readonly Positional[],
 *   examples: readonly (readonly [string, string])[], epilogue: string
 * }} Command `usage` is what follows `rootwalk`.
 * @typedef {Record<string, any>} Described As yargs takes it.
 */

/** What a word of the command line stands for, where its description alone says so. */
const FILES = new Set([
  ...['config', 'root-hints', 'trust-anchors', 'token-file', 'ca', 'zone', 'records', 'record', 'cassette'],
  ...['f', 'k', 'file', 'files', 'html', 'tls-certificate', 'tls-key', 'query-log-file', 'state'],
  ...['lists', 'zones', 'policy', 'cookies-secret'],
])
/** Values of options that read them by themselves, by command and option. @type {Record<string, readonly string[]>} */
const VALUES = {
  'stub --unlisted': ['nxdomain', 'refused', 'servfail', 'timeout', 'forward'],
  'stub --mode': ['record', 'replay', 'once'],
  'query --class': ['IN', 'CH', 'HS'],
  'open --request': ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
}

/** Of every command. @type {readonly Option[]} */
const COMMON = [
  optionOf('', 'help', { type: 'boolean', alias: 'h', describe: 'Show help' }),
  optionOf('', 'version', { type: 'boolean', alias: 'V', describe: 'Show version number' }),
]

/**
 * @param {(cli: any, around: any, take: any, readsOptions: boolean) => void} addCommands Of the program.
 * @param {{ settings: readonly { flag: string, choices: readonly string[] }[], types: readonly string[] }} values
 * Settings with their flags, and record types.
 * @returns {Promise<readonly Command[]>}
 */
export async function commandTree(addCommands, { settings, types }) {
  /** @type {{ spec: string, describe: string, builder: unknown }[]} */
  const found = []
  const list = {
    command: (/** @type {[string, string, unknown]} */ ...[spec, describe, builder]) =>
      found.push({ spec, describe, builder }),
  }
  addCommands(list, { environment: {}, directory: '/', terminal: false, out() {}, err() {} }, () => {}, true)
  const choicesOfFlag = new Map(settings.map(({ flag, choices }) => [flag, choices]))
  const commands = []
  for (const { spec, describe, builder } of found) {
    const command = await recorded(spec, describe, builder)
    const options = command.options.map(option => ({
      ...option,
      choices:
        option.choices.length > 0 || !option.takesValue
          ? option.choices
          : option.name === 'type'
            ? types
            : ((command.name === 'serve' ? choicesOfFlag.get(option.name) : undefined) ?? []),
    }))
    const positionals = command.positionals.map(positional =>
      positional.name === 'type' ? { ...positional, choices: types } : positional,
    )
    commands.push({ ...command, options, positionals })
  }
  return commands
}

/** @param {string} spec @param {string} describe @param {unknown} builder @returns {Promise<Command>} */
async function recorded(spec, describe, builder) {
  const name = spec.split(' ')[0] ?? spec
  /** @type {Option[]} */
  const options = []
  /** @type {Positional[]} */
  const positionals = []
  /** @type {(readonly [string, string])[]} */
  const examples = []
  let usage = spec
  let epilogue = ''
  const recorder = {
    option(/** @type {string} */ option, /** @type {Described} */ described) {
      options.push(optionOf(name, option, described))
      return recorder
    },
    options(/** @type {Record<string, Described>} */ all) {
      for (const [option, described] of Object.entries(all)) recorder.option(option, described)
      return recorder
    },
    positional(/** @type {string} */ positional, /** @type {Described} */ described) {
      const { describe: text = '', choices = [], type } = described
      positionals.push({
        name: positional,
        describe: text,
        choices: choices.map(String),
        array: described.array === true || type === 'array',
        file: FILES.has(positional),
      })
      return recorder
    },
    example(/** @type {string} */ command, /** @type {string} */ text) {
      examples.push([plain(command), text])
      return recorder
    },
    epilogue(/** @type {string} */ text) {
      epilogue = text
      return recorder
    },
    usage(/** @type {string} */ text) {
      usage = text.replace(/^Usage: \$0 /, '')
      return recorder
    },
  }
  if (typeof builder === 'function') await builder(recorder)
  return { name, usage, describe, options: [...options, ...COMMON], positionals, examples, epilogue }
}

/** @param {string} command @param {string} name @param {Described} described @returns {Option} */
function optionOf(command, name, described) {
  const {
    alias = [],
    describe = '',
    type = 'string',
    array = false,
    choices,
    group = '',
    defaultDescription,
  } = described
  const value = defaultDescription ?? described.default
  return {
    name,
    aliases: [alias].flat(),
    describe,
    takesValue: type !== 'boolean',
    array,
    choices: (choices ?? VALUES[`${command} --${name}`] ?? []).map(String),
    file: FILES.has(name),
    group: group.replace(/:$/, ''),
    default: value === undefined || value === '' ? '' : String(value),
  }
}

/** @param {string} text */
const plain = text => text.replaceAll('$0', 'rootwalk')

/** As it is typed: `--port`, `-p`. @param {string} name */
export const dashed = name => (name.length === 1 ? `-${name}` : `--${name}`)
