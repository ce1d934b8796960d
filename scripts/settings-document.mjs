// @ts-check
/**
 * The text of `docs/settings.md`, made from the JSON Schema of the configuration. Pure: a schema in, Markdown out.
 *
 * @typedef {import('../dist/config/schema/json-schema.js').JsonSchema} JsonSchema
 */

const INTRODUCTION = `# Settings

<!-- Written by \`npm run schema\` from the schema of the configuration. Changes made here are lost. -->

\`resolver.config.json\` holds the settings, as one JSON object. A line
\`"$schema": "./resolver.config.schema.json"\` in it lets editors complete keys and check values as you type. A key that
does not exist is an error, and \`rootwalk check-config FILE\` prints every problem with its line and column.

\`\`\`json
{
  "listen": ["127.0.0.1:53", "192.168.1.10:53"],
  "allow": ["127.0.0.0/8", "::1/128", "192.168.0.0/16"],
  "cache": { "bytes": "256MiB" }
}
\`\`\`

A setting can also be a flag of \`rootwalk serve\` (\`cache.bytes\` is \`--cache-bytes\`) or an environment variable
(\`ROOTWALK_CACHE_BYTES\`; a list is separated by commas). Flags override variables, variables override the file. Only
\`records\` and \`dnssec.negativeTrustAnchors\` must be in the file.

The file is the first of \`--config\`, \`$ROOTWALK_CONFIG\`, \`./resolver.config.json\`,
\`$XDG_CONFIG_HOME/rootwalk/resolver.config.json\` (\`~/.config\` when that variable is not set) and
\`/etc/rootwalk/resolver.config.json\`. The first line of the log names it. Paths in the file are relative to it.

**Change** says how a new value gets into a running server: *SIGHUP* reads the file again and applies it; *restart*
means that the log reports "a restart is needed for …" and the old value stays until then.
`

/** @param {JsonSchema} schema */
export function settingsDocument(schema) {
  const groups = Object.entries(schema.properties ?? {}).filter(([, member]) => member.properties !== undefined)
  const plain = Object.entries(schema.properties ?? {}).filter(
    ([key, member]) => member.properties === undefined && key !== '$schema',
  )
  const sections = groups.flatMap(([key, group]) => [
    `## ${key}`,
    group.description ?? '',
    table(membersOf(key, group)),
    ...(key === 'upstream' ? [neverAskedText(group)] : []),
  ])
  return [INTRODUCTION.trimEnd(), '## General', table(plain), ...sections].join('\n\n').concat('\n')
}

/**
 * The settings of a group, those of groups in it by their whole path: `admin.visits.allow`.
 * @param {string} path @param {JsonSchema} group @returns {[string, JsonSchema][]}
 */
const membersOf = (path, group) =>
  Object.entries(group.properties ?? {}).flatMap(([name, member]) =>
    member.properties === undefined ? [[`${path}.${name}`, member]] : membersOf(`${path}.${name}`, member),
  )

/** @param {readonly (readonly [string, JsonSchema])[]} settings */
function table(settings) {
  const head = ['setting', 'value', 'default', 'unit', 'example', 'change', 'what it does']
  const rows = settings.map(([key, schema]) => [
    `\`${key}\``,
    typeText(schema),
    defaultText(key, schema),
    schema['x-unit'] ?? '',
    exampleText(schema),
    schema['x-takes-effect'] === 'reload' ? 'SIGHUP' : 'restart',
    schema.description ?? '',
  ])
  const cellText = /** @param {string} cell */ cell => cell.replaceAll('|', '\\|')
  const line = /** @param {readonly string[]} cells */ cells => `| ${cells.map(cellText).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/**
 * What a value may be, in words: choices as they are written in the file.
 *
 * @param {JsonSchema} schema
 * @returns {string}
 */
function typeText(schema) {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' or ')
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ')
  switch (schema.type) {
    case 'boolean':
      return '`true`, `false`'
    case 'integer':
      return `integer${boundsText(schema)}`
    case 'array':
      return `list of ${plural(schema.items ?? {})}`
    case 'object':
      return 'object'
    default:
      return 'text'
  }
}

/** @param {JsonSchema} schema */
function plural(schema) {
  const types = new Set((schema.anyOf ?? [schema]).map(one => one.type))
  const words = [...types].map(type => (type === 'object' ? 'objects' : type === 'integer' ? 'integers' : 'texts'))
  return words.join(' or ')
}

/** JavaScript's largest safe integer says no more than that there is no bound. @param {JsonSchema} schema */
function boundsText({ minimum, maximum }) {
  const least = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? null : minimum
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? null : maximum
  if (least === null) return most === null ? '' : ` up to ${most}`
  return most === null ? ` from ${least}` : `, ${least} to ${most}`
}

/** @param {string} key @param {JsonSchema} schema */
function defaultText(key, { default: value }) {
  if (value === undefined) return 'none'
  return key === 'upstream.doNotQuery' ? 'see below' : code(value)
}

/** @param {JsonSchema} schema */
const exampleText = ({ examples }) => code(examples?.[0])

/** @param {JsonSchema} upstream */
function neverAskedText(upstream) {
  const blocks = upstream.properties?.doNotQuery?.default
  const listed = Array.isArray(blocks) ? blocks.map(block => `- ${code(block)}`).join('\n') : ''
  return `By default these are never asked (\`upstream.doNotQuery\`), since no name server on the Internet has such an
address. Private addresses (10.0.0.0/8 and the like) may be asked: internal zones are delegated to them.

${listed}`
}

/** @param {unknown} value */
const code = value => `\`${JSON.stringify(value)}\``
