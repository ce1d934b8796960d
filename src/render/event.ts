/**
 * What an event says in the log: a level, one sentence, and fields for machines. The writer of the log is in
 * `app/server.ts`; nothing else logs.
 */
import { counted, times } from '../presentation/counted.ts'
import { INTERCEPTED, INTERCEPTION_CURE } from '../resolver/interception.ts'
import { formatEndpoint } from '../dns/address.ts'
import { bugText, errorText, type Event, type Problem } from '../events.ts'
import { historySentence, isOfHistory } from './history-event.ts'
import { isOfLists, listSentence } from './list-event.ts'
import { isOfPolicies, policySentence } from './policy-event.ts'
import { problemText } from './problem.ts'
import { transferSentence } from './transfer-event.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function logLine(event: Event): LogLine {
  const { kind, ...fields } = event
  return { ...sentence(event), fields: { event: kind, ...plainFields(fields) } }
}

/** Errors as text, problems as the lines they print as. */
function plainFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? bugText(value) : value]),
  )
}

const listed = (problems: readonly Problem[]): string => problems.map(problem => `\n  ${problemText(problem)}`).join('')

const restartText = (keys: readonly string[]): string =>
  keys.length === 0 ? '' : `; a restart is needed for ${keys.join(', ')}`

const trustKinds = [
  'trust-anchors',
  'no-trust-anchor',
  'negative-anchor-ended',
  'anchor-changed',
  'trust-point-gone',
  'anchor-refresh-failed',
  'anchor-state-failed',
  'clock-suspicious',
] as const
type TrustEvent = Extract<Event, { kind: (typeof trustKinds)[number] }>
const isTrust = (event: Event): event is TrustEvent => trustKinds.some(kind => kind === event.kind)

const stateKinds = [
  'state-failed',
  'state-works',
  'cache-saved',
  'cache-restored',
  'snapshot-damaged',
  'snapshot-set-aside',
  'shared-cache',
  'shared-cache-lost',
  'shared-missed',
  'shared-change',
] as const
type StateEvent = Extract<Event, { kind: (typeof stateKinds)[number] }>
const isState = (event: Event): event is StateEvent => stateKinds.some(kind => kind === event.kind)

const socketKinds = [
  'listening',
  'listener-failed',
  'udp-mode',
  'receive-buffer-small',
  'sockets-exhausted',
  'socket-bounds',
  'unlisted-proxy',
  'inherited-unused',
  'handed-over',
  'hand-over-failed',
] as const
type SocketEvent = Extract<Event, { kind: (typeof socketKinds)[number] }>
const isSocket = (event: Event): event is SocketEvent => socketKinds.some(kind => kind === event.kind)

const adminKinds = ['admin-listening', 'admin-listener-failed', 'admin-audit', 'admin-state-failed'] as const
type AdminEvent = Extract<Event, { kind: (typeof adminKinds)[number] }>
const isAdmin = (event: Event): event is AdminEvent => adminKinds.some(kind => kind === event.kind)
const certificateKinds = ['certificate', 'certificate-expires', 'certificate-rejected'] as const
type CertificateEvent = Extract<Event, { kind: (typeof certificateKinds)[number] }>
const isCertificate = (event: Event): event is CertificateEvent => certificateKinds.some(kind => kind === event.kind)

const trafficKinds = ['overloaded', 'query-log-failed', 'query-log-works', 'clients-refused', 'servfail'] as const
type TrafficEvent = Extract<Event, { kind: (typeof trafficKinds)[number] }>
const isTraffic = (event: Event): event is TrafficEvent => trafficKinds.some(kind => kind === event.kind)

const fileKinds = [
  'zone-loading',
  'zone-loaded',
  'zone-removed',
  'zone-rejected',
  'zone-warnings',
  'zone-transfer',
  'policy-zone-loaded',
  'policy-would-apply',
  'config-warnings',
  'config-reloaded',
  'config-rejected',
] as const
type FileEvent = Extract<Event, { kind: (typeof fileKinds)[number] }>
const isOfFiles = (event: Event): event is FileEvent => fileKinds.some(kind => kind === event.kind)

