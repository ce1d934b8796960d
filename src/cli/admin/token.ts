/**
 * `rootwalk token`: makes one here, with the line of the configuration that makes it known, or at a running server,
 * which is then asked for its list and to revoke one.
 */
import { newToken } from '../../admin/tokens.ts'
import type { CliContext } from '../commands/options.ts'
import type { Output } from '../output.ts'
import { Exit } from '../startup-problems.ts'
import { askAdmin } from './client.ts'
import { type AdminFlags, withServer } from './commands.ts'
import { fieldsOf } from './fields.ts'

export interface TokenWanted {
  readonly name: string
  readonly scope: string
  readonly expires: string | undefined
  readonly json: boolean
}

/** Asks no server. The token goes to standard output alone, so that it can be sent to a file. */
export function runTokenCreate({ name, scope, expires, json }: TokenWanted, output: Output): number {
  const { token, sha256 } = newToken()
  const setting = { name, scope, sha256, ...(expires === undefined ? {} : { expires }) }
  if (json) {
    output.out(`${JSON.stringify({ token, setting }, null, 2)}\n`)
    return Exit.Ok
  }
  output.err('The token follows and is not kept anywhere. Under "admin", "tokens" in the configuration add:\n')
  output.err(`  ${JSON.stringify(setting)}\n`)
  output.out(`${token}\n`)
  return Exit.Ok
}

export type TokenTask =
  | { readonly kind: 'list' }
  | { readonly kind: 'revoke'; readonly name: string }
  /** `expires` in seconds since 1970. */
  | { readonly kind: 'create'; readonly name: string; readonly scope: string; readonly expires: number | null }

export const runToken = (task: TokenTask, flags: AdminFlags, around: CliContext): Promise<number> =>
  withServer('token', flags, around, async (place, show) => {
    switch (task.kind) {
      case 'list':
        show((await askAdmin(place, 'GET', 'api/v1/tokens')).body, tokensText)
        return
      case 'revoke':
        await askAdmin(place, 'DELETE', `api/v1/tokens/${encodeURIComponent(task.name)}`)
        show({ revoked: task.name }, () => 'revoked\n')
        return
      case 'create': {
        const { name, scope, expires } = task
        const asked = { name, scope, expires: expires === null ? null : new Date(expires * 1_000).toISOString() }
        const { body } = await askAdmin(place, 'POST', 'api/v1/tokens', asked)
        if (!flags.json) around.err('The server takes the token that follows from now on, and keeps its hash only.\n')
        show(body, made => `${String(fieldsOf(made).token)}\n`)
        return
      }
      default:
        task satisfies never
    }
  })

function tokensText(body: unknown): string {
  const { tokens } = fieldsOf(body)
  const lines = Array.isArray(tokens) ? tokens.map(tokenLine) : []
  return lines.length === 0 ? '; there are no tokens\n' : lines.join('')
}

function tokenLine(token: unknown): string {
  const { name, scope, expires, from, lastUsedAt } = fieldsOf(token)
  const end = typeof expires === 'string' ? `, until ${expires}` : ''
  const used = typeof lastUsedAt === 'string' ? `last used ${lastUsedAt}` : 'not used yet'
  return `${String(name)}\t${String(scope)}${end}, ${used} (${String(from)})\n`
}
