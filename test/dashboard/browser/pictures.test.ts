/** The pictures of docs/img/, from the demo: `ROOTWALK_PICTURES=1 npx vitest run test/dashboard/browser/pictures.test.ts`. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PATIENT } from '../../patience.mjs'
import { root } from '../../testing/command.ts'
import { isMissing, openBrowser, openPage, startDemo } from './browser.ts'

const isWanted = process.env.ROOTWALK_PICTURES === '1'
/** Charts show five minutes; four of them are a picture. */
const RUNS_MS = 240_000

const PICTURES = [
  ['now', '#/now', 'light'],
  ['explain', '#/explain?name=www.expired.example&root=1', 'light'],
  ['live', '#/live', 'dark'],
] as const

describe.skipIf(isMissing || !isWanted)('the pictures of the documents', () => {
  it(
    'are taken from the demo after some minutes',
    async () => {
      const [browser, demo] = await Promise.all([openBrowser(), startDemo()])
      const { page, complaints } = await openPage(browser, { viewport: { width: 1200, height: 860 } })
      await page.goto(demo.login)
      const samples = (): Promise<number> =>
        page.evaluate("fetch('api/v1/now').then(r => r.json()).then(({ series }) => series.at.length * 2_000)")
      await expect.poll(samples, { timeout: RUNS_MS * 2, interval: 2_000 }).toBeGreaterThan(RUNS_MS)
      for (const [name, hash, colorScheme] of PICTURES) {
        await page.emulateMedia({ colorScheme })
        await page.goto(`${demo.url}${hash}`)
        await page
          .locator('main')
          .getByText(/example/)
          .first()
          .waitFor()
        await expect.poll(() => page.locator('.line, .link, .top td').count(), PATIENT).toBeGreaterThan(4)
        await page.screenshot({ path: join(root, 'docs/img', `${name}.png`) })
      }
      expect(complaints).toEqual([])
      await browser.close()
      await demo.stop()
    },
    RUNS_MS * 3,
  )
})
