/** Checks of this machine: files, ports, the clock, limits of the system. Nothing is sent, nothing is changed. */
import { dirname } from 'node:path'
import { formatEndpoint, parseIp, isLoopback } from '../../dns/address.ts'
import type { Config } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import { wildcardFamily } from '../../net/local-addresses.ts'
import { type Binding, DNS_PORT } from '../../ports.ts'
import { counted } from '../../presentation/counted.ts'
import { problemText } from '../../render/problem.ts'
import { socketsWithin } from '../../system/open-files.ts'
import type { PortHolder } from '../../system/port-holder.ts'
import { explainListen } from '../startup-problems.ts'
import { type Finding, finding, type Level } from './findings.ts'
import type { DoctorWorld } from './world.ts'

const RESOLV_CONF = '/etc/resolv.conf'
/** glibc reads three servers and no more (resolv.conf(5), MAXNS). */
const MOST_NAMESERVERS = 3
/** Where systemd-resolved listens (systemd-resolved.service(8)). */
const RESOLVED = ['127.0.0.53', '127.0.0.54']
const MIB = 1024 * 1024
/** Below it there is no room for a snapshot of a full cache, which is written next to the one before. */
const LEAST_FREE_BYTES = 512 * MIB
const LEAST_FREE_FILES = 1_000

export function checkConfiguration(file: string | null, problems: readonly Problem[]): readonly Finding[] {
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (problems.length === 0) {
    const what = file === null ? 'There is no configuration file, the defaults hold' : `${file} is correct`
    return [finding('configuration', 'good', what)]
  }
  const level: Level = errors.length > 0 ? 'error' : 'warning'
  const what = `${file ?? 'The configuration'} has ${counted(problems.length, 'problem')}`
  return [finding('configuration', level, what, ...problems.map(problemText))]
}

/** Can the ports of the configuration be had, and who has them if not? */
export async function checkPorts({ listen }: Pick<Config, 'listen'>, world: DoctorWorld): Promise<readonly Finding[]> {
  const taken: Finding[] = []
  const free: string[] = []
  for (const binding of listen.filter(({ port }) => port !== 0)) {
    const found = await checkBinding(binding, world)
    if (found === null) free.push(formatEndpoint(binding.address, binding.port))
    else if (!taken.some(one => one.found === found.found)) taken.push(found)
  }
  if (free.length > 0) taken.push(finding('port', 'good', `${free.join(' and ')} can be listened on`))
  return taken
}

/** Null: it is free. */
async function checkBinding({ address, port, service }: Binding, world: DoctorWorld): Promise<Finding | null> {
  for (const transport of service === undefined ? (['udp', 'tcp'] as const) : (['tcp'] as const)) {
    const code = await world.bind(transport, address, port)
    if (code === '') continue
    const holder = code === 'EADDRINUSE' ? world.holder(transport, address, port) : null
    if (holder !== null && isOurs(holder, world))
      return finding('port', 'good', `rootwalk itself listens on ${formatEndpoint(address, port)}`)
    const { text } = explainListen({ kind: 'listen-failed', transport, address, port, code, message: code }, holder)
    const [first = '', ...advice] = text.trimEnd().split('\n')
    // The server starts without IPv6 when only that is missing.
    const level = code === 'EADDRNOTAVAIL' && address.includes(':') ? 'note' : 'error'
    return finding('port', level, first.replace(/[.:]$/, ''), ...advice.map(line => line.replace(/^ {2}/, '')))
  }
  return null
}

const isOurs = ({ process }: PortHolder, world: DoctorWorld): boolean =>
  process !== null && /rootwalk|dist\/cli\.js\0serve/.test(world.read(`/proc/${process.pid}/cmdline`) ?? '')

/** Whom the programs of this host ask. */
export function checkResolvConf({ listen }: Pick<Config, 'listen'>, world: DoctorWorld): readonly Finding[] {
  const text = world.read(RESOLV_CONF)
  if (text === null)
    return [
      finding('resolv.conf', 'note', `${RESOLV_CONF} cannot be read; programs then ask 127.0.0.1`, ...pointHere(world)),
    ]
  const servers = nameserversIn(text)
  const ours = servers.filter(server => isListenedOn(server, listen, world))
  const found: Finding[] = []
  const names = servers.join(', ')
  if (servers.length === 0)
    found.push(finding('resolv.conf', 'note', `${RESOLV_CONF} names no server; programs then ask 127.0.0.1`))
  else if (ours.length === servers.length)
    found.push(finding('resolv.conf', 'good', `programs of this host ask rootwalk (${names})`))
  else if (ours.length > 0)
    found.push(
      finding(
        'resolv.conf',
        'warning',
        `programs of this host ask rootwalk, and when it takes longer than 5 s ${names} in their order`,
        `leave only "nameserver ${ours[0]}" in ${RESOLV_CONF}: what is late or blocked is asked of the others`,
        ...writtenBy(text, world),
      ),
    )
  else found.push(othersAsked(servers, text, world))
  if (servers.length > MOST_NAMESERVERS)
    found.push(
      finding('resolv.conf', 'note', `${RESOLV_CONF} names ${servers.length} servers, of which three are ever asked`),
    )
  return found
}

