/**
 * What a configuration names and what is wrong with it: root hints, trust anchors, zones, the certificate, the file of
 * the query log. All of it at once, also when the configuration itself is wrong somewhere. Reads files; starts and
 * changes nothing.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config, ConfigResult } from '../config/types.ts'
import type { Problem } from '../events.ts'
import { systemClock } from '../system/system.ts'
import { checkLists, type CheckedLists } from './lists/check.ts'
import { openEngine } from './open-engine.ts'
import { LazyPolicies } from './policy/lazy-policies.ts'
import { checkCertificate } from './server-identity.ts'
import { sharedProblems } from './shared/shared-settings.ts'
import { readPolicyFile } from './transfer/policy-job.ts'

export interface Checked {
  /** Of the configuration, and of the hints and trust anchors that it names. */
  readonly problems: readonly Problem[]
  /** Of zones, of the zone that the records make, and of programs. */
  readonly zoneProblems: readonly Problem[]
  readonly warnings: readonly Problem[]
  readonly zones: readonly { readonly zone: string; readonly file: string; readonly records: number }[]
  /** Of lists in files. */
  readonly listProblems: readonly Problem[]
  readonly lists: CheckedLists['lists']
}

/** All of it, policies that are programs included: they are loaded as a start does, and ended again. */
export async function checkAllBeside(result: ConfigResult): Promise<Checked> {
  const checked = checkAll(result)
  const config = result.kind === 'config' ? result.config : result.rest
  if (config === null || config.policies.length === 0) return checked
  const { policies, limits } = config
  const code = new LazyPolicies({ clock: systemClock(), limits, events: () => {}, onChange: () => {} })
  try {
    return { ...checked, zoneProblems: [...checked.zoneProblems, ...(await code.configure(policies))] }
  } finally {
    code.close()
  }
}

function checkAll(result: ConfigResult): Checked {
  const config = result.kind === 'config' ? result.config : result.rest
  const own = result.kind === 'config' ? [] : result.problems
  const warnings: Problem[] = result.kind === 'config' ? [...result.warnings] : []
  if (config === null) return { problems: own, zoneProblems: [], warnings, zones: [], listProblems: [], lists: [] }
  const zones: Checked['zones'][number][] = []
  const zoneWarnings: Problem[] = []
  const opened = openEngine(config, {
    events: event => {
      if (event.kind === 'zone-warnings') zoneWarnings.push(...event.problems)
      if (event.kind === 'zone-loaded') zones.push(event)
    },
  })
  warnings.push(...opened.warnings.hints, ...opened.warnings.anchors, ...opened.warnings.forwarding, ...zoneWarnings)
  const policies = policyProblems(config)
  warnings.push(...policies.filter(({ severity }) => severity === 'warning'))
  const found = opened.kind === 'invalid' ? opened.problems : NONE
  if (opened.kind === 'engine') void opened.close()
  const certificate = checkCertificate(config, Math.floor(Date.now() / 1_000))
  warnings.push(...certificate.filter(({ severity }) => severity === 'warning'))
  const badCertificate = certificate.filter(({ severity }) => severity === 'error')
  const { hints, anchors, forwarding, transfers } = found
  const named = [...hints, ...anchors, ...forwarding, ...transfers, ...sharedProblems(config)]
  const problems = [...own, ...named, ...badCertificate, ...queryLogProblems(config)]
  const zoneProblems = [...found.zones, ...policies.filter(({ severity }) => severity === 'error')]
  const lists = checkLists(config.lists, config.limits.lists)
  warnings.push(...lists.warnings)
  return { problems, zoneProblems, warnings, zones, listProblems: lists.problems, lists: lists.lists }
}

const NONE = { hints: [], anchors: [], forwarding: [], transfers: [], zones: [] }

/** Files of response policy zones, each rule of them. The key of the table is of no interest here. */
const policyProblems = ({ rpz, limits }: Config): readonly Problem[] =>
  rpz.flatMap(({ settings, source }) =>
    source.kind === 'transfer'
      ? []
      : readPolicyFile({ ...source, origin: settings.zone, before: null }, { k0: 0, k1: 0 }, limits.zone).problems,
  )

/** The file must be one that can be written, or be made in its directory. */
function queryLogProblems({ file, queryLog }: Pick<Config, 'file' | 'queryLog'>): readonly Problem[] {
  if (queryLog === null) return []
  const path = existsSync(queryLog.file) ? queryLog.file : dirname(queryLog.file)
  try {
    accessSync(path, constants.W_OK)
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/, access .*/, '') : String(error)
    return [
      {
        file: file ?? '',
        line: 0,
        column: 0,
        severity: 'error',
        message: `queryLog.file: ${queryLog.file} cannot be written: ${path}: ${why}`,
      },
    ]
  }
}
