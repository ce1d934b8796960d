// @ts-check
/**
 * What a policy written as a program costs, in a thread of its own and with one hook that passes: new names and cached
 * ones, next to the same server without it. And what a look-up in five policy zones costs.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../daemons.mjs'
import { limits, names as nameModule, rpz } from './built.mjs'
import { withNames } from './internet.mjs'
import { cpuMicros, dnsperf } from './measure.mjs'
import { OURS } from './report.mjs'
import { ADDRESS, CLIENT_CPU, startRootwalk } from './servers.mjs'

const OUTSTANDING = 200
const LIMIT_S = 300
const MOST_MISS = 1.25
const MOST_HIT = 1.03
const PLAIN = 'without a program'
const PROGRAM = `export default { reads: 'pure', query({ name }) {
  if (name.endsWith('.games.example')) return { kind: 'nxdomain' }
} }
`

/** @param {import('./cached.mjs').Case} on */
export async function programsCase({ internet, report, size, tell }) {
  const names = internet.host(size.zones * size.namesPerZone, size.zones)
  const directory = temporaryDirectory('programs')
  const file = join(directory.path, 'one-hook.mjs')
  writeFileSync(file, PROGRAM)
  const row = (/** @type {string} */ what, /** @type {number} */ most) =>
    report.row('programs', what, {
      unit: 'us',
      goal: { by: 'ratio', most, peer: PLAIN },
      beside: `${names.length} names`,
    })
  const rows = { miss: row('CPU of a new name', MOST_MISS), hit: row('CPU of a cached name', MOST_HIT) }
  const variants = /** @type {const} */ ([
    [PLAIN, {}],
    [OURS, { policy: [file] }],
  ])
  try {
    await withNames(names, async asked => {
      for (let round = 1; round <= size.coldRounds; round++)
        for (const [name, settings] of round % 2 === 0 ? [...variants].reverse() : variants) {
          const server = await startRootwalk({ ...internet, settings })
          try {
            const load = { address: ADDRESS, port: server.port, file: asked, cpu: CLIENT_CPU, limitSeconds: LIMIT_S }
            const miss = await costOf(server.pid, { ...load, outstanding: OUTSTANDING })
            const hit = await costOf(server.pid, { ...load, outstanding: OUTSTANDING, seconds: size.seconds })
            rows.miss.add(name, miss)
            rows.hit.add(name, hit)
            tell(`programs, round ${round}: ${name} ${miss.toFixed(1)} us, ${hit.toFixed(2)} us`)
          } finally {
            await server.stop()
          }
        }
    })
  } finally {
    directory.remove()
  }
}

/** @param {number} pid @param {import('./measure.mjs').Load} load */
async function costOf(pid, load) {
  const before = cpuMicros(pid)
  const { answered } = await dnsperf(load)
  return (cpuMicros(pid) - before) / answered
}

const ZONES = 5
const ROUNDS = 20
const ASKED = 10_000
const MOST_LOOKUP_US = 3
const HEAD = '$TTL 300\n@ SOA ns.rpz. h.rpz. 1 3600 600 86400 60\n@ NS ns.rpz.\n'

/** @param {{ report: import('./report.mjs').Report, size: import('./sizes.mjs').Size }} on */
export async function rpzBench({ report, size }) {
  const { makePolicy, PolicyRules, parseIp } = await rpz()
  const { defaultLimits } = await limits()
  const { foldName, nameFromLabels } = await nameModule()
  const nameOf = (/** @type {readonly string[]} */ labels) =>
    foldName(nameFromLabels(labels) ?? /** @type {never} */ (null))
  const directory = temporaryDirectory('rpz')
  try {
    const rules = size.transferRecords / ZONES
    const zones = Array.from({ length: ZONES }, (_, zone) => {
      const file = join(directory.path, `rpz${zone}`)
      const lines = Array.from({ length: rules }, (__, i) => `a${i}.ads${i % 97}.z${zone}.example.com CNAME .\n`)
      // Other triggers as well, so that nothing is passed over.
      const blocks = Array.from(
        { length: 100 },
        (__, i) => `32.${i}.${zone}.51.198.rpz-ip CNAME .\n24.0.${i}.${zone}.10.rpz-client-ip CNAME .\n`,
      )
      writeFileSync(file, [HEAD, ...lines, ...blocks].join(''))
      return { kind: /** @type {const} */ ('file'), file, origin: nameOf([`rpz${zone}`]), before: null }
    })
    const done = makePolicy({ zones, key: { k0: 1, k1: 2 }, limits: defaultLimits.zone })
    const found = done.zones.flatMap(({ zone }, i) =>
      zone === null
        ? []
        : [
            {
              zone,
              settings: {
                zone: zones[i]?.origin ?? zone.origin,
                override: null,
                logOnly: false,
                early: true,
                maxTtl: 5,
                ede: null,
              },
            },
          ],
    )
    const policy = new PolicyRules({ zones: found, tables: done.tables })
    const asked = Array.from({ length: ASKED }, (_, i) => nameOf(['www', `host${i}`, 'some-name', 'net']))
    const [client, address] = [parseIp('192.0.2.7'), parseIp('203.0.113.9')]
    if (client === null || address === null) throw new Error('no address')
    const servers = { names: [], addresses: [] }
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now()
      for (const name of asked) {
        policy.question(name, client)
        policy.answer([address], servers, policy.question(name, client))
      }
      best = Math.min(best, ((performance.now() - began) * 1e3) / ASKED)
    }
    report
      .row('rpz', `look-ups of a new name in ${ZONES} policy zones with ${rules} rules each`, {
        unit: 'us',
        goal: { by: 'value', most: MOST_LOOKUP_US },
        beside: 'client, name and address, before and after it is resolved; the best of 20 rounds',
      })
      .add(OURS, best)
  } finally {
    directory.remove()
  }
}
