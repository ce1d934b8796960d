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
import { searchNames } from './search.ts'
import { Exit } from '../startup-problems.ts'
import { Transfer } from './transfer.ts'
import { readKey, readKeyFile, type TsigKey } from './tsig.ts'

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
  const port = query.port ?? (query.server === null ? fallback.port : DNS_PORT)
  const [first] = addresses
  if (first === undefined) {
    output.err(`rootwalk query: ${named} has no ${query.family === null ? '' : `IPv${query.family} `}address\n`)
    return Exit.Unavailable
  }
  const isTransfer = query.question.type === RrType.AXFR || (query.question.type === RrType.IXFR && query.tcp)
  let code: number = Exit.Unavailable
  for (const [index, ip] of addresses.entries()) {
    const server = serverAddress(ip, port)
    const asking = askingOf(query, key, output, server)
    const result = isTransfer ? await transfer(server, query, asking, output) : await one(server, query, asking, output)
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

async function one(server: ServerAddress, query: DigQuery, asking: AskContext, output: Output): Promise<Done> {
  const names = searchNames(query.search, query.cased)
  for (const [index, name] of names.entries()) {
    const asked = await ask(server, withName(query, name), asking)
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
  const { message, sent, transport, tookMs, octets, sentAt } = reply
  const { show } = query
  const security = securityShown(
    message,
    (query.authenticData || query.edns?.dnssecOk === true) && !query.checkingDisabled,
  )
  const journey: ReplyTransfer = { server: server.key, transport, tookMs, octets, wall: Date.now() }
  switch (show.form) {
    case 'dig':
      return digText(message, journey, show, security, sent)
    case 'short':
      return shortText(message, show.style, show.identify ? journey : null)
    case 'json':
      return `${JSON.stringify(
        { ...jsonMessage(message), security, server: server.key, transport, ms: rounded(tookMs), octets },
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

/** Prints records as they come, so that a zone of any size needs little memory. */
async function transfer(server: ServerAddress, query: DigQuery, asking: AskContext, output: Output): Promise<Done> {
  const { show } = query
  const state = new Transfer(query.serial)
  const startedAt = performance.now()
  let records = 0
  let soas = 0
  const print = (rr: Rr): void => {
    records++
    if (rr.type === RrType.SOA && ++soas > 1 && show.oneSoa && query.serial === null) return
    if (show.answer) output.out(`${recordText(rr, query)}\n`)
  }
  const done = await askForTransfer(server, query, asking, (message: Message) => {
    const next = state.take(message)
    for (const rr of next.kind === 'failed' && records === 0 ? [] : message.answer) print(rr)
    return next.kind === 'failed' ? { why: next.why } : next.kind
  })
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
