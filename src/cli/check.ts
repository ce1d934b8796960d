/** `rootwalk check-config` and `rootwalk check-zone`: say what is wrong, all of it, without starting anything. */
import { counted } from '../presentation/counted.ts'
import { resolve } from 'node:path'
import { checkAllBeside, type Checked } from '../app/config-check.ts'
import { foldName, type Name } from '../dns/name.ts'
import { formatName, parseName } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import { defaultLimits } from '../limits.ts'
import { bindingText } from '../config/bindings.ts'
import type { ConfigResult } from '../config/types.ts'
import type { Output } from './output.ts'
import { ProgressBar, type Terminal } from './progress-bar.ts'
import { problemText } from '../render/problem.ts'
import { Exit } from './startup-problems.ts'
import { readZone } from '../app/zone-reading.ts'
import { formatCanonicalZone } from '../zone/zone-check.ts'

const lines = (problems: readonly Problem[]): string => problems.map(problem => `${problemText(problem)}\n`).join('')

/** The configuration, and the hints, anchors, zones, lists and programs that it names: all problems of all of them. */
export async function runCheckConfig(result: ConfigResult, output: Output): Promise<number> {
  const { problems, zoneProblems, warnings, zones, listProblems, lists } = await checkAllBeside(result)
  output.err(lines(warnings))
  output.err(lines([...problems, ...zoneProblems, ...listProblems]))
  if (problems.length > 0 || result.kind === 'invalid') return Exit.BadConfig
  if (zoneProblems.length + listProblems.length > 0) return Exit.BadData
  const { config } = result
  const listen = config.listen.map(bindingText).join(', ')
  const loaded = zones.map(({ zone, file, records }) => `  zone ${zone} from ${file}, ${counted(records, 'record')}\n`)
  loaded.push(...lists.map(listLine))
  output.out(
    `${config.file ?? 'no configuration file, the defaults'}: correct\n  listens on ${listen}\n${loaded.join('')}`,
  )
  return Exit.Ok
}

function listLine({ name, path, counts }: Checked['lists'][number]): string {
  const { rules, duplicates, skipped } = counts
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`)
  const skips = reasons.length === 0 ? '' : `; skipped: ${reasons.join(', ')}`
  return `  list ${name} from ${path}, ${counted(rules, 'rule')}, ${counted(duplicates, 'duplicate')}${skips}\n`
}

export interface CheckZoneOptions {
  readonly files: readonly string[]
  readonly origin: string | undefined
  /** Print the zone in canonical order. */
  readonly print: boolean
  /** Records outside the zone are errors. */
  readonly strict: boolean
}

/** `terminal` is standard error when it is one: a large file has a progress bar there. */
export function runCheckZone(
  { files, origin, print, strict }: CheckZoneOptions,
  output: Output,
  terminal: Terminal | null = null,
): number {
  const named = origin === undefined ? null : originOf(origin)
  if (named !== null && 'error' in named) {
    output.err(`rootwalk check-zone: --origin: ${named.error}\n`)
    return Exit.Usage
  }
  let bad = 0
  for (const file of files) {
    const bar = terminal === null ? null : new ProgressBar(terminal, file)
    const { zone, problems } = readZone(resolve(file), named?.origin ?? null, defaultLimits.zone, {
      strict,
      onProgress: ({ read, total, records }) => bar?.update(read / Math.max(1, total), counted(records, 'record')),
    })
    bar?.end()
    output.err(lines(problems))
    if (zone === null) bad++
    else
      output.out(
        print
          ? formatCanonicalZone(zone)
          : `${file}: zone ${formatName(zone.origin)} is correct, ${counted(zone.recordCount, 'record')}\n`,
      )
  }
  return bad === 0 ? Exit.Ok : Exit.BadData
}

function originOf(text: string): { readonly origin: Name } | { readonly error: string } {
  const parsed = parseName(text, null)
  return typeof parsed === 'string' ? { origin: foldName(parsed) } : parsed
}
