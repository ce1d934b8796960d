/**
 * What is signed here validates where we did not write the validator: Unbound and delv walk the loopback internet from
 * the root's keys.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../../src/dns/name.ts'
import { rcodeName } from '../../src/dns/types.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { buildInternet, signedBy } from '../../src/simulation/internet.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { type LoopbackInternet, openLoopbackInternet } from '../../src/testing/internet/loopback.ts'
import { anchorLines } from '../../src/simulation/signed-internet.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { simulate } from '../../src/simulation/world.ts'
import { freePort } from '../e2e/rootwalk.ts'
import { startUnbound, temporaryDirectory, whereIs } from '../daemons.mjs'
import { ask } from '../testing/raw.ts'
import { honestSigns, nameIn, questions, signedWorld } from '../sim/signed-world.ts'
import { unless } from '../tools.ts'

const NETWORK = '127.54'
const OTHER_SIGNS = {
  'opt-out': 'nsec3 optOut',
  island: 'noDs',
  'unsupported-algorithm': 'unsupportedAlgorithm',
  'unsupported-digest': 'unsupportedDigest',
} as const

/** Other resolvers know root servers on port 53 only. */
async function why(): Promise<string | null> {
  for (const tool of ['unbound', 'delv']) if (whereIs(tool) === null) return `needs ${tool}`
  try {
    await (
      await openLoopbackInternet(
        {
          zones: [{ origin: '.', text: '@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\na. 60 A 192.0.2.1', at: ['192.0.2.1'] }],
        },
        systemClock(),
        systemRandom(),
        { port: 53, network: NETWORK },
      )
    ).close()
    return null
  } catch (error) {
    return `port 53 of loopback addresses: ${error instanceof Error && 'code' in error ? String(error.code) : 'not to be had'}`
  }
}

unless(await why())('the signed internet', () => {
  let internet: LoopbackInternet
  let unbound: Awaited<ReturnType<typeof startUnbound>>
  let port = 0
  let anchors: readonly string[] = []
  beforeAll(async () => {
    internet = await openLoopbackInternet(
      signedWorld({ ...honestSigns, ...OTHER_SIGNS }),
      systemClock(),
      systemRandom(),
      { port: 53, latency: false, network: NETWORK },
    )
    const root = internet.anchors.get(ROOT)
    anchors = root === undefined ? [] : anchorLines(root)
    port = await freePort()
    const hints = `. 3600000 IN NS a.root.\na.root. 3600000 IN A ${internet.addressOf('198.51.100.1')}\n`
    unbound = await startUnbound({
      address: '127.0.0.1',
      port,
      hints,
      more: ['module-config: "validator iterator"', ...anchors.map(line => `trust-anchor: "${line}"`), 'ede: yes'],
    })
  })
  afterAll(async () => {
    await unbound?.stop()
    await internet?.close()
  })
  const says = async (name: string, type: string): Promise<string> => {
    const { rcode, authenticData } = await ask({ host: '127.0.0.1', port }, name, type, { edns: 1232, dnssecOk: true })
    return `${rcodeName(rcode)} ${authenticData ? 'secure' : 'insecure'}`
  }

  it.each(['honest', ...Object.keys(honestSigns)])('%s: Unbound finds everything in order', async zone => {
    const found = await Promise.all(
      questions.map(async ([name, type]) => `${name} ${type} ${await says(nameIn(zone, name), type)}`),
    )
    expect(found).toEqual(questions.map(([name, type, rcode, security]) => `${name} ${type} ${rcode} ${security}`))
  })

  it('opt-out: data is secure, what is not there may be an unsigned delegation', async () => {
    expect(await says('www.opt-out.', 'A')).toBe('NOERROR secure')
    expect(await says('www.opt-out.', 'TXT')).toBe('NOERROR secure')
    expect(await says('nothing.ent.opt-out.', 'A')).toBe('NXDOMAIN insecure')
    expect(await says('www.insecure.opt-out.', 'A')).toBe('NOERROR insecure')
    expect(await says('www.secure.opt-out.', 'A')).toBe('NOERROR secure')
  })

  it.each(['island', 'unsupported-algorithm', 'unsupported-digest'])('%s: insecure', async zone => {
    for (const [name, type, rcode] of questions)
      expect(`${name} ${type} ${await says(nameIn(zone, name), type)}`).toBe(
        `${name} ${type} ${rcode} ${name === '' && type === 'DS' ? 'secure' : 'insecure'}`,
      )
  })

  it('delv validates what the signed internet serves', async () => {
    const directory = temporaryDirectory('delv')
    const file = join(directory.path, 'anchors')
    const keys = anchors
      .map(line => line.split(' '))
      .map(([, , , tag, algorithm, type, ...digest]) => `. static-ds ${tag} ${algorithm} ${type} "${digest.join('')}";`)
    writeFileSync(file, `trust-anchors { ${keys.join(' ')} };\n`)
    const delv = async (name: string): Promise<string> =>
      (
        await promisify(execFile)(whereIs('delv') ?? '', [
          '@127.0.0.1',
          '-p',
          String(port),
          '-a',
          file,
          '+root=.',
          name,
          'A',
        ])
      ).stdout
    expect(await delv('www.honest.')).toMatch(/^; fully validated/)
    expect(await delv('x.wild.salted.')).toMatch(/^; fully validated/)
    expect(await delv('www.insecure.ed25519.')).toMatch(/^; unsigned answer/)
    directory.remove()
  })
})

describe('without a network', () => {
  it('equal seeds make equal anchors', () => {
    const lines = (seed: number): string[] =>
      [
        ...buildInternet(
          signedWorld({}),
          new SimRandom(1),
          0,
          signedBy(() => 0, seed),
        ).anchors.values(),
      ].flatMap(anchorLines)
    expect(lines(1)).toEqual(lines(1))
    expect(lines(1)[0]).not.toEqual(lines(2)[0])
    expect(lines(1)[0]).toMatch(/^\. IN DS \d+ 13 2 [0-9A-F ]{65}$/i)
  })

  it('worlds that share a store say what worlds of their own would, whatever the others changed and whenever they were', () => {
    const signs = ['', 'nsec3', 'expired', 'badSignatures']
    const store = new KeyStore()
    const walk = (sign: string, days: number, keys: KeyStore): unknown => {
      const source = signedWorld({ zone: sign })
      const zones =
        days === 0
          ? source.zones
          : source.zones.map(zone =>
              zone.origin === 'zone.' ? { ...zone, text: `${zone.text}more A 192.0.2.1\n` } : zone,
            )
      const world = simulate({ ...source, zones, keys })
      world.advance(`${days}d`)
      for (const [name, type] of questions) world.resolve(nameIn('zone', name), type)
      world.resolve('more.zone.', 'A')
      return world.exchanges.map(({ atMs, result }) => [
        atMs,
        result?.kind === 'reply' ? Buffer.from(result.bytes).toString('hex') : result,
      ])
    }
    for (const days of [0, 40, 1, 0])
      for (const sign of signs)
        expect(walk(sign, days, store), `${sign} ${days}`).toEqual(walk(sign, days, new KeyStore()))
  })
})
