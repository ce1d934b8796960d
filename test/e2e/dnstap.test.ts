/** What the server reports by dnstap, read back by programs that we did not write. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { encodeQuery } from '../admin/wire.ts'
import { startInside } from '../app/inside.ts'
import { PATIENT } from '../patience.mjs'
import { needs } from '../tools.ts'

const ENTRY = new URL('../../dist/dnstap.bundle.js', import.meta.url)
const RECORDS = { 'printer.test': { A: '192.0.2.7' } }

function ask(port: number): Promise<Buffer> {
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    socket.on('message', message => {
      socket.close()
      resolve(message)
    })
    socket.send(encodeQuery(1, 'printer.test', 1), port, '127.0.0.1')
  })
}

const linesOf = (file: string): string[] =>
  spawnSync('dnstap-ldns', ['-q', '-r', file], { encoding: 'utf8' }).stdout.trim().split('\n')

needs('dnstap-ldns')('dnstap', () => {
  it('goes to a file that dnstap-ldns reads', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dnstap-'))
    const file = join(directory, 'queries.dnstap')
    const inside = await startInside(
      { dnstap: { to: `file:${file}` }, records: RECORDS },
      { dnstapEntry: ENTRY, directory },
    )
    await expect.poll(() => inside.events.some(({ kind }) => kind === 'dnstap-open'), PATIENT).toBe(true)
    await ask(inside.port)
    // From the cache of finished answers.
    await ask(inside.port)
    await inside.server.stop()
    const lines = linesOf(file)
    expect(lines.map(line => line.replace(/^\S+ \S+ /, ''))).toEqual(
      [1, 2].flatMap(() => [
        expect.stringMatching(/^CQ 127\.0\.0\.1 UDP \d+b "printer\.test\." IN A$/),
        expect.stringMatching(/^CR 127\.0\.0\.1 UDP \d+b "printer\.test\." IN A$/),
      ]),
    )
    rmSync(directory, { recursive: true, force: true })
  })
})

needs('dnstap-ldns', 'fstrm_capture')('dnstap over a socket', () => {
  it('goes to fstrm_capture, which is there only after a while', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dnstap-'))
    const path = join(directory, 'dnstap.sock')
    const file = join(directory, 'queries.dnstap')
    const inside = await startInside(
      { dnstap: { to: `unix:${path}` }, records: RECORDS },
      { dnstapEntry: ENTRY, directory },
    )
    const had = (kind: string): boolean => inside.events.some(event => event.kind === kind)
    await expect.poll(() => had('dnstap-failed'), PATIENT).toBe(true)
    const capture = spawn('fstrm_capture', ['-t', 'protobuf:dnstap.Dnstap', '-u', path, '-w', file])
    const ended = new Promise(resolve => capture.on('exit', resolve))
    await expect.poll(() => had('dnstap-open'), PATIENT).toBe(true)
    await ask(inside.port)
    await inside.server.stop()
    capture.kill('SIGTERM')
    await ended
    expect(existsSync(file) && statSync(file).size).toBeGreaterThan(0)
    expect(linesOf(file).map(line => line.split(' ')[2])).toEqual(['CQ', 'CR'])
    rmSync(directory, { recursive: true, force: true })
  })
})
