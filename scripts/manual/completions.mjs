// @ts-check
/**
 * Completion scripts for bash, zsh and fish, made from the commands as data. They have all words in them, so that a
 * shell need not start the program to complete.
 *
 * @typedef {import('./command-tree.mjs').Command} Command
 * @typedef {import('./command-tree.mjs').Option} Option
 */
import { dashed } from './command-tree.mjs'

/** @param {Option} option */
const spellings = ({ name, aliases }) => [dashed(name), ...aliases.map(dashed)]

/** For programs that read a whole command line after `--`. @param {Command} command */
const runsOthers = ({ name }) => name === 'exec'

/**
 * @param {readonly Command[]} commands
 * @param {{ plusWords: readonly string[], types: readonly string[] }} words Of `rootwalk query`.
 */
export function bashCompletion(commands, words) {
  const options = commands.map(command => `    ${command.name}) echo ${quoted(command.options.flatMap(spellings))} ;;`)
  const values = commands.flatMap(command =>
    command.options
      .filter(({ takesValue }) => takesValue)
      .map(option => {
        const pattern = spellings(option)
          .map(spelling => `'${command.name} ${spelling}'`)
          .join('|')
        return `    ${pattern}) ${bashValue(option)} ;;`
      }),
  )
  const positionals = commands.flatMap(command => {
    const offered = command.positionals.flatMap(({ choices }) => choices)
    if (command.name === 'query') return []
    if (offered.length > 0) return [`    ${command.name}) _rootwalk_words ${quoted([...new Set(offered)])} ;;`]
    return command.positionals.some(({ file }) => file) ? [`    ${command.name}) _rootwalk_files ;;`] : []
  })
  return `# bash completion for rootwalk: source it, or put it into /usr/share/bash-completion/completions/rootwalk
# Made from the commands of the program; changes made here are lost.

_rootwalk_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_rootwalk_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_rootwalk_options() {
  case "$1" in
${options.join('\n')}
  esac
}

# Does the option before take a value? Then that is what is completed.
_rootwalk_value() {
  case "$1 $2" in
${values.join('\n')}
    *) return 1 ;;
  esac
}

_rootwalk_positional() {
  case "$1" in
${positionals.join('\n')}
  esac
}

# After query: words with +, record types in the case in which they are typed.
_rootwalk_query() {
  local plus=${quoted(words.plusWords)} types=${quoted(words.types)}
  case "$cur" in
    +no*) mapfile -t COMPREPLY < <(compgen -P + -W "$plus $(printf 'no%s ' $plus)" -- "\${cur#+}") ;;
    +*) mapfile -t COMPREPLY < <(compgen -P + -W "$plus" -- "\${cur#+}") ;;
    '' | @*) ;;
    [[:lower:]]*) _rootwalk_words "\${types,,}" ;;
    *) _rootwalk_words "$types" ;;
  esac
}

_rootwalk() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' at
  COMPREPLY=()
  # bash makes words of --option=value: the option, "=" and the value.
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    if [[ \${COMP_WORDS[at]} == -- && $command == exec ]]; then
      if ((at == COMP_CWORD - 1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
      else
        _rootwalk_files
      fi
      return
    fi
    if [[ -z $command && \${COMP_WORDS[at]} != -* ]]; then command=\${COMP_WORDS[at]}; fi
  done
  if [[ -z $command ]]; then
    _rootwalk_words ${quoted([...commands.map(({ name }) => name), '--help', '--version', '-h', '-V'])}
    return
  fi
  if [[ $before == -* ]] && _rootwalk_value "$command" "$before"; then return; fi
  if [[ $cur == -* ]]; then
    _rootwalk_words "$(_rootwalk_options "$command")"
  elif [[ $command == query ]]; then
    _rootwalk_query
  else
    _rootwalk_positional "$command"
  fi
}

complete -F _rootwalk rootwalk
`
}

/** @param {Option} option */
function bashValue({ choices, file }) {
  if (choices.length > 0) return `_rootwalk_words ${quoted(choices)}`
  return file ? '_rootwalk_files' : 'COMPREPLY=()'
}

/** @param {readonly string[]} words */
const quoted = words => `'${words.join(' ').replaceAll("'", "'\\''")}'`

/**
 * @param {readonly Command[]} commands
 * @param {{ plusWords: readonly string[], types: readonly string[] }} words Of `rootwalk query`.
 */
