/** The screen of settings in a real browser: found, changed, all faults at once, looked at, applied, undone. */
import type { Locator } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { isMissing, overflow, useDashboard, violations } from './browser.ts'

describe.skipIf(isMissing)('the screen of settings', () => {
  const { opened, go } = useDashboard()
  const row = (path: string): Locator =>
    opened()
      .page.locator('.setting')
      .filter({ has: opened().page.getByText(path, { exact: true }) })

  it('finds settings by words, and says where their values come from and what takes them over', async () => {
    const { page } = opened()
    await go('#/settings')
    const find = page.getByLabel('Find a setting')
    await row('dnssec.validate').waitFor()
    await find.fill('listen')
    await expect.poll(() => page.locator('.setting').count()).toBeLessThan(30)
    expect(await row('listen').textContent()).toMatch(/127\.0\.0\.1:0.*from the file, demo:1:\d+.*needs a restart/)
    expect(page.url()).toContain('find=listen')
    await find.fill('')
    await page.getByRole('link', { name: /^Not as by default/ }).click()
    await row('dnssec.validate').waitFor({ state: 'detached' })
    expect(await row('listen').count()).toBe(1)
  })

  it('shows no secret', async () => {
    const { page } = opened()
    await go('#/settings?find=tokens')
    await row('admin.tokens').waitFor()
    expect(await row('admin.tokens').textContent()).toContain('"name":"demo"')
    expect(await page.content()).not.toMatch(/sha256|[\da-f]{64}/)
  })

  it('shows all that is wrong at once, each next to its field, and keeps what was typed', async () => {
    const { page, complaints } = opened()
    await go('#/settings?find=dnssec')
    for (const [path, text] of [
      ['dnssec.nsec3MaxIterations', 'many'],
      ['dnssec.disallow', '["ROT13"]'],
      ['dnssec.negativeTrustAnchors', '[broken'],
    ] as const) {
      await page.getByRole('button', { name: `Change ${path}` }).click()
      await page.getByLabel(path, { exact: true }).fill(text)
    }
    await page.getByRole('button', { name: 'Review' }).click()
    await row('dnssec.negativeTrustAnchors')
      .getByText(/is no JSON/)
      .waitFor()
    await page.getByLabel('dnssec.negativeTrustAnchors', { exact: true }).fill('[]')
    await page.getByRole('button', { name: 'Review' }).click()
    await row('dnssec.nsec3MaxIterations').locator('.failing').waitFor()
    expect(await row('dnssec.nsec3MaxIterations').locator('.failing').textContent()).toMatch(/expected/)
    expect(await row('dnssec.disallow').locator('.failing').textContent()).toMatch(/\[0\]: expected an algorithm/)
    expect(await page.getByLabel('dnssec.disallow', { exact: true }).getAttribute('aria-invalid')).toBe('true')
    expect(await page.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true)
    expect(await violations(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
    // What Chromium itself writes about a response that is no success.
    expect(complaints.splice(0)).toMatchObject([expect.stringContaining('422')])
    await page.getByRole('button', { name: 'Leave everything' }).click()
    expect(await page.locator('.change').count()).toBe(0)
  })

  it('shows what a change would do, applies it with its reason, and undoes it', async () => {
    const { page } = opened()
    await go('#/settings?find=iterations')
    const one = row('dnssec.nsec3MaxIterations')
    await page.getByRole('button', { name: 'Change dnssec.nsec3MaxIterations' }).click()
    await page.getByLabel('dnssec.nsec3MaxIterations', { exact: true }).fill('20')
    await page.getByLabel('Why, for the history').fill('<img src=x onerror=alert(1)>')
    await page.getByRole('button', { name: 'Review' }).click()
    expect(await page.locator('.come').textContent()).toBe('+ dnssec.nsec3MaxIterations = 20')
    expect(await one.locator('.value').textContent()).toBe('50')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText(/^It holds now, as revision 1/).waitFor()
    await one.getByText('changed here').waitFor()
    expect(await one.locator('.value').textContent()).toBe('20')
    await page.locator('.entry', { hasText: '<img src=x' }).waitFor()
    expect(await page.evaluate('document.images.length')).toBe(0)
    await page.getByRole('button', { name: 'Undo the last change' }).click()
    expect(await page.locator('.gone').textContent()).toBe('− dnssec.nsec3MaxIterations = 20')
    await page.getByRole('button', { name: 'Undo it' }).click()
    await one.getByText('by default').waitFor()
    expect(await one.locator('.value').textContent()).toBe('50')
  })

  it('takes back a change by itself', async () => {
    const { page } = opened()
    await go('#/settings?find=iterations')
    const one = row('dnssec.nsec3MaxIterations')
    const change = page.getByRole('button', { name: 'Change dnssec.nsec3MaxIterations' })
    for (const [text, value, source] of [
      ['30', '30', 'changed here'],
      [null, '50', 'by default'],
    ] as const) {
      await change.click()
      if (text === null) await page.getByRole('button', { name: 'Without the API dnssec.nsec3MaxIterations' }).click()
      else await page.getByLabel('dnssec.nsec3MaxIterations', { exact: true }).fill(text)
      await page.getByRole('button', { name: 'Review' }).click()
      await page.getByRole('button', { name: 'Apply' }).click()
      await one.getByText(source).waitFor()
      expect(await one.locator('.value').textContent()).toBe(value)
    }
  })

  it('can be used by keyboard alone', async () => {
    const { page } = opened()
    await go('#/now')
    await page.keyboard.type('gi')
    await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor()
    await page.getByLabel('Find a setting').focus()
    await page.keyboard.type('aggressive')
    await expect.poll(() => page.locator('.setting').count()).toBeLessThan(5)
    const focused = (): Promise<string> =>
      page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 20 && (await focused()) !== name; i++) await page.keyboard.press('Tab')
      expect(await focused()).toBe(name)
    }
    await tabTo('Change dnssec.aggressiveUse')
    await page.keyboard.press('Enter')
    await expect.poll(focused).toBe('dnssec.aggressiveUse')
    await page.keyboard.press('f')
    await tabTo('Review')
    await page.keyboard.press('Enter')
    await page.getByText('+ dnssec.aggressiveUse = false').waitFor()
    await tabTo('Apply')
    await page.keyboard.press('Enter')
    await row('dnssec.aggressiveUse').getByText('changed here').waitFor()
  })
})
