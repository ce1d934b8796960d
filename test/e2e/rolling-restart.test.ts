/** Three instances behind dnsdist as `contrib/` has it, restarted one after the other under load. */
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { question } from '../../src/simulation/records.ts'
import { answers, startProcess } from '../daemons.mjs'
import { patientMs } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { needs } from '../tools.ts'
import { startDnsdist } from './dnsdist.ts'
import { buildForServing, startServing } from './rootwalk.ts'
import { askUdp } from './wire-client.ts'

const HINTS = '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.9\n'
const ZONE = '$ORIGIN lan.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'
const LETTERS = ['a', 'b', 'c']
/** dnsdist asks once a second, and takes two noes for one. */
const DRAIN_S = 5
const NAMES = 200
const TICK_MS = 10
const PER_TICK = 3

const asks = (name: string, id: number): Uint8Array =>
  encodeQuery({ id, question: question(name, 'TXT'), recursionDesired: true, edns: null })

/** Asks for names of all instances at a steady rate; what came is kept. */
class Load {
  readonly #socket = createSocket('udp4')
  readonly #waiting = new Set<number>()
  readonly #timer: NodeJS.Timeout
  readonly rcodes = new Map<number, number>()
  /** By the letter of the instance that answered. */
  readonly seen = new Map<string, number>()
  sent = 0

  constructor(port: number) {
    this.#socket.on('message', bytes => this.#take(bytes))
    this.#timer = setInterval(() => {
      for (let i = 0; i < PER_TICK; i++, this.sent++) {
        const id = this.sent & 0xffff
        this.#waiting.add(id)
        this.#socket.send(asks(`n${this.sent % NAMES}.lan.`, id), port, '127.0.0.1')
      }
    }, TICK_MS)
  }

  /** How many have no answer in the end. */
  async end(): Promise<number> {
    clearInterval(this.#timer)
    await expect.poll(() => this.#waiting.size, { timeout: patientMs(10_000) }).toBe(0)
    this.#socket.close()
    return this.#waiting.size
  }

  #take(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes)
    if (decoded.kind !== 'message' || !this.#waiting.delete(decoded.message.id)) return
    const { rcode, answer } = decoded.message
    this.rcodes.set(rcode, (this.rcodes.get(rcode) ?? 0) + 1)
    const text = answer.find(({ type }) => type === RrType.TXT)?.rdata.subarray(1) ?? []
    const letter = String.fromCharCode(...text)
    this.seen.set(letter, (this.seen.get(letter) ?? 0) + 1)
  }
}

beforeAll(buildForServing, patientMs(240_000))

needs('dnsdist')('three instances behind dnsdist', () => {
  it(
    'are restarted one after the other under load, and no query is lost or fails',
    async () => {
      const instances = await Promise.all(
        LETTERS.map(letter =>
          startServing({
            hints: HINTS,
            config: { zones: ['lan.zone'], drainS: DRAIN_S },
            files: { 'lan.zone': `${ZONE}* TXT "${letter}"\n` },
          }),
        ),
      )
      const dnsdist = await startDnsdist(instances.map(({ endpoint }) => endpoint))
      const again: { stop(): Promise<void> }[] = []
      const wait = { timeout: patientMs(30_000) }
      try {
        expect(await answers('127.0.0.1', dnsdist.port, dnsdist.gone)).toBe(true)
        const load = new Load(dnsdist.port)
        await expect.poll(() => load.seen.size, wait).toBe(LETTERS.length)
        for (const [i, instance] of instances.entries()) {
          instance.signal('SIGTERM')
          // It still answers, and says that nothing more is to be sent.
          await expect.poll(() => readiness(instance.endpoint.port), wait).toBe('refused')
          expect(await instance.exited).toBe(0)
          const { port, address } = instance.endpoint
          const config = join(instance.directory, 'resolver.config.json')
          const next = startProcess(process.execPath, [join(root, 'dist/cli.js'), 'serve', '--config', config])
          again.push(next)
          expect(await answers(address, port, next.gone)).toBe(true)
          expect(await readiness(port)).toBe('ready')
          // Names go to it again before the next one ends.
          const letter = LETTERS[i] ?? ''
          const before = load.seen.get(letter) ?? 0
          await expect.poll(() => load.seen.get(letter) ?? 0, wait).toBeGreaterThan(before + 10)
        }
        expect(await load.end()).toBe(0)
        expect([...load.rcodes.keys()]).toEqual([0])
        console.log(`rolling restart of three instances: ${load.sent} queries, none lost, none failed`)
      } finally {
        await dnsdist.stop()
        await Promise.all(again.map(one => one.stop()))
        await Promise.all(instances.map(one => one.stop()))
      }
    },
    patientMs(180_000),
  )
})

async function readiness(port: number): Promise<'ready' | 'refused' | 'silent'> {
  const asked = { ...question('ready.server.', 'TXT'), class: RrClass.CH }
  const query = encodeQuery({ id: 1, question: asked, recursionDesired: false, edns: null })
  const bytes = await askUdp({ address: '127.0.0.1', port }, query)
  if (bytes === null) return 'silent'
  const decoded = decodeMessage(bytes)
  return decoded.kind === 'message' && decoded.message.rcode === 0 ? 'ready' : 'refused'
}
