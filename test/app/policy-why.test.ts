/** `policy why` at a running server and without one: what it says is what a client gets, and looking counts nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WhyRequest } from '../../src/admin/controls.ts'
import { ORDER } from '../../src/server/pipeline.ts'
import { whyInside } from '../../src/cli/admin/why-inside.ts'
import type { RunningServer } from '../../src/app/server.ts'
import type { WhyReport } from '../../src/render/why.ts'
import { whyText } from '../../src/render/why.ts'
import { configOf, startInside } from './inside.ts'

const settings = {
  allow: ['127.0.0.0/8', '192.168.0.0/16'],
  access: [
    { clients: ['192.168.9.0/24'], action: 'local' },
    { clients: ['192.168.66.6'], action: 'drop' },
  ],
  records: { 'nas.home': { A: '192.168.1.9' } },
  rules: ['||many.shop^', '@@||www.shop^', '||shop^'],
  rateLimit: { perSecond: 10 },
  rebinding: { ranges: ['192.0.2.0/24'], allow: [] },
  views: [
    { name: 'kids', clients: ['192.168.2.0/24'], clientIds: ['tablet'], lists: [] },
    { name: 'six', clients: ['192.168.3.0/24'], lists: [], rebinding: false, dns64: { prefix: '64:ff9b::/96' } },
  ],
}
let server: RunningServer
beforeAll(async () => {
  ;({ server } = await startInside(settings))
})
afterAll(() => server.stop())

async function report(request: Partial<WhyRequest>): Promise<WhyReport> {
  const said = await server.why({ name: 'www.shop', type: 'A', client: '127.0.0.1', ...request })
  if (said.kind === 'wrong') throw new Error(`${said.field}: ${said.detail}`)
  return said.report
}
const stateOf = ({ positions }: WhyReport, name: string): string =>
  positions.filter(one => one.name === name).map(({ state, text }) => `${state}: ${text}`)[0] ?? 'absent'

describe('policy why', () => {
  test.each<[string, Partial<WhyRequest>, string, Readonly<Record<string, RegExp>>]>([
    ['a client that no rule lets in', { client: '203.0.113.1' }, 'null', { access: /REFUSED/, lists: /not-reached/ }],
    ['one that is dropped', { client: '192.168.66.6' }, 'null', { access: /access\[1\] drops/, view: /not-reached/ }],
    [
      'one that gets local data only',
      { client: '192.168.9.1' },
      'REFUSED by local-only',
      { access: /access\[0\]/, 'local-only': /^decided: .*REFUSED/, lists: /not-reached/ },
    ],
    [
      'a name that is blocked',
      { name: 'many.shop' },
      'NXDOMAIN by lists',
      { lists: /^decided: "\|\|many\.shop\^" \(rules\[0\]\): NXDOMAIN, EDE 15/, resolution: /not-reached/ },
    ],
    [
      'a name that is allowed, whose address the guard takes away',
      {},
      'NOERROR by rebinding',
      { lists: /^decided: .*allowed/, rebinding: /^decided: .*192\.0\.2\.80/, resolution: /1 record/ },
    ],
    [
      'local data',
      { name: 'nas.home' },
      'NOERROR by local',
      { 'local-data': /^decided/, lists: /not-reached/, resolution: /local data/ },
    ],
    ['a view without lists', { client: '192.168.2.1' }, 'NOERROR by rebinding', { view: /"kids"/, lists: /^passed/ }],
    ['a view by the name that a client has', { clientId: 'Tablet' }, 'NOERROR by rebinding', { view: /"kids"/ }],
    [
      'a view with DNS64',
      { client: '192.168.3.1', type: 'AAAA' },
      'NOERROR by dns64',
      { view: /"six"/, dns64: /^decided: "64:ff9b::\/96": NOERROR, 1 record/, rebinding: /^passed/ },
    ],
    ['a client that is exempt from the limit', {}, 'NOERROR by rebinding', { 'rate-limit': /exempt/ }],
    ['one that is not', { client: '192.168.2.1' }, 'NOERROR by rebinding', { 'rate-limit': /20 more queries/ }],
    [
      'one over a connection',
      { client: '192.168.2.1', listener: 'tls://10.0.0.1' },
      'NOERROR by rebinding',
      { 'rate-limit': /200 more queries/ },
    ],
  ])('says for %s what decides', async (_, request, expected, states) => {
    const said = await report(request)
    expect(said.answer === null ? 'null' : `${said.answer.status} by ${said.answer.by}`).toBe(expected)
    for (const [name, pattern] of Object.entries(states)) expect(stateOf(said, name), name).toMatch(pattern)
    expect(said.positions.map(({ name }) => name)).toEqual(ORDER.map(({ name }) => name))
  })

  test('shows the rules that lost', async () => {
    const { positions } = await report({ name: 'many.shop' })
    const [lists] = positions.filter(({ name }) => name === 'lists')
    expect(lists?.decisions).toEqual([
      { rule: '||many.shop^', source: null, at: 'rules[0]', lost: [{ rule: '||shop^', source: null, at: 'rules[2]' }] },
    ])
    expect(whyText(await report({ name: 'many.shop' }))).toContain('lost: "||shop^" (rules[2])')
  })

  test('counts nothing: no hits, and nothing of the limit', async () => {
    const hits = (): number | undefined => server.lists.status()[0]?.hits
    const before = hits()
    for (let i = 0; i < 30; i++) await report({ name: 'many.shop', client: '192.168.2.1' })
    expect(hits()).toBe(before)
    expect(stateOf(await report({ client: '192.168.2.1' }), 'rate-limit')).toMatch(/20 more queries/)
    expect(server.stats().queries.udpQueries).toBe(0)
  })

  test.each<[keyof WhyRequest, string]>([
    ['name', 'a..b'],
    ['type', 'NONSENSE'],
    ['client', 'tablet'],
    ['listener', 'quic://10.0.0.1'],
  ])('says what is wrong with %s', async (field, value) => {
    const said = await server.why({ name: 'www.shop', type: 'A', client: '127.0.0.1', [field]: value })
    expect(said).toMatchObject({ kind: 'wrong', field })
  })

  test('without a server says the same of the question', async () => {
    const said = await whyInside(configOf(settings), { name: 'many.shop', type: 'A', client: '192.168.1.1' }, () => {})
    const running = await report({ name: 'many.shop', client: '192.168.1.1' })
    expect(said).toMatchObject({ kind: 'report', report: { positions: running.positions, answer: running.answer } })
  })
})
