/** `rootwalk check-config` and `rootwalk check-zone`: say what is wrong, all of it, without starting anything. */
import { resolve } from 'node:path'
import { loadAnchors } from '../app/load-anchors.ts'
import { foldName, type Name } from '../dns/name.ts'
import { formatName, parseName } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import { defaultLimits } from '../limits.ts'
import type { ConfigResult } from '../config/config.ts'
import type { Output } from './query.ts'
import { problemText } from '../render/problem.ts'
import { loadHints } from '../app/load-hints.ts'
import { Exit } from './startup-problems.ts'
import { readZone, ZoneStore } from '../app/zone-store.ts'
import { systemClock } from '../system/system.ts'
import { formatCanonicalZone } from '../zone/zone-check.ts'

const lines = (problems: readonly Problem[]): string => problems.map(problem => `${problemText(problem)}\n`).join('')

/** The configuration, and the root hints, trust anchors and zones that it names. */
export function runCheckConfig(result: ConfigResult, output: Output): number {
  if (result.kind === 'invalid') {
    output.err(lines(result.problems))
    return Exit.BadConfig
  }
  const { config, warnings } = result
  output.err(lines(warnings))
  const hints = loadHints(config.rootHints)
  if (hints.kind === 'invalid') {
    output.err(lines(hints.problems))
    return Exit.BadConfig
  }
  output.err(lines(hints.warnings))
  const anchors = loadAnchors(config.dnssec.anchors)
  if (anchors.kind === 'invalid') {
    output.err(lines(anchors.problems))
    return Exit.BadConfig
  }
  output.err(lines(anchors.warnings))
  const loaded: string[] = []
  const zones = new ZoneStore({
    clock: systemClock(),
    limits: config.limits.zone,
    onChange: () => {},
    events: event => {
      if (event.kind === 'zone-warnings') output.err(lines(event.problems))
      if (event.kind === 'zone-loaded')
        loaded.push(`  zone ${event.zone} from ${event.file}, ${event.records} records\n`)
    },
  })
  const problems = zones.load(config)
  if (problems.length > 0) {
    output.err(lines(problems))
    return Exit.BadData
  }
  const listen = config.listen
    .map(({ address, port }) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`))
    .join(', ')
  output.out(
    `${config.file ?? 'no configuration file, the defaults'}: correct\n  listens on ${listen}\n${loaded.join('')}`,
  )
  return Exit.Ok
}

export interface CheckZoneOptions {
  readonly files: readonly string[]
  readonly origin: string | undefined
  /** Print the zone in canonical order. */
  readonly print: boolean
}

export function runCheckZone({ files, origin, print }: CheckZoneOptions, output: Output): number {
  const named = origin === undefined ? null : originOf(origin)
  if (named !== null && 'error' in named) {
    output.err(`rootwalk check-zone: --origin: ${named.error}\n`)
    return Exit.Usage
  }
  let bad = 0
  for (const file of files) {
    const { zone, problems } = readZone(resolve(file), named?.origin ?? null, defaultLimits.zone)
    output.err(lines(problems))
    if (zone === null) bad++
    else
      output.out(
        print
          ? formatCanonicalZone(zone)
          : `${file}: zone ${formatName(zone.origin)} is correct, ${zone.recordCount} records\n`,
      )
  }
  return bad === 0 ? Exit.Ok : Exit.BadData
}

function originOf(text: string): { readonly origin: Name } | { readonly error: string } {
  const parsed = parseName(text, null)
  return typeof parsed === 'string' ? { origin: foldName(parsed) } : parsed
}
