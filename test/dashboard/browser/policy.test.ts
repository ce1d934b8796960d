/** The screen of policies in a real browser, in front of a server with lists, a policy zone, views and limits. */
import { describe, expect, it } from 'vitest'
import { PATIENT } from '../../patience.mjs'
import { ask, isMissing, overflow, startServed, useDashboard, violations } from './browser.ts'

const HOSTILE = '<img src=x onerror=alert(1)>'
const start = (): ReturnType<typeof startServed> =>
  startServed(
    {
      allow: ['127.0.0.0/8', '192.168.0.0/16'],
      state: 'state',
      history: { directory: 'history' },
      records: { 'www.example.com': { A: '192.0.2.7' }, 'garden.example': { A: '192.0.2.9' } },
      lists: [
        { name: 'ads', source: 'ads.txt' },
        { name: 'ours', source: 'ours.txt', layer: 'allow', match: 'suffix' },
      ],
      rules: ['||own.example^'],
      rpz: [{ zone: 'own.rpz', file: 'own.rpz.zone' }],
      views: [{ name: 'kids', clients: ['192.168.2.0/24'], lists: ['ads'] }],
    },
    {
      'ads.txt': `||ads.example^\n||ads.example^\n||sub.ads.example^\n||x.example^$domain=${HOSTILE}\n`,
      'ours.txt': 'wanted.ads.example\n',
      'own.rpz.zone': '$TTL 60\n@ SOA ns h 7 1h 15m 1w 5m\n@ NS ns\nbad.example CNAME .\n',
    },
  )

describe.skipIf(isMissing)('the screen of policies', () => {
  const { opened, demo, go } = useDashboard(start)

  it('shows lists with their rules, what was skipped and why, and hits that lead to the log', async () => {
    const { page } = opened()
    await ask(demo().port, 'a.sub.ads.example')
    await go('#/policy')
    const ads = page.locator('.entry', { hasText: 'ads.txt' })
    await expect.poll(() => ads.textContent(), PATIENT).toMatch(/2 rules · 1 duplicate · 1 line skipped.*/)
    await expect.poll(() => ads.textContent(), PATIENT).toMatch(/1 hit/)
    await ads.getByText('Skipped, and why').click()
    await ads.getByText(HOSTILE).first().waitFor()
    expect(await page.evaluate('document.images.length')).toBe(0)
    expect(await violations(page)).toEqual([])
    await ads.getByRole('button', { name: /^Read again/ }).click()
    await page.getByText('ads: being read.').waitFor()
    await page.getByRole('link', { name: 'What they decided' }).click()
    expect(await page.getByLabel('Filter', { exact: true }).inputValue()).toBe('source=lists')
  })

  it('shows policy zones, views and limits', async () => {
    const { page } = opened()
    await go('#/policy')
    await page
      .locator('.entry', { hasText: 'own.rpz.' })
      .getByText(/1 rule · serial 7/)
      .waitFor()
    await page.locator('.entry', { hasText: 'kids' }).getByText('lists ads').waitFor()
    expect(await page.locator('.entry', { hasText: 'kids' }).textContent()).toContain('192.168.2.0/24')
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
  })

  it('leads to the caches of a view, and says how much of them would go', async () => {
    const { page } = opened()
    await go('#/cache')
    await page.getByRole('link', { name: 'of view kids' }).click()
    await page.getByRole('button', { name: 'Flush everything of view kids' }).waitFor()
    await page.getByRole('button', { name: 'What would go?' }).click()
    await page.getByText(/ would go\.$/).waitFor()
    expect(page.url()).toContain('view=kids')
    expect(await violations(page)).toEqual([])
  })

  it('says which rule decides for a client and a name, and which lost', async () => {
    const { page } = opened()
    await go('#/policy')
    await page.getByLabel('Name', { exact: true }).fill('a.sub.ads.example')
    await page.getByLabel('Client', { exact: true }).fill('192.168.2.7')
    await page.getByRole('button', { name: 'Why?' }).click()
    await page.getByText(/for 192\.168\.2\.7 over udp, view kids/).waitFor()
    const place = page.locator('.place-decided', { hasText: 'lists' })
    expect(await place.textContent()).toMatch(
      /"\|\|sub\.ads\.example\^" of "ads".*lost: "\|\|ads\.example\^" of "ads"/s,
    )
    expect(await page.getByText(/^NXDOMAIN, EDE 15/).count()).toBe(1)
    expect(await violations(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.setViewportSize({ width: 1280, height: 900 })
  })

  it('says what is wrong with a client, next to the form', async () => {
    const { page, complaints } = opened()
    await go(`#/policy?name=www.example.com&client=${encodeURIComponent(HOSTILE)}`)
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toMatch(/client/)
    expect(await page.evaluate('document.images.length')).toBe(0)
    // What Chromium itself writes about a response that is no success.
    expect(complaints.splice(0)).toMatchObject([expect.stringContaining('400')])
  })

  it('tries out other settings on what clients asked, with all that is wrong at once', async () => {
    const { page, complaints } = opened()
    await go('#/policy')
    const text = page.getByLabel('Settings that are tried out')
    await text.fill('{ "dnssec": { "nsec3MaxIterations": "many", "disallow": ["ROT13"] } }')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect.poll(() => page.getByRole('alert').count(), PATIENT).toBeGreaterThanOrEqual(2)
    // What Chromium itself writes about a response that is no success.
    expect(complaints.splice(0)).toMatchObject([expect.stringContaining('422')])
    await text.fill('{ "rules": ["||ads2.example^"], "records": { "www.example.com": { "A": "192.0.2.8" } } }')
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText('These settings hold.').waitFor()
    await page.getByLabel(/^Or these/).fill('192.168.2.7 www.example.com, 192.168.2.7 garden.example')
    await page.getByRole('button', { name: 'Try it out' }).click()
    await page.getByText(/^It would change \d answers? of 1 client, of 2 questions/).waitFor()
    const change = page.locator('.entry', { hasText: 'www.example.com.' })
    await expect.poll(() => change.textContent(), PATIENT).toMatch(/192\.0\.2\.7.*192\.0\.2\.8/)
    expect(await violations(page)).toEqual([])
  })
})
