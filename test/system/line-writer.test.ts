import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openLineWriter, type LineWriter } from '../../src/system/line-writer.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-lines-'))
afterAll(() => rmSync(directory, { recursive: true }))

const troubles: string[] = []
const open = (name: string, bufferBytes = 10_000): LineWriter =>
  openLineWriter({ path: join(directory, name), bufferBytes, onError: message => troubles.push(message) })
const read = (name: string): string => readFileSync(join(directory, name), 'utf8')

describe('lines to a file', () => {
  test('arrive in order, behind what is there', async () => {
    for (const batch of [0, 1]) {
      const writer = open('order')
      for (let i = 0; i < 100; i++) writer.write(`${batch} ${i}\n`)
      await writer.close()
    }
    expect(read('order').split('\n')).toHaveLength(201)
    expect(read('order').startsWith('0 0\n0 1\n')).toBe(true)
    expect(read('order').endsWith('1 98\n1 99\n')).toBe(true)
  })

  test('what finds no room is counted, not kept', async () => {
    const writer = open('full', 25)
    for (let i = 0; i < 10; i++) writer.write('123456789\n')
    expect(writer.dropped).toBe(8)
    await writer.close()
    expect(read('full')).toBe('123456789\n123456789\n')
    writer.write('late\n')
    expect(writer.dropped).toBe(9)
  })

  test('after a rename lines go on in the old file until it is opened again', async () => {
    const writer = open('log')
    writer.write('one\n')
    await expect.poll(() => read('log')).toBe('one\n')
    renameSync(join(directory, 'log'), join(directory, 'log.1'))
    writer.write('two\n')
    await expect.poll(() => read('log.1')).toBe('one\ntwo\n')
    writer.reopen()
    writer.write('three\n')
    await writer.close()
    expect([read('log.1'), read('log')]).toEqual(['one\ntwo\n', 'three\n'])
  })

  test('a file that cannot be opened is told once, and lines for it are dropped', async () => {
    const writer = open('no/such/directory')
    writer.write('a\n')
    await expect.poll(() => writer.dropped).toBe(1)
    writer.write('b\n')
    await writer.close()
    expect(writer.dropped).toBe(2)
    expect(troubles).toEqual([expect.stringContaining('no/such/directory: ENOENT')])
  })

  test('opened early, a file that cannot be opened is told before the first line', async () => {
    troubles.length = 0
    const writer = open('no/such/place')
    writer.reopen()
    await expect.poll(() => troubles).toEqual([expect.stringContaining('no/such/place: ENOENT')])
    const other = open('early')
    other.reopen()
    await expect.poll(() => read('early')).toBe('')
    await Promise.all([writer.close(), other.close()])
  })

  test('closing without a line makes no file', async () => {
    await open('nothing').close()
    expect(() => read('nothing')).toThrow('ENOENT')
  })
})
