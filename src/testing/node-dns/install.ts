/**
 * A stub in the place of this process's name resolution: `dns.lookup`, the `resolve` family and `setServers` of
 * `node:dns` and `node:dns/promises`, and the resolvers made meanwhile. Named ESM imports follow; functions that a
 * module took out of `dns` before, and resolvers made before, do so with the relays of `rootwalk/install` alone. Not
 * reached: worker threads and other processes.
 *
 * Invariants: one stub is installed at a time, unless the second one says `nested`; undone in any order, every function
 * of `node:dns` is the very one that it was; a name without anything goes to the real servers only with `passthrough`.
 */
import dns, { type ResolverOptions } from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { promisify } from 'node:util'
import { defaultLimits } from '../../limits.ts'
import { makeLookups } from './lookup.ts'
import { makeServices } from './lookup-service.ts'
import { claim, release } from './installed.ts'
import { applyPatches, isFunction, type Patch, switched, undoPatch } from './patch.ts'
import { withoutRelay } from './relay.ts'
import { atCaller, type Entry, mistake } from '../../input/mistake.ts'
import { described, knownFields, near } from '../../input/names.ts'
import type { RecordedQuery, StubInstallation } from '../stub/types.ts'

export interface InstallOptions {
  /**
   * A name without record, rule or handler: `error` (default), what the stub replies; `passthrough`, what was there
   * before.
   */
  readonly unlisted?: 'error' | 'passthrough'
  /** Installs over another stub, which is asked again when this one is disposed. Without it that is an error. */
  readonly nested?: boolean
}

/** What of a stub is needed here. */
export interface Installable {
  readonly address: string
  readonly queries: readonly RecordedQuery[]
}

// As they are when this file is loaded: later they may be our own.
const SystemResolver = withoutRelay(dns.Resolver)
const SystemPromiseResolver = withoutRelay(dns.promises.Resolver)

type Fn = (...args: readonly unknown[]) => unknown

/** How one function of ours goes on to the one below when the name was unlisted. */
type GoesOn = (ours: Fn, below: () => unknown) => Fn

interface Hooks {
  readonly stub: Installable
  readonly callbacks: GoesOn
  readonly promises: GoesOn
}

/** `entry` is what the caller called: its line is where the stub is installed. */
export function install(stub: Installable, options: InstallOptions = {}, entry: Entry = install): StubInstallation {
  const { hooks, claimed } = atCaller(entry, () => {
    knownFields(options, ['unlisted', 'nested'], 'the options')
    const { unlisted = 'error', nested = false } = options
    if (typeof nested !== 'boolean') mistake(`expected nested to be true or false, found ${described(nested)}`)
    return { hooks: hooksOf(stub, unlisted), claimed: claim(stub.address, nested, entry) }
  })
  const patches = [...lookupPatches(hooks), ...resolverPatches(hooks)]
  syncBuiltinESMExports()
  const dispose = (): void => {
    release(claimed)
    // Backwards, though patches of different functions do not meet.
    const kept = patches.toReversed().filter(patch => !undoPatch(patch))
    syncBuiltinESMExports()
    if (kept.length > 0) warnOfKept(kept)
  }
  return { dispose, [Symbol.dispose]: dispose, [Symbol.asyncDispose]: async () => dispose() }
}

function hooksOf(stub: Installable, unlisted: 'error' | 'passthrough'): Hooks {
  switch (unlisted) {
    case 'error':
      return { stub, callbacks: ours => ours, promises: ours => ours }
    case 'passthrough':
      return {
        stub,
        callbacks: (ours, below) => callbackGoingOn(stub, ours, below),
        promises: (ours, below) => promiseGoingOn(stub, ours, below),
      }
    default:
      unlisted satisfies never
      return mistake(
        `expected unlisted to be "error" or "passthrough", found ${near(unlisted, ['error', 'passthrough'])}`,
      )
  }
}