/** Of nameserver lines, with their addresses in the canonical form. */
const nameserversIn = (text: string): readonly string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => parseIp(address)?.text ?? address)

function isListenedOn(server: string, listen: readonly Binding[], { addresses }: DoctorWorld): boolean {
  return listen.some(({ address, port, service }) => {
    if (service !== undefined || port !== DNS_PORT) return false
    const family = wildcardFamily(address)
    if (family === null) return parseIp(address)?.text === server
    const isOwn = addresses.includes(server) || isLoopback(parseIp(server))
    return isOwn && server.includes(':') === (family === 6)
  })
}

function othersAsked(servers: readonly string[], text: string, world: DoctorWorld): Finding {
  const names = servers.join(', ')
  if (servers.every(server => RESOLVED.includes(server)))
    return finding('resolv.conf', 'note', `programs of this host ask systemd-resolved (${names})`, ...viaResolved)
  const dead = servers.filter(
    server => isLoopback(parseIp(server)) && world.holder('udp', server, DNS_PORT) === null && hasProc(world),
  )
  if (dead.length === servers.length)
    return finding(
      'resolv.conf',
      'error',
      `programs of this host ask ${names}, where no program listens`,
      ...pointHere(world),
    )
  const todo = [...pointHere(world), ...writtenBy(text, world)]
  return finding('resolv.conf', 'note', `programs of this host ask ${names}, and not rootwalk`, ...todo)
}

const hasProc = (world: DoctorWorld): boolean => world.read('/proc/net/udp') !== null

const viaResolved: readonly string[] = [
  'to have it ask rootwalk on 127.0.0.1:',
  '  sudo mkdir -p /etc/systemd/resolved.conf.d',
  "  printf '[Resolve]\\nDNS=127.0.0.1\\nDomains=~.\\n' | sudo tee /etc/systemd/resolved.conf.d/rootwalk.conf",
  '  sudo systemctl restart systemd-resolved',
]

const pointHere = (world: DoctorWorld): readonly string[] => [
  `to have them ask rootwalk: "nameserver 127.0.0.1" in ${world.real(RESOLV_CONF) ?? RESOLV_CONF}`,
]

/** Who writes the file again after a change by hand. */
function writtenBy(text: string, world: DoctorWorld): readonly string[] {
  const writers: readonly (readonly [RegExp, string, string])[] = [
    [/NetworkManager/, 'NetworkManager', 'set "dns=none" in /etc/NetworkManager/NetworkManager.conf'],
    [/resolvconf/, 'resolvconf', 'set name_servers in /etc/resolvconf.conf'],
    [/systemd-networkd|systemd-resolved/, 'systemd-resolved', 'configure it in /etc/systemd/resolved.conf.d'],
    [/dhclient|dhcpcd/, 'the DHCP client', 'supersede domain-name-servers in its configuration'],
  ]
  const real = world.real(RESOLV_CONF) ?? ''
  const writer = writers.find(([sign]) => sign.test(text) || sign.test(real))
  return writer === undefined ? [] : [`${writer[1]} writes the file again: ${writer[2]}`]
}

export function checkResolved({ listen }: Pick<Config, 'listen'>, world: DoctorWorld): readonly Finding[] {
  const holder = world.holder('udp', '127.0.0.53', DNS_PORT)
  const runs = holder?.process?.name.startsWith('systemd-resolve') === true
  if (!runs && world.read('/run/systemd/resolve/resolv.conf') === null)
    return [finding('systemd-resolved', 'good', 'systemd-resolved does not run here')]
  const clash = listen.some(
    ({ address, port, service }) =>
      service === undefined && port === DNS_PORT && (address === '0.0.0.0' || RESOLVED.includes(address)),
  )
  // Without its listener it keeps nothing from us.
  if (holder === null || !clash)
    return [finding('systemd-resolved', 'good', 'systemd-resolved runs, and does not clash with what is listened on')]
  const { text } = explainListen(
    { kind: 'listen-failed', transport: 'udp', address: '0.0.0.0', port: DNS_PORT, code: 'EADDRINUSE', message: '' },
    holder,
  )
  const advice = text.trimEnd().split('\n').slice(1)
  return [
    finding(
      'systemd-resolved',
      'warning',
      'systemd-resolved listens on 127.0.0.53, which "listen" covers',
      ...advice.map(line => line.replace(/^ {2}/, '')),
    ),
  ]
}

