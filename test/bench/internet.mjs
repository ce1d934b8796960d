// @ts-check
/**
 * The internet that the resolvers are measured against: a root, one TLD, and zones delegated from it to a few NSD
 * processes, with as many names in each. Everything is made by counting, so every run asks the same.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claimNetwork, startNsd, temporaryDirectory } from '../daemons.mjs'

/** @typedef {{ hints: string, names: (count: number, spread: number) => string, stop: () => Promise<void> }} BenchInternet */

const TTL = 86_400
const SERVERS_PER_ZONE = 2

/**
 * @param {{ zones: number, namesPerZone: number, cpu: number }} size
 * @returns {Promise<BenchInternet>}
 */
export async function startInternet({ zones, namesPerZone, cpu }) {
  const network = await claimNetwork()
  if (typeof network === 'string') throw new Error(`cannot bind ${network} (root, or net.ipv4.ip_unprivileged_port_start=53, is needed)`)
  const { address } = network
  const origins = Array.from({ length: zones }, (_, i) => `zone${i}.test-tld.`)
  const head = (/** @type {string} */ origin, /** @type {string} */ server) => `$ORIGIN ${origin}\n$TTL ${TTL}\n@ SOA ${server} h. 1 7200 3600 1209600 300\n@ NS ${server}\n`
  const servers = [
    { name: 'root', addresses: [address(1)], zones: [{ origin: '.', text: `${head('.', 'a.root.')}a.root. A ${address(1)}\ntest-tld. NS a.nic.test-tld.\na.nic.test-tld. A ${address(2)}\n` }] },
    { name: 'tld', addresses: [address(2)], zones: [{ origin: 'test-tld.', text: tld(origins, head, address) }] },
    { name: 'auth', addresses: [address(11), address(12)], zones: origins.map(origin => ({ origin, text: leaf(head(origin, 'ns1'), namesPerZone, address) })) },
  ]
  const results = await Promise.allSettled(servers.map(server => startNsd({ ...server, cpu })))
  const started = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const stop = async () => {
    await Promise.all([...started.map(daemon => daemon.stop()), network.release()])
  }
  for (const result of results) {
    if (result.status === 'fulfilled') continue
    await stop()
    throw result.reason
  }
  return { hints: `. 3600000 NS a.root.\na.root. 3600000 A ${address(1)}\n`, names: (count, spread) => names(count, Math.min(spread, zones), namesPerZone), stop }
}

/**
 * @param {readonly string[]} origins
 * @param {(origin: string, server: string) => string} head
 * @param {(n: number) => string} address
 */
function tld(origins, head, address) {
  const lines = [`${head('test-tld.', 'a.nic')}a.nic A ${address(2)}`]
  for (const origin of origins) {
    for (let n = 1; n <= SERVERS_PER_ZONE; n++) lines.push(`${origin} NS ns${n}.${origin}`, `ns${n}.${origin} A ${address(10 + n)}`)
  }
  return `${lines.join('\n')}\n`
}

/**
 * @param {string} head
 * @param {number} names
 * @param {(n: number) => string} address
 */
function leaf(head, names, address) {
  const lines = [head, '@ NS ns2', `ns1 A ${address(11)}`, `ns2 A ${address(12)}`]
  for (let n = 0; n < names; n++) lines.push(`host${n} A 198.18.${n >> 8}.${n & 0xff}`)
  return `${lines.join('\n')}\n`
}

/**
 * Lines for dnsperf: `count` names out of `spread` zones, neighbours from different zones.
 * @param {number} count
 * @param {number} spread
 * @param {number} namesPerZone
 */
function names(count, spread, namesPerZone) {
  const lines = []
  for (let n = 0; n < namesPerZone && lines.length < count; n++) {
    for (let z = 0; z < spread && lines.length < count; z++) lines.push(`host${n}.zone${(z * 7) % spread}.test-tld A`)
  }
  return `${lines.join('\n')}\n`
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
