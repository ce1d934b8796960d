/**
 * A zone of a hundred thousand records changed through the API of the built program, laid over its file and written
 * into it: the change is served, and the event loop goes on meanwhile. The bound here is that of a busy machine;
 * docs/performance.md has the figure of a quiet one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { LONG_TEST_MS, PATIENT, patientMs } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { buildForServing, type Serving, startServing } from './rootwalk.ts'

const RECORDS = 100_000
const HELD_MS = patientMs(500)
const TEXT = `$TTL 300
@ SOA ns root 1 7200 900 2419200 300
@ NS ns
ns A 192.0.2.53 ; stays
${Array.from({ length: RECORDS }, (_, i) => `h${i} A 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`).join('\n')}
`

interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
  readonly body: any
}

function ask(serving: Serving, path: string, method = 'GET', body?: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: join(serving.directory, 'admin.sock'),
        path: `/api/v1/zones/${path}`,
        method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      reply => {
        const parts: Buffer[] = []
        reply.on('data', part => parts.push(part))
        reply.on('end', () => {
          const text = Buffer.concat(parts).toString()
          resolve({ status: reply.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** The longest hold-up of the event loop since this was asked before, in ms. */
async function heldMs(serving: Serving): Promise<number> {
  const lines = (): readonly string[] => serving.output().match(/^WATCH .*$/gm) ?? []
  const before = lines().length
  serving.signal('SIGUSR2')
  await expect.poll(() => lines().length, PATIENT).toBeGreaterThan(before)
  return Number(/"heldMs":([\d.]+)/.exec(lines().at(-1) ?? '')?.[1] ?? Number.NaN)
}

needs('dig')('a zone of a hundred thousand records', () => {
  let serving: Serving
  beforeAll(async () => {
    buildForServing()
    serving = await startServing({
      hints: '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.1\n',
      files: { 'laid.example.zone': TEXT, 'edit.example.zone': TEXT },
      config: {
        zones: ['laid.example.zone', { file: 'edit.example.zone', editable: true }],
        admin: { listen: ['unix:admin.sock'] },
        state: 'state',
      },
      watch: {
        module: fileURLToPath(new URL('loop-watch.mjs', import.meta.url)),
        env: { ROOTWALK_WATCH_LOOP: '1' },
      },
    })
    await vi.waitUntil(() => existsSync(join(serving.directory, 'admin.sock')), PATIENT)
  }, LONG_TEST_MS)
  afterAll(() => serving?.stop())

  const address = async (name: string): Promise<string> =>
    (await dig(serving.endpoint, name, 'A')).answer.map(({ data }) => data).join(' ') || 'none'

  it.each([
    ['laid over its file', 'laid.example', 'from=0&to=1'],
    // What stood in the file first is a revision of its own.
    ['written into its file', 'edit.example', 'from=1&to=2'],
  ])(
    'is changed %s, compared and undone while the loop goes on',
    async (_how, zone, revisions) => {
      const held: Record<string, number> = {}
      const timed = async (what: string, work: () => Promise<Reply>): Promise<Reply> => {
        await heldMs(serving)
        const reply = await work()
        held[what] = Math.round(await heldMs(serving))
        return reply
      }
      const added = { add: [{ name: `new.${zone}.`, type: 'A', ttl: 60, data: ['192.0.2.99'] }] }
      const changed = await timed('patch', () => ask(serving, zone, 'PATCH', added))
      expect(changed.status, JSON.stringify(changed.body)).toBe(200)
      expect(changed.body).toMatchObject({ difference: { addedCount: 2, removedCount: 1 } })
      await expect.poll(() => address(`new.${zone}`), PATIENT).toBe('192.0.2.99')
      expect(await address(`h${RECORDS - 1}.${zone}`)).toBe('10.1.134.159')
      const between = await timed('difference', () => ask(serving, `${zone}/difference?${revisions}`))
      expect(between).toMatchObject({ status: 200, body: { addedCount: 2, removedCount: 1 } })
      expect((await timed('undo', () => ask(serving, `${zone}/undo`, 'POST'))).status).toBe(200)
      await expect.poll(() => address(`new.${zone}`), PATIENT).toBe('none')
      process.stdout.write(`${zone}: loop held at most ${JSON.stringify(held)} ms\n`)
      expect(Math.max(...Object.values(held))).toBeLessThan(HELD_MS)
      expect(readFileSync(join(serving.directory, 'edit.example.zone'), 'latin1')).toContain('; stays')
    },
    LONG_TEST_MS,
  )
})
