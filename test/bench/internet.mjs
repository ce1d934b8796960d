// @ts-check
/**
 * The internet that the resolvers are measured against: a root, one TLD, and zones delegated from it to a few NSD
 * processes, with as many names in each, signed or not. One zone is delegated to an address that answers nothing.
 * Everything is made by counting, so every run asks the same.
 */
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claimNetwork, startNsd, temporaryDirectory } from '../daemons.mjs'
import { signAll } from './signing.mjs'

/** @typedef {import('../daemons.mjs').ZoneText} ZoneText */

/**
 * `host`: names that stand in the zones, neighbours from different zones, no more than `spread` of them. `wild`: as
 * many other names as wanted, answered by a wildcard; not in signed zones, where one proof would answer for all.
 * `silent`: names that nobody answers for.
 * @typedef {object} BenchInternet
 * @property {string} hints
 * @property {string | null} anchor DS record of the root, when the zones are signed.
 * @property {(count: number, spread: number) => string[]} host
 * @property {(from: number, count: number) => string[]} wild
 * @property {(from: number, count: number) => string[]} silent
 * @property {(n: number) => string} mute A new name below one of many zones whose servers answer nothing.
 * @property {(n: number) => string} glueless The same, below zones whose servers have names below those.
 * @property {() => Promise<void>} stop
 */

const TTL = 86_400
const SERVERS_PER_ZONE = 2
const TLD = 'test-tld'
const SILENT = 15
/** Zones whose servers answer nothing, and the addresses of these. */
const MUTE_ZONES = 2_000
const FIRST_MUTE = 16
const MUTE_ADDRESSES = 200

/**
 * @param {{ zones: number, namesPerZone: number, cpu: number, sign?: import('./signing.mjs').Sign }} size
 * @returns {Promise<BenchInternet>}
 */
