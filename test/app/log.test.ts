import { execFileSync } from 'node:child_process'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openLog, type Log } from '../../src/app/log.ts'
import { limitsWith } from '../../src/limits.ts'

const atEnd: (() => void)[] = []
afterEach(() => {
  for (const undo of atEnd.splice(0).reverse()) undo()
})

/** A pipe of 64 KiB that is read when `read` is called, and the log into it. */
async function intoPipe(logBufferBytes = 100_000): Promise<{ log: Log; read: () => string; fd: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'log-'))
  atEnd.push(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'pipe')
  execFileSync('mkfifo', [path])
  // For reading as well, so that it opens without a reader; what is written here would wait.
  const fd = openSync(path, constants.O_RDWR)
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  atEnd.push(() => [fd, reader].forEach(closeSync))
  const buffer = Buffer.alloc(65_536)
  const read = (): string => {
    let text = ''
    for (;;) {
      try {
        text += buffer.toString('utf8', 0, readSync(reader, buffer))
      } catch {
        return text
      }
    }
  }
  const limits = limitsWith({ server: { logBufferBytes, logFlushMs: 50 } })
  return { log: await openLog({ log: { level: 'info', form: 'json' }, limits }, fd), read, fd }
}

describe.runIf(process.platform === 'linux')('the log', () => {
  it('never waits for who reads it: lines that do not fit are dropped, counted, and the count is reported', async () => {
    const { log, read } = await intoPipe()
    const written = 5_000
    for (let n = 0; n < written; n++) log.events({ kind: 'priming-failed', reason: `${n}`.padEnd(100) })
    let text = ''
    await vi.waitFor(
      () => {
        text += read()
        expect(text).toMatch(/lines of this log were dropped/)
      },
      { timeout: 5_000, interval: 20 },
    )
    const lines = text
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line))
    const dropped = lines.filter(({ event }) => event === 'log-dropped')
    const rest = lines.length - dropped.length
    expect(dropped.reduce((sum, { lines: count }) => sum + Number(count), rest)).toBe(written)
    expect(rest).toBeGreaterThan(200)
    await log.close()
  })

  it('is closed within its bound when no one reads', async () => {
    const { log, read } = await intoPipe()
    for (let n = 0; n < 2_000; n++) log.events({ kind: 'priming-failed', reason: `${n}`.padEnd(100) })
    await log.close()
    expect(read().length).toBeGreaterThan(60_000)
  })

  it('writes what waits before it is closed', async () => {
    const { log, read } = await intoPipe()
    log.events({ kind: 'stopped' })
    await log.close()
    expect(read()).toContain('"event":"stopped"')
  })
})

describe('the journal', () => {
  it.each([
    ['gets each line with its priority', true, ['<6>{"level":"info"', '<3>{"level":"error"', '<4>{"level":"warn"']],
    ['is another descriptor: lines are as they are', false, ['{"level":"info"', '{"level":"error"', '{"level":"warn"']],
  ])('%s', async (_, isOurs, beginnings) => {
    const directory = mkdtempSync(join(tmpdir(), 'log-'))
    atEnd.push(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'journal')
    const fd = openSync(path, 'w')
    const { dev, ino } = fstatSync(fd)
    const config = { log: { level: 'info', form: 'auto' }, limits: limitsWith({}) } as const
    const log = await openLog(config, fd, { JOURNAL_STREAM: isOurs ? `${dev}:${ino}` : '1:2' })
    log.events({ kind: 'stopped' })
    log.events({ kind: 'query-log-failed', message: 'full' })
    log.events({ kind: 'no-trust-anchor', off: true })
    await log.close()
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines.map((line, i) => line.slice(0, beginnings[i]?.length))).toEqual(beginnings)
  })
})
