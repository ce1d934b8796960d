import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openStateDirectory } from '../../src/app/persistence/state-directory.ts'
import { startInside } from './inside.ts'

const base = mkdtempSync(join(tmpdir(), 'rootwalk-state-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('the state directory', () => {
  test('is made with those above it, for its owner alone', () => {
    const path = join(base, 'made', 'here')
    expect(openStateDirectory(path)).toBeNull()
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  test('stays as it is where it exists', () => {
    const path = join(base, 'existing')
    mkdirSync(path)
    chmodSync(path, 0o750)
    expect(openStateDirectory(path)).toBeNull()
    expect(statSync(path).mode & 0o777).toBe(0o750)
  })

  test('that is a file, or below one, is reported with what to do', () => {
    const path = join(base, 'file')
    writeFileSync(path, '')
    for (const at of [path, join(path, 'below')]) expect(openStateDirectory(at)?.cure).toContain('a file is in the way')
  })

  test('that cannot be used is reported once, and the server runs', async () => {
    const path = join(base, 'taken')
    writeFileSync(path, '')
    const { server, events } = await startInside({ state: path })
    await server.stop()
    expect(events.filter(({ kind }) => kind === 'state-failed')).toEqual([expect.objectContaining({ path })])
  })
})
