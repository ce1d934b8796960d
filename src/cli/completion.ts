/**
 * `rootwalk completion`: prints a script that is made with the program (`scripts/manual.mjs`), so that a shell
 * completes without starting it.
 */
import { readFileSync } from 'node:fs'
import { errorText } from '../events.ts'
import type { Output } from './output.ts'
import { Exit } from './startup-problems.ts'

const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['bash', 'rootwalk.bash'],
  ['zsh', '_rootwalk'],
  ['fish', 'rootwalk.fish'],
])

/** `own` is the value of $SHELL. */
export function runCompletion(shell: string | undefined, own: string | undefined, output: Output): Promise<number> {
  const named = shell ?? own?.split('/').at(-1) ?? ''
  const script = SCRIPTS.get(named) ?? 'rootwalk.bash'
  try {
    output.out(readFileSync(new URL(`../completions/${script}`, import.meta.url), 'utf8'))
    return Promise.resolve(Exit.Ok)
  } catch (error) {
    const why = `the script is made with the program ("npm run build") and is not here: ${errorText(error)}`
    output.err(`rootwalk completion: ${why}\n`)
    return Promise.resolve(Exit.NoInput)
  }
}
