// @ts-check
/**
 * Manual pages in the man(7) language, made from the commands as data and from the schema of the configuration.
 *
 * @typedef {import('./command-tree.mjs').Command} Command
 * @typedef {import('./command-tree.mjs').Option} Option
 * @typedef {import('../../dist/config/schema/json-schema.js').JsonSchema} JsonSchema
 */
import { dashed } from './command-tree.mjs'

/** Text that stands for itself: no request, no escape, hyphens that can be searched and copied. @param {string} text */
const plain = text =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .split('\n')
    .map(line => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n')

/** @param {string} name @param {number} section @param {string} version */
const title = (name, section, version) =>
  `.TH "${name.toUpperCase()}" "${section}" "" "rootwalk ${version}" "rootwalk manual"`

/** @param {string} text */
const sentence = text => (/[.!?:…]$/.test(text) ? text : `${text}.`)

/** The page of the program. @param {readonly Command[]} commands @param {string} version */
export function programPage(commands, version) {
  const lines = commands.flatMap(({ name, usage, describe }) => [
    '.TP',
    `.B ${plain(usage)}`,
    `${plain(sentence(describe))} See \\fBrootwalk\\-${plain(name)}\\fR(1).`,
  ])
  return page([
    title('rootwalk', 1, version),
    '.SH NAME',
    'rootwalk \\- a recursive DNS resolver and caching server that explains every answer',
    '.SH SYNOPSIS',
    '.B rootwalk',
    '\\fICOMMAND\\fR [\\fIOPTIONS\\fR]',
    '.SH DESCRIPTION',
    'rootwalk walks the DNS from the root to the authoritative servers, validates DNSSEC, caches what it learns,',
    'and shows how it found each answer. It is a server for one machine or a network, a set of tools to look at the',
    'DNS, and a DNS server for tests.',
    '.SH COMMANDS',
    ...lines,
    '.SH OPTIONS',
    '.TP',
    '.BR \\-h ", " \\-\\-help',
    'Show help, of the program or of a command.',
    '.TP',
    '.BR \\-V ", " \\-\\-version',
    'Show the version.',
    '.SH FILES',
    '.TP',
    '.I ./resolver.config.json, ~/.config/rootwalk/resolver.config.json, /etc/rootwalk/resolver.config.json',
    'The configuration: the first of them that is there. See \\fBrootwalk.config\\fR(5).',
    '.SH ENVIRONMENT',
    '.TP',
    '.B ROOTWALK_CONFIG',
    'The configuration file.',
    '.TP',
    '.B ROOTWALK_...',
    'A setting each: \\fBROOTWALK_CACHE_BYTES\\fR is \\fBcache.bytes\\fR.',
    '.TP',
    '.B NO_COLOR',
    'With any value: no colours.',
    '.SH "SEE ALSO"',
    seeAlso([...commands.map(({ name }) => `rootwalk-${name}(1)`), 'rootwalk.config(5)', 'dig(1)']),
  ])
}

/** @param {Command} command @param {string} version */
export function commandPage({ name, usage, describe, options, positionals, examples, epilogue }, version) {
  const groups = [...new Set(options.map(({ group }) => group))]
  return page([
    title(`rootwalk-${name}`, 1, version),
    '.SH NAME',
    `rootwalk\\-${plain(name)} \\- ${plain(describe.charAt(0).toLowerCase() + describe.slice(1))}`,
    '.SH SYNOPSIS',
    `.B rootwalk ${plain(usage)}`,
    ...(usage.includes('options') ? [] : ['[\\fIOPTIONS\\fR]']),
    '.SH DESCRIPTION',
    plain(sentence(describe)),
    ...positionals.flatMap(positional => [
      '.TP',
      `.I ${plain(positional.name)}`,
      `${plain(sentence(positional.describe))}${choicesText(positional.choices)}`,
    ]),
    '.SH OPTIONS',
    ...groups.flatMap(group => [
      ...(group === '' || groups.length === 1 ? [] : [`.SS "${plain(group)}"`]),
      ...options.filter(option => option.group === group).flatMap(optionLines),
    ]),
    ...(examples.length === 0 ? [] : ['.SH EXAMPLES']),
    ...examples.flatMap(([command, text]) => ['.TP', `.B ${plain(command)}`, plain(sentence(text))]),
    ...(epilogue === '' ? [] : ['.SH NOTES', '.nf', plain(epilogue), '.fi']),
    '.SH "SEE ALSO"',
    seeAlso(['rootwalk(1)', 'rootwalk.config(5)']),
  ])
}

/** @param {Option} option */
function optionLines({ name, aliases, describe, takesValue, choices, default: value }) {
  const names = [...aliases, name].sort((a, b) => a.length - b.length).map(one => `\\fB${plain(dashed(one))}\\fR`)
  const said = value === '' || /default/i.test(describe) ? '' : ` Default: ${plain(value)}.`
  const known = /One of:/.test(describe) ? '' : choicesText(choices)
  return [
    '.TP',
    `${names.join(', ')}${takesValue ? ' \\fIVALUE\\fR' : ''}`,
    `${plain(sentence(describe))}${known}${said}`,
  ]
}

/** Record types are too many to be listed. */
const MOST_CHOICES = 12

/** @param {readonly string[]} choices */
const choicesText = choices =>
  choices.length === 0 || choices.length > MOST_CHOICES ? '' : ` One of: ${plain(choices.join(', '))}.`

/** @param {readonly string[]} pages */
const seeAlso = pages => pages.map(one => `\\fB${plain(one).replace(/\(/, '\\fR(')}`).join(',\n')

/** The page of the configuration. @param {JsonSchema} schema @param {string} version */
export function configPage(schema, version) {
  return page([
    title('rootwalk.config', 5, version),
    '.SH NAME',
    'rootwalk.config \\- settings of rootwalk',
    '.SH DESCRIPTION',
    '\\fIresolver.config.json\\fR holds the settings as one JSON object. A key that does not exist is an error, and',
    '\\fBrootwalk check\\-config\\fR prints every problem with its line and column. Most settings are also flags of',
    '\\fBrootwalk serve\\fR (\\fBcache.bytes\\fR is \\fB\\-\\-cache\\-bytes\\fR) and variables of the environment',
    '(\\fBROOTWALK_CACHE_BYTES\\fR). Flags override variables, variables override the file.',
    '.SH SETTINGS',
    ...settingLines(schema, ''),
    '.SH "SEE ALSO"',
    seeAlso(['rootwalk(1)', 'rootwalk-serve(1)', 'rootwalk-check-config(1)']),
  ])
}

/** @param {JsonSchema} schema @param {string} before @returns {readonly string[]} */
function settingLines(schema, before) {
  return Object.entries(schema.properties ?? {})
    .filter(([key]) => key !== '$schema')
    .flatMap(([key, member]) => {
      const path = `${before}${key}`
      if (member.properties !== undefined) return settingLines(member, `${path}.`)
      const unit = member['x-unit'] === undefined ? '' : ` Unit: ${plain(member['x-unit'])}.`
      const value = member.default === undefined ? '' : ` Default: ${plain(valueText(member.default))}.`
      const change = member['x-takes-effect'] === 'reload' ? ' A reload applies it.' : ' It needs a restart.'
      return ['.TP', `.B ${plain(path)}`, `${plain(sentence(member.description ?? ''))}${unit}${value}${change}`]
    })
}

/** As JSON, with room after commas so that lines can be broken. @param {unknown} value */
const valueText = value => JSON.stringify(value, null, 1).replaceAll(/\s+/g, ' ')

/** @param {readonly string[]} lines */
const page = lines => `.\\" Made from the program; changes made here are lost.\n${lines.join('\n')}\n`
