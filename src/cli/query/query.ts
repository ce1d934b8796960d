/** `rootwalk query`: asks servers as dig does, and prints what they say. */
import { counted } from '../../presentation/counted.ts'
import { errorText } from '../../events.ts'
import { readFileSync } from 'node:fs'
import type { Message } from '../../dns/message.ts'
import type { WireName } from '../../dns/name.ts'
import { foldName } from '../../dns/name.ts'
import type { Rr } from '../../dns/rrset.ts'
import { Rcode, RrType } from '../../dns/types.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { readKey, readKeyFile, type TsigKey } from '../../transfer/key.ts'
import { DNS_PORT, serverAddress, type ServerAddress, type Transport } from '../../ports.ts'
import type { DigQuery, KeySource } from './dig-query.ts'
import {
  digText,
  jsonMessage,
  jsonRecord,
  queryText,
  securityShown,
  shortText,
  yamlText,
  type ReplyTransfer,
} from '../../render/message.ts'
import { styledRdata, styledRr } from '../../render/record-style.ts'
import type { Output } from '../output.ts'
import { ask, askForTransfer, type AskContext, type Replied } from './ask.ts'
import { addressesOf } from './addresses.ts'
import { journeyText, SECURE_PORTS, secureWay, type SecureWay } from './secure.ts'
import type { TlsJourney } from '../../net/upstream/secure-query.ts'
import { searchNames } from './search.ts'
import { Exit } from '../startup-problems.ts'

export interface Fallback {
  readonly address: string
  readonly port: number
}

/** Asks and prints; the exit code. `fallback` is the server when none was named. */
export async function runQuery(query: DigQuery, fallback: Fallback, output: Output): Promise<number> {
  const key = query.key === null ? null : loadKey(query.key)
  if (key !== null && 'error' in key) {
    output.err(`rootwalk query: ${key.error}\n`)
    return Exit.Usage
  }
  if (query.trace) return (await import('./trace.ts')).runTrace(query, askingOf(query, key, output, null), output)
  const named = query.server ?? fallback.address
  const addresses = await addressesOf(named, query.family)
  const port =
    query.port ??
    (query.secure !== null ? SECURE_PORTS[query.secure.transport] : query.server === null ? fallback.port : DNS_PORT)
  const [first] = addresses
  if (first === undefined) {
    output.err(`rootwalk query: ${named} has no ${query.family === null ? '' : `IPv${query.family} `}address\n`)
    return Exit.Unavailable
  }
  if (isTransferOverHttp(query)) {
    output.err('rootwalk query: a zone transfer goes over TCP or TLS, not over HTTP: ask with +tls\n')
    return Exit.Usage
  }
  const isTransfer = query.question.type === RrType.AXFR || (query.question.type === RrType.IXFR && query.tcp)
  let code: number = Exit.Unavailable
  for (const [index, ip] of addresses.entries()) {
    const server = serverAddress(ip, port)
    const asking = askingOf(query, key, output, server)
    const way = query.secure === null ? null : await secureWay(query.secure, named, server)
    if (way !== null && 'error' in way) {
      output.err(`rootwalk query: ${way.error}\n`)
      return Exit.Usage
    }
    const result = await (isTransfer ? transfer : one)(server, query, asking, output, way)
    code = result.code
    // The other addresses of a server by name are for when this one does not answer.
    if (code !== Exit.Unavailable || result.begun || index === addresses.length - 1) break
  }
  return code
}

/** All queries of a command line, one after the other; the exit code of the worst. */
export async function runQueries(
  queries: readonly DigQuery[],
  fallback: (family: 4 | 6 | null) => Promise<Fallback>,
  output: Output,
): Promise<number> {
  let worst: number = Exit.Ok
  for (const [index, query] of queries.entries()) {
    if (index > 0 && query.show.form === 'dig' && query.show.comments) output.out('\n')
    const server = query.server === null && !query.trace ? await fallback(query.family) : { address: '', port: 0 }
    worst = Math.max(worst, await runQuery(query, server, output))
  }
  return worst
}

function loadKey(source: KeySource): TsigKey | { readonly error: string } {
  if (source.kind === 'text') return readKey(source.text)
  try {
    const read = readKeyFile(readFileSync(source.file, 'utf8'))
    return 'error' in read ? { error: `${source.file}: ${read.error}` } : read
  } catch (error) {
    return { error: `${source.file} cannot be read: ${errorText(error)}` }
  }
}

function askingOf(query: DigQuery, key: TsigKey | null, output: Output, server: ServerAddress | null): AskContext {
  const { show } = query
  const clock = systemClock()
  return {
    random: systemRandom(),
    key,
    wall: () => clock.wall(),
    tell: text => output.err(text),
    onQuery: (sent, octets, transport) => {
      if (!show.query || (show.form !== 'dig' && show.form !== 'yaml')) return
      if (show.form === 'dig') output.out(`${queryText(sent, octets, show)}\n`)
      else
        output.out(
          yamlText(sent, { sentAt: Date.now(), journey: null, octets, server: yamlServer(server), transport }, show),
        )
    },
  }
}

