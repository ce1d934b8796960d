/** `rootwalk attack`: what attacks bring about, against the engine here or a resolver on this machine. */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { attackNamed, attacks } from '../../attacks/attacks.ts'
import type { Attack, AttackReport } from '../../attacks/report.ts'
import { attackKeys, runAttack } from '../../attacks/run.ts'
import { errorText } from '../../events.ts'
import type { ServerAddress } from '../../ports.ts'
import { suggest } from '../../presentation/suggest.ts'
import { noPaint } from '../../render/walk.ts'
import { version } from '../../system/version.ts'
import type { Output } from '../output.ts'
import { paint } from '../paint.ts'
import { Exit } from '../startup-problems.ts'
import { cardHtml, cardJson, cardText, listText, reportText, scoreCard } from './card.ts'
import { attackLive, isLive, liveHints } from './live.ts'
import { type NetworkFacts, readTarget } from './target.ts'

export interface AttackCommand {
  readonly action: 'list' | 'run' | 'score' | 'hints'
  readonly name: string | undefined
  readonly target: string | undefined
  /** Of the servers of the attack's internet, with a target. */
  readonly port: number
  readonly seed: number
  readonly json: boolean
  /** File for the page. */
  readonly html: string | undefined
  readonly colour: boolean
}

/** The exit code: 0 when all attacks were held. */
export async function runAttacks(command: AttackCommand, output: Output): Promise<number> {
  const { action, json } = command
  if (action === 'hints') {
    output.out(liveHints)
    return Exit.Ok
  }
  if (action === 'list') {
    const facts = attacks.map(({ name, title, kind, references, by }) => ({ name, title, kind, references, by }))
    output.out(json ? `${JSON.stringify(facts, null, 2)}\n` : listText(facts))
    return Exit.Ok
  }
  const chosen = chooseAttacks(command)
  if (typeof chosen === 'string') {
    output.err(`rootwalk attack: ${chosen}\n`)
    return Exit.Usage
  }
  const target = command.target === undefined ? null : readTarget(command.target, networkFacts())
  if (target?.kind === 'refused') {
    output.err(`rootwalk attack: ${target.message}\n`)
    return Exit.NoPermission
  }
  const reports =
    target === null ? runHere(chosen, command.seed) : await runThere(chosen, target.server, command.port, output)
  return reports === null ? Exit.Unavailable : show(reports, command, target?.text, output)
}

function chooseAttacks({ action, name, target }: AttackCommand): readonly Attack[] | string {
  if (action === 'score') return target === undefined ? attacks : attacks.filter(isLive)
  if (name === undefined) return 'run takes the name of an attack; "rootwalk attack list" has them'
  const found = attackNamed(name)
  if (found === undefined) {
    const near = suggest(
      name,
      attacks.map(one => one.name),
    )
    return `there is no attack "${name}"${near === null ? '' : `, did you mean "${near}"?`}`
  }
  return target === undefined || isLive(found)
    ? [found]
    : `${name} runs inside the process only: it needs trust anchors, virtual time, or a look at the caches`
}

function runHere(chosen: readonly Attack[], seed: number): readonly AttackReport[] {
  const keys = attackKeys()
  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
  return chosen.map(attack => runAttack(attack, { seed, cpuMs }, keys))
}

/** Null: the target does not resolve there. */
async function runThere(
  chosen: readonly Attack[],
  server: ServerAddress,
  port: number,
  output: Output,
): Promise<readonly AttackReport[] | null> {
  const reports: AttackReport[] = []
  for (const attack of chosen.filter(isLive)) {
    try {
      const result = await attackLive(attack, server, port)
      if (result.kind === 'elsewhere') {
        output.err(elsewhere(port))
        return null
      }
      reports.push(result.report)
    } catch (error) {
      output.err(`rootwalk attack: the servers of the attack cannot be opened: ${errorText(error)}\n`)
      return null
    }
  }
  return reports
}

const elsewhere = (port: number): string =>
  [
    'rootwalk attack: the target does not resolve in the internet of the attacks. It has to begin at its root server:',
    '  rootwalk attack hints > attack.hints',
    '  for rootwalk: {"rootHints": "attack.hints", "dnssec": {"validate": false},',
    `    "upstream": {"port": ${port}, "doNotQuery": []}}`,
    '  others: these root hints, no DNSSEC validation, servers on 127.0.0.0/8 allowed, and --internet-port 53',
    '',
  ].join('\n')

function show(
  reports: readonly AttackReport[],
  { action, json, html, colour }: AttackCommand,
  target: string | undefined,
  output: Output,
): number {
  const card = scoreCard(version, target ?? 'the engine inside this process', reports)
  const painted = colour ? paint : noPaint
  if (html !== undefined) {
    try {
      writeFileSync(html, cardHtml(card))
    } catch (error) {
      output.err(`rootwalk attack: --html: ${errorText(error)}\n`)
      return Exit.Failure
    }
  }
  if (json) output.out(cardJson(card))
  else if (action === 'score') output.out(cardText(card, painted))
  else output.out(reports.map(report => reportText(report, painted)).join('\n'))
  return card.held === card.of ? Exit.Ok : Exit.Failure
}

function networkFacts(): NetworkFacts {
  const attempt = (read: () => string): string | null => {
    try {
      return read()
    } catch {
      // No Linux, or it may not be read: then it is not known.
      return null
    }
  }
  return {
    own: attempt(() => readlinkSync('/proc/self/ns/net')),
    first: attempt(() => readlinkSync('/proc/1/ns/net')),
    routes: attempt(() => readFileSync('/proc/net/route', 'utf8')),
    routes6: attempt(() => readFileSync('/proc/net/ipv6_route', 'utf8')),
  }
}
