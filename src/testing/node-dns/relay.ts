/**
 * Functions of `node:dns` that are put in at the start of a process (`--import rootwalk/install`), so that a stub which
 * is installed later also reaches the copies that modules took of them while they were loaded:
 *
 *     const { lookup } = require('node:dns')           // a relay: its switch leads to Node's own function
 *     dns.install()                                    // the switch now leads to the stub
 *     lookup('svc.internal', callback)                 // asks the stub
 *
 * As long as nothing is installed a call goes on to Node's function with the same arguments and `this`. The switches
 * hang on the module `node:dns` itself, which all realms of a process and all copies of this package share; this file
 * only needs Node.
 *
 * Limitations: code that ran before, resolvers with their own servers, native modules, other threads and processes.
 */
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

type Fn = (...args: readonly unknown[]) => unknown

/** Where a relay leads. */
export interface Switch {
  /** Node's own. */
  readonly system: unknown
  /** Read with every call. */
  current: unknown
}

/** By title: `dns.lookup`, `dns.promises.Resolver`. */
type Switches = ReadonlyMap<string, Switch>

const SWITCHES = Symbol.for('rootwalk.switches')
/** On a relay its own switch. */
const SWITCH = Symbol.for('rootwalk.switch')

/** What looks names up, and where it is asked. `getDefaultResultOrder` and the like send no query. */
const RELAYED = /^(?:lookup|lookupService|resolve\w*|reverse|getServers|setServers)$/
const ASKS = /^(?:resolve|reverse)/

/** Puts the relays in; does nothing when they are there. */
export function putRelays(): void {
  if (Reflect.get(dns, SWITCHES) !== undefined) return
  const switches = new Map<string, Switch>()
  for (const { module, title } of [
    { module: dns, title: 'dns' },
    { module: dns.promises, title: 'dns.promises' },
  ]) {
    for (const key of Object.keys(module)) {
      const system: unknown = RELAYED.test(key) || key === 'Resolver' ? Reflect.get(module, key) : undefined
      if (!isFunction(system)) continue
      const own: Switch = { system, current: system }
      switches.set(`${title}.${key}`, own)
      Reflect.set(module, key, key === 'Resolver' ? relayedClass(system, own, title, switches) : relayed(system, own))
    }
  }
  Object.defineProperty(dns, SWITCHES, { value: switches })
  syncBuiltinESMExports()
}

/** The switch of a function, null where there is no relay for it. */
export function switchOf(title: string): Switch | null {
  const switches: unknown = Reflect.get(dns, SWITCHES)
  const found: unknown = isSwitches(switches) ? switches.get(title) : undefined
  return isSwitch(found) ? found : null
}

/** Does this value lead where the switch leads? */
export const leadsTo = (value: unknown, own: Switch): boolean => isFunction(value) && Reflect.get(value, SWITCH) === own

/** Node's own function where `value` is a relay of it, else `value`. */
export function withoutRelay<T>(value: T): T {
  const own: unknown = isFunction(value) ? Reflect.get(value, SWITCH) : undefined
  return isSwitch(own) && isSameKind(own.system, value) ? own.system : value
}

/** A relay has the type of what it relays. */
const isSameKind = <T>(system: unknown, value: T): system is T => typeof system === typeof value

function relayed(system: Fn, own: Switch): Fn {
  const relay = function (this: unknown, ...args: readonly unknown[]): unknown {
    const { current } = own
    return isFunction(current) ? Reflect.apply(current, this, args) : undefined
  }
  // Name, length, and what `promisify` looks for.
  Object.defineProperties(relay, Object.getOwnPropertyDescriptors(system))
  return Object.defineProperty(relay, SWITCH, { value: own })
}

/**
 * A class that makes its instances where the switch leads. An instance that is made while nothing is installed, and
 * that has no own servers, follows the functions of the module: to the stub, and back.
 */
function relayedClass(System: Fn, own: Switch, module: string, switches: Switches): Fn {
  const made = new WeakSet<object>()
  const prototype: unknown = System.prototype
  if (typeof prototype === 'object' && prototype !== null) relayMethods(prototype, made, module, switches)
  const relay: Fn = new Proxy(System, {
    construct(_target, args, newTarget) {
      const { current } = own
      const Current = isFunction(current) ? current : System
      const instance: unknown = Reflect.construct(Current, args, newTarget === relay ? Current : newTarget)
      if (!isObject(instance)) throw new TypeError('a class makes objects')
      if (Current === System) made.add(instance)
      return instance
    },
    get: (target, key, receiver) => (key === SWITCH ? own : Reflect.get(target, key, receiver)),
  })
  return relay
}

function relayMethods(prototype: object, made: WeakSet<object>, module: string, switches: Switches): void {
  for (const key of methodsOf(prototype)) {
    const method: unknown = Reflect.get(prototype, key)
    if (!isFunction(method)) continue
    const relay = function (this: unknown, ...args: readonly unknown[]): unknown {
      if (key === 'setServers') {
        const result = Reflect.apply(method, this, args)
        if (isObject(this)) made.delete(this)
        return result
      }
      const own = switches.get(`${module}.${key}`)
      const current = own?.current
      const follows = isFunction(current) && current !== own?.system && isObject(this) && made.has(this)
      return Reflect.apply(follows ? current : method, follows ? undefined : this, args)
    }
    Object.defineProperties(relay, Object.getOwnPropertyDescriptors(method))
    const at = Object.getOwnPropertyDescriptor(prototype, key) ?? {
      configurable: true,
      writable: true,
      enumerable: false,
    }
    Object.defineProperty(prototype, key, { ...at, value: relay })
  }
}

/** The last two are inherited, and shared by both classes. */
const methodsOf = (prototype: object): string[] => [
  ...Object.getOwnPropertyNames(prototype).filter(key => ASKS.test(key)),
  'getServers',
  'setServers',
]

const isFunction = (value: unknown): value is Fn => typeof value === 'function'
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isSwitch = (value: unknown): value is Switch => isObject(value) && 'system' in value && 'current' in value
const isSwitches = (value: unknown): value is { get(title: string): unknown } =>
  isObject(value) && 'get' in value && isFunction(value.get)
