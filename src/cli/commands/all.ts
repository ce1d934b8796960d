/** All commands, in the order in which help lists them. The manual pages and completions are made of the same list. */
import type { Argv } from 'yargs'
import { addAdmin } from './admin.ts'
import { addChanges } from './changes.ts'
import { addAttack } from './attack.ts'
import { addCheckConfig, addCheckZone, addDdr, addQuery } from './checks.ts'
import { addCompletion } from './completion.ts'
import { addDoctor } from './doctor.ts'
import { addLive } from './live.ts'
import type { Choose, CliContext } from './options.ts'
import { addPolicy } from './policy.ts'
import { addServe } from './serve.ts'
import { addDemo, addExec, addStub } from './stubs.ts'
import { addExplain, addOpen } from './walks.ts'

/** `readsOptions`: the flags of `serve` are shown, which takes time that others need not spend. */
export function addCommands(cli: Argv, around: CliContext, take: Choose, readsOptions: boolean): void {
  addServe(cli, around, take, readsOptions)
  const others = [
    addQuery,
    addExplain,
    addOpen,
    addDemo,
    addStub,
    addExec,
    addCheckConfig,
    addCheckZone,
    addDdr,
    addDoctor,
    addAttack,
    addAdmin,
    addPolicy,
    addChanges,
    addLive,
    addCompletion,
  ]
  for (const add of others) add(cli, around, take)
}
