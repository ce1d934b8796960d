/** `rootwalk open`: opens a URL once, or several times, and shows all that happens on the way. */
import { readFileSync } from 'node:fs'
import { allProblems, openEngine } from '../app/open-engine.ts'
import type { Config } from '../config/types.ts'
import { errorText } from '../events.ts'
import { defaultLimits } from '../limits.ts'
import { logLine } from '../render/event.ts'
import { problemText } from '../render/problem.ts'
import { visitJson } from '../render/visit-json.ts'
import { visitPicture } from '../render/visit-picture.ts'
import { noPaint, type Paint, type Style } from '../render/walk.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import { exitCodeOf, urlExitCode } from '../visit/exit-code.ts'
import { namesAt } from '../visit/look-ups/server.ts'
import { suggestionsFor } from '../visit/suggest.ts'
import { readTarget, type Target } from '../visit/target.ts'
import type { Names } from '../visit/types.ts'
import { visit } from '../visit/visit.ts'
import { namesByWalk } from '../visit/walk-names.ts'
import type { OpenCommand } from './open-args.ts'
import type { Output } from './output.ts'
import { Exit } from './startup-problems.ts'

export interface OpenStyle {
  readonly colour: boolean
  readonly columns: number
}

export async function runOpen(config: Config, command: OpenCommand, style: OpenStyle, output: Output): Promise<number> {
  const read = readTarget(command.url)
  if (read.kind === 'invalid') {
    output.err(`rootwalk open: "${command.url}": ${read.text}\n`)
    return urlExitCode(read.why)
  }
  const authorities = readAuthorities(command.ca)
  if ('error' in authorities) {
    output.err(`rootwalk open: ${authorities.error}\n`)
    return Exit.NoInput
  }
  if (command.insecure)
    output.err('rootwalk open: WARNING: --insecure accepts any certificate; what is shown may come from anybody.\n')
  if (command.resolver !== null)
    return openWith(namesAt(command.resolver, systemRandom()), read.target, command, authorities, style, output)
  const opened = openEngine(config, { events: event => output.err(troubleText(event)) })
  const { hints, anchors } = opened.warnings
  output.err([...hints, ...anchors].map(problem => `${problemText(problem)}\n`).join(''))
  if (opened.kind === 'invalid') {
    output.err(
      allProblems(opened.problems)
        .map(problem => `${problemText(problem)}\n`)
        .join(''),
    )
    return Exit.BadConfig
  }
  try {
    return await openWith(namesByWalk(opened.recursor), read.target, command, authorities, style, output)
  } finally {
    await opened.close()
  }
}

const troubleText = (event: Parameters<typeof logLine>[0]): string =>
  event.kind === 'anchor-state-failed' ? `${logLine(event).message}\n` : ''

async function openWith(
  names: Names,
  target: Target,
  command: OpenCommand,
  { authorities }: Authorities,
  { colour, columns }: OpenStyle,
  output: Output,
): Promise<number> {
  const { compare, json, walks, failsOnStatus, method, headers, offer, families, address, insecure } = command
  const { repeat, redirects, contentBytes, passMs } = command
  const visited = await visit(target, {
    names,
    clock: systemClock(),
    limits: defaultLimits.visit,
    // Whoever sits at this machine can reach its networks anyhow.
    reach: 'any',
    method,
    headers,
    offer,
    families,
    address,
    authorities,
    insecure,
    repeat,
    redirects,
    contentBytes,
    passMs,
    comparison: compare === null ? null : { server: compare, names: namesAt(compare, systemRandom()) },
  })
  const suggestions = suggestionsFor(visited)
  const code = exitCodeOf(visited, failsOnStatus)
  output.out(
    json
      ? `${JSON.stringify(visitJson(visited, suggestions, code), null, 2)}\n`
      : visitPicture(visited, suggestions, { columns, paint: colour ? paint : noPaint, walks }),
  )
  return code
}

interface Authorities {
  readonly authorities: readonly string[]
}

function readAuthorities(file: string | null): Authorities | { readonly error: string } {
  if (file === null) return { authorities: [] }
  try {
    const text = readFileSync(file, 'utf8')
    return text.includes('-----BEGIN CERTIFICATE-----')
      ? { authorities: [text] }
      : { error: `--ca ${file}: expected certificates in PEM, found none` }
  } catch (error) {
    return { error: `--ca ${file}: ${errorText(error)}` }
  }
}

/** SGR parameters (ECMA-48 section 8.3.117). */
const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

const paint: Paint = (style, text) => `\u001b[${SGR[style]}m${text}\u001b[0m`
