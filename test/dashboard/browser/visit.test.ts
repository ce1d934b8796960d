/** The page that opens a URL in a real browser: the waterfall with its layers, the certificate, cold next to warm. */
import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { PATIENT } from '../../patience.mjs'
import { root } from '../../testing/command.ts'
import { authority, leaf } from '../../visit/certificates.ts'
import { isMissing, overflow, startServed, useDashboard, violations } from './browser.ts'

const HOSTILE = '<img src=x onerror=alert(1)>'
const servers: Server[] = []
const ports = { http: 0, https: 0 }

async function listening(server: Server): Promise<number> {
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  servers.push(server)
  const at = server.address()
  return at === null || typeof at === 'string' ? 0 : (at satisfies AddressInfo).port
}

/** Over HTTP all leads to HTTPS; there content is as large as its path says. */
async function start(): ReturnType<typeof startServed> {
  const certified = leaf(authority(HOSTILE), { names: ['www.example.com'], to: 9 })
  const answer: RequestListener = (request, response) => {
    response.writeHead(200, {
      'content-type': 'text/html',
      'strict-transport-security': 'max-age=60',
      'x-note': HOSTILE,
    })
    response.end('x'.repeat(Number(request.url?.slice(1)) || 100))
  }
  ports.https = await listening(createHttps({ key: certified.key, cert: certified.cert }, answer))
  ports.http = await listening(
    createHttp((request, response) => {
      if (request.url === '/plain') response.end('hello')
      else response.writeHead(301, { location: `https://www.example.com:${ports.https}/30000` }).end()
    }),
  )
  return startServed({
    admin: { visits: { allow: ['127.0.0.0/8'] } },
    records: { 'www.example.com': { A: '127.0.0.1' } },
  })
}

describe.skipIf(isMissing)('the page that opens a URL', () => {
  const { opened, go } = useDashboard(start)
  afterAll(() => {
    for (const server of servers) server.close().closeAllConnections()
  })
  const open = async (url: string): Promise<void> => {
    const { page } = opened()
    await go('#/open')
    await page.getByLabel('URL', { exact: true }).fill(url)
    await page.getByRole('button', { name: 'Open', exact: true }).click()
  }

  it('shows each step with its layer, protocol and time, and cold next to warm and reused', async () => {
    const { page } = opened()
    await open(`http://www.example.com:${ports.http}/plain`)
    await page.locator('.banner .answer', { hasText: '200' }).waitFor()
    const rows = (): Promise<readonly string[]> => page.locator('.fall').allTextContents()
    expect(await rows()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^applicationDNSA www\.example\.com\.127\.0\.0\.1, TTL/),
        expect.stringMatching(/^transportTCP127\.0\.0\.1:\d+/),
        expect.stringMatching(/^internetIPv4127\.0\.0\.1 to 127\.0\.0\.1/),
        expect.stringMatching(/^applicationHTTP\/1\.1GET sent/),
        expect.stringMatching(/^applicationHTTP\/1\.1waited for the first octet/),
        expect.stringMatching(/^applicationHTTP\/1\.15 octets of content/),
      ]),
    )
    const table = page.locator('section.panel', { hasText: 'Cold and warm' })
    expect(await table.locator('thead th').allTextContents()).toEqual(['phase', 'cold', 'warm', 'reused'])
    await page.getByRole('button', { name: 'reused' }).click()
    await page.getByText(/, open already/).waitFor()
    expect((await rows()).some(row => row.includes('TCP'))).toBe(false)
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: 'cold' }).click()
    await page.getByRole('link', { name: 'A www.example.com.', exact: true }).click()
    await page
      .getByText(/answered by the local zone|Chain of trust/)
      .first()
      .waitFor()
  })

  it('shows redirects one after the other, and a certificate that is not accepted, as text', async () => {
    const { page } = opened()
    await open(`www.example.com:${ports.https}/`)
    await page.locator('.banner .tag-bad', { hasText: 'the certificate is not accepted' }).waitFor()
    await open(`http://www.example.com:${ports.http}/`)
    await page.locator('.hop').nth(1).waitFor()
    expect(await page.locator('.hop').first().textContent()).toMatch(/301 Moved Permanently over HTTP\/1\.1, to https/)
    const last = page.locator('.hop').last()
    expect(await last.textContent()).toMatch(/TLSv1\.[23].*not verified/s)
    expect(await last.textContent()).toContain(`CN=\\${HOSTILE.replace('>', '\\>')}`)
    expect(await last.locator('.failing').last().textContent()).toMatch(/^[89] days left$/)
    expect(await page.evaluate('document.images.length')).toBe(0)
    expect(await violations(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
  })

  it('lists what was opened lately, and forgets it', async () => {
    const { page } = opened()
    await go('#/open')
    const entries = page.locator('.entry')
    await entries.nth(2).waitFor()
    const before = await entries.count()
    await entries
      .first()
      .getByRole('button', { name: /^Forget/ })
      .click()
    await expect.poll(() => entries.count(), PATIENT).toBe(before - 1)
    await entries.last().getByRole('link').click()
    await page.locator('.hop').first().waitFor()
    expect(page.url()).toContain('#/open?id=')
  })

  it('says what is no URL', async () => {
    const { page, complaints } = opened()
    await open('ftp://www.example.com/')
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toMatch(/url: .*http/)
    // What Chromium itself writes about a response that is no success.
    expect(complaints.splice(0)).toMatchObject([expect.stringContaining('422')])
  })

  it('is a picture of the documents', async () => {
    const { page } = opened()
    await open(`http://www.example.com:${ports.http}/`)
    await page.locator('.hop').nth(1).waitFor()
    await page.setViewportSize({ width: 1_200, height: 860 })
    const picture = await page.screenshot()
    if (process.env.ROOTWALK_PICTURES === '1') writeFileSync(join(root, 'docs/img/open.png'), picture)
    await page.setViewportSize({ width: 1280, height: 900 })
    expect(picture.length).toBeGreaterThan(20_000)
  })
})
