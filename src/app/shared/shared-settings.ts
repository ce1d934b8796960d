/** What a shared cache needs besides its settings: secret, certificates, client. Reads files, connects nowhere. */
import { createRequire } from 'node:module'
import type { Config } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import { systemAuthorities } from '../../system/authorities.ts'
import { readCertificates } from '../forwarding.ts'
import { readSecrets, Seals } from './seal.ts'

/** Installed next to rootwalk by who wants a shared cache. */
const PACKAGE = 'iovalkey'
const INSTALL = `npm install ${PACKAGE}@0.4`

export type SharedSettings =
  | {
      readonly kind: 'settings'
      readonly url: string
      readonly seals: Seals
      /** Certificates in PEM; empty: the connection is in clear. */
      readonly authorities: readonly string[]
    }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** Null: there is none. */
export function readSharedSettings({ file, sharedCache }: Pick<Config, 'file' | 'sharedCache'>): SharedSettings | null {
  if (sharedCache === null) return null
  const { url, secretFile, authorities } = sharedCache
  const problems: Problem[] = []
  if (!isInstalled())
    problems.push({
      file: file ?? '',
      line: 0,
      column: 0,
      severity: 'error',
      message: `sharedCache: needs the package ${PACKAGE}, which is not installed next to rootwalk: ${INSTALL}`,
    })
  const read = readSecrets(secretFile)
  if (read.kind === 'invalid') problems.push(read.problem)
  const own = authorities.flatMap(path => readCertificates(path, problems))
  if (problems.length > 0 || read.kind === 'invalid') return { kind: 'invalid', problems }
  const isEncrypted = url.startsWith('rediss:')
  const trusted = own.length > 0 ? own : systemAuthorities()
  return { kind: 'settings', url, seals: new Seals(read.secrets), authorities: isEncrypted ? trusted : [] }
}

export const sharedProblems = (config: Pick<Config, 'file' | 'sharedCache'>): readonly Problem[] => {
  const settings = readSharedSettings(config)
  return settings?.kind === 'invalid' ? settings.problems : []
}

function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE)
    return true
  } catch {
    return false
  }
}
