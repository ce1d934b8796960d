/** `rootwalk doctor`: is all there that rootwalk needs here, and what to do where it is not. Changes nothing. */
import { checkAllBeside } from '../../app/config-check.ts'
import { loadHints } from '../../app/load-hints.ts'
import { readConfig } from '../../config/read.ts'
import type { Config, ConfigResult } from '../../config/types.ts'
import type { Random } from '../../ports.ts'
import { noPaint } from '../../render/walk.ts'
import { systemRandom } from '../../system/system.ts'
import { version } from '../../system/version.ts'
import { rootHints } from '../../zone/hints.ts'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'
import { Exit } from '../startup-problems.ts'
import { type Finding, inOrder, worst } from './findings.ts'
import {
  checkBuffers,
  checkClock,
  checkConfiguration,
  checkDescriptors,
  checkPorts,
  checkResolvConf,
  checkResolved,
  checkState,
} from './machine.ts'
import { checkPath } from './path.ts'
import { doctorJson, doctorText } from './report.ts'
import type { DoctorWorld } from './world.ts'

export interface DoctorOptions {
  readonly json: boolean
  readonly colour: boolean
  /** Warnings count as errors in the exit code. */
  readonly strict: boolean
  /** Nothing is sent to any server. */
  readonly offline: boolean
}

/** The exit code: 0 when nothing is wrong. */
export async function runDoctor(
  result: ConfigResult,
  { json, colour, strict, offline }: DoctorOptions,
  world: DoctorWorld,
  output: Output,
): Promise<number> {
  const findings = await examine(result, world, offline ? null : systemRandom())
  output.out(json ? doctorJson(findings, version) : doctorText(findings, colour ? paint : noPaint))
  const most = worst(findings)
  return most === 'error' || (strict && most === 'warning') ? Exit.Failure : Exit.Ok
}

/** `random` is for queries; null: none are sent. */
async function examine(result: ConfigResult, world: DoctorWorld, random: Random | null): Promise<readonly Finding[]> {
  const { problems, zoneProblems, warnings } = await checkAllBeside(result)
  const file = result.kind === 'config' ? result.config.file : result.file
  const config = result.kind === 'config' ? result.config : (result.rest ?? defaults())
  const loaded = loadHints(config.rootHints)
  const hints = loaded.kind === 'hints' ? loaded.hints : rootHints()
  const path = random === null ? [] : await checkPath(config, hints, world, random)
  return inOrder([
    ...checkConfiguration(file, [...problems, ...zoneProblems, ...warnings]),
    ...(await checkPorts(config, world)),
    ...checkResolvConf(config, world),
    ...checkResolved(config, world),
    ...checkClock(world),
    ...path,
    ...checkDescriptors(config, world),
    ...checkBuffers(config, world),
    ...checkState(config, world),
  ])
}

/** What holds when no configuration can be read. */
function defaults(): Config {
  const result = readConfig({ file: null, overrides: [], directory: '/' })
  if (result.kind === 'config') return result.config
  throw new TypeError('the defaults are no configuration')
}
