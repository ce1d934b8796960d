/**
 * Where resolving starts: the root servers as built in, or from a hints file. Hints are only used to ask for the real
 * list (priming, RFC 9609); they never answer a client.
 */
import { type IpAddress, ipFromBytes, parseIp } from '../dns/address.ts'
import { foldName, type Name, ROOT } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import { formatName, parseName } from '../presentation/text.ts'
import { RrClass, RrType, typeName } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import { defaultLimits, type ZoneLimits } from '../limits.ts'
import { type LocatedRr, parseZoneText } from './zone-file.ts'

interface HintedServer {
  readonly name: Name
  readonly addresses: readonly IpAddress[]
}

/** A delegation of the root that never ends. */
export interface RootHints {
  readonly zone: Name
  readonly servers: readonly HintedServer[]
  readonly ds: null
  readonly expiresAt: number
}

export interface ParsedHints {
  /** Null when there is any error. */
  readonly hints: RootHints | null
  readonly problems: readonly Problem[]
}

/** The root zone's own list as of 2026; the last change was b.root-servers.net in November 2023. */
const rootServers: readonly (readonly [letter: string, ipv4: string, ipv6: string])[] = [
  ['a', '198.41.0.4', '2001:503:ba3e::2:30'],
  ['b', '170.247.170.2', '2801:1b8:10::b'],
  ['c', '192.33.4.12', '2001:500:2::c'],
  ['d', '199.7.91.13', '2001:500:2d::d'],
  ['e', '192.203.230.10', '2001:500:a8::e'],
  ['f', '192.5.5.241', '2001:500:2f::f'],
  ['g', '192.112.36.4', '2001:500:12::d0d'],
  ['h', '198.97.190.53', '2001:500:1::53'],
  ['i', '192.36.148.17', '2001:7fe::53'],
  ['j', '192.58.128.30', '2001:503:c27::2:30'],
  ['k', '193.0.14.129', '2001:7fd::1'],
  ['l', '199.7.83.42', '2001:500:9f::42'],
  ['m', '202.12.27.33', '2001:dc3::35'],
]

/** The built-in servers. */
export function rootHints(): RootHints {
  return hintsOf(
    rootServers.map(([letter, ipv4, ipv6]) => {
      const name = parseName(`${letter}.root-servers.net`, null)
      if (typeof name !== 'string') throw new TypeError(name.error)
      return { name: foldName(name), addresses: [parseIp(ipv4), parseIp(ipv6)].filter(ip => ip !== null) }
    }),
  )
}

const hintsOf = (servers: readonly HintedServer[]): RootHints => ({
  zone: ROOT,
  servers,
  ds: null,
  expiresAt: Number.POSITIVE_INFINITY,
})

/**
 * Reads a hints file in master file syntax, as InterNIC's named.root: NS records of the root and addresses of the
 * servers. Never throws; every problem at once.
 */
export function parseHints(text: string, file: string, limits: ZoneLimits = defaultLimits.zone): ParsedHints {
  const include = (): { readonly error: string } => ({ error: 'a hints file includes no other file' })
  const parsed = parseZoneText(text, { file, origin: ROOT, limits, include })
  const problems: Problem[] = [...parsed.problems]
  const addresses = new Map<Name, IpAddress[]>()
  const servers = new Map<Name, LocatedRr>()
  for (const record of parsed.records) place(record, servers, addresses, problems)
  for (const [name, record] of servers) {
    if (!addresses.has(name))
      problems.push(
        problem(record, 'warning', `the server ${formatName(name)} has no address here and cannot be asked`),
      )
  }
  for (const record of parsed.records) {
    if (isAddress(record) && !servers.has(foldName(record.owner))) {
      problems.push(
        problem(
          record,
          'warning',
          `${formatName(record.owner)} is no server of the root here: its address is not used`,
        ),
      )
    }
  }
  const usable = [...servers.keys()].flatMap(name => {
    const found = addresses.get(name)
    return found === undefined ? [] : [{ name, addresses: found }]
  })
  if (usable.length === 0) {
    const message = 'no root server with an address: the file needs ". NS name" and "name A address" records'
    problems.push({ file, line: 0, column: 0, severity: 'error', message })
  }
  return { hints: problems.some(({ severity }) => severity === 'error') ? null : hintsOf(usable), problems }
}

function place(
  record: LocatedRr,
  servers: Map<Name, LocatedRr>,
  addresses: Map<Name, IpAddress[]>,
  problems: Problem[],
): void {
  const owner = foldName(record.owner)
  const target =
    record.type === RrType.NS && owner === ROOT && record.class === RrClass.IN ? targetOf(record.rdata) : null
  if (target !== null) {
    const name = foldName(target)
    if (!servers.has(name)) servers.set(name, record)
  } else if (isAddress(record)) {
    const known = addresses.get(owner) ?? []
    const ip = ipFromBytes(record.rdata)
    if (!known.some(({ text }) => text === ip.text)) addresses.set(owner, [...known, ip])
  } else {
    const what = `${formatName(record.owner)} ${typeName(record.type)}`
    problems.push(problem(record, 'warning', `${what} is no hint: only NS of the root and addresses are used`))
  }
}

const isAddress = ({ type, class: klass }: LocatedRr): boolean =>
  klass === RrClass.IN && (type === RrType.A || type === RrType.AAAA)

const problem = ({ file, line, column }: LocatedRr, severity: Problem['severity'], message: string): Problem => ({
  file,
  line,
  column,
  severity,
  message,
})
