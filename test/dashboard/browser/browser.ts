/** Chromium in front of the demo as it is built: a page, what it wrote to its console, and what axe finds in it. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { startProcess, whereIs } from '../../daemons.mjs'
import { CONDITION_MS, patientMs } from '../../patience.mjs'
import { buildForServing, freePort, startServing } from '../../e2e/rootwalk.ts'
import { root } from '../../testing/command.ts'
import { encodeQuery } from '../../admin/wire.ts'

const path = whereIs('chromium')
/** Without chromium nothing of this runs; in CI it has to be there. */
export const isMissing = path === null && process.env.CI !== 'true'

export const openBrowser = (): Promise<Browser> =>
  // Tests run as root in containers, where its sandbox cannot be.
  chromium.launch({ executablePath: path ?? 'chromium', args: ['--no-sandbox'], timeout: patientMs(60_000) })

export interface Demo {
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string
  /** The address that is printed, with its code. */
  readonly login: string
  /** Of DNS, on 127.0.0.1. */
  readonly port: number
  stop(): Promise<void>
}

/** `rootwalk demo` on ports that the system chose. */
export async function startDemo(): Promise<Demo> {
  buildForServing()
  let output = ''
  const args = [join(root, 'dist/cli.js'), 'demo', '--port', '0', '--dashboard', '0']
  const env = { ...process.env, NO_COLOR: '1' }
  const running = startProcess(process.execPath, args, { onOutput: text => (output += text), env })
  const end = performance.now() + CONDITION_MS
  for (;;) {
    const login = /http:\S+#code=\S+/.exec(output)?.[0]
    const port = /answers on 127\.0\.0\.1 port (\d+)/.exec(output)?.[1]
    if (login !== undefined && port !== undefined)
      return { url: login.replace(/#.*/, ''), login, port: Number(port), stop: () => running.stop() }
    if (running.gone() || performance.now() > end) throw new Error(`the demo printed no address:\n${output}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** `rootwalk serve` with settings and files, and a token of scope admin. No name but those of the settings is known. */
export async function startServed(
  { admin: more = {}, ...config }: { readonly admin?: object; readonly [setting: string]: unknown },
  files: Readonly<Record<string, string>> = {},
): Promise<Demo> {
  buildForServing()
  const [token, port] = [randomBytes(24).toString('base64url'), await freePort()]
  const sha256 = createHash('sha256').update(token).digest('hex')
  const admin = { listen: `127.0.0.1:${port}`, tokens: [{ name: 'tests', scope: 'admin', sha256 }], ...more }
  const hints = '. 60 NS ns.\nns. 60 A 127.0.0.1\n'
  const serving = await startServing({ hints, files, config: { admin, ...config } })
  const url = `http://127.0.0.1:${port}/`
  const end = performance.now() + CONDITION_MS
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  for (;;) {
    const made = await fetch(`${url}api/v1/session/codes`, { method: 'POST', headers, body: '{}' }).catch(() => null)
    const body: unknown = made?.status === 201 ? await made.json() : null
    if (typeof body === 'object' && body !== null && 'code' in body)
      return { url, login: `${url}#code=${String(body.code)}`, port: serving.endpoint.port, stop: () => serving.stop() }
    if (performance.now() > end) throw new Error(`the API does not answer:\n${serving.output()}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Asks for `label`.wild.example.com, which has a wildcard, as a client would; resolves with the reply's octets. */
export function ask(port: number, name: string): Promise<Uint8Array> {
  const socket = createSocket('udp4')
  return new Promise<Uint8Array>((resolve, reject) => {
    socket.once('message', resolve)
    socket.once('error', reject)
    socket.send(encodeQuery(7, name, 1), port, '127.0.0.1')
  }).finally(() => socket.close())
}

export interface Opened {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors and warnings of the console, and what was thrown. */
  readonly complaints: string[]
}

export async function openPage(browser: Browser, options: Parameters<Browser['newContext']>[0] = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(CONDITION_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('dialog', dialog => {
    complaints.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return { context, page, complaints }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What is wrong for those who see or handle a page otherwise, in the colours of both schemes. */
export async function violations(page: Page): Promise<readonly string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.evaluate(axe)
    const all: readonly Violation[] = await page.evaluate('axe.run().then(({ violations }) => violations)')
    for (const { id, nodes } of all)
      found.push(
        `${colorScheme} ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
      )
  }
  await page.emulateMedia({ colorScheme: null })
  return found
}

/** By how many pixels the page is wider than the window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

interface Dashboard {
  readonly opened: () => Opened
  readonly demo: () => Demo
  readonly browser: () => Browser
  /** To a screen: `#/settings`. */
  readonly go: (hash: string) => Promise<void>
}

/** A server and a page that is logged in, for all tests of a `describe`; each has to end with a clean console. */
export function useDashboard(start: () => Promise<Demo> = startDemo): Dashboard {
  const known: { browser?: Browser; demo?: Demo; opened?: Opened } = {}
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('used before the tests')
    return value
  }
  beforeAll(async () => {
    ;[known.browser, known.demo] = await Promise.all([openBrowser(), start()])
    known.opened = await openPage(known.browser)
    await known.opened.page.goto(known.demo.login)
    await known.opened.page.getByRole('navigation', { name: 'Screens' }).waitFor()
  })
  afterAll(async () => {
    await known.browser?.close()
    await known.demo?.stop()
  })
  afterEach(() => {
    expect(known.opened?.complaints.splice(0)).toEqual([])
  })
  return {
    opened: () => there(known.opened),
    demo: () => there(known.demo),
    browser: () => there(known.browser),
    go: async hash => {
      const { page } = there(known.opened)
      await page.goto(`${there(known.demo).url}${hash}`)
      await page.getByRole('navigation', { name: 'Screens' }).waitFor()
    },
  }
}
