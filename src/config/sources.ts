/**
 * Where a configuration comes from: the file, the environment and the flags, which are laid over each other in this
 * order. Everything that is wrong is reported at once, each as `file:line:column: message`.
 *
 * Invariant: nothing here starts or changes anything.
 */
import { errorText } from '../events.ts'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Problem } from '../events.ts'
import { configJsonSchema, settingsOf, type Setting } from './schema/json-schema.ts'
import { didYouMean, problem } from './problems.ts'
import { readConfig } from './read.ts'
import type { ConfigResult, ConfigSources, Override } from './types.ts'

const APP = 'rootwalk'
const FILE_NAME = 'resolver.config.json'
const PREFIX = 'ROOTWALK_'
const CONFIG_VARIABLE = 'ROOTWALK_CONFIG'

/** Reads all of them; flags override the environment, which overrides the file, which overrides the defaults. */
export function loadConfig(sources: ConfigSources): ConfigResult {
  const found = findConfig(sources)
  if (found.kind === 'unreadable')
    return { kind: 'invalid', file: found.path, problems: [problem(found.path, null, found.message)], rest: null }
  const variables = overridesFrom(sources.environment)
  const result = readConfig({
    file: found.kind === 'none' ? null : found,
    overrides: [...(sources.overlay ?? []), ...variables.overrides, ...sources.flags],
    directory: sources.directory,
  })
  const warnings = [
    ...(found.kind === 'none' ? [] : found.others.map(other => notRead(found.path, other))),
    ...variables.warnings,
  ]
  return result.kind === 'config' ? { ...result, warnings: [...warnings, ...result.warnings] } : result
}

type Found =
  /** `others` were found too, and are not read. */
  | { readonly kind: 'found'; readonly path: string; readonly text: string; readonly others: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string }

/** Where a configuration is looked for when no file is named, in this order. */
export function searchPaths(environment: ConfigSources['environment'], directory: string): readonly string[] {
  const home = environment.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  return [join(directory, FILE_NAME), join(home, APP, FILE_NAME), join('/etc', APP, FILE_NAME)]
}

function findConfig({ file, environment, directory, text }: ConfigSources): Found {
  if (text !== undefined) return { kind: 'found', ...text, others: [] }
  const named = file ?? environment[CONFIG_VARIABLE]
  if (named !== undefined && named !== '') return readFile(resolve(directory, named))
  const paths = searchPaths(environment, directory)
  for (const [index, path] of paths.entries()) {
    const found = readFile(path)
    if (found.kind === 'found')
      return { ...found, others: paths.slice(index + 1).filter(other => other !== path && existsSync(other)) }
    if (!found.missing) return found
  }
  return { kind: 'none' }
}

/** A file in the folder where root happens to stand wins over that of /etc: that has to be seen. */
const notRead = (path: string, other: string): Problem => ({
  ...problem(
    path,
    null,
    `is the configuration; ${other} is there too and is not read (--config names the one to take)`,
  ),
  severity: 'warning',
})

function readFile(path: string): Exclude<Found, { kind: 'none' }> & { readonly missing: boolean } {
  try {
    return { kind: 'found', path, text: readFileSync(path, 'utf8'), others: [], missing: false }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    return {
      kind: 'unreadable',
      path,
      message: missing ? 'there is no such file' : `cannot be read: ${errorText(error)}`,
      missing,
    }
  }
}

/** `ROOTWALK_UPSTREAM_PORT` for `upstream.port`. */
export const variableName = (path: readonly string[]): string =>
  PREFIX + path.map(key => key.replace(/[A-Z]/g, c => `_${c}`).toUpperCase()).join('_')

/** `upstream-port` for `upstream.port`. */
export const flagName = (path: readonly string[]): string =>
  path.map(key => key.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`)).join('-')

/** Settings that can be given as a flag or variable: those whose value is a word, a number or a list of words. */
export const overridable = (): readonly Setting[] =>
  settingsOf(configJsonSchema()).filter(
    ({ path }) => !ONLY_IN_FILES.has(path[0] ?? '') && path[1] !== 'negativeTrustAnchors',
  )

const ONLY_IN_FILES: ReadonlySet<string> = new Set(['$schema', 'records', 'forward', 'stub'])

export const takesList = ({ schema }: Setting): boolean =>
  schema.type === 'array' || (schema.anyOf ?? []).some(branch => branch.type === 'array')

function overridesFrom(environment: ConfigSources['environment']): { overrides: Override[]; warnings: Problem[] } {
  const overrides: Override[] = []
  const warnings: Problem[] = []
  const ours = Object.entries(environment).filter(
    ([label, value]) => label.startsWith(PREFIX) && label !== CONFIG_VARIABLE && value !== undefined,
  )
  // The list of settings costs time, and hardly anybody has such a variable.
  if (ours.length === 0) return { overrides, warnings }
  const settings = new Map(overridable().map(setting => [variableName(setting.path), setting]))
  for (const [label, value = ''] of ours) {
    const setting = settings.get(label)
    if (setting !== undefined)
      overrides.push({
        label,
        path: setting.path,
        value: takesList(setting)
          ? value
              .split(',')
              .map(item => item.trim())
              .filter(item => item !== '')
          : value,
      })
    else
      warnings.push({
        ...problem(label, null, `means nothing here${didYouMean(label, settings.keys())}`),
        severity: 'warning',
      })
  }
  return { overrides, warnings }
}
