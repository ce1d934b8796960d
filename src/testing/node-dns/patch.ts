/**
 * Functions and classes of built-in modules replaced for a while, in the module or, where a relay is
 * (`testing/node-dns/relay.ts`), at its switch. The state of a patch hangs on the replacement itself, so there is no
 * global state, and patches of two copies of this package know each other.
 *
 * Invariant: patches can be undone in any order. When the last is gone, the module has the very value that it had; a
 * replacement that somebody kept hands on to what was below it.
 */
import { leadsTo, switchOf } from './relay.ts'

type Fn = (...args: readonly unknown[]) => unknown

export interface Patch {
  readonly target: object
  readonly key: string
  /** For people: `dns.promises.lookup`. */
  readonly title: string
  /** What stands in `target` while this patch is the uppermost. */
  readonly ours: object
  /** What `ours` stands in for, as long as the patch is on: another value when a patch below has been undone. */
  below: unknown
  on: boolean
}

/** Makes the replacement; it may look at the patch whenever it is called. */
export type MakeReplacement = (patch: Pick<Patch, 'below' | 'on'>) => object

const MARK = Symbol.for('rootwalk.patch')

export const isFunction = (value: unknown): value is Fn => typeof value === 'function'

/**
 * Replaces `module[key]`: for a relay where it leads, and in the module as well when something else covers the relay
 * there.
 */
export function applyPatches(module: object, key: string, title: string, make: MakeReplacement): Patch[] {
  const own = switchOf(title)
  const inModule = own === null || !leadsTo(Reflect.get(module, key), own)
  return [
    ...(own === null ? [] : [applyPatch(own, 'current', title, make)]),
    ...(inModule ? [applyPatch(module, key, title, make)] : []),
  ]
}

function applyPatch(target: object, key: string, title: string, make: MakeReplacement): Patch {
  const state = { below: Reflect.get(target, key), on: true }
  const ours = make(state)
  const patch: Patch = Object.assign(state, { target, key, title, ours })
  Object.defineProperty(ours, MARK, { value: patch, configurable: true })
  Reflect.set(target, key, ours)
  return patch
}

/** False when something else has replaced it in the module and cannot be distinguished from it: that stays. */
export function undoPatch(patch: Patch): boolean {
  if (!patch.on) return true
  patch.on = false
  const current: unknown = Reflect.get(patch.target, patch.key)
  if (current === patch.ours) return Reflect.set(patch.target, patch.key, patch.below)
  for (let above = patchOf(current); above !== null; above = patchOf(above.below)) {
    if (above.below !== patch.ours) continue
    above.below = patch.below
    return true
  }
  return false
}

/** A function that is `ours` while the patch is on, and what was below afterwards. */
export function switched(patch: Pick<Patch, 'below' | 'on'>, ours: Fn): Fn {
  return function handsOn(this: unknown, ...args: readonly unknown[]): unknown {
    return Reflect.apply(patch.on || !isFunction(patch.below) ? ours : patch.below, this, args)
  }
}

function patchOf(value: unknown): Patch | null {
  const patch: unknown = isFunction(value) ? Reflect.get(value, MARK) : null
  return isPatch(patch) ? patch : null
}

const isPatch = (value: unknown): value is Patch =>
  typeof value === 'object' && value !== null && 'below' in value && 'ours' in value
