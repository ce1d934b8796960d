/** `rootwalk policy why`: at a running server by its API, or by a configuration without one. */
import type { WhyRequest } from '../../admin/controls.ts'
import { loadConfig } from '../../config/sources.ts'
import type { Event } from '../../events.ts'
import { logLine } from '../../render/event.ts'
import { problemLines } from '../../render/problem.ts'
import { type WhyReport, whyText } from '../../render/why.ts'
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import { askAdmin } from './client.ts'
import { type AdminFlags, withServer } from './commands.ts'
import { fieldsOf } from './fields.ts'

const COMMAND = 'policy why'

export async function runWhy(request: WhyRequest, flags: AdminFlags, around: CliContext): Promise<number> {
  if (flags.config !== undefined && flags.admin === undefined) return runInside(request, flags, around)
  return withServer(COMMAND, flags, around, async (place, show) => {
    const query = Object.entries(request).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
    )
    const { body } = await askAdmin(place, 'GET', `api/v1/policy/why?${query.join('&')}`)
    show(body, said => (isReport(said) ? whyText(said) : `${JSON.stringify(said)}\n`))
  })
}

async function runInside(request: WhyRequest, flags: AdminFlags, around: CliContext): Promise<number> {
  const fail = (text: string, code: number): number => {
    around.err(`rootwalk ${COMMAND}: ${text}\n`)
    return code
  }
  const { environment, directory } = around
  const read = loadConfig({ file: flags.config, environment, flags: [], directory })
  if (read.kind === 'invalid') return fail(problemLines(read.problems), Exit.BadConfig)
  const { whyInside } = await import('./why-inside.ts')
  const said = await whyInside(read.config, request, troubleTo(around))
  switch (said.kind) {
    case 'report':
      around.out(flags.json ? `${JSON.stringify(said.report, null, 2)}\n` : whyText(said.report))
      return Exit.Ok
    case 'wrong':
      return fail(`--${said.field}: ${said.detail}`, Exit.BadData)
    case 'invalid':
      return fail(problemLines(said.problems), Exit.BadConfig)
    default:
      return said satisfies never
  }
}

/** A server of another version has another form. */
const isReport = (body: unknown): body is WhyReport => fieldsOf(body).version === 1

/** What is of no use of what the configuration names; the rest is quiet. */
const troubleTo =
  ({ err }: CliContext): ((event: Event) => void) =>
  event => {
    const { level, message } = logLine(event)
    if (level === 'warn' || level === 'error') err(`${message}\n`)
  }
