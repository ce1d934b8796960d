/** The other instances: who is there, and who has carried out what was removed. */
import type { SharedLimits } from '../../limits.ts'
import type { Clock } from '../../ports.ts'
import type { Presence } from './messages.ts'
import { comparePositions, type Position } from './position.ts'

/** `ms` since it was asked for; null: not within the time. */
export interface Confirmation {
  readonly name: string
  readonly ms: number | null
}

interface Other {
  readonly name: string
  readonly position: Position
  readonly seenAt: number
}

export class Instances {
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #limits: Pick<SharedLimits, 'aliveMs' | 'instances' | 'confirmMs'>
  readonly #self: string
  readonly #others = new Map<string, Other>()
  readonly #waiters = new Set<() => void>()

  /** `self`: the id of this one. */
  constructor(
    self: string,
    clock: Pick<Clock, 'now' | 'after'>,
    limits: Pick<SharedLimits, 'aliveMs' | 'instances' | 'confirmMs'>,
  ) {
    this.#self = self
    this.#clock = clock
    this.#limits = limits
  }

  /** Names of the others that were heard of lately. */
  get names(): readonly string[] {
    return this.#living().map(([, { name }]) => name)
  }

  note({ id, name, position, isLeaving }: Presence): void {
    if (id === this.#self) return
    this.#others.delete(id)
    if (!isLeaving) this.#others.set(id, { name, position, seenAt: this.#clock.now() })
    const [oldest] = this.#others.keys()
    if (oldest !== undefined && this.#others.size > this.#limits.instances) this.#others.delete(oldest)
    for (const waiter of this.#waiters) waiter()
  }

  /** Resolves when all that are there have carried out what stands at `position`, or after `confirmMs`. */
  confirmed(position: Position): Promise<readonly Confirmation[]> {
    const since = this.#clock.now()
    const found = new Map<string, Confirmation>(this.#living().map(([id, { name }]) => [id, { name, ms: null }]))
    return new Promise(resolve => {
      const end = (): void => {
        cancel()
        this.#waiters.delete(look)
        resolve([...found.values()])
      }
      const look = (): void => {
        for (const [id, { name, ms }] of found) {
          const other = this.#others.get(id)
          // One that left meanwhile has nothing left to remove.
          if (other === undefined) found.delete(id)
          else if (ms === null && comparePositions(other.position, position) >= 0)
            found.set(id, { name, ms: this.#clock.now() - since })
        }
        if ([...found.values()].every(({ ms }) => ms !== null)) end()
      }
      const cancel = this.#clock.after(this.#limits.confirmMs, end)
      this.#waiters.add(look)
      look()
    })
  }

  #living(): readonly (readonly [string, Other])[] {
    const since = this.#clock.now() - this.#limits.aliveMs
    for (const [id, { seenAt }] of this.#others) if (seenAt < since) this.#others.delete(id)
    return [...this.#others]
  }
}
