/**
 * What operators change in caches and anchors while the server runs, here and with a shared cache on all instances:
 * what is flushed here must not come back from there, and what is changed everywhere is carried out by each.
 */
import type { AnchorControls } from '../../admin/anchor-controls.ts'
import type { CacheControls, Flush, Flushed, OtherInstances } from '../../admin/cache-controls.ts'
import type { Name } from '../../dns/name.ts'
import type { EventSink } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import type { OpenEngine } from '../open-engine.ts'
import type { NegativeAnchors } from '../persistence/negative-anchors.ts'
import { flushCaches, type FlushedEngine } from '../views/flush.ts'
import type { Change } from './messages.ts'
import type { SharedStore } from './shared-store.ts'

export interface ChangesParts {
  readonly engine: OpenEngine
  readonly anchors: NegativeAnchors
  /** Null: there are no other instances. */
  readonly store: SharedStore | null
  /** Names were removed on purpose, or other rules hold: what is kept on the disk must not bring them back. */
  readonly forgotten: () => void
  readonly events: EventSink
}

const EVERYTHING: Flush = { name: null, below: true, servers: false, dryRun: false }

export class Changes {
  readonly anchors: NegativeAnchors
  readonly #parts: ChangesParts

  constructor(parts: ChangesParts) {
    this.anchors = parts.anchors
    this.#parts = parts
  }

  /** Begins to hear of the changes of other instances, and to share with them. */
  start(): void {
    const { store, engine } = this.#parts
    store?.start({
      fingerprint: () => {
        const { data, trust, stale } = engine.fingerprint()
        return JSON.stringify([data, trust, stale])
      },
      rules: engine.rules,
      carryOut: change => this.#carryOut(change),
      missed: () => void this.#flush(EVERYTHING),
    })
  }

  /** `only`: of one engine; other instances then go on as they are. */
  async flush(
    flush: Flush,
    isEverywhere: boolean,
    only?: FlushedEngine,
  ): Promise<NonNullable<Awaited<ReturnType<CacheControls['flush']>>>> {
    const { name, below, servers, dryRun } = flush
    if (dryRun) return { removed: this.#flush(flush, only), instances: null }
    let removed: Flushed | null = null
    const change = { kind: 'flush', name, below, servers, everywhere: isEverywhere } as const
    const instances = await this.#publish(change, isEverywhere, () => {
      removed = this.#flush(flush, only)
    })
    return { removed: removed ?? this.#flush(flush, only), instances }
  }

  async setNegativeAnchor({
    allInstances,
    ...anchor
  }: Parameters<AnchorControls['setNegativeAnchor']>[0]): Promise<
    Awaited<ReturnType<AnchorControls['setNegativeAnchor']>>
  > {
    const { name, until, dryRun } = anchor
    const kind = this.anchors.set({ name, until }, dryRun)
    if (dryRun || !allInstances || kind === 'configured' || kind === 'too-many') return { kind, instances: null }
    return { kind, instances: await this.#publish({ kind: 'validate-not', name, until }, true, () => {}) }
  }

  async removeNegativeAnchor(
    name: Name,
    dryRun: boolean,
    isEverywhere: boolean,
  ): Promise<Awaited<ReturnType<AnchorControls['removeNegativeAnchor']>>> {
    const kind = this.anchors.remove(name, dryRun)
    if (dryRun || !isEverywhere || kind === 'configured') return { kind, instances: null }
    return { kind, instances: await this.#publish({ kind: 'validate', name }, true, () => {}) }
  }

  async #publish(change: Change, isEverywhere: boolean, carryOut: () => void): Promise<OtherInstances | null> {
    const { store } = this.#parts
    if (store !== null) {
      const published = await store.publish(change, carryOut, isEverywhere)
      return isEverywhere ? published : null
    }
    carryOut()
    return isEverywhere ? { kind: 'none' } : null
  }

  #flush(flush: Flush, only?: FlushedEngine): Flushed {
    const { engine, forgotten } = this.#parts
    if (!flush.dryRun) forgotten()
    return flushCaches(engine.recursor, engine.partitions, flush, only)
  }

  /** On behalf of another instance. */
  #carryOut(change: Change): void {
    const { events } = this.#parts
    const name = change.name === null ? 'everything' : formatName(change.name)
    switch (change.kind) {
      case 'flush': {
        if (!change.everywhere) return
        const { below, servers } = change
        this.#flush({ name: change.name, below, servers, dryRun: false })
        events({ kind: 'shared-change', what: `flushed ${name}${below && change.name !== null ? ' and below' : ''}` })
        return
      }
      case 'validate-not':
        this.anchors.set({ name: change.name, until: change.until })
        events({ kind: 'shared-change', what: `${name} is not validated until ${dateText(change.until)}` })
        return
      case 'validate':
        this.anchors.remove(change.name)
        events({ kind: 'shared-change', what: `${name} is validated again` })
        return
      default:
        change satisfies never
    }
  }
}

const dateText = (seconds: number): string => new Date(seconds * 1_000).toISOString()