type Sentence = Pick<LogLine, 'level' | 'message'>

function trustSentence(event: TrustEvent): Sentence {
  switch (event.kind) {
    case 'trust-anchors':
      return { level: 'info', message: `trust anchors: ${event.anchors.join(', ')}; answers below them are validated` }
    case 'no-trust-anchor':
      return event.off
        ? { level: 'warn', message: 'DNSSEC validation is off: "dnssec": {"validate": false}' }
        : { level: 'warn', message: 'DNSSEC validation is off: there is no trust anchor' }
    case 'negative-anchor-ended':
      return {
        level: 'warn',
        message: `the negative trust anchor for ${event.name} has expired: names below it are validated again`,
      }
    case 'anchor-changed':
      return {
        level: event.state === 'revoked' ? 'warn' : 'info',
        message: `key ${event.key} of the trust anchor ${event.zone} ${keyStateText(event.state)}`,
      }
    case 'trust-point-gone':
      return {
        level: 'error',
        message:
          `every key of the trust anchor ${event.zone} is revoked: names below it are no longer validated (RFC ` +
          '5011 section 5); configure a new anchor',
      }
    case 'anchor-refresh-failed':
      return {
        level: 'error',
        message: `the keys of the trust anchor ${event.zone} could not be refreshed, retrying: ${event.reason}`,
      }
    case 'anchor-state-failed':
      return {
        level: 'error',
        message:
          `trust anchor state: ${event.message}` + `${event.problems.length === 0 ? '' : ':'}${listed(event.problems)}`,
      }
    case 'clock-suspicious':
      return {
        level: 'error',
        message:
          `the system clock says ${new Date(event.wall * 1_000).toISOString()} and looks ` +
          `${event.offBy > 0 ? 'fast' : 'slow'} by ${spanText(Math.abs(event.offBy))} at least: ${event.why}; ` +
          'signed names fail until the clock is set',
      }
    default:
      return event satisfies never
  }
}

function certificateSentence(event: CertificateEvent): Sentence {
  switch (event.kind) {
    case 'certificate': {
      const whose = event.file === null ? 'made for trials' : `from ${event.file}`
      const names = event.names.length === 0 ? 'no names' : event.names.join(', ')
      return {
        level: 'info',
        message:
          `certificate ${whose}: ${names}, until ${dayText(event.until)}, SHA-256 ${event.fingerprint}, ` +
          `pin-sha256 ${event.pin}`,
      }
    }
    case 'certificate-expires':
      return {
        level: event.expired ? 'error' : 'warn',
        message:
          `the certificate ${event.file ?? 'made for trials'} ${event.expired ? 'expired' : 'expires'} on ` +
          `${dayText(event.until)}: ` +
          `${event.file === null ? 'restart to get another' : 'renew it, it is loaded by itself'}`,
      }
    case 'certificate-rejected':
      return {
        level: 'error',
        message: `the new certificate in ${event.file} is not used, the old one stays: ${event.reason}`,
      }
    default:
      return event satisfies never
  }
}

const dayText = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10)

function keyStateText(state: Extract<Event, { kind: 'anchor-changed' }>['state']): string {
  switch (state) {
    case 'start':
      return 'was removed before it was trusted'
    case 'add-pending':
      return 'is pending: trusted after the 30-day hold-down'
    case 'valid':
      return 'is trusted'
    case 'missing':
      return 'is missing from the zone and still trusted'
    case 'revoked':
      return 'is revoked and no longer trusted'
    case 'removed':
      return 'is removed permanently'
    default:
      return state satisfies never
  }
}

const forwardingKinds = ['forward-loop', 'forward-zone-undelegated', 'port-53-intercepted'] as const
type ForwardingEvent = Extract<Event, { kind: (typeof forwardingKinds)[number] }>
const isForwarding = (event: Event): event is ForwardingEvent => forwardingKinds.some(kind => kind === event.kind)

