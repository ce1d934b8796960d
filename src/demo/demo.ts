/**
 * `rootwalk demo`: the resolver on 127.0.0.1 in front of the embedded internet, every walk printed.
 *
 *     --port N               another port than 5300; 0 lets the system choose
 *     --dashboard N          another port for the dashboard than 8530; 0 lets the system choose
 *     --once [NAME [TYPE]]   asks itself one question over UDP, prints the walk and the answer, ends
 */
import { parseArgs } from 'node:util'
import type { RunningServer } from '../app/server.ts'
import { StartError } from '../app/service/start-error.ts'
import { runQuery } from '../cli/query/query.ts'
import { readDigWords } from '../cli/query/dig-args.ts'
import { errorText, type Event } from '../events.ts'
import { noPaint, type Paint, type Style } from '../render/walk.ts'
import { defaultLimits } from '../limits.ts'
import { logLine } from '../render/event.ts'
import { findPortHolder } from '../system/port-holder.ts'
import { explainListen, Exit } from '../cli/startup-problems.ts'
import { type EmbeddedInternet, readInternet } from '../simulation/internet.ts'
import { DemoDashboard } from './dashboard.ts'
import { startEmbedded } from './embedded.ts'
import { WalkPrinter } from './walk-printer.ts'
import { dashboardLines, welcome } from './welcome.ts'

const DEFAULT_PORT = 5300
const DASHBOARD_PORT = 8530
const MAX_PORT = 65_535
/** `--once` waits this long: a little more than a resolution may take. */
const ONCE_MS = defaultLimits.budget.timeMs + 2_000
const USAGE = 'usage: rootwalk demo [--port N] [--dashboard N] [--once [NAME [TYPE]]]\n'
/** What `--once` alone asks for: it is there, and signed. */
const ONCE_NAME = 'www.example.com'

type Options =
  | { readonly kind: 'serve'; readonly port: number; readonly dashboard: number }
  | { readonly kind: 'once'; readonly port: number; readonly words: readonly string[] }
  | { readonly kind: 'usage'; readonly message: string }

const out = (text: string): void => void process.stdout.write(text)
const err = (text: string): void => void process.stderr.write(text)

/** The exit code. */
export const runDemo = (words: readonly string[]): Promise<number> => main(readOptions(words))

async function main(options: Options): Promise<number> {
  if (options.kind === 'usage') {
    err(options.message)
    return options.message === USAGE ? Exit.Ok : Exit.Usage
  }
  const internet = readInternet()
  const paint = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '' ? ansi : noPaint
  const printer = new WalkPrinter(out, paint)
  try {
    if (options.kind === 'once') {
      const { watch, onQuery } = printer
      const server = await startEmbedded(internet, { port: options.port, events: report, watch, onQuery })
      return await askOnce(server, options.words)
    }
    return await start(options, internet, printer, paint)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return explainFailure(error)
  }
}

async function start(
  options: Extract<Options, { kind: 'serve' }>,
  internet: EmbeddedInternet,
  printer: WalkPrinter,
  paint: Paint,
): Promise<number> {
  const dashboard = new DemoDashboard(options.dashboard)
  const { settings } = dashboard
  try {
    const server = await startEmbedded(internet, {
      port: options.port,
      events: event => {
        report(event)
        dashboard.events(event)
      },
      watch: query => (dashboard.isOwn(query.client) ? null : printer.watch(query)),
      onQuery: entry => {
        if (!dashboard.isOwn(entry.client)) printer.onQuery(entry)
      },
      settings,
    })
    return await serve(server, dashboard, internet, paint)
  } finally {
    dashboard.cleanUp()
  }
}

function readOptions(args: readonly string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        port: { type: 'string' },
        once: { type: 'boolean' },
        dashboard: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return { kind: 'usage', message: USAGE }
    const once = values.once === true
    const port = values.port === undefined ? (once ? 0 : DEFAULT_PORT) : Number(values.port)
    // Whoever starts a second demo elsewhere wants no quarrel about the other port.
    const usual = values.port === undefined ? DASHBOARD_PORT : 0
    const dashboard = values.dashboard === undefined ? usual : Number(values.dashboard)
    for (const [option, number] of [['port', port] as const, ['dashboard', dashboard] as const])
      if (!Number.isInteger(number) || number < 0 || number > MAX_PORT)
        return {
          kind: 'usage',
          message: `--${option} ${values[option]}: expected a number from 0 to ${MAX_PORT}\n${USAGE}`,
        }
    if (!once && positionals.length > 0)
      return { kind: 'usage', message: `"${positionals[0]}" means nothing without --once\n${USAGE}` }
    const words = positionals.length === 0 ? [ONCE_NAME] : positionals
    return once ? { kind: 'once', port, words } : { kind: 'serve', port, dashboard }
  } catch (error) {
    return { kind: 'usage', message: `${errorText(error)}\n${USAGE}` }
  }
}

/** Until Ctrl-C or SIGTERM. */
async function serve(
  server: RunningServer,
  dashboard: DemoDashboard,
  internet: EmbeddedInternet,
  paint: Paint,
): Promise<number> {
  // First the signals, then the word that it is up: whoever waits for it may end it at once.
  const ended = new Promise<void>(resolve => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
    // Node would open its inspector.
    process.on('SIGUSR1', () => {})
  })
  const port = server.addresses[0]?.port ?? 0
  out(welcome(internet, port, paint))
  dashboard.serve(port)
  dashboard.url().then(
    url => out(dashboardLines(url, paint)),
    (error: unknown) => err(`There is no dashboard: ${errorText(error)}\n`),
  )
  await ended
  dashboard.stop()
  await server.stop()
  out('\nStopped.\n')
  return Exit.Ok
}

async function askOnce(server: RunningServer, words: readonly string[]): Promise<number> {
  const read = readDigWords(words)
  try {
    if (read.kind === 'usage') {
      err(`${read.message}\n`)
      return Exit.Usage
    }
    return await runQuery(
      { ...read.query, tries: 1, timeoutMs: ONCE_MS },
      { address: '127.0.0.1', port: server.addresses[0]?.port ?? 0 },
      { out, err },
    )
  } finally {
    await server.stop()
  }
}

/** Errors are printed; normal events are not, since the walks are the output. */
function report(event: Event): void {
  // Where queries of a demo are kept is of no interest: they end with it.
  if (event.kind === 'history-open') return
  const { level, message } = logLine(event)
  if (level === 'warn' || level === 'error') err(`${message}\n`)
}

function explainFailure(error: StartError): number {
  const { failure } = error
  if (failure.kind !== 'listen') {
    err(`${error.message}\n`)
    return Exit.BadData
  }
  let code: number = Exit.Unavailable
  for (const trouble of failure.failures) {
    const holder = findPortHolder(trouble.transport, trouble.address, trouble.port)
    const explained = explainListen(trouble, holder)
    code = explained.exitCode
    err(explained.text.replaceAll(/^.*rootwalk serve --listen.*\n/gm, ''))
  }
  err(`Another port: rootwalk demo --port ${(failure.failures[0]?.port ?? DEFAULT_PORT) + 1}\n`)
  return code
}

function ansi(style: Style, text: string): string {
  const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } satisfies Record<Style, number>
  return `\u001b[${codes[style]}m${text}\u001b[0m`
}
