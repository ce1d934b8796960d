/** A shared cache as written, to what the program works with. */
import type { JsonPath } from '../json.ts'
import type { RawConfig } from '../raw.ts'
import type { SharedCacheConfig } from '../types.ts'

export function sharedCacheConfig(
  { sharedCache: { url, secretFile, authorities } }: Pick<RawConfig, 'sharedCache'>,
  {
    complain,
    path,
  }: {
    readonly complain: (path: JsonPath, message: string) => void
    readonly path: (text: string, ...at: readonly string[]) => string
  },
): SharedCacheConfig | null {
  if (url === undefined) return null
  if (secretFile === undefined) {
    complain(
      ['sharedCache'],
      'needs "secretFile": whoever can write to the shared cache could give any answer else; make one with ' +
        '`openssl rand -base64 32`, the same for all instances',
    )
    return null
  }
  return {
    url,
    secretFile: path(secretFile, 'sharedCache', 'secretFile'),
    authorities: authorities.map(file => path(file, 'sharedCache', 'authorities')),
  }
}
