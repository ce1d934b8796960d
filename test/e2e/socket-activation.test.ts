/**
 * Sockets held by systemd, as systemd-socket-activate passes them: the first client is there before the program is, and
 * its query waits in the socket.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcess, temporaryDirectory } from '../daemons.mjs'
import { authority, certificateFor } from '../net/listen/secure.ts'
import { PATIENT, patientMs } from '../patience.mjs'
import { needs } from '../tools.ts'
import { buildForServing, freePort } from './rootwalk.ts'

const NAME = 'www.corp.example'
const ANSWER = '192.0.2.7'
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const { path: directory, remove } = temporaryDirectory('activation')
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
const { cert, key } = certificateFor('dns.example', '127.0.0.1')
const ca = file('ca.pem', authority.cert)
file('cert.pem', cert)
file('key.pem', key)
const certificate = { certificate: 'cert.pem', key: 'key.pem' }
const overTls = [`+tls-ca=${ca}`, '+tls-hostname=dns.example']

beforeAll(buildForServing, patientMs(240_000))
afterAll(remove)

interface Case {
  /** Options of systemd-socket-activate. */
  readonly passed: readonly string[]
  readonly scheme: string
  readonly settings: object
  /** Options of kdig. */
  readonly asked: readonly string[]
}

/** What kdig prints. */
function kdig(port: number, options: readonly string[]): Promise<string> {
  const seconds = Math.ceil(patientMs(20_000) / 1_000)
  const once = ['+retry=0', `+timeout=${seconds}`]
  const child = spawn('kdig', ['@127.0.0.1', '-p', String(port), ...once, ...options, NAME, 'A'])
  let output = ''
  child.stdout.on('data', (octets: Buffer) => (output += octets.toString()))
  return new Promise(resolve => child.once('close', () => resolve(output)))
}

needs('systemd-socket-activate', 'kdig')('systemd-socket-activate', () => {
  test.each<readonly [string, Case]>([
    ['UDP, with listener threads', { passed: ['-d'], scheme: '', settings: { udp: 'auto' }, asked: ['+notcp'] }],
    ['UDP, with two of them', { passed: ['-d'], scheme: '', settings: { udp: 'auto', threads: 2 }, asked: ['+notcp'] }],
    ['UDP, without them', { passed: ['-d'], scheme: '', settings: { udp: 'plain' }, asked: ['+notcp'] }],
    ['TCP', { passed: [], scheme: '', settings: {}, asked: ['+tcp'] }],
    ['TLS', { passed: [], scheme: 'tls://', settings: { tls: certificate }, asked: overTls }],
  ])(
    'passes a socket for %s, and the query that started the program is answered',
    async (_, { passed, scheme, settings, asked }) => {
      const port = await freePort()
      const config = file(
        `${port}.json`,
        JSON.stringify({
          listen: [`${scheme}127.0.0.1:${port}`],
          records: { [NAME]: { A: ANSWER } },
          dnssec: { validate: false },
          warmUp: false,
          log: { form: 'json' },
          ...settings,
        }),
      )
      let output = ''
      const serve = [process.execPath, cli, 'serve', '--config', config]
      const activate = startProcess('systemd-socket-activate', [...passed, '-l', `127.0.0.1:${port}`, ...serve], {
        onOutput: text => (output += text),
      })
      try {
        await expect.poll(() => output, PATIENT).toMatch(/Listening on/)
        expect(output).not.toContain('"event"')
        expect(await kdig(port, asked)).toContain(ANSWER)
        // And the ones after it, once it runs.
        expect(await kdig(port, asked)).toContain(ANSWER)
        expect(output).toContain('"listening"')
        for (const trouble of ['inherited-unused', 'listener-failed', '"bug"']) expect(output).not.toContain(trouble)
      } finally {
        await activate.stop()
      }
    },
    patientMs(60_000),
  )
})
