/** An operator's zone file rewritten: whole or not at all, with its mode, and not when it is another one by now. */
import { chmodSync, readFileSync, realpathSync, statSync } from 'node:fs'
import type { Refusal } from '../../admin/zone-controls.ts'
import { errorText } from '../../events.ts'
import { replaceFile } from '../../system/state-file.ts'
import { octetsOfText, textOfOctets } from '../../system/zone-files.ts'

/** `before` is what the change was made from. Null: it is written. A link stays one. */
export async function writeZoneFile(path: string, before: string, after: string): Promise<Refusal | null> {
  try {
    const file = realpathSync(path)
    if (textOfOctets(readFileSync(file)) !== before) return { kind: 'mismatch', etag: null }
    const { mode } = statSync(file)
    await replaceFile(file, Buffer.from(octetsOfText(after)).toString('latin1'))
    chmodSync(file, mode)
    return null
  } catch (error) {
    return { kind: 'not-written', message: `${path} cannot be written: ${errorText(error)}` }
  }
}
