/** The failing scenario that CONTRIBUTING.md shows fails as it shows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseScenario } from '../../src/simulation/scenario.ts'
import { runScenario } from '../../src/simulation/scenario-run.ts'
import { root } from '../testing/command.ts'
import { blocksOf } from './console.ts'

/** The last address of the file is what its last step expects. */
const LAST_ADDRESS = /192\.0\.2\.10(?![\s\S]*192\.0\.2\.10)/

it('the failure of a scenario reads as CONTRIBUTING.md shows it', () => {
  const text = readFileSync(join(root, 'test/scenarios/lame-server.rpl'), 'utf8').replace(LAST_ADDRESS, '192.0.2.11')
  const shown = blocksOf(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')).filter(
    ({ language }) => language === 'failure',
  )
  const failed = (): string => {
    try {
      runScenario(parseScenario(text, 'lame-server.rpl'))
      return 'nothing failed'
    } catch (error) {
      return String(error)
    }
  }
  expect(shown.map(block => block.text.trimEnd())).toEqual([failed().trimEnd()])
})