function lookupPatches({ stub, callbacks, promises }: Hooks): Patch[] {
  const { lookup, promised } = makeLookups(stub)
  const services = makeServices(stub)
  const patched = (module: object, key: string, title: string, goesOn: GoesOn, ours: Fn): Patch[] =>
    applyPatches(module, key, `${title}.${key}`, patch =>
      named(
        key,
        switched(
          patch,
          goesOn(ours, () => patch.below),
        ),
      ),
    )
  const promisedLookup = patched(dns.promises, 'lookup', 'dns.promises', promises, (...args) =>
    Reflect.apply(promised, undefined, args),
  )
  const promisedService = patched(dns.promises, 'lookupService', 'dns.promises', promises, services.promised)
  const lookups = patched(dns, 'lookup', 'dns', callbacks, (...args) => Reflect.apply(lookup, undefined, args))
  const service = patched(dns, 'lookupService', 'dns', callbacks, services.lookupService)
  // Node's own have results of several values, which only its internal symbol makes an object of.
  for (const { ours } of lookups) Object.defineProperty(ours, promisify.custom, { value: promisedLookup[0]?.ours })
  for (const { ours } of service) Object.defineProperty(ours, promisify.custom, { value: promisedService[0]?.ours })
  return [...promisedLookup, ...promisedService, ...lookups, ...service]
}

function resolverPatches(hooks: Hooks): Patch[] {
  const { stub, callbacks, promises } = hooks
  const called = new SystemResolver(ownTimes({}))
  const promising = new SystemPromiseResolver(ownTimes({}))
  called.setServers([stub.address])
  promising.setServers([stub.address])
  const bound = (target: object, resolver: object, title: string, goesOn: GoesOn): Patch[] =>
    resolverKeys(target, resolver).flatMap(key => {
      const method: unknown = Reflect.get(resolver, key)
      const ours: Fn = (...args) => (isFunction(method) ? Reflect.apply(method, resolver, args) : undefined)
      return applyPatches(target, key, `${title}.${key}`, patch =>
        named(key, switched(patch, asksForName(key) ? goesOn(ours, () => patch.below) : ours)),
      )
    })
  const setBoth: Fn = servers => {
    Reflect.apply(called.setServers, called, [servers])
    Reflect.apply(promising.setServers, promising, [servers])
  }
  const setPromising: Fn = servers => Reflect.apply(promising.setServers, promising, [servers])
  return [
    ...bound(dns, called, 'dns', callbacks),
    ...bound(dns.promises, promising, 'dns.promises', promises),
    ...applyPatches(dns, 'setServers', 'dns.setServers', patch => named('setServers', switched(patch, setBoth))),
    ...applyPatches(dns.promises, 'setServers', 'dns.promises.setServers', patch =>
      named('setServers', switched(patch, setPromising)),
    ),
    ...applyPatches(dns, 'Resolver', 'dns.Resolver', patch =>
      callbackResolver(classBelow(patch, dns.Resolver), patch, hooks),
    ),
    ...applyPatches(dns.promises, 'Resolver', 'dns.promises.Resolver', patch =>
      promiseResolver(classBelow(patch, dns.promises.Resolver), patch, hooks),
    ),
  ]
}

/** What the module has of its default resolver: `resolve4`, `reverse`, `getServers` …, whatever this Node knows. */
const resolverKeys = (module: object, resolver: object): string[] =>
  Object.keys(module).filter(
    key => (asksForName(key) || key === 'getServers') && isFunction(Reflect.get(resolver, key)),
  )

const asksForName = (key: string): boolean => /^(?:resolve|reverse)/.test(key)

/** The class that the patch covers: of this kind, since it stood in the place of `like`. */
function classBelow<T>(patch: Pick<Patch, 'below'>, like: T): T {
  const isClass = (value: unknown): value is T => isFunction(value) && typeof like === 'function'
  return isClass(patch.below) ? patch.below : like
}

/** A resolver that is made while the stub is installed asks it, unless the program sets other servers. */
function callbackResolver(
  Below: typeof dns.Resolver,
  patch: Pick<Patch, 'on'>,
  { stub, callbacks }: Hooks,
): typeof dns.Resolver {
  class Resolver extends Below {
    constructor(options?: ResolverOptions) {
      super(patch.on ? ownTimes(options) : options)
      if (patch.on) pointAt(this, stub, callbacks, new Below(options))
    }
  }
  return Resolver
}

