/** Attacks against a running server on loopback, and against one that does not resolve in their internet. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { liveHints } from '../../src/cli/attack/live.ts'
import { LONG_TEST_MS } from '../patience.mjs'
import { root, run } from '../testing/command.ts'
import { unless } from '../tools.ts'
import { buildForServing, freePort, startServing } from './rootwalk.ts'

const form = z.object({
  held: z.number(),
  of: z.number(),
  target: z.string(),
  reports: z.array(
    z.object({ name: z.string(), held: z.boolean(), measures: z.array(z.object({ value: z.number() })) }),
  ),
})

unless(process.platform === 'linux' ? null : 'only Linux answers on all of 127.0.0.0/8')(
  'rootwalk attack --target',
  () => {
    it(
      'counts what a resolver on loopback sends, and it holds',
      async () => {
        buildForServing()
        const port = await freePort()
        const server = await startServing({ hints: liveHints, config: { upstream: { doNotQuery: [], port } } })
        try {
          for (const name of ['nxns', 'camp', 'extra-records', 'reply-wrong-id', 'failing-refuses']) {
            const words = ['attack', 'run', name, '--json', '--internet-port', String(port)]
            const target = `${server.endpoint.address}:${server.endpoint.port}`
            const ran = await run(process.execPath, [join(root, 'dist/cli.js'), ...words, '--target', target])
            expect(ran.err).toBe('')
            const card = form.parse(JSON.parse(ran.out))
            expect(card.reports).toEqual([expect.objectContaining({ name, held: true })])
            expect(card.reports[0]?.measures[0]?.value).toBeGreaterThan(0)
            expect([ran.code, card.target]).toEqual([0, target])
          }
        } finally {
          await server.stop()
        }
      },
      LONG_TEST_MS,
    )

    it(
      'says how the target has to be set up when it resolves elsewhere',
      async () => {
        buildForServing()
        const hints = '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.2\n'
        const server = await startServing({ hints, config: { upstream: { doNotQuery: [], port: await freePort() } } })
        try {
          const target = `${server.endpoint.address}:${server.endpoint.port}`
          const words = ['attack', 'run', 'nxns', '--internet-port', String(await freePort()), '--target', target]
          const { code, err } = await run(process.execPath, [join(root, 'dist/cli.js'), ...words])
          expect([code, err]).toEqual([69, expect.stringContaining('rootwalk attack hints > attack.hints')])
        } finally {
          await server.stop()
        }
      },
      LONG_TEST_MS,
    )
  },
)