function forwardingSentence(event: ForwardingEvent): Sentence {
  switch (event.kind) {
    case 'forward-loop':
      return {
        level: 'error',
        message:
          `a forwarding loop: what is sent to ${event.server} for the zone ${event.zone} comes back here; ` +
          'it is not asked for now',
      }
    case 'forward-zone-undelegated':
      return {
        level: 'warn',
        message:
          `${event.zone} is a ${event.zoneKind} zone, and the signed zone above it proves that it does not exist: ` +
          'its answers will be bogus unless dnssec.negativeTrustAnchors has ' +
          `{"name": "${event.zone.replace(/\.$/, '')}", "until": …}`,
      }
    case 'port-53-intercepted':
      return { level: 'warn', message: `${INTERCEPTED} (seen at ${event.server}); ${INTERCEPTION_CURE}` }
    default:
      return event satisfies never
  }
}

/** In the largest unit of which there are two. */
function spanText(seconds: number): string {
  const units = [
    [31_556_952, 'years'],
    [86_400, 'days'],
    [3_600, 'hours'],
  ] as const
  const [size, unit] = units.find(([length]) => seconds >= 2 * length) ?? [60, 'minutes']
  return `${Math.floor(seconds / size)} ${unit}`
}

function adminSentence(event: AdminEvent): Sentence {
  switch (event.kind) {
    case 'admin-listening':
      return { level: 'info', message: `the API listens on ${event.at}` }
    case 'admin-listener-failed':
      return { level: 'error', message: `the API cannot listen on ${event.at}: ${event.message}` }
    case 'admin-audit':
      return {
        level: 'info',
        message:
          `${event.who}${event.from === '' ? '' : ` from ${event.from}`}: ${event.what} ` +
          `(request ${event.requestId})`,
      }
    case 'admin-state-failed':
      return { level: 'error', message: event.message }
    default:
      return event satisfies never
  }
}

function stateSentence(event: StateEvent): Sentence {
  switch (event.kind) {
    case 'state-failed':
      return { level: 'error', message: `nothing is kept in ${event.path}: ${event.message}; ${event.cure}` }
    case 'shared-cache': {
      const { instances } = event
      const others = instances.length === 0 ? 'no other instance is there' : `others: ${instances.join(', ')}`
      return { level: 'info', message: `the shared cache at ${event.at} is used; ${others}` }
    }
    case 'shared-cache-lost':
      return { level: 'warn', message: `going on without the shared cache at ${event.at}: ${event.message}` }
    case 'shared-missed':
      return {
        level: 'warn',
        message: 'removals of other instances may have been missed: what was cached here was removed',
      }
    case 'shared-change':
      return { level: 'info', message: `on behalf of another instance: ${event.what}` }
    case 'state-works':
      return { level: 'info', message: `${event.path} is written again` }
    case 'cache-saved':
      return {
        level: 'debug',
        message: `${counted(event.entries, 'entry', 'entries')} of the cache written in ${Math.round(event.ms)} ms`,
      }
    case 'cache-restored':
      return restoredSentence(event)
    case 'snapshot-damaged':
      return { level: 'warn', message: `${event.path} is not used: ${event.message}` }
    case 'snapshot-set-aside':
      return {
        level: 'warn',
        message:
          `${event.path} was written by a later version (format ${event.format}) and is not used; it is now ` +
          `${event.to}, for when that version is back`,
      }
    default:
      return event satisfies never
  }
}

function restoredSentence(event: Extract<StateEvent, { kind: 'cache-restored' }>): Sentence {
  const { path, found, kept, ageS, ms, otherBlocks, brokenBlocks, skippedOctets } = event
  const percent = found === 0 ? 0 : Math.floor((100 * kept) / found)
  const damaged = brokenBlocks > 0 || skippedOctets > 0 ? `; ${path} is damaged in part` : ''
  const other = otherBlocks > 0 ? '; what depends on settings or anchors that are different now was left out' : ''
  return {
    level: damaged === '' ? 'info' : 'warn',
    message:
      `cache: ${counted(found, 'entry', 'entries')} of ${spanText(ageS)} ago, ${percent} % still valid and not known ` +
      `better (read in ${Math.round(ms)} ms)${other}${damaged}`,
  }
}

