import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStateFile, type StateFile } from '../../src/system/state-file.ts'

const place = { directory: '', troubles: [''] }
const fileAt = (name = 'state'): StateFile =>
  openStateFile({
    path: join(place.directory, name),
    maxBytes: 100,
    onError: message => place.troubles.push(message),
  })
const content = (name = 'state'): string => readFileSync(join(place.directory, name), 'latin1')

beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-state-'))
  place.troubles = []
})
afterEach(() => {
  chmodSync(place.directory, 0o700)
  rmSync(place.directory, { recursive: true })
})

describe('a state file', () => {
  test('is read back, and there is nothing beside it', async () => {
    const file = fileAt()
    expect(file.read()).toEqual({ kind: 'missing' })
    file.write('one\n')
    await file.settled()
    expect(file.read()).toEqual({ kind: 'text', text: 'one\n' })
    expect([readdirSync(place.directory), statSync(join(place.directory, 'state')).mode & 0o777]).toEqual([
      ['state'],
      0o640,
    ])
  })

  test('of texts that come while one is written only the last is written', async () => {
    const file = fileAt()
    for (const text of ['one', 'two', 'three', 'four']) file.write(text)
    await file.settled()
    expect(content()).toBe('four')
    file.write('five')
    await file.settled()
    expect(content()).toBe('five')
    expect(place.troubles).toEqual([])
  })

  test('a reader sees the old or the new text at any moment', async () => {
    const file = fileAt()
    file.write('a'.repeat(90))
    await file.settled()
    const seen = new Set<string>()
    for (let round = 0; round < 20; round++) {
      file.write((round % 2 === 0 ? 'b' : 'a').repeat(90))
      const done = file.settled().then(() => true)
      while (!(await Promise.race([done, new Promise(resolve => setImmediate(resolve, false))]))) seen.add(content())
    }
    expect([...seen].every(text => /^(a{90}|b{90})$/.test(text))).toBe(true)
  })

  test('what cannot be written is told, the old text stays, and the next try counts', async () => {
    const file = fileAt('sub/state')
    file.write('one')
    await file.settled()
    expect(place.troubles).toHaveLength(1)
    expect(place.troubles[0]).toContain('ENOENT')
    mkdirSync(join(place.directory, 'sub'))
    file.write('two')
    await file.settled()
    expect([content('sub/state'), readdirSync(join(place.directory, 'sub'))]).toEqual(['two', ['state']])
  })

  test('a link where the new text would be written is not followed', async () => {
    writeFileSync(join(place.directory, 'victim'), 'untouched')
    symlinkSync(join(place.directory, 'victim'), join(place.directory, `.state.${process.pid}.new`))
    const file = fileAt()
    file.write('one')
    await file.settled()
    expect([content('victim'), content()]).toEqual(['untouched', 'one'])
  })

  test('too long, or a directory: not read', () => {
    writeFileSync(join(place.directory, 'state'), 'x'.repeat(101))
    expect(fileAt().read()).toEqual({ kind: 'unreadable', message: 'has 101 octets, more than the limit of 100' })
    mkdirSync(join(place.directory, 'd'))
    expect(fileAt('d').read()).toEqual({ kind: 'unreadable', message: 'is not a regular file' })
    expect(existsSync(join(place.directory, 'd'))).toBe(true)
  })
})
