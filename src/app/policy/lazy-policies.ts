/** Policies written as programs, of which nothing is loaded while there are none. */
import type { PolicySource } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { Program } from '../../policy/code/stage.ts'
import type { ProgramStatus } from '../../policy/code/status.ts'
import type { Policies, PoliciesParts } from './policies.ts'

export class LazyPolicies {
  readonly #parts: PoliciesParts
  #policies: Policies | null = null
  #isStarted = false
  #isClosed = false

  constructor(parts: PoliciesParts) {
    this.#parts = parts
  }

  readonly programs = (): readonly Program[] => this.#policies?.programs() ?? []

  /** See `Policies`. */
  async configure(sources: readonly PolicySource[]): Promise<readonly Problem[]> {
    if (this.#policies === null && sources.length === 0) return []
    if (this.#policies === null) {
      const module = await import('./policies.ts')
      if (this.#isClosed) return []
      this.#policies ??= new module.Policies(this.#parts)
      if (this.#isStarted) this.#policies.start()
    }
    return this.#policies.configure(sources)
  }

  start(): void {
    this.#isStarted = true
    this.#policies?.start()
  }

  status(): readonly ProgramStatus[] {
    return this.#policies?.status() ?? []
  }

  close(): void {
    this.#isClosed = true
    this.#policies?.close()
  }
}
