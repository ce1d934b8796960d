/**
 * Manual pages and completions: every command and option has a sentence, what is built says what the program has, and
 * shells complete with it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { addCommands } from '../../src/cli/commands/all.ts'
import { PLUS_WORDS } from '../../src/cli/query/dig-options.ts'
import { choicesOf } from '../../src/cli/serve-help.ts'
import { flagName, overridable } from '../../src/config/sources.ts'
import { configJsonSchema } from '../../src/config/schema/json-schema.ts'
import { RrType } from '../../src/dns/types.ts'
import { version } from '../../src/system/version.ts'
import { commandTree } from '../../scripts/manual/command-tree.mjs'
import { bashCompletion, fishCompletion, zshCompletion } from '../../scripts/manual/completions.mjs'
import { commandPage, configPage, programPage } from '../../scripts/manual/man-pages.mjs'
import { buildForServing } from '../e2e/rootwalk.ts'
import { cleanEnvironment, root, run } from '../testing/command.ts'
import { needs } from '../tools.ts'

const types = Object.keys(RrType)
const settings = overridable().map(({ path, schema }) => ({ flag: flagName(path), choices: choicesOf(schema) }))
const commands = await commandTree(addCommands, { settings, types })
const words = { plusWords: PLUS_WORDS, types }
const built = (path: string): string => join(root, 'dist', path)

beforeAll(buildForServing)

describe('the commands', () => {
  // The rest of a sentence whose beginning is the command or option: "Print the zone", "Only servers with IPv6".
  const sentence = /^[A-Z0-9][^\n]* [^\n]*[^\s,;:]$|^Everything$/
  it.each(commands.map(command => [command.name, command] as const))('%s says what it does', (_name, command) => {
    expect(command.describe).toMatch(sentence)
    expect(command.describe).not.toMatch(/\.$/)
    for (const { name, describe: text } of command.positionals) expect(text, name).toMatch(/\S+ \S+/)
    for (const { name, describe: text } of command.options) expect(text, `--${name}`).toMatch(sentence)
  })

  it('are all that help lists', async () => {
    const { out } = await run(process.execPath, [built('cli.js'), '--help'], { env: cleanEnvironment() })
    const listed = [...out.matchAll(/^ {2}rootwalk ([a-z-]+)/gm)].map(([, name]) => name)
    expect(commands.map(({ name }) => name)).toEqual([...new Set(listed)])
  })
})

describe('the manual pages and completions of the build', () => {
  it('are those of the commands as they are', () => {
    const expected: Readonly<Record<string, string>> = {
      'completions/rootwalk.bash': bashCompletion(commands, words),
      'completions/_rootwalk': zshCompletion(commands, words),
      'completions/rootwalk.fish': fishCompletion(commands, words),
      'man/rootwalk.1': programPage(commands, version),
      ...Object.fromEntries(
        commands.map(command => [`man/rootwalk-${command.name}.1`, commandPage(command, version)] as const),
      ),
      'man/rootwalk.config.5': configPage(configJsonSchema(), version),
    }
    for (const [path, text] of Object.entries(expected)) expect(readFileSync(built(path), 'utf8'), path).toBe(text)
    const files = ['completions', 'man'].flatMap(folder => readdirSync(built(folder)).map(file => `${folder}/${file}`))
    expect(files.sort()).toEqual(Object.keys(expected).sort())
  })

  it.each(['bash', 'zsh', 'fish'])('rootwalk completion %s prints the script', async shell => {
    const files: Readonly<Record<string, string>> = { bash: 'rootwalk.bash', zsh: '_rootwalk', fish: 'rootwalk.fish' }
    const { code, out } = await run(process.execPath, [built('cli.js'), 'completion', shell])
    expect([code, out]).toEqual([0, readFileSync(built(`completions/${files[shell]}`), 'utf8')])
    const env = cleanEnvironment({ SHELL: `/usr/bin/${shell}` })
    expect((await run(process.execPath, [built('cli.js'), 'completion'], { env })).out).toBe(out)
  })
})

needs('man')('man', () => {
  it('formats every page without a warning', async () => {
    const files = readdirSync(built('man')).map(file => built(`man/${file}`))
    const env = cleanEnvironment({ MANWIDTH: '80', LC_ALL: 'C.UTF-8' })
    const { code, out, err } = await run('man', ['--warnings', '-l', ...files], { env })
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('ROOTWALK-SERVE(1)')
  })
})

/** What is typed, and what is offered among others; the last word is the one that is completed. */
const cases: readonly (readonly [typed: string, offered: readonly string[], not: string])[] = [
  ['', ['serve', 'query', 'doctor', 'completion'], '--listen'],
  ['che', ['check-config', 'check-zone'], 'serve'],
  ['serve --lis', ['--listen'], '--tcp'],
  ['serve --udp ', ['auto', 'batch', 'plain'], 'true'],
  ['serve --log-level ', ['debug', 'silent'], 'auto'],
  ['query +sh', ['+short'], '+trace'],
  ['query +nosh', ['+noshort', '+noshowsearch'], '+notrace'],
  ['query www.example.com +nosh', ['+noshort', '+noshowsearch'], '+short'],
  ['query www.example.com NSEC3', ['NSEC3', 'NSEC3PARAM'], 'MX'],
  ['query --class ', ['IN', 'CH'], 'MX'],
  ['stub --unlisted s', ['servfail'], 'refused'],
  ['ntas ', ['list', 'add', 'delete'], 'create'],
  ['completion ', ['bash', 'zsh', 'fish'], 'csh'],
]

