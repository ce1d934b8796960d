/**
 * `dns.lookup` and `dns.promises.lookup` that ask a stub: the arguments, results and errors are Node's own.
 * Deliberately not here: the hosts file but for `localhost`, and search domains.
 *
 * Invariant: Node judges the arguments, and nothing here sends a query anywhere but to the stub: Node's functions get
 * only IP addresses, values that are no name, and `localhost`.
 */
import dns, { type LookupAddress, type LookupAllOptions, type LookupOneOptions, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { promisify } from 'node:util'
import { errorCode } from '../../system/system-error.ts'
import {
  asksIpv4,
  asksIpv6,
  failureOf,
  type Found,
  type LookupOutcome,
  lookupError,
  outcomeOf,
  type Wanted,
} from './lookup-outcome.ts'
import { withoutRelay } from './relay.ts'
import { type Asked, makeResolver } from './resolver.ts'

export interface Lookups {
  /** In the place of `dns.lookup`, also when promisified. */
  readonly lookup: typeof dns.lookup
  /** In the place of `dns.promises.lookup`. */
  readonly promised: typeof dns.promises.lookup
}

type OneDone = (error: NodeJS.ErrnoException | null, address: string, family: number) => void
type AllDone = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
type EitherDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family: number) => void
type Done = (...results: readonly unknown[]) => void
/** Never rejects. */
type Ask = (name: string, options: unknown) => Promise<LookupOutcome>

/** Who answers a call: Node, for what needs no DNS, or the stub. */
type Target =
  | { readonly by: 'node'; readonly hostname: unknown }
  | { readonly by: 'stub'; readonly hostname: string; readonly name: string }

// As they are when this file is loaded: later they may be our own.
const systemLookup = withoutRelay(dns.lookup)
const systemPromised = withoutRelay(dns.promises.lookup)

/** Any address: with it Node judges the other arguments and sends nothing. */
const PROBE = '127.0.0.1'
/**
 * What `getaddrinfo` asks for; it refuses the rest (empty and long labels, a hyphen in front, other characters) at
 * once.
 */
const HOST_NAME = /^(?!-)(?=.{1,253}\.?$)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/

export const makeLookup = (server: Asked): typeof dns.lookup => makeLookups(server).lookup

export function makeLookups(server: Asked): Lookups {
  const ask = makeAsk(server)
  const promised = promiseLookup(ask)
  const lookup = Object.assign(callbackLookup(ask), { __promisify__: promised })
  Object.defineProperty(lookup, promisify.custom, { value: promised, configurable: true })
  return { lookup, promised }
}

function callbackLookup(ask: Ask) {
  function lookup(hostname: string, family: number, callback: OneDone): void
  function lookup(hostname: string, options: LookupOneOptions, callback: OneDone): void
  function lookup(hostname: string, options: LookupAllOptions, callback: AllDone): void
  function lookup(hostname: string, options: LookupOptions, callback: EitherDone): void
  function lookup(hostname: string, callback: OneDone): void
  function lookup(...args: readonly unknown[]): unknown {
    const [hostname, options, last] = args
    const target = targetOf(hostname)
    if (target.by === 'node') return Reflect.apply(systemLookup, undefined, [target.hostname, ...args.slice(1)])
    Reflect.apply(systemLookup, undefined, [PROBE, ...args.slice(1).map(arg => (isDone(arg) ? () => undefined : arg))])
    const callback = isDone(options) ? options : last
    // Outside the promise, so that what the callback throws is an uncaught exception, as with Node's.
    const done: Done = (...results) => {
      if (isDone(callback)) process.nextTick(callback, ...results)
    }
    void ask(target.name, options).then(outcome => {
      if (outcome.kind === 'failed') done(lookupError(outcome.failure, 'getaddrinfo', target.hostname))
      else if (wantsAll(options)) done(null, outcome.addresses)
      else done(null, outcome.addresses[0]?.address, outcome.addresses[0]?.family)
    })
    return {}
  }
  return lookup
}

function promiseLookup(ask: Ask) {
  function lookup(hostname: string, options: LookupAllOptions): Promise<LookupAddress[]>
  function lookup(hostname: string, options?: LookupOneOptions | number): Promise<LookupAddress>
  function lookup(hostname: string, options: LookupOptions): Promise<LookupAddress | LookupAddress[]>
  function lookup(...args: readonly unknown[]): unknown {
    const [hostname, options] = args
    const target = targetOf(hostname)
    if (target.by === 'node') return Reflect.apply(systemPromised, undefined, [target.hostname, ...args.slice(1)])
    const judged: Promise<unknown> = Reflect.apply(systemPromised, undefined, [PROBE, ...args.slice(1)])
    return judged.then(async () => {
      const outcome = await ask(target.name, options)
      if (outcome.kind === 'failed') throw lookupError(outcome.failure, 'getaddrinfo', target.hostname)
      return wantsAll(options) ? outcome.addresses : outcome.addresses[0]
    })
  }
  return lookup
}

/** An address in any form that `inet_aton` reads is one (`127.1`), and other scripts are asked for as A-labels. */
function targetOf(hostname: unknown): Target {
  if (typeof hostname !== 'string' || hostname === '' || isIP(hostname) !== 0 || /^localhost\.?$/i.test(hostname))
    return { by: 'node', hostname }
  const name = domainToASCII(hostname)
  return isIP(name) === 0 ? { by: 'stub', hostname, name } : { by: 'node', hostname: name }
}

function makeAsk(server: Asked): Ask {
  let resolver: dns.promises.Resolver | null = null
  return async (name, options) => {
    if (!HOST_NAME.test(name)) return { kind: 'failed', failure: 'EAI_NONAME' }
    const wanted = wantedOf(options)
    resolver ??= makeResolver(server)
    // Both are sent before either is answered, A first.
    const ipv4 = asksIpv4(wanted) ? found(resolver.resolve4(name)) : null
    const ipv6 = asksIpv6(wanted) ? found(resolver.resolve6(name)) : null
    return outcomeOf(await ipv4, await ipv6, wanted)
  }
}

async function found(addresses: Promise<string[]>): Promise<Found> {
  try {
    return { kind: 'addresses', addresses: await addresses }
  } catch (error) {
    return { kind: 'failed', failure: failureOf(errorCode(error)) }
  }
}

const isDone = (value: unknown): value is Done => typeof value === 'function'
const wantsAll = (options: unknown): boolean => field(options, 'all') === true

/** Of options that Node has found to be valid. */
function wantedOf(options: unknown): Wanted {
  const family = typeof options === 'number' ? options : field(options, 'family')
  const verbatim = field(options, 'verbatim')
  const order =
    field(options, 'order') ??
    (typeof verbatim === 'boolean' ? (verbatim ? 'verbatim' : 'ipv4first') : dns.getDefaultResultOrder())
  const hints = field(options, 'hints')
  return {
    family: family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0,
    order: typeof order === 'string' ? order : 'verbatim',
    hints: typeof hints === 'number' ? hints : 0,
  }
}

const field = (options: unknown, name: string): unknown =>
  typeof options === 'object' && options !== null ? Reflect.get(options, name) : undefined
