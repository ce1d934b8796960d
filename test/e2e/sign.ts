/** A signed zone as its operator would make it: a fresh ECDSA key, NSEC, signatures by ldns. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The zone with its signatures, and the DS record for its parent. */
export function signZone(origin: string, text: string): { readonly text: string; readonly ds: string } {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-sign-'))
  try {
    const run = (tool: string, ...args: string[]): string =>
      execFileSync(tool, args, { cwd: directory, encoding: 'utf8' }).trim()
    const key = run('ldns-keygen', '-r', '/dev/urandom', '-k', '-a', 'ECDSAP256SHA256', origin)
    writeFileSync(join(directory, 'zone'), text)
    run('ldns-signzone', '-o', origin, '-f', 'signed', 'zone', key)
    return {
      text: readFileSync(join(directory, 'signed'), 'utf8'),
      ds: readFileSync(join(directory, `${key}.ds`), 'utf8').trim(),
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
