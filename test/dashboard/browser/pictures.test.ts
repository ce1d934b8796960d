/**
 * The pictures of docs/img/, from the demo. Each run takes them and looks whether they show something; with
 * `ROOTWALK_PICTURES=1 npx vitest run test/dashboard/browser/pictures.test.ts` they are taken after some minutes and
 * written there. Figures and times differ from run to run: what is compared is their size, and that none is empty.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { CONDITION_MS, PATIENT, TEST_MS } from '../../patience.mjs'
import { root } from '../../testing/command.ts'
import { isMissing, useDashboard } from './browser.ts'

const isWritten = process.env.ROOTWALK_PICTURES === '1'
/** Charts show five minutes; four of them are a picture. */
const RUNS_MS = isWritten ? 240_000 : 0
const SIZE = { width: 1_200, height: 860 }

interface Picture {
  readonly name: string
  readonly hash: string
  readonly scheme: 'light' | 'dark'
  /** Until there are more than four of them, it is not ready. */
  readonly shows: string
  readonly before?: (page: Page) => Promise<void>
}

const PICTURES: readonly Picture[] = [
  { name: 'now', hash: '#/now', scheme: 'light', shows: '.top td' },
  { name: 'live', hash: '#/live', scheme: 'dark', shows: '.line' },
  { name: 'explain', hash: '#/explain?name=www.expired.example&root=1', scheme: 'light', shows: '.link' },
  {
    name: 'compare',
    hash: '#/explain?name=www.expired.example&root=1',
    scheme: 'light',
    shows: '.differs',
    before: async page => {
      await page.getByRole('link', { name: 'with: whatever its signatures say' }).click()
      await page.locator('.differs').first().scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'policy',
    hash: '#/policy?name=banner.ads.example.com&client=127.0.0.21',
    scheme: 'light',
    shows: '.place, .entry',
  },
  {
    name: 'settings',
    hash: '#/settings?find=dnssec',
    scheme: 'dark',
    shows: '.setting',
    before: async page => {
      await page.getByRole('button', { name: 'Change dnssec.nsec3MaxIterations' }).click()
      await page.getByLabel('dnssec.nsec3MaxIterations', { exact: true }).fill('20')
      await page.getByRole('button', { name: 'Review' }).click()
      await page.locator('.come').waitFor()
    },
  },
]

/** Of a PNG (section 11.2.1 of its specification): width and height stand after the length and the name of IHDR. */
const sizeOf = (png: Buffer): object => ({ width: png.readUInt32BE(16), height: png.readUInt32BE(20) })

/** An empty page of this size is a few kilobytes. */
const LEAST_BYTES = 20_000

describe.skipIf(isMissing)('the pictures of the documents', () => {
  const { opened, go } = useDashboard()

  it(
    'have some minutes of the demo to show',
    async () => {
      const { page } = opened()
      await page.setViewportSize(SIZE)
      const shown = (): Promise<number> =>
        page.evaluate("fetch('api/v1/now').then(r => r.json()).then(({ series }) => series.at.length * 2_000)")
      await expect.poll(shown, { timeout: RUNS_MS * 2 + CONDITION_MS, interval: 2_000 }).toBeGreaterThan(RUNS_MS)
    },
    RUNS_MS * 3 + TEST_MS,
  )

  it.each(PICTURES)('$name shows what it is of', async ({ name, hash, scheme, shows, before }) => {
    const { page } = opened()
    await page.emulateMedia({ colorScheme: scheme })
    await go(hash)
    await page.locator('.panel').first().waitFor()
    await before?.(page)
    await expect.poll(() => page.locator(shows).count(), PATIENT).toBeGreaterThan(4)
    const picture = await page.screenshot()
    const file = join(root, 'docs/img', `${name}.png`)
    if (isWritten) writeFileSync(file, picture)
    expect(sizeOf(picture)).toEqual(SIZE)
    expect(picture.length).toBeGreaterThan(LEAST_BYTES)
    expect(existsSync(file) && sizeOf(readFileSync(file))).toEqual(SIZE)
  })

  it('are all shown in a document', () => {
    const documents = ['README.md', 'docs/dashboard.md'].map(file => readFileSync(join(root, file), 'utf8')).join('\n')
    expect(PICTURES.filter(({ name }) => !documents.includes(`img/${name}.png`)).map(({ name }) => name)).toEqual([])
  })
})
