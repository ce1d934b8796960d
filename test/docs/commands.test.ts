/** What the documents show of commands is what they print: each is run against a demo of its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { buildForServing } from '../e2e/rootwalk.ts'
import { cleanEnvironment, root, run, saying, start, type Running } from '../testing/command.ts'
import { patientMs } from '../patience.mjs'
import { blocksOf, commandsOf, firstDifference, linesOf, stable } from './console.ts'

/** `web` is the port of the stub's control API, a web server. */
async function withDemo(use: (demo: Running, port: number, web: number) => Promise<void>): Promise<void> {
  const stub = start(process.execPath, [join(root, 'dist/cli.js'), 'stub', '--control', '127.0.0.1:0'])
  const demo = start(process.execPath, [join(root, 'dist/cli.js'), 'demo', '--port', '0'])
  try {
    const said = await saying(demo, /answers on 127\.0\.0\.1 port \d+/)
    // It talks on standard error.
    await expect.poll(() => stub.err(), { timeout: patientMs(20_000) }).toMatch(/control API at \S+:\d+/)
    await use(demo, Number(/port (\d+)/.exec(said)?.[1]), Number(/control API at \S+:(\d+)/.exec(stub.err())?.[1]))
  } finally {
    stub.child.kill('SIGTERM')
    await stub.ended
    demo.child.kill('SIGTERM')
    await demo.ended
  }
}

describe.each(['README.md', 'docs/troubleshooting.md', 'docs/networking.md'])('the commands of %s', file => {
  const document = readFileSync(join(root, file), 'utf8')
  const blocks = blocksOf(document)
  const commands = blocks.filter(({ language }) => language === 'console').flatMap(commandsOf)
  const walks = blocks.filter(({ language }) => language === 'walk')

  it('are some, with a walk, and each shows something', () => {
    expect(commands.length).toBeGreaterThan(1)
    expect(walks).toHaveLength(1)
    for (const { command, shown } of commands)
      expect(
        shown.some(line => line !== '…'),
        command,
      ).toBe(true)
  })

  it('print what is shown below them, and the demo prints the walk', async () => {
    buildForServing()
    await withDemo(async (demo, port, web) => {
      for (const { command, shown } of commands) {
        const [program, ...args] = command
          .replace('-p 5300', `-p ${port}`)
          .replace('127.0.0.1:5300', `127.0.0.1:${port}`)
          .replace('127.0.0.1:8053', `127.0.0.1:${web}`)
          .split(' ')
        expect(program).toBe('node')
        const { out, err } = await run(process.execPath, args, { cwd: root, env: cleanEnvironment() })
        const wanted = shown.map(line => stable(line, port))
        const printed = out
          .replaceAll(`127.0.0.1:${web}`, '127.0.0.1:8053')
          .replaceAll(`127.0.0.1:${port}`, '127.0.0.1:5300')
        expect(firstDifference(wanted, linesOf(stable(printed, port))), `${command}\n${out}${err}`).toBeNull()
      }
      const walk = linesOf(stable(walks[0]?.text ?? '', port))
      await saying(demo, new RegExp(`^${(walk[0] ?? '').replaceAll('.', '\\.')} sent`, 'm'))
      const told = linesOf(stable(demo.out(), port))
      const from = told.indexOf(walk[0] ?? '')
      const to = told.findIndex((line, index) => index > from && line === '')
      expect(firstDifference(walk, told.slice(from, to)), demo.out()).toBeNull()
      const zones = /The demo has (\d+) zones/.exec(document)?.[1]
      if (zones !== undefined) expect(demo.out()).toContain(`${zones} zones on `)
    })
  })
})

describe('a comparison', () => {
  const printed = ['a', 'b', 'c']
  test.each([
    [['a', 'b', 'c'], true],
    [['a', '…'], true],
    [['…', 'c'], true],
    [['a', '…', 'c'], true],
    [['a', 'b'], false],
    [['a', 'c'], false],
    [['…', 'x', '…'], false],
    [['b', '…'], false],
    [['a', '…', 'b', 'a', '…'], false],
  ])('of %j with a, b, c holds: %s', (shown, holds) => {
    expect(firstDifference(shown, printed) === null).toBe(holds)
  })

  it('does not look at what differs from run to run, and at everything else', () => {
    expect(stable('a.b. 192.0.2.1#53: x A → NOERROR [1.2 ms]', 1)).toBe(
      stable('c. 2001:db8::1#53: x A → NOERROR [83 ms]', 1),
    )
    expect(stable(';; id: 7, 127.0.0.1#4242 (UDP)', 4242)).toBe(';; id: N, 127.0.0.1#5300 (UDP)')
    expect(stable('a A → NOERROR [1 ms]', 1)).not.toBe(stable('a A → NXDOMAIN [1 ms]', 1))
  })
})