export async function startInternet({ zones, namesPerZone, cpu, sign }) {
  const network = await claimNetwork()
  if (typeof network === 'string')
    throw new Error(`cannot bind ${network} (root, or net.ipv4.ip_unprivileged_port_start=53, is needed)`)
  const { address } = network
  const silent = createSocket('udp4')
  const mutes = Array.from({ length: MUTE_ADDRESSES }, () => createSocket('udp4'))
  /** @type {import('../daemons.mjs').Daemon[]} */
  const started = []
  const stop = async () => {
    silent.close()
    for (const socket of mutes) socket.close()
    await Promise.all([...started.map(daemon => daemon.stop()), network.release()])
  }
  try {
    await new Promise(
      (/** @type {(value: void) => void} */ resolve, reject) =>
        void silent.once('error', reject).bind(53, address(SILENT), resolve),
    )
    for (const [n, socket] of mutes.entries()) {
      socket.once('error', () => {})
      socket.bind(53, address(FIRST_MUTE + n))
    }
    const origins = Array.from({ length: zones }, (_, i) => `zone${i}.${TLD}.`)
    const { leaves, tld, root, anchor } = await zonesOf(origins, namesPerZone, address, sign)
    const servers = [
      { name: 'root', addresses: [address(1)], zones: [root] },
      { name: 'tld', addresses: [address(2)], zones: [tld] },
      { name: 'auth', addresses: [address(11), address(12)], zones: leaves },
    ]
    const results = await Promise.allSettled(servers.map(server => startNsd({ ...server, cpu })))
    for (const result of results) if (result.status === 'fulfilled') started.push(result.value)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return {
      hints: `. 3600000 NS a.root.\na.root. 3600000 A ${address(1)}\n`,
      anchor,
      host: (count, spread) => hosts(count, Math.min(spread, zones), namesPerZone),
      wild: (from, count) =>
        Array.from({ length: count }, (_, i) => `wild${from + i}.zone${((from + i) * 7) % zones}.${TLD}`),
      silent: (from, count) => Array.from({ length: count }, (_, i) => `quiet${from + i}.silent.${TLD}`),
      mute: n => `n${n}.mute${n % MUTE_ZONES}.${TLD}`,
      glueless: n => `n${n}.glueless${n % MUTE_ZONES}.${TLD}`,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * @param {readonly string[]} origins
 * @param {number} namesPerZone
 * @param {(n: number) => string} address
 * @param {import('./signing.mjs').Sign} [sign]
 * @returns {Promise<{ leaves: ZoneText[], tld: ZoneText, root: ZoneText, anchor: string | null }>}
 */
async function zonesOf(origins, namesPerZone, address, sign) {
  const wildcard = sign === undefined ? '* A 198.18.255.255\n' : ''
  const plain = origins.map(origin => ({
    origin,
    text: `${leaf(head(origin, 'ns1'), namesPerZone, address)}${wildcard}`,
  }))
  const tldText = tld(origins, address)
  const rootText = `${head('.', 'a.root.')}a.root. A ${address(1)}\n${TLD}. NS a.nic.${TLD}.\na.nic.${TLD}. A ${address(2)}\n`
  if (sign === undefined)
    return {
      leaves: plain,
      tld: { origin: `${TLD}.`, text: tldText },
      root: { origin: '.', text: rootText },
      anchor: null,
    }
  const leaves = await signAll(sign, plain)
  const [signedTld] = await signAll(sign, [
    { origin: `${TLD}.`, text: `${tldText}${leaves.map(({ ds }) => `${ds}\n`).join('')}` },
  ])
  const [signedRoot] = await signAll(sign, [{ origin: '.', text: `${rootText}${signedTld?.ds ?? ''}\n` }])
  if (signedTld === undefined || signedRoot === undefined) throw new Error('the root could not be signed')
  return {
    leaves: leaves.map(({ zone }) => zone),
    tld: signedTld.zone,
    root: signedRoot.zone,
    anchor: `${signedRoot.ds}\n`,
  }
}

/** @param {string} origin @param {string} server */
const head = (origin, server) =>
  `$ORIGIN ${origin}\n$TTL ${TTL}\n@ IN SOA ${server} h. 1 7200 3600 1209600 300\n@ IN NS ${server}\n`

/**
 * @param {readonly string[]} origins
 * @param {(n: number) => string} address
 */
function tld(origins, address) {
  const lines = [
    `${head(`${TLD}.`, 'a.nic')}a.nic A ${address(2)}`,
    'silent NS ns.silent',
    `ns.silent A ${address(SILENT)}`,
  ]
  for (let n = 0; n < MUTE_ZONES; n++) {
    lines.push(`mute${n} NS ns.mute${n}`, `ns.mute${n} A ${address(FIRST_MUTE + (n % MUTE_ADDRESSES))}`)
    for (let k = 0; k < 4; k++) lines.push(`glueless${n} NS ns${k}.g${n}.mute${(n * 4 + k) % MUTE_ZONES}`)
  }
  for (const origin of origins) {
    for (let n = 1; n <= SERVERS_PER_ZONE; n++)
      lines.push(`${origin} NS ns${n}.${origin}`, `ns${n}.${origin} A ${address(10 + n)}`)
  }
  return `${lines.join('\n')}\n`
}

/**
 * @param {string} start
 * @param {number} names
 * @param {(n: number) => string} address
 */
function leaf(start, names, address) {
  const lines = [start, '@ NS ns2', `ns1 A ${address(11)}`, `ns2 A ${address(12)}`]
  for (let n = 0; n < names; n++) lines.push(`host${n} A 198.18.${n >> 8}.${n & 0xff}`)
  return `${lines.join('\n')}\n`
}

/**
 * @param {number} count
 * @param {number} spread
 * @param {number} namesPerZone
 */
function hosts(count, spread, namesPerZone) {
  /** @type {string[]} */
  const names = []
  for (let n = 0; n < namesPerZone && names.length < count; n++) {
    for (let z = 0; z < spread && names.length < count; z++) names.push(`host${n}.zone${(z * 7) % spread}.${TLD}`)
  }
  return names
}

/**
 * A temporary file for dnsperf that is gone after `use`.
 * @template T
 * @param {readonly string[]} names
 * @param {(path: string) => Promise<T>} use
 */
export async function withNames(names, use) {
  return withFile(names.map(name => `${name} A\n`).join(''), use)
}

/**
 * A temporary file that is gone after `use`.
 * @template T
 * @param {string} text
 * @param {(path: string) => Promise<T>} use
 */
export async function withFile(text, use) {
  const directory = temporaryDirectory('bench')
  try {
    const path = join(directory.path, 'names')
    writeFileSync(path, text)
    return await use(path)
  } finally {
    directory.remove()
  }
}