function promiseResolver(
  Below: typeof dns.promises.Resolver,
  patch: Pick<Patch, 'on'>,
  { stub, promises }: Hooks,
): typeof dns.promises.Resolver {
  class Resolver extends Below {
    constructor(options?: ResolverOptions) {
      super(patch.on ? ownTimes(options) : options)
      if (patch.on) pointAt(this, stub, promises, new Below(options))
    }
  }
  return Resolver
}

function ownTimes(options: ResolverOptions | undefined): ResolverOptions {
  return { timeout: defaultLimits.kit.lookupTimeoutMs, tries: defaultLimits.kit.lookupTries, ...options }
}

/**
 * `below` is a resolver that knows nothing of this stub; it is asked only while `resolver` still has the stub as its
 * server.
 */
function pointAt(
  resolver: dns.Resolver | dns.promises.Resolver,
  stub: Installable,
  goesOn: GoesOn,
  below: object,
): void {
  resolver.setServers([stub.address])
  for (const key of methodsOf(resolver).filter(asksForName)) {
    const method: unknown = Reflect.get(resolver, key)
    if (!isFunction(method)) continue
    const ours: Fn = (...args) => Reflect.apply(method, resolver, args)
    const going = goesOn(ours, () => Reflect.get(below, key))
    if (going === ours) return
    const here: Fn = (...args) =>
      Reflect.apply(resolver.getServers().join() === stub.address ? going : ours, below, args)
    Object.defineProperty(resolver, key, { value: here, configurable: true, writable: true })
  }
}

function methodsOf(value: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = value; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) names.add(name)
  return [...names]
}

function callbackGoingOn(stub: Installable, ours: Fn, below: () => unknown): Fn {
  return function asksOrGoesOn(this: unknown, ...args) {
    const callback = args.at(-1)
    if (!isFunction(callback)) return Reflect.apply(ours, this, args)
    const wasUnlisted = unlistedWatch(stub, args[0])
    const judge: Fn = (error, ...results) => {
      const next = below()
      if (error !== null && isFunction(next) && wasUnlisted()) Reflect.apply(next, this, args)
      else callback(error, ...results)
    }
    return Reflect.apply(ours, this, [...args.slice(0, -1), judge])
  }
}

function promiseGoingOn(stub: Installable, ours: Fn, below: () => unknown): Fn {
  return function asksOrGoesOn(this: unknown, ...args) {
    const wasUnlisted = unlistedWatch(stub, args[0])
    const reply = Reflect.apply(ours, this, args)
    if (!(reply instanceof Promise)) return reply
    return reply.catch((error: unknown) => {
      const next = below()
      if (isFunction(next) && wasUnlisted()) return Reflect.apply(next, this, args)
      throw error
    })
  }
}

/**
 * Has the stub, since this call, been asked for the name without having anything for it? Forgotten queries count as
 * listed.
 */
function unlistedWatch(stub: Installable, asked: unknown): () => boolean {
  const before = stub.queries.length
  const text = String(asked)
  const name = domainToASCII(text)
    .toLowerCase()
    .replace(/(?<=.)\.$/, '')
  const isMine = (query: RecordedQuery): boolean => (isIP(text) === 0 ? query.name === name : query.type === 'PTR')
  return () => stub.queries.slice(before).some(query => !query.matched && isMine(query))
}

function named(name: string, fn: Fn): Fn {
  return Object.defineProperty(fn, 'name', { value: name, configurable: true })
}

function warnOfKept(patches: readonly Patch[]): void {
  const titles = patches.map(({ title }) => title).join(', ')
  const advice = "What was there before the stub is called in the stub's place. Undo mocks and spies before the stub."
  process.emitWarning(`${titles}: replaced by something else while a DNS stub was installed, and left so. ${advice}`, {
    type: 'RootwalkWarning',
    code: 'ROOTWALK_REPLACED',
  })
}
