/** Ways through the dashboard that a person goes: from a chart to the log, from one explanation to another. */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { PATIENT } from '../../patience.mjs'
import { ask, isMissing, overflow, useDashboard, violations } from './browser.ts'

const LABEL = '<img src=x onerror=alert(1)>'
const HOSTILE = `${LABEL}.wild.example.com`

describe.skipIf(isMissing)('a way through the dashboard', () => {
  const { opened, demo, go } = useDashboard()
  const images = (): Promise<number> => opened().page.evaluate('document.images.length')
  /** There are queries in the charts, and none is being drawn. */
  const charts = async (page: Page): Promise<{ x: number; y: number; width: number; height: number }> => {
    await go('#/now')
    await page.locator('.top').first().getByRole('link').first().waitFor()
    await page.locator('.plot .u-over').first().waitFor()
    const box = await page.locator('.plot .u-over').first().boundingBox()
    if (box === null) throw new Error('no chart is drawn')
    return box
  }

  it('leads from a range of a chart to the queries of that time, and back to what comes', async () => {
    const { page } = opened()
    const { x, y, width, height } = await charts(page)
    await page.mouse.move(x + width - 90, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width - 1, y + height / 2, { steps: 4 })
    await page.mouse.up()
    await page
      .getByRole('heading', { name: /^Queries of 20\d\d-\d\d-\d\d, \d\d:\d\d:\d\d to \d\d:\d\d:\d\d$/ })
      .waitFor()
    const fields = new URLSearchParams(new URL(page.url()).hash.replace('#/live?', ''))
    expect(Number(fields.get('to')) - Number(fields.get('from'))).toBeGreaterThan(10_000)
    await page.locator('.line').first().waitFor()
    expect(await violations(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.getByLabel('Filter', { exact: true }).fill('rcode=SERVFAIL and type=A')
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await page.locator('.line .failing').first().waitFor()
    expect(page.url()).toContain('from=')
    await page.getByRole('link', { name: 'to what comes now' }).click()
    await page
      .getByText(/running|stopped/)
      .first()
      .waitFor()
  })

  it('leads from a point of a chart to the queries of its step and its source', async () => {
    const { page } = opened()
    const { x, y, width, height } = await charts(page)
    await page.mouse.click(x + width - 3, y + height - 2)
    await page.getByRole('heading', { name: /^Queries of/ }).waitFor()
    expect(await page.getByLabel('Filter', { exact: true }).inputValue()).toBe('source=cache and rcode!=SERVFAIL')
  })

  it('leads from a figure of a chart as a table to the same, for who uses no pointer', async () => {
    const { page } = opened()
    await charts(page)
    const chart = page.locator('section.panel', { hasText: 'Queries by rcode' })
    await chart.getByRole('button', { name: /as a table/ }).focus()
    await page.keyboard.press('Enter')
    await chart.locator('tbody td.n a').first().focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /^Queries of/ }).waitFor()
    expect(await page.getByLabel('Filter', { exact: true }).inputValue()).toMatch(/^rcode=/)
  })

  it('says where a filter of the past is wrong', async () => {
    const { page, complaints } = opened()
    await go(`#/live?from=${Date.now() - 60_000}&filter=rcode%3DSERVFAIL%20adn%20x`)
    await page.getByText(/column 16: expected "and"/).waitFor()
    // What Chromium itself writes about a response that is no success.
    expect(complaints.splice(0)).toMatchObject([expect.stringContaining('400')])
  })

  it('lays an explanation next to another, and says what differs and what both used', async () => {
    const { page } = opened()
    await go('#/explain?name=www.expired.example&root=1')
    await page.getByText('Root cause').or(page.locator('.cause')).first().waitFor()
    const budget = page.locator('section.panel', { hasText: 'what one question may cost' })
    await budget.waitFor()
    expect(await budget.textContent()).toMatch(/messages to servers[1-9]\d* of 200.*time\d+ ms of 8 s/)
    await page.getByRole('link', { name: 'with: whatever its signatures say' }).click()
    const status = page.getByRole('row', { name: /^status/ })
    await status.waitFor()
    expect(await status.textContent()).toBe('status differsSERVFAILNOERROR')
    expect(await violations(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download as JSON' }).click(),
    ])
    await page.getByLabel('with a saved one').setInputFiles(await download.path())
    await page.getByRole('row', { name: /^nothing differs/ }).waitFor()
    const other = join(tmpdir(), `rootwalk-no-report-${process.pid}.json`)
    writeFileSync(other, '{}')
    await page.getByLabel('with a saved one').setInputFiles(other)
    await page.getByText(/is no explanation that was saved as JSON/).waitFor()
  })

  it('begins with at most 60 kB of script, and loads the rest when it is opened', async () => {
    const { page } = opened()
    const loaded = new Map<string, number>()
    page.on('response', response => {
      if (!/\/assets\/.*\.js$/.test(response.url())) return
      response.body().then(
        body => loaded.set(response.url(), gzipSync(body, { level: 9 }).length),
        // Of a page that is left there is none any more.
        () => {},
      )
    })
    await go('#/now')
    await page.reload()
    await page.locator('.plot canvas').first().waitFor()
    await expect.poll(() => loaded.size, PATIENT).toBeGreaterThan(0)
    const first = [...loaded.values()].reduce((all, bytes) => all + bytes, 0)
    console.log(`script that is loaded first: ${first} octets compressed, goal 60,000`)
    expect(first).toBeLessThanOrEqual(60_000)
    const before = loaded.size
    await go('#/settings')
    await page.locator('.setting').first().waitFor()
    await expect.poll(() => loaded.size, PATIENT).toBeGreaterThan(before)
  })

  it('shows a name of a hostile zone as text, on every screen that has names', async () => {
    const { page } = opened()
    const name = encodeURIComponent(HOSTILE.replaceAll(' ', '\\032'))
    await expect
      .poll(async () => {
        await ask(demo().port, HOSTILE)
        await go(`#/live?from=${Date.now() - 60_000}&filter=name%20under%20wild.example.com`)
        await page.locator('.line, .empty').first().waitFor()
        return page.locator('.line .name', { hasText: '<img' }).count()
      }, PATIENT)
      .toBeGreaterThan(0)
    expect(await images()).toBe(0)
    for (const [hash, ready] of [
      ['now', '.top a'],
      [`explain?name=${name}`, '.banner'],
      [`cache?name=${name}`, '.panel h2'],
      ['cache', '.entry'],
      ['servers', '.entry, .empty'],
      [`policy?name=${name}`, '.place'],
      [`settings?find=${encodeURIComponent(LABEL)}`, '.panel'],
      [`zones?zone=${name}&made=1`, 'textarea'],
      [`open?url=${encodeURIComponent(`https://${LABEL}/`)}`, 'form'],
      ['trust', '.panel'],
      ['tokens', '.panel'],
    ] as const) {
      await go(`#/${hash}`)
      await page.locator(`main ${ready}`).first().waitFor()
      expect([hash, await images()]).toEqual([hash, 0])
    }
    await go(`#/policy?name=${name}`)
    await page.locator('.panel h2', { hasText: '<img' }).waitFor()
  })
})