export function zshCompletion(commands, words) {
  const described = commands.map(({ name, describe }) => `    ${zshText(`${name.replaceAll(':', '\\:')}:${describe}`)}`)
  const cases = commands.map(command => {
    const lines = [...command.options.flatMap(zshOption), ...zshPositionals(command)]
    return `    ${command.name})\n      _arguments -s ${lines.join(' \\\n        ')}\n      ;;`
  })
  const plus = words.plusWords.join(' ')
  return `#compdef rootwalk
# zsh completion for rootwalk: put it as _rootwalk into a directory of fpath.
# Made from the commands of the program; changes made here are lost.

_rootwalk_commands() {
  local -a commands=(
${described.join('\n')}
  )
  _describe 'command' commands
}

_rootwalk_query() {
  local -a plus=(${plus}) types=(${words.types.join(' ')})
  if [[ $PREFIX == +no* ]]; then
    compadd +\${^plus} +no\${^plus}
  elif [[ $PREFIX == +* ]]; then
    compadd +\${^plus}
  else
    compadd -M 'm:{a-z}={A-Z}' -a types
  fi
}

_rootwalk() {
  local curcontext="$curcontext" state line
  _arguments -C '(-h --help)'{-h,--help}'[Show help]' '(-V --version)'{-V,--version}'[Show version number]' \\
    '1: :_rootwalk_commands' '*::word:->words'
  [[ $state == words ]] || return
  case $line[1] in
${cases.join('\n')}
  esac
}

if [[ $funcstack[1] == _rootwalk ]]; then
  _rootwalk "$@"
else
  compdef _rootwalk rootwalk
fi
`
}

/** @param {string} text */
const zshText = text => `'${text.replaceAll("'", "'\\''")}'`
/** In a description of \`_arguments\`. @param {string} text */
const bracketed = text => text.replaceAll(/[[\]\\:]/g, character => `\\${character}`)

/** @param {Option} option */
function zshOption(option) {
  const { describe, takesValue, array } = option
  return spellings(option).map(spelling => {
    const others = spellings(option).join(' ')
    const value = takesValue ? `:value:${zshValue(option)}` : ''
    // --option=value too, as far as the program reads it.
    const form = takesValue && spelling.startsWith('--') ? `${spelling}=` : spelling
    return zshText(`${array ? '*' : `(${others})`}${form}[${bracketed(describe)}]${value}`)
  })
}

/** @param {{ choices: readonly string[], file: boolean }} of */
function zshValue({ choices, file }) {
  if (choices.length > 0) return `(${choices.join(' ')})`
  return file ? '_files' : ' '
}

/** @param {Command} command */
function zshPositionals(command) {
  if (command.name === 'query') return ["'*: :_rootwalk_query'"]
  if (runsOthers(command)) return ["'*:: :_normal'"]
  return command.positionals.map((positional, index) =>
    zshText(`${positional.array ? '*' : index + 1}:${bracketed(positional.name)}:${zshValue(positional)}`),
  )
}

/**
 * @param {readonly Command[]} commands
 * @param {{ plusWords: readonly string[], types: readonly string[] }} words Of `rootwalk query`.
 */
export function fishCompletion(commands, words) {
  const lines = commands.flatMap(command => [
    `complete -c rootwalk -n __fish_use_subcommand -f -a ${command.name} -d ${fishText(command.describe)}`,
    ...command.options.map(option => fishOption(command.name, option)),
    ...fishPositionals(command, words),
  ])
  return `# fish completion for rootwalk: put it into ~/.config/fish/completions/rootwalk.fish
# Made from the commands of the program; changes made here are lost.

complete -c rootwalk -f
complete -c rootwalk -n __fish_use_subcommand -s h -l help -d 'Show help'
complete -c rootwalk -n __fish_use_subcommand -s V -l version -d 'Show version number'
${lines.join('\n')}
`
}

/** @param {string} command */
const seen = command => `-n '__fish_seen_subcommand_from ${command}'`
/** A word of `rootwalk query` like `+nos` is being typed. */
const turnedOff = '__fish_seen_subcommand_from query; and string match -q -- "+no*" (commandline -ct)'
/** @param {string} text */
const fishText = text => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** @param {string} command @param {Option} option */
function fishOption(command, option) {
  const names = [option.name, ...option.aliases].map(name => (name.length === 1 ? `-s ${name}` : `-l ${name}`))
  const { choices, file, takesValue } = option
  const value = !takesValue
    ? ''
    : choices.length > 0
      ? ` -x -a ${fishText(choices.join(' '))}`
      : file
        ? ' -r -F'
        : ' -x'
  return `complete -c rootwalk ${seen(command)} ${names.join(' ')}${value} -d ${fishText(option.describe)}`
}

/** @param {Command} command @param {{ plusWords: readonly string[], types: readonly string[] }} words */
function fishPositionals(command, words) {
  if (command.name === 'query')
    return [
      `complete -c rootwalk ${seen('query')} -a ${fishText(words.types.join(' '))}`,
      `complete -c rootwalk ${seen('query')} -a ${fishText(words.plusWords.map(word => `+${word}`).join(' '))}`,
      // Each can be turned off, which is offered when it is begun: twice as many words otherwise.
      `complete -c rootwalk -n '${turnedOff}' -a ${fishText(words.plusWords.map(word => `+no${word}`).join(' '))}`,
    ]
  if (runsOthers(command)) return [`complete -c rootwalk ${seen(command.name)} -a '(__fish_complete_subcommand)'`]
  return command.positionals.flatMap(({ choices, file }) => {
    if (choices.length > 0) return [`complete -c rootwalk ${seen(command.name)} -a ${fishText(choices.join(' '))}`]
    return file ? [`complete -c rootwalk ${seen(command.name)} -F`] : []
  })
}