function socketSentence(event: SocketEvent): Sentence {
  switch (event.kind) {
    case 'listening':
      return {
        level: 'info',
        message: `listening on ${formatEndpoint(event.address, event.port)} (${event.transport.toUpperCase()})`,
      }
    case 'listener-failed':
      return {
        level: 'error',
        message:
          `cannot listen on ${formatEndpoint(event.address, event.port)} (${event.transport.toUpperCase()}): ` +
          `${event.message}`,
      }
    case 'udp-mode':
      return {
        level: 'info',
        message:
          event.mode === 'plain'
            ? `UDP without batches: ${event.why}`
            : `UDP in batches, ${counted(event.threads, 'thread answers', 'threads answer')} from the cache`,
      }
    case 'inherited-unused':
      return {
        level: 'warn',
        message: `passed sockets that are not in "listen" are not used: ${event.sockets.join(', ')}`,
      }
    case 'handed-over':
      return { level: 'info', message: `process ${event.pid} goes on with the sockets; this one ends` }
    case 'hand-over-failed':
      return { level: 'error', message: `this process goes on: the new one cannot take over: ${event.message}` }
    case 'receive-buffer-small':
      return {
        level: 'info',
        message:
          `the kernel grants a receive buffer of ${event.gotBytes} octets instead of ${event.wantedBytes}; ` +
          'raise sysctl net.core.rmem_max',
      }
    case 'socket-bounds':
      return {
        level: 'info',
        message:
          `at most ${counted(event.udpSockets, 'UDP socket')} to ` +
          `servers${event.openFiles === null ? '' : `, of ${counted(event.openFiles, 'open file')}`}`,
      }
    case 'sockets-exhausted':
      return {
        level: 'warn',
        message:
          `no more sockets (${event.code}, ${times(event.times)} since the last report); raise the limit of ` +
          'open files',
      }
    case 'unlisted-proxy':
      return {
        level: 'warn',
        message:
          `closed ${counted(event.times, 'connection')} to ${formatEndpoint(event.address, event.port)}, which takes ` +
          `those of listed proxies only; the last came from ${event.from}: if that is a proxy of yours, ` +
          'add it to "proxies"',
      }
    default:
      return event satisfies never
  }
}

/** What clients bring about, and the log of their queries. */
function trafficSentence(event: TrafficEvent): Sentence {
  switch (event.kind) {
    case 'overloaded':
      return {
        level: 'warn',
        message:
          `overloaded: ${counted(event.inFlight, 'resolution')} in flight, ${event.refused} refused or given up ` +
          'for others since the last report',
      }
    case 'query-log-failed':
      return { level: 'error', message: `queries are not logged: ${event.message}` }
    case 'query-log-works':
      return {
        level: 'info',
        message: `queries are logged again to ${event.file}; ${counted(event.lost, 'line is', 'lines are')} lost`,
      }
    case 'clients-refused':
      return {
        level: 'warn',
        message:
          `refused ${counted(event.count, 'query', 'queries')} of clients outside of "allow", the latest from ` +
          `${event.client}`,
      }
    case 'servfail':
      return {
        level: 'info',
        message:
          `${event.count === 1 ? '' : `${event.count} queries got SERVFAIL, the latest `}${event.question}: ` +
          `${event.count === 1 ? 'SERVFAIL, ' : ''}${event.reason === '' ? 'unknown reason' : event.reason}`,
      }
    default:
      return event satisfies never
  }
}

