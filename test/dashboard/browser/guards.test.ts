/** What a browser lets pages do with the API: those of the server, those of another origin; and what scopes show. */
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Served, startServed } from '../../admin/served.ts'
import { buildForServing } from '../../e2e/rootwalk.ts'
import { isMissing, openBrowser, openPage, violations } from './browser.ts'

const hash = (token: string): string => createHash('sha256').update(token).digest('hex')
const tokens = [{ name: 'spouse', scope: 'read', sha256: hash('rw_spouse') }]

let browser: Browser
let served: Served
/** Two origins: one that the server allows by name, and one that it does not. */
const origins: { readonly server: Server; readonly url: string }[] = []

const origin = (): Promise<{ server: Server; url: string }> =>
  new Promise(resolve => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>elsewhere</title>')
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      resolve({ server, url: `http://127.0.0.1:${port}` })
    })
  })

describe.skipIf(isMissing)('a browser', () => {
  beforeAll(async () => {
    buildForServing()
    origins.push(await origin(), await origin())
    served = await startServed({ admin: { pathPrefix: '/dns/', tokens, origins: [origins[0]?.url] } })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await served.stop()
    for (const { server } of origins) server.close()
  })
  const page = (): string => `http://127.0.0.1:${served.port}/dns/`

  it('logs in with a token, and is not offered what the scope does not allow', async () => {
    const { page: tab, complaints, context } = await openPage(browser)
    await tab.goto(page())
    await tab.getByLabel('Token').fill('rw_wrong')
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.getByText('This token is not known here.').waitFor()
    await tab.getByLabel('Token').fill('rw_spouse')
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.getByText('read only').waitFor()
    await tab.goto(`${page()}#/cache?name=www.shop`)
    await tab.getByText('Nothing is cached of it.').waitFor()
    expect(await tab.getByRole('button', { name: /Flush/ }).count()).toBe(0)
    await tab.goto(`${page()}#/server`)
    await tab.getByText(/rootwalk \d+\.\d+/).waitFor()
    expect(await tab.getByRole('button', { name: /again/ }).count()).toBe(0)
    // 401s before the login are written by Chromium itself.
    expect(complaints.filter(text => !text.includes('401'))).toEqual([])
    await context.close()
  })

  it('shows what to do first in three steps, until there was a query', async () => {
    const { page: tab, context } = await openPage(browser)
    await tab.goto(page())
    await tab.getByLabel('Token').fill('rw_spouse')
    await tab.keyboard.press('Enter')
    await tab.getByText('Three steps to see it work').waitFor()
    expect(await tab.locator('.first-run li').count()).toBe(3)
    expect(await tab.locator('.first-run code').textContent()).toMatch(/^dig @127\.0\.0\.1 -p \d+ /)
    expect(await violations(tab)).toEqual([])
    await context.close()
  })

  it('keeps a script that is written into the page, and a style too, from doing anything', async () => {
    const { page: tab, complaints, context } = await openPage(browser)
    await tab.goto(page())
    await tab.getByLabel('Token').waitFor()
    await tab.evaluate(`
      document.body.insertAdjacentHTML('beforeend', '<p id="x" style="color: rgb(1, 2, 3)">x</p>')
      const script = document.createElement('script')
      script.textContent = 'globalThis.wasRun = true'
      document.body.append(script)
    `)
    expect(await tab.evaluate('globalThis.wasRun')).toBeUndefined()
    expect(await tab.evaluate("getComputedStyle(document.getElementById('x')).color")).not.toBe('rgb(1, 2, 3)')
    expect(complaints.filter(text => text.includes('Content Security Policy'))).toHaveLength(2)
    await context.close()
  })

  const fetchFrom = async (from: string, init: object): Promise<string> => {
    const { page: tab, context } = await openPage(browser)
    await tab.goto(from)
    const path = JSON.stringify(`${page()}api/v1/status`)
    const text: string = await tab.evaluate(
      `fetch(${path}, ${JSON.stringify(init)}).then(r => String(r.status), error => error.name)`,
    )
    await context.close()
    return text
  }
  const token = { headers: { authorization: 'Bearer rw_spouse' } }

  it('lets a page of an origin that is allowed use the API with a token', async () => {
    expect(await fetchFrom(origins[0]?.url ?? '', token)).toBe('200')
  })

  it.each([
    ['of another origin read anything', 1, token],
    ['of an allowed origin come with a cookie', 0, { credentials: 'include', ...token }],
    ['of another origin write without looking', 1, { method: 'POST', body: '{}', mode: 'no-cors' }],
  ])('lets no page %s', async (_what, index, init) => {
    const answer = await fetchFrom(origins[index]?.url ?? '', init)
    // An opaque response has the status 0: nothing can be read from it, and nothing was done.
    expect(['TypeError', '0']).toContain(answer)
  })

  it('opens no WebSocket for a page of another origin', async () => {
    const { page: tab, context } = await openPage(browser)
    await tab.goto(origins[1]?.url ?? '')
    const address = JSON.stringify(`ws://127.0.0.1:${served.port}/dns/api/v1/live`)
    const what: string = await tab.evaluate(
      `new Promise(done => { const s = new WebSocket(${address}); s.onopen = () => done('open'); s.onerror = () => done('refused') })`,
    )
    expect(what).toBe('refused')
    await context.close()
  })
})
