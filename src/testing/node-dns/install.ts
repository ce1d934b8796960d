/**
 * A stub in the place of this process's name resolution: `dns.lookup`, the `resolve` family and `setServers` of
 * `node:dns` and `node:dns/promises`, and the resolvers made meanwhile. Named ESM imports follow. Not reached:
 * functions that a CommonJS module took out of `dns` before, resolvers made before, worker threads and other processes.
 *
 * Invariant: undone in any order, every function of `node:dns` is the very one that it was; a name without anything
 * goes to the real servers only with `passthrough`.
 */
import dns, { type ResolverOptions } from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { promisify } from 'node:util'
import { defaultLimits } from '../../limits.ts'
import { makeLookups } from './lookup.ts'
import { makeServices } from './lookup-service.ts'
import { applyPatch, isFunction, type Patch, switched, undoPatch } from './patch.ts'
import { atCaller, mistake } from '../input/mistake.ts'
import { near } from '../input/names.ts'
import type { RecordedQuery, StubInstallation } from '../stub/types.ts'

export interface InstallOptions {
  /**
   * A name without record, rule or handler: `error` (default), what the stub replies; `passthrough`, what was there
   * before.
   */
  readonly unlisted?: 'error' | 'passthrough'
}

/** What of a stub is needed here. */
export interface Installable {
  readonly address: string
  readonly queries: readonly RecordedQuery[]
}

// As they are when this file is loaded: later they may be our own.
const SystemResolver = dns.Resolver
const SystemPromiseResolver = dns.promises.Resolver

type Fn = (...args: readonly unknown[]) => unknown

/** How one function of ours goes on to the one below when the name was unlisted. */
type GoesOn = (ours: Fn, below: () => unknown) => Fn

interface Hooks {
  readonly stub: Installable
  readonly callbacks: GoesOn
  readonly promises: GoesOn
}

export function install(stub: Installable, options: InstallOptions = {}): StubInstallation {
  const hooks = atCaller(install, () => hooksOf(stub, options.unlisted ?? 'error'))
  const patches = [...lookupPatches(hooks), ...resolverPatches(hooks)]
  syncBuiltinESMExports()
  const dispose = (): void => {
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
  const patched = (target: object, key: string, title: string, goesOn: GoesOn, ours: Fn): Patch =>
    applyPatch(target, key, title, patch =>
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
  Object.defineProperty(lookups.ours, promisify.custom, { value: promisedLookup.ours })
  Object.defineProperty(service.ours, promisify.custom, { value: promisedService.ours })
  return [promisedLookup, promisedService, lookups, service]
}

function resolverPatches(hooks: Hooks): Patch[] {
  const { stub, callbacks, promises } = hooks
  const called = new SystemResolver(ownTimes({}))
  const promising = new SystemPromiseResolver(ownTimes({}))
  called.setServers([stub.address])
  promising.setServers([stub.address])
  const bound = (target: object, resolver: object, title: string, goesOn: GoesOn): Patch[] =>
    resolverKeys(target, resolver).map(key => {
      const method: unknown = Reflect.get(resolver, key)
      const ours: Fn = (...args) => (isFunction(method) ? Reflect.apply(method, resolver, args) : undefined)
      return applyPatch(target, key, title, patch =>
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
    applyPatch(dns, 'setServers', 'dns', patch => named('setServers', switched(patch, setBoth))),
    applyPatch(dns.promises, 'setServers', 'dns.promises', patch => named('setServers', switched(patch, setPromising))),
    applyPatch(dns, 'Resolver', 'dns', patch => callbackResolver(dns.Resolver, patch, hooks)),
    applyPatch(dns.promises, 'Resolver', 'dns.promises', patch => promiseResolver(dns.promises.Resolver, patch, hooks)),
  ]
}

/** What the module has of its default resolver: `resolve4`, `reverse`, `getServers` …, whatever this Node knows. */
const resolverKeys = (module: object, resolver: object): string[] =>
  Object.keys(module).filter(
    key => (asksForName(key) || key === 'getServers') && isFunction(Reflect.get(resolver, key)),
  )

const asksForName = (key: string): boolean => /^(?:resolve|reverse)/.test(key)

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
  const titles = patches.map(({ title, key }) => `${title}.${key}`).join(', ')
  const advice = "What was there before the stub is called in the stub's place. Undo mocks and spies before the stub."
  process.emitWarning(`${titles}: replaced by something else while a DNS stub was installed, and left so. ${advice}`, {
    type: 'RootwalkWarning',
    code: 'ROOTWALK_REPLACED',
  })
}
