import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { cardHtml, cardText, scoreCard } from '../../src/cli/attack/card.ts'
import { type NetworkFacts, readTarget } from '../../src/cli/attack/target.ts'
import type { AttackReport } from '../../src/attacks/report.ts'
import { noPaint } from '../../src/render/walk.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-attack-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function attack(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const ran = { out: '', err: '' }
  const code = await main(['attack', ...words], {
    out: text => {
      ran.out += text
    },
    err: text => {
      ran.err += text
    },
    environment: {},
    directory,
    terminal: false,
  })
  return { code, ...ran }
}

describe('rootwalk attack', () => {
  it('list names each attack with what it is called elsewhere', async () => {
    const { code, out } = await attack('list')
    expect(code).toBe(0)
    expect(out).toMatch(/^nxns +NXNSAttack: .* \(CVE-2020-8616, .*\)$/m)
    const facts: { name: string }[] = JSON.parse((await attack('list', '--json')).out)
    expect(facts.map(({ name }) => name)).toEqual(out.split('\n').flatMap(line => line.match(/^[\w-]+/) ?? []))
  })

  it('run shows all that was measured, its bound, and what made it', async () => {
    const { code, out } = await attack('run', 'nxns')
    expect(out).toMatch(/^nxns: NXNSAttack/)
    expect(out).toMatch(/messages to the victim +\d+, at most 25 \(.+\)/)
    expect(out).toMatch(/untrue records trusted +0, at most 0/)
    expect([code, out.trimEnd().endsWith('held')]).toEqual([0, true])
  })

  it('writes a page that loads nothing', async () => {
    const file = join(directory, 'score.html')
    expect((await attack('run', 'alias-loop', '--html', file)).code).toBe(0)
    const page = readFileSync(file, 'utf8')
    expect(page).toContain('<h1>1 of 1 attacks held</h1>')
    expect(page).not.toMatch(/<script|<link|https?:|url\(/)
  })

  it.each([
    [['run'], 64, 'run takes the name of an attack'],
    [['run', 'nxnss'], 64, 'did you mean "nxns"?'],
    [
      ['run', 'nxns', '--target', '9.9.9.9'],
      77,
      '--target 9.9.9.9 is refused: attacks go to resolvers on this machine',
    ],
    [['run', 'keytrap', '--target', '127.0.0.1'], 64, 'runs inside the process only'],
    [['score', '--target', 'dns.example'], 77, 'expected an address such as 127.0.0.1:5300'],
    [['run', 'nxns', '--seed', 'x'], 64, '--seed takes a whole number'],
  ])('%j ends with %i', async (words, expected, said) => {
    const { code, err } = await attack(...words)
    expect([code, err]).toEqual([expected, expect.stringContaining(said)])
  })
})

describe('who may be attacked', () => {
  const own: NetworkFacts = { own: 'net:[1]', first: 'net:[2]', routes: 'Iface\tDestination\n', routes6: '' }
  const ROUTE = 'Iface\tDestination\neth0\t00000000\t0101A8C0\t0003\n'
  const ROUTE6 = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe80 00000400 00000001 00000000 00000003 eth0\n`
  it.each<[string, Partial<NetworkFacts>, RegExp | null]>([
    ['127.0.0.1', { own: 'net:[2]' }, null],
    ['127.53.0.1:5300', { own: 'net:[2]' }, null],
    ['::1', { own: 'net:[2]' }, null],
    ['[::1]:5300', { own: 'net:[2]' }, null],
    ['10.0.0.1', {}, null],
    ['10.0.0.1', { own: 'net:[2]' }, /this is the network of the machine$/],
    ['10.0.0.1', { routes: ROUTE }, /this namespace has a default route$/],
    ['2001:db8::1', { routes6: ROUTE6 }, /this namespace has a default route$/],
    ['10.0.0.1', { routes6: ROUTE6.replace('eth0', 'lo') }, null],
    ['10.0.0.1', { own: null }, /cannot be found out$/],
    ['10.0.0.1', { routes: null }, /routes of this namespace cannot be read$/],
    ['10.0.0.1:0', {}, /expected an address/],
    ['resolver.example', {}, /expected an address/],
  ])('%s with %j', (text, facts, refused) => {
    const target = readTarget(text, { ...own, ...facts })
    if (refused === null) expect(target.kind).toBe('target')
    else expect(target).toMatchObject({ kind: 'refused', message: expect.stringMatching(refused) })
  })
})

describe('the score card', () => {
  const report: AttackReport = {
    name: 'a',
    title: 'one <script> & "two"',
    kind: 'amplification',
    references: ['CVE-1'],
    held: false,
    measures: [
      { what: 'messages to servers', value: 70, bound: 60, unit: 'messages', by: 'budget' },
      { what: 'time until an honest answer', value: Number.POSITIVE_INFINITY, bound: 1_000, unit: 'ms', by: 'x' },
    ],
  }
  const card = scoreCard('1.0.0', '127.0.0.1', [report, { ...report, name: 'b', held: true, measures: [] }])

  it('counts what was held, and shows the measure that is furthest above its bound', () => {
    expect(cardText(card, noPaint)).toBe(
      [
        'Attacks to make it send',
        '  FAILED a  never of at most 1000 ms, time until an honest answer',
        '  held   b  ',
        '',
        '1 of 2 attacks held by 127.0.0.1.',
        '',
      ].join('\n'),
    )
  })

  it('as a page escapes what it is given', () => {
    expect(cardHtml(card)).toContain('one &lt;script&gt; &amp; &quot;two&quot;')
  })
})
