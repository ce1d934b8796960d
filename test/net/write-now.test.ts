import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { writeNow } from '../../src/net/write-now.ts'
import { bundled } from './batch-support.ts'

test('everything arrives, in its order, through a pipe that is full and does not wait', async () => {
  const program = await bundled('test/net/programs/chatty.ts')
  const child = spawn(process.execPath, [fileURLToPath(program)], { stdio: ['ignore', 'pipe', 'inherit'] })
  // Read only when it is full.
  await once(child.stdout, 'readable')
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
  const lines = text.trimEnd().split('\n').map(line => Number(line.replace(/^\.+/, '')))
  expect(lines).toEqual(Array.from({ length: 2_000 }, (_, line) => line))
})

test('a descriptor that takes nothing is no failure', () => {
  const fd = openSync('/dev/null', 'r')
  expect(() => writeNow(fd, 'lost', 1)).not.toThrow()
  closeSync(fd)
})
