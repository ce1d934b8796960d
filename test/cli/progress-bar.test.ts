import { describe, expect, it } from 'vitest'
import { ProgressBar } from '../../src/cli/progress-bar.ts'

function terminal() {
  const written: string[] = []
  const clock = { ms: 0 }
  return { written, clock, bar: new ProgressBar({ write: text => written.push(text), now: () => clock.ms }, 'a.zone') }
}

describe('the progress bar', () => {
  it('is not seen for what is over within a second', () => {
    const { written, clock, bar } = terminal()
    for (clock.ms = 0; clock.ms < 1_000; clock.ms += 10) bar.update(clock.ms / 1_000, 'x')
    bar.end()
    expect(written).toEqual([])
  })

  it('is drawn ten times a second after that, and erased at the end', () => {
    const { written, clock, bar } = terminal()
    for (clock.ms = 1_000; clock.ms < 2_000; clock.ms += 10) bar.update(0.5, '7 records')
    bar.end()
    expect(written).toHaveLength(11)
    expect(written[0]).toBe(`\r\u001b[Ka.zone [${'#'.repeat(15)}${' '.repeat(15)}]  50 % 7 records`)
    expect(written.at(-1)).toBe('\r\u001b[K')
  })

  it('stays within its line whatever the share', () => {
    const { written, clock, bar } = terminal()
    for (const share of [-1, 0, 1, 7]) {
      clock.ms += 1_000
      bar.update(share, '')
    }
    expect(written.map(text => (/ \[([^\]]*)\]/.exec(text)?.[1] ?? '').length)).toEqual([30, 30, 30, 30])
    expect(written.at(-1)).toContain('100 %')
  })
})
