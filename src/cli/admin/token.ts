/** `rootwalk token create`: a new token and the line of the configuration that makes it known. Asks no server. */
import { createHash, randomBytes } from 'node:crypto'
import type { Output } from '../output.ts'
import { Exit } from '../startup-problems.ts'

export interface TokenWanted {
  readonly name: string
  readonly scope: string
  readonly expires: string | undefined
  readonly json: boolean
}

/** Octets of randomness: as much as the hash keeps. */
const TOKEN_OCTETS = 32

/** The token goes to standard output alone, so that it can be sent to a file. */
export function runTokenCreate({ name, scope, expires, json }: TokenWanted, output: Output): number {
  // Begins as scanners for secrets in files look for them.
  const token = `rw_${randomBytes(TOKEN_OCTETS).toString('base64url')}`
  const sha256 = createHash('sha256').update(token).digest('hex')
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
