/** A directory that lasts as long as what needs it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Scratch {
  readonly path: string
  remove(): void
}

/** `prefix` is of its name: `rootwalk-demo-`. Throws where nothing can be written. */
export function scratchDirectory(prefix: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), prefix))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
