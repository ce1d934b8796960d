import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { openLineWriter, type LineWriter } from '../../src/system/line-writer.ts'

/** Octets that still fit on the disk. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY, truncates: true }))
vi.mock('node:fs', async importOriginal => {
  const real = await importOriginal<typeof import('node:fs')>()
  type Done = (error: Error | null, written: number) => void
  const write = (file: number, octets: Buffer, done: Done): void => {
    const part = octets.subarray(0, Math.min(octets.length, disk.room))
    disk.room -= part.length
    if (part.length === 0) setImmediate(() => done(new Error('ENOSPC: no space left on device'), 0))
    else real.write(file, part, done)
  }
  const ftruncate = (file: number, length: number, done: (error: Error | null) => void): void => {
    if (disk.truncates) real.ftruncate(file, length, done)
    else setImmediate(() => done(new Error('EINVAL')))
  }
  return { ...real, write, ftruncate }
})

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-full-'))
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(() => {
  disk.room = Number.POSITIVE_INFINITY
  disk.truncates = true
})

const told: string[] = []
const open = (name: string): LineWriter =>
  openLineWriter({
    path: join(directory, name),
    bufferBytes: 10_000,
    onError: message => told.push(message),
    onRecovery: lost => told.push(`again, ${lost} lost`),
  })
const read = (name: string): string => readFileSync(join(directory, name), 'utf8')

test.each([
  ['within a line', 14, 'one 345678\nfour\n', 2],
  ['between lines', 11, 'one 345678\nfour\n', 2],
  ['within the first line', 3, 'four\n', 3],
  ['at once', 0, 'four\n', 3],
])(
  'a disk that fills up %s leaves whole lines only, and it is told when lines are written again',
  async (what, room, expected, lost) => {
    told.length = 0
    const writer = open(what)
    disk.room = room
    for (const line of ['one 345678\n', 'two 345678\n', 'three 5678\n']) writer.write(line)
    await expect.poll(() => told).toEqual([expect.stringContaining('ENOSPC')])
    expect(writer.dropped).toBe(lost)
    disk.room = Number.POSITIVE_INFINITY
    writer.write('four\n')
    await writer.close()
    expect([read(what), told.slice(1)]).toEqual([expected, [`again, ${lost} lost`]])
  },
)

test('what cannot be taken back is ended by a newline', async () => {
  told.length = 0
  disk.truncates = false
  const writer = open('pipe')
  disk.room = 4
  writer.write('one 345678\n')
  await expect.poll(() => told).toHaveLength(1)
  disk.room = Number.POSITIVE_INFINITY
  writer.write('two\n')
  await writer.close()
  expect(read('pipe')).toBe('one \ntwo\n')
})

test('lines that were lost while the disk was full are all counted', async () => {
  told.length = 0
  const writer = open('long')
  disk.room = 0
  for (let i = 0; i < 5; i++) {
    writer.write(`${i}\n`)
    await expect.poll(() => writer.dropped).toBe(i + 1)
  }
  disk.room = Number.POSITIVE_INFINITY
  writer.write('x\n')
  await writer.close()
  expect(told).toEqual([expect.stringContaining('ENOSPC'), 'again, 5 lost'])
})