const yamlServer = (server: ServerAddress | null): { readonly address: string; readonly port: number } => ({
  address: server?.ip.text ?? '',
  port: server?.port ?? 0,
})

/** `begun`: something was printed, so that no other address is asked. */
interface Done {
  readonly code: number
  readonly begun: boolean
}

async function one(
  server: ServerAddress,
  query: DigQuery,
  asking: AskContext,
  output: Output,
  way: SecureWay | null,
): Promise<Done> {
  const names = searchNames(query.search, query.cased)
  for (const [index, name] of names.entries()) {
    const asked = await ask(server, withName(query, name), asking, way)
    if (asked.kind === 'failed') {
      output.err(`rootwalk query: ${asked.message}\n`)
      return { code: Exit.Unavailable, begun: false }
    }
    if (asked.message.rcode === Rcode.NXDOMAIN && index < names.length - 1) continue
    output.out(shown(asked, query, server))
    return { code: Exit.Ok, begun: true }
  }
  output.err('rootwalk query: no name of the search list can be asked for\n')
  return { code: Exit.Unavailable, begun: false }
}

const withName = (query: DigQuery, cased: WireName): DigQuery => ({
  ...query,
  cased,
  question: { ...query.question, name: foldName(cased) },
})

function shown(reply: Replied, query: DigQuery, server: ServerAddress): string {
  const { message, sent, transport, tookMs, octets, sentAt, tls } = reply
  const { show } = query
  const security = securityShown(
    message,
    (query.authenticData || query.edns?.dnssecOk === true) && !query.checkingDisabled,
  )
  const journey: ReplyTransfer = { server: server.key, transport, tookMs, octets, wall: Date.now() }
  switch (show.form) {
    case 'dig':
      return digText(message, journey, show, security, sent) + (tls === null || !show.stats ? '' : journeyText(tls))
    case 'short':
      return shortText(message, show.style, show.identify ? journey : null)
    case 'json':
      return `${JSON.stringify(
        {
          ...jsonMessage(message),
          security,
          server: server.key,
          transport,
          ms: rounded(tookMs),
          octets,
          ...(tls === null ? {} : { tls: tlsJson(tls) }),
        },
        null,
        2,
      )}\n`
    case 'yaml':
      return yamlText(message, { sentAt, journey, octets, server: yamlServer(server), transport }, show, sent)
    default:
      return show.form satisfies never
  }
}

/** Milliseconds to three digits after the point. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000

const tlsJson = ({ connectMs, handshakeMs, ...rest }: TlsJourney): object => ({
  connectMs: rounded(connectMs),
  handshakeMs: rounded(handshakeMs),
  ...rest,
})

/** RFC 8484 section 6: one message answers one request. */
const isTransferOverHttp = ({ question, secure }: DigQuery): boolean =>
  secure !== null && secure.transport !== 'tls' && (question.type === RrType.AXFR || question.type === RrType.IXFR)

/** Prints records as they come, so that a zone of any size needs little memory. */
async function transfer(
  server: ServerAddress,
  query: DigQuery,
  asking: AskContext,
  output: Output,
  way: SecureWay | null,
): Promise<Done> {
  const { show } = query
  const startedAt = performance.now()
  let records = 0
  let soas = 0
  const print = (rr: Rr): void => {
    records++
    if (rr.type === RrType.SOA && ++soas > 1 && show.oneSoa && query.serial === null) return
    if (show.answer) output.out(`${recordText(rr, query)}\n`)
  }
  const take = ({ rcode, answer: [first], answer }: Message): void => {
    if (records === 0 && (rcode !== 0 || first?.type !== RrType.SOA)) return
    for (const rr of answer) print(rr)
  }
  const done = await askForTransfer(server, query, asking, take, way)
  if (done.kind === 'failed') {
    output.err(`rootwalk query: the transfer failed after ${counted(records, 'record')}: ${done.message}\n`)
    return { code: Exit.Unavailable, begun: records > 0 }
  }
  if (show.stats && show.form === 'dig') output.out(transferStats(server, performance.now() - startedAt, records, done))
  return { code: Exit.Ok, begun: true }
}

function recordText(rr: Rr, { show }: DigQuery): string {
  switch (show.form) {
    case 'dig':
    case 'yaml':
      return show.form === 'dig'
        ? styledRr(rr, show.style)
        : `- '${styledRr(rr, { ...show.style, multiline: false })
            .replaceAll('\t', ' ')
            .replaceAll("'", "''")}'`
    case 'short':
      return styledRdata(rr, { ...show.style, multiline: false })
    case 'json':
      return JSON.stringify(jsonRecord(rr))
    default:
      return show.form satisfies never
  }
}

const transferStats = (
  server: ServerAddress,
  tookMs: number,
  records: number,
  { messages, octets }: { readonly messages: number; readonly octets: number },
): string =>
  [
    `;; Query time: ${Math.round(tookMs)} msec`,
    `;; SERVER: ${server.key} (${('tcp' satisfies Transport).toUpperCase()})`,
    `;; WHEN: ${new Date().toISOString()}`,
    `;; XFR size: ${records} records (messages ${messages}, bytes ${octets})`,
    '',
  ].join('\n')
