import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseScenario } from '../../src/simulation/scenario.ts'
import { runScenario } from '../../src/simulation/scenario-run.ts'

const files = readdirSync(import.meta.dirname)
  .filter(file => file.endsWith('.rpl'))
  .sort()

describe('scenarios', () => {
  it('the folder has more than forty scenarios', () => {
    expect(files.length).toBeGreaterThan(40)
  })

  for (const file of files) {
    const scenario = parseScenario(readFileSync(new URL(file, import.meta.url), 'utf8'), file)
    it(`${file}: ${scenario.title}`, () => {
      // A few seeds: server choice, IDs and jitter must not matter.
      const seeds = [1, 2, 3, 4, 5]
      // A step that is not met throws, with the walk so far.
      expect(seeds.map(seed => runScenario(scenario, seed))).toHaveLength(seeds.length)
    })
  }

  it('one that is not met says where, what and how it went', () => {
    const text = readFileSync(new URL('walk.rpl', import.meta.url), 'utf8').replaceAll(
      'www.example.com. 200 IN A',
      'www.example.com. 201 IN A',
    )
    expect(() => runScenario(parseScenario(text, 'walk.rpl'))).toThrow(
      /walk\.rpl:\d+: step 31 check-answer: answer: expected .* 201 in a .*, found .* 200 in a [\s\S]*the walk so far:[\s\S]*> a\.gtld\.net\. 198\.51\.100\.11/,
    )
  })

  it('a NOTHING step that finds a query out is not met', () => {
    const text = readFileSync(new URL('silence-by-hand.rpl', import.meta.url), 'utf8').replace(
      'STEP 2 CHECK_OUT_QUERY',
      'STEP 2 NOTHING\nSTEP 2 CHECK_OUT_QUERY',
    )
    expect(() => runScenario(parseScenario(text, 'x.rpl'))).toThrow(/step 2 nothing: queries are out/)
  })
})
