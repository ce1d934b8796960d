/**
 * What signed zones that are made to cost can cost: the built program resolves them, and its CPU time for each client
 * query, the packets it sends and the longest time for which its event loop is held. Packets are held to their bounds;
 * times are not, since machines differ and are shared (`test/sim/dnssec-work.test.ts` counts the work): with
 * ROOTWALK_LONG=1 they are taken, warmed up, and all is printed.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { formatName } from '../../src/presentation/text.ts'
import { ROOT } from '../../src/dns/name.ts'
import { RrType } from '../../src/dns/types.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { openLoopbackInternet, type LoopbackInternet } from '../../src/testing/internet/loopback.ts'
import { anchorLines } from '../../src/simulation/signed-internet.ts'
import type { Host } from '../../src/simulation/network.ts'
import { attackedInternet, attacks, honest, zoneOf, type Attack } from '../sim/attacked-world.ts'
import { unless } from '../tools.ts'
import { askAll, type Asked } from './dnssec-client.ts'
import { buildForServing, startServing, type Serving } from './rootwalk.ts'
import { LONG_TEST_MS, PATIENT } from '../patience.mjs'

/** For one client query, and what 50 repeats of one that failed may add to the first. */
const MOST_PACKETS = 60
const REPEATS = 50
const MOST_REPEATS = 3
/** Different names of one zone, each with work of its own. */
const NAMES = 10
const WARM_UP = 100

interface Watched {
  readonly cpuMs: number
  readonly heldMs: number
}

const LONG = process.env.ROOTWALK_LONG !== undefined
const isLinux = process.platform === 'linux'

unless(isLinux ? null : 'needs all of 127.0.0.0/8')('attacks on validation', () => {
  const running: { internet?: LoopbackInternet; servings: Serving[] } = { servings: [] }
  let packets = 0

  const counting = (host: Host): Host => ({
    ...host,
    server: {
      name: host.server.name,
      react: (query, transport, at) => {
        packets++
        return host.server.react(query, transport, at)
      },
    },
  })

  beforeAll(async () => {
    buildForServing()
    running.internet = await openLoopbackInternet(attackedInternet(), systemClock(), systemRandom(), {
      latency: false,
      between: counting,
    })
  })

  afterAll(async () => {
    await Promise.all(running.servings.map(serving => serving.stop()))
    await running.internet?.close()
  })

  const start = async (
    env: Readonly<Record<string, string>>,
  ): Promise<{
    readonly ask: (
      attack: Attack,
      zone: string,
      from: number,
      count: number,
      again?: boolean,
    ) => Promise<readonly string[]>
    readonly watch: () => Promise<Watched>
  }> => {
    const { internet } = running
    const anchor = internet?.anchors.get(ROOT)
    if (internet === undefined || anchor === undefined) throw new Error('no internet')
    const hints = internet.hints.servers
      .map(
        ({ name, addresses }) =>
          `. 3600 NS ${formatName(name)}\n${addresses.map(ip => `${formatName(name)} 3600 A ${ip.text}`).join('\n')}\n`,
      )
      .join('')
    const serving = await startServing({
      hints,
      files: { anchors: `${anchorLines(anchor).join('\n')}\n` },
      watch: { module: fileURLToPath(new URL('loop-watch.mjs', import.meta.url)), env },
      config: { dnssec: { trustAnchors: 'anchors' }, upstream: { doNotQuery: [], port: internet.port } },
    })
    running.servings.push(serving)
    let told = 0
    return {
      ask: async ({ name, type }, zone, from, count, again = false) => {
        const questions = Array.from(
          { length: count },
          (_, i): Asked => ({
            name: `${name(again ? from : from + i)}.${zone}`,
            type: RrType[type],
            dnssecOk: true,
            wantsAd: false,
            checkingDisabled: false,
          }),
        )
        return (await askAll(serving.endpoint, questions, 1)).map(
          ({ rcode, ad, errors }) => `${rcode}${ad ? ' AD' : ''} ${errors.join()}`,
        )
      },
      watch: async () => {
        const lines = (): string[] => serving.output().match(/^WATCH .*\}$/gm) ?? []
        serving.signal('SIGUSR2')
        told++
        await expect.poll(() => lines().length, PATIENT).toBe(told)
        const line: unknown = JSON.parse(lines().at(-1)?.slice('WATCH '.length) ?? '')
        return readWatched(line)
      },
    }
  }

  it(
    'costs few packets, and next to none when repeated',
    async () => {
      const cost = await start({})
      const loop = LONG ? await start({ ROOTWALK_WATCH_LOOP: '1' }) : null
      // What is measured is the work, not how the compiler comes to know it: everything has been asked once of another
      // zone.
      for (const { ask } of loop === null ? [] : [cost, loop]) {
        await ask(honest, zoneOf(0, 1), 0, WARM_UP)
        for (const [index, attack] of attacks.entries()) await ask(attack, zoneOf(index + 1, 1), 0, NAMES)
      }
      const rows: string[] = []
      for (const [index, attack] of [honest, ...attacks].entries()) {
        packets = 0
        await cost.watch()
        const [says = ''] = await cost.ask(attack, zoneOf(index), 0, 1)
        const first = { ...(await cost.watch()), packets }
        expect(first.packets, attack.about).toBeLessThanOrEqual(MOST_PACKETS)
        packets = 0
        const others = await cost.ask(attack, zoneOf(index), 1, NAMES)
        const names = { ...(await cost.watch()), packets }
        expect(names.packets, attack.about).toBeLessThanOrEqual(MOST_PACKETS * NAMES)
        expect(new Set(others.map(verdictOf)), attack.about).toEqual(new Set([verdictOf(says)]))
        packets = 0
        await cost.ask(attack, zoneOf(index), 0, REPEATS, true)
        const repeats = { ...(await cost.watch()), packets }
        expect(repeats.packets, attack.about).toBeLessThanOrEqual(MOST_REPEATS * first.packets)
        if (loop === null) continue
        await loop.watch()
        await loop.ask(attack, zoneOf(index), 0, NAMES)
        const { heldMs } = await loop.watch()
        rows.push(
          [
            attack.about,
            says.slice(0, 60),
            `first ${first.cpuMs.toFixed(1)} ms ${first.packets} packets`,
            `others ${(names.cpuMs / NAMES).toFixed(1)} ms ${(names.packets / NAMES).toFixed(1)} packets`,
            `${REPEATS} repeats ${repeats.cpuMs.toFixed(1)} ms ${repeats.packets} packets`,
            `loop held ${heldMs.toFixed(1)} ms`,
          ].join(' | '),
        )
      }
      if (LONG) console.log(`CPU time of the server for a client query, of all its threads:\n${rows.join('\n')}`)
    },
    LONG_TEST_MS,
  )
})

const verdictOf = (says: string): string => says.replace(/ \d+ .*/, '')

function readWatched(line: unknown): Watched {
  if (typeof line !== 'object' || line === null || !('cpuMs' in line) || !('heldMs' in line))
    throw new Error('no measurement')
  return { cpuMs: Number(line.cpuMs), heldMs: Number(line.heldMs) }
}
