/**
 * Tests that need a program we did not write (dig, nsd, named-compilezone …) or a right we may not have. Without it
 * they are reported as skipped, with the reason in their name; in CI, where everything is installed, they fail instead:
 * a test that silently never runs is worse than none.
 */
import { describe, expect, it } from 'vitest'
import { whereIs } from './daemons.mjs'

type Body = () => void
export type Suite = (title: string, body: Body) => void

/** `describe` when all of `tools` are there. */
export const needs = (...tools: string[]): Suite => {
  const missing = tools.filter(tool => whereIs(tool) === null)
  return unless(missing.length === 0 ? null : `needs ${missing.join(', ')}`)
}

/** `describe` when `reason` is null; otherwise the suite is skipped for it, or fails in CI. */
export function unless(reason: string | null): Suite {
  if (reason === null) return (title, body) => void describe(title, body)
  if (process.env.CI === undefined) return (title, body) => void describe.skip(`${title} [${reason}]`, body)
  return title =>
    void describe(title, () => {
      it(`cannot run: ${reason}`, () => {
        expect.fail(reason)
      })
    })
}