/** A first look: what signatures say of the clock is in `path.ts`. */
export function checkClock({ wall, releasedAt }: DoctorWorld): readonly Finding[] {
  const shown = new Date(wall * 1_000).toISOString().replace('.000Z', 'Z')
  if (wall >= releasedAt) return [finding('clock', 'good', `the clock says ${shown}`)]
  return [
    finding(
      'clock',
      'error',
      `the clock says ${shown}, which is before this version of rootwalk was made`,
      'signatures and certificates are not valid yet by this clock: every signed name is SERVFAIL',
      'set it: sudo timedatectl set-ntp true; or sudo date -u -s "2026-12-31 23:59"',
      'a machine without a battery: let the time service use servers by their addresses, as names need the clock',
    ),
  ]
}

export function checkDescriptors({ limits }: Pick<Config, 'limits'>, { openFiles }: DoctorWorld): readonly Finding[] {
  if (openFiles === null) return [finding('descriptors', 'note', 'the limit of open files is not known here')]
  const wanted = limits.upstream.udpSockets
  const sockets = socketsWithin(openFiles, wanted)
  if (sockets >= wanted)
    return [finding('descriptors', 'good', `${openFiles} open files are allowed, enough for ${wanted} UDP sockets`)]
  return [
    finding(
      'descriptors',
      'warning',
      `${openFiles} open files are allowed: only ${sockets} of ${wanted} UDP sockets to servers can be had`,
      'LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 of a container, or ulimit -n 65536 in the shell',
    ),
  ]
}

export function checkBuffers({ limits }: Pick<Config, 'limits'>, world: DoctorWorld): readonly Finding[] {
  const text = world.read('/proc/sys/net/core/rmem_max')
  if (text === null) return [finding('buffers', 'note', 'net.core.rmem_max cannot be read here')]
  const [most, wanted] = [Number(text), limits.server.udpReceiveBufferBytes]
  if (most >= wanted) return [finding('buffers', 'good', `net.core.rmem_max is ${most}, enough for bursts of queries`)]
  return [
    finding(
      'buffers',
      'warning',
      `net.core.rmem_max is ${most}, ${wanted} are wanted: bursts of queries may be lost before they are read`,
      `sudo sysctl -w net.core.rmem_max=${wanted}`,
      `to keep it: echo net.core.rmem_max=${wanted} | sudo tee /etc/sysctl.d/60-rootwalk.conf`,
    ),
  ]
}

export function checkState({ state }: Pick<Config, 'state'>, world: DoctorWorld): readonly Finding[] {
  if (state === null)
    return [
      finding(
        'state',
        'note',
        'no "state" directory is configured: nothing is kept over a restart',
        '"state": "/var/lib/rootwalk" in the configuration',
      ),
    ]
  const found = world.directory(state)
  switch (found.kind) {
    case 'missing':
      return [missingState(state, world)]
    case 'no-directory':
      return [finding('state', 'error', `the state directory ${state} is no directory`, 'name another one in "state"')]
    case 'not-writable':
      return [
        finding(
          'state',
          'error',
          `this user may not write into the state directory ${state}`,
          `give it to the user that rootwalk runs as: sudo chown -R rootwalk: ${state}`,
        ),
      ]
    case 'writable':
      return [roomIn(state, found.freeBytes, found.freeFiles)]
    default:
      return found satisfies never
  }
}

/** It is made at the start, where this user may. */
function missingState(state: string, world: DoctorWorld): Finding {
  let parent = dirname(state)
  while (world.directory(parent).kind === 'missing' && parent !== dirname(parent)) parent = dirname(parent)
  if (world.directory(parent).kind === 'writable')
    return finding('state', 'good', `the state directory ${state} is made at the first start`)
  return finding(
    'state',
    'error',
    `the state directory ${state} does not exist, and this user may not make it`,
    `sudo install -d -o rootwalk -g rootwalk -m 0750 ${state}`,
  )
}

function roomIn(state: string, freeBytes: number, freeFiles: number): Finding {
  const free = `${Math.floor(freeBytes / MIB)} MiB`
  // File systems that make inodes as they go say 0 (btrfs).
  if (freeBytes >= LEAST_FREE_BYTES && (freeFiles === 0 || freeFiles >= LEAST_FREE_FILES))
    return finding('state', 'good', `the state directory ${state} can be written, ${free} are free`)
  const short = freeBytes < LEAST_FREE_BYTES ? `${free} are free` : `${freeFiles} files are free`
  return finding('state', 'warning', `the state directory ${state} is nearly full: ${short}`, `df -h ${state}`)
}