/** Zones and the configuration, as their files are read and change. */
function fileSentence(event: FileEvent): Sentence {
  switch (event.kind) {
    case 'zone-loading':
      return {
        level: 'info',
        message:
          `${event.file}: ${event.percent} % read in ${seconds(event.ms)}, ${counted(event.records, 'record')} ` +
          'so far',
      }
    case 'zone-loaded':
      return {
        level: 'info',
        message:
          `zone ${event.zone} loaded from ${event.file}, ${counted(event.records, 'record')} in ` +
          `${seconds(event.ms)}`,
      }
    case 'zone-removed':
      return { level: 'info', message: `zone ${event.zone} is no longer served: ${event.file} was removed` }
    case 'zone-rejected':
      return {
        level: 'error',
        message:
          `${event.file} is not ` +
          `used${event.kept ? '; the last good version stays in use' : ''}:${listed(event.problems)}`,
      }
    case 'zone-warnings':
      return { level: 'warn', message: `in ${event.file}:${listed(event.problems)}` }
    case 'policy-zone-loaded':
      return {
        level: 'info',
        message: `policy zone ${event.zone}: ${counted(event.rules, 'rule')} in ${seconds(event.ms)}`,
      }
    case 'policy-would-apply':
      return {
        level: 'info',
        message:
          `policy zone ${event.zone} only logs: ${event.rule} (${event.action}) would apply to ${event.question} of ` +
          `${event.client}, ${times(event.count)} since the last report`,
      }
    case 'zone-transfer':
      return transferSentence(event.zone, event.views, event.news)
    case 'config-warnings':
      return { level: 'warn', message: `in the configuration:${listed(event.problems)}` }
    case 'config-reloaded':
      return {
        level: 'info',
        message: `configuration reloaded from ${event.file}${restartText(event.needsRestart)}`,
      }
    case 'config-rejected':
      return {
        level: 'error',
        message: `the new configuration has errors, the old one stays in use:${listed(event.problems)}`,
      }
    default:
      return event satisfies never
  }
}

const warmUpEnds = {
  done: '',
  busy: ', until clients sent queries',
  stopped: ', until the server stopped',
  bug: ', until a bug ended it',
} as const

function sentence(event: Event): Sentence {
  if (isTrust(event)) return trustSentence(event)
  if (isAdmin(event)) return adminSentence(event)
  if (isSocket(event)) return socketSentence(event)
  if (isState(event)) return stateSentence(event)
  if (isCertificate(event)) return certificateSentence(event)
  if (isTraffic(event)) return trafficSentence(event)
  if (isOfFiles(event)) return fileSentence(event)
  if (isForwarding(event)) return forwardingSentence(event)
  if (isOfLists(event)) return listSentence(event)
  if (isOfHistory(event)) return historySentence(event)
  if (isOfPolicies(event)) return policySentence(event)
  switch (event.kind) {
    case 'starting':
      return {
        level: 'info',
        message:
          `rootwalk ${event.version}, ` +
          `${event.file === null ? 'no configuration file, using the defaults' : `configuration ${event.file}`}`,
      }
    case 'stats':
      return { level: 'info', message: `statistics: ${JSON.stringify(event.numbers)}` }
    case 'primed':
      return { level: 'info', message: `the root has ${counted(event.servers, 'server')}` }
    case 'priming-failed':
      return { level: 'warn', message: `priming failed, the root hints stay in use: ${event.reason}` }
    case 'root-addresses-unproven':
      return {
        level: 'warn',
        message:
          'addresses of root servers do not validate, those of the hints are used for ' +
          `${event.servers.join(', ')}: ${event.reason}`,
      }
    case 'family-dead':
      return {
        level: 'warn',
        message: `IPv${event.family} is unreachable from this host; queries use the other address family`,
      }
    case 'family-alive':
      return { level: 'info', message: `IPv${event.family} is reachable again` }
    case 'bug':
      return {
        level: 'error',
        message:
          `a bug in ${event.where}${event.question === null ? '' : ` while answering ${event.question}`}: ` +
          `${errorText(event.error)}`,
      }
    case 'log-dropped':
      return {
        level: 'warn',
        message: `${counted(event.lines, 'line of this log was', 'lines of this log were')} dropped: no one read it`,
      }
    case 'warmed-up':
      return {
        level: 'debug',
        message:
          `warmed up with ${counted(event.questions, 'made-up question')} in ${event.ms} ` +
          `ms${warmUpEnds[event.ended]}`,
      }
    case 'stopping':
      return { level: 'info', message: `${event.signal}: ${drainText(event.drainS)}finishing the queries in progress` }
    case 'stopped':
      return { level: 'info', message: 'stopped' }
    default:
      return event satisfies never
  }
}

const seconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

const drainText = (seconds: number): string => (seconds > 0 ? `answering for ${seconds} s more, then ` : '')
