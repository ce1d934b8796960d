/**
 * Which source ports upstream queries use: a random one from 1024 up, except those that something on the way treats
 * specially. Not a pool: it only names a candidate; whether the port is free is for the kernel to say.
 */
import type { Random } from '../../ports.ts'

/** Below are the privileged ports (RFC 6335 section 6, System Ports). */
const LOWEST_PORT = 1_024
const PORT_VALUES = 65_536

/**
 * Replies to these ports look like an attack or like another protocol and get lost: networks drop the popular
 * reflection services at their borders, and some kernels and network cards unpack tunnels by port alone.
 */
const avoidedPorts: ReadonlyMap<number, string> = new Map([
  [1434, 'MS-SQL browser: dropped at borders since the Slammer worm (2003)'],
  [1900, 'SSDP: reflection, widely dropped'],
  [2049, 'NFS: dropped between networks'],
  [3283, 'Apple remote desktop: reflection'],
  [3702, 'WS-Discovery: reflection'],
  [4500, 'IPsec NAT traversal: taken by the kernel where IPsec runs'],
  [4789, 'VXLAN: unpacked by network cards and hypervisors'],
  [4791, 'RoCEv2: taken by RDMA network cards'],
  [5351, 'NAT-PMP: answered by routers'],
  [5353, 'multicast DNS: handled by the local responder'],
  [5355, 'LLMNR: handled by the local responder'],
  [6081, 'Geneve: unpacked by network cards and hypervisors'],
  [8472, 'VXLAN as Linux first numbered it'],
  [10001, 'Ubiquiti discovery: reflection'],
  [11211, 'memcached: reflection, widely dropped since 2018'],
  [37810, 'DVR discovery: reflection'],
])

export const isAvoidedPort = (port: number): boolean => avoidedPorts.has(port)

/** A uniformly random port that is not avoided (CVE-2008-1447: the port is half of what a spoofer must guess). */
export function randomSourcePort(random: Random): number {
  for (;;) {
    const port = LOWEST_PORT + random.below(PORT_VALUES - LOWEST_PORT)
    if (!isAvoidedPort(port)) return port
  }
}

/**
 * Binds to a random port, or when `tries` of them are taken to one that the kernel chooses (0). `bind` gives the code
 * of its error, or an empty string.
 */
export function bindRandomly(random: Random, tries: number, bind: (port: number) => string): string {
  for (let i = 0; i < tries; i++) {
    const code = bind(randomSourcePort(random))
    if (code !== 'EADDRINUSE' && code !== 'EACCES') return code
  }
  return bind(0)
}
