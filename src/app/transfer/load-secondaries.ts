/** The zones that other servers send, with the keys that their settings name. */
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/types.ts'
import { errorText, type Problem } from '../../events.ts'
import { readKeyFile, type TsigKey } from '../../transfer/key.ts'
import type { SecondarySource } from './secondary-zones.ts'

export interface LoadedSecondaries {
  readonly sources: readonly SecondarySource[]
  readonly problems: readonly Problem[]
}

/** A zone whose key cannot be read is not asked for: unsigned it would be refused, or sent by anyone. */
export function loadSecondaries({ secondaries, rpz }: Pick<Config, 'secondaries' | 'rpz'>): LoadedSecondaries {
  const problems: Problem[] = []
  const policies = rpz.flatMap(({ source }) => (source.kind === 'transfer' ? [{ ...source, isPolicy: true }] : []))
  const all = [...secondaries.map(setting => ({ ...setting, isPolicy: false })), ...policies]
  const sources = all.flatMap(({ tsig, ...setting }): SecondarySource[] => {
    const key = tsig === null ? null : readKey(tsig)
    if (typeof key !== 'string') return [{ ...setting, key }]
    problems.push({ file: tsig ?? '', line: 0, column: 0, severity: 'error', message: key })
    return []
  })
  return { sources, problems }
}

function readKey(file: string): TsigKey | string {
  try {
    const read = readKeyFile(readFileSync(file, 'utf8'))
    return 'error' in read ? read.error : read
  } catch (error) {
    return `cannot be read: ${errorText(error)}`
  }
}