needs('bash')('bash', () => {
  async function offers(typed: readonly string[]): Promise<readonly string[]> {
    const script = `source "$0"; COMP_WORDS=(rootwalk "$@"); COMP_CWORD=$#; _rootwalk; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { out, err } = await run('bash', ['--norc', '-c', script, built('completions/rootwalk.bash'), ...typed], {
      cwd: root,
    })
    expect(err).toBe('')
    return out.split('\n').filter(line => line !== '')
  }

  it.each(cases)('offers for "rootwalk %s" %j, not %s', async (typed, offered, not) => {
    const got = await offers(typed.split(' '))
    expect(got).toEqual(expect.arrayContaining([...offered]))
    expect(got).not.toContain(not)
  })

  it.each<[readonly string[], readonly string[]]>([
    [['query', 'aaa'], ['aaaa']],
    // bash takes --option=value apart.
    [['serve', '--udp', '=', 'ba'], ['batch']],
    [
      ['serve', '--udp', '='],
      ['auto', 'batch', 'plain'],
    ],
    [['check-config', 'resolver.config.j'], ['resolver.config.json']],
    [['serve', '--config', 'resolver.config.j'], ['resolver.config.json']],
    [['serve', '--cache-bytes', ''], []],
    [['query', 'www.example.com'], []],
  ])('offers for %j exactly %j', async (typed, offered) => expect(await offers(typed)).toEqual(offered))

  it('after exec -- offers commands of the system', async () =>
    expect(await offers(['exec', '--', 'bas'])).toContain('bash'))
})

needs('fish')('fish', () => {
  it.each(cases)('offers for "rootwalk %s" %j, not %s', async (typed, offered, not) => {
    const script = `source ${built('completions/rootwalk.fish')}; complete -C ${JSON.stringify(`rootwalk ${typed}`)}`
    const { out } = await run('fish', ['--no-config', '-c', script])
    const got = out.split('\n').map(line => line.split('\t')[0])
    expect(got).toEqual(expect.arrayContaining([...offered]))
    expect(got).not.toContain(not)
  })
})

needs('zsh')('zsh', () => {
  it.each([
    ['check-co', 'check-config'],
    ['serve --liste', '--listen'],
    ['serve --udp ba', 'batch'],
    ['query +shor', '+short'],
    ['query +noshor', '+noshort'],
    ['query www.example.com +noshor', '+noshort'],
    ['completion fi', 'fish'],
  ])('completes "rootwalk %s" to %s', async (typed, completed) => {
    const script = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=(${built('completions')} \\$fpath); setopt no_beep; autoload -Uz compinit && compinit -u -D; print ready-\\$((1 + 1))"
zpty -r shell text '*ready-2*'
zpty -w -n shell $'rootwalk ${typed}\\t'
zpty -r shell text '*${completed}*' && print -r -- "$text"
zpty -d shell`
    const { out } = await run('timeout', ['20', 'zsh', '-f', '-c', script], { env: cleanEnvironment({ TERM: 'dumb' }) })
    expect(out).toContain(completed)
  })
})
