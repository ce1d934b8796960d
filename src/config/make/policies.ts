/** Policies written as programs, from their settings. */
import type { JsonPath } from '../json.ts'
import type { RawConfig } from '../raw.ts'
import type { PolicySource } from '../types.ts'

interface PolicyReports {
  readonly complain: (path: JsonPath, message: string) => void
  readonly path: (text: string, ...at: readonly string[]) => string
}

export function policySources({ policy }: Pick<RawConfig, 'policy'>, reports: PolicyReports): readonly PolicySource[] {
  const seen = new Set<string>()
  return policy.map((entry, index) => {
    const { file, isolated } = typeof entry === 'string' ? { file: entry, isolated: true } : entry
    const path = reports.path(file, 'policy')
    if (seen.has(path)) reports.complain(['policy', index], `${file} is in the list twice`)
    seen.add(path)
    return { file: path, isolated }
  })
}
