/**
 * The ways in which people start it: `npm start`, `npm run demo`, and both from the packed package. Signals end the
 * server itself.
 */
import { cleanEnvironment } from '../testing/command.ts'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { Exit, explainedOnce, explainListen } from '../../src/cli/startup-problems.ts'
import { needs } from '../tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'rootwalk-start-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** Runs until it has said `up`, sends it SIGTERM, and waits for its end; what it said, and its exit code or signal. */
function upAndDown(
  command: string,
  words: readonly string[],
  cwd: string,
  up: RegExp,
): Promise<{ said: string; ended: number | string | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...words], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XDG_CONFIG_HOME: directory },
    })
    let said = ''
    let asked = false
    const hear = (text: Buffer): void => {
      said += text.toString()
      if (asked || !up.test(said)) return
      asked = true
      child.kill('SIGTERM')
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ said, ended: signal ?? code }))
  })
}

needs('npm')('the packed package', () => {
  test('has the demo and npm start in it, and SIGTERM ends both', async () => {
    // What npm pack would put in, without packing and installing: the files that package.json names.
    const listed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    })
    const [{ files } = { files: [] }]: { files: { path: string }[] }[] = JSON.parse(listed.stdout)
    const packed = join(directory, 'packed')
    for (const { path } of files) {
      mkdirSync(join(packed, path, '..'), { recursive: true })
      writeFileSync(join(packed, path), readFileSync(join(root, path)))
    }
    writeFileSync(
      join(packed, 'resolver.config.json'),
      '{"listen": ["127.0.0.1:0"], "rootHints": "own.hints", "upstream": {"port": 1}}',
    )
    writeFileSync(join(packed, 'own.hints'), '. 60 NS a.root.\na.root. 60 A 127.0.0.1\n')
    const server = await upAndDown('npm', ['start'], packed, /listening on/)
    expect(server.said).toMatch(/SIGTERM: finishing the queries in progress[\s\S]*stopped/)
    const demo = await upAndDown(process.execPath, ['scripts/run.mjs', 'demo', '--port', '0'], packed, /Ctrl-C ends it/)
    expect([demo.ended, demo.said]).toEqual([0, expect.stringContaining('Stopped.')])
    const once = spawnSync(process.execPath, ['dist/cli.js', 'demo', '--once', 'www.example.com'], {
      cwd: packed,
      encoding: 'utf8',
    })
    expect([once.status, once.stdout]).toEqual([0, expect.stringContaining('192.0.2.10')])
  }, 120_000)
})

describe('what keeps it from starting', () => {
  test('is said once, with no line of a log before it', () => {
    const ran = spawnSync(
      process.execPath,
      [join(root, 'dist', 'cli.js'), 'serve', '--listen', '192.0.2.1:5300,192.0.2.2:5300', '--allow', '192.0.2.0/24'],
      { cwd: directory, encoding: 'utf8', env: cleanEnvironment() },
    )
    expect(ran.status).toBe(Exit.Unavailable)
    expect(ran.stderr.split('\n').filter(line => line.startsWith('{'))).toEqual([])
    expect(ran.stderr.match(/"ip address" lists/g)).toHaveLength(1)
    expect(ran.stderr.match(/192\.0\.2\.\d:5300\/(udp|tcp) cannot be used/g)?.length).toBeGreaterThanOrEqual(1)
  })

  test('advice that is the same for several addresses comes after the last of them', () => {
    const at = (address: string, code = 'EACCES') =>
      explainListen({ kind: 'listen-failed', transport: 'udp', address, port: 53, code, message: 'm' }, null)
    const texts = explainedOnce([at('127.0.0.1'), at('::1'), at('192.0.2.1', 'EADDRNOTAVAIL')])
    expect(texts.map(text => text.split('\n').length)).toEqual([
      2,
      at('::1').text.split('\n').length,
      at('192.0.2.1', 'EADDRNOTAVAIL').text.split('\n').length,
    ])
    expect(texts[0]).toBe(
      '127.0.0.1:53/udp needs a right that this process does not have: ports below 1024 are privileged.\n',
    )
  })
})
