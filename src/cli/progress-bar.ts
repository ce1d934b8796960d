/**
 * One line of a terminal that says how far something is: shown when it takes longer than a second, and gone when it is
 * over.
 */

export interface Terminal {
  readonly write: (text: string) => void
  /** Milliseconds from any origin. */
  readonly now: () => number
}

const FIRST_MS = 1_000
const EACH_MS = 100
const CELLS = 30
/** ECMA-48: to the beginning of the line, and erase it. */
const CLEAR = '\r\u001b[K'

export class ProgressBar {
  readonly #terminal: Terminal
  readonly #what: string
  readonly #began: number
  #shownAt: number | null = null

  constructor(terminal: Terminal, what: string) {
    this.#terminal = terminal
    this.#what = what
    this.#began = terminal.now()
  }

  /** `share` from 0 to 1; `note` is written after the bar. */
  update(share: number, note: string): void {
    const now = this.#terminal.now()
    if (now - this.#began < FIRST_MS || (this.#shownAt !== null && now - this.#shownAt < EACH_MS)) return
    this.#shownAt = now
    const full = Math.round(CELLS * Math.min(1, Math.max(0, share)))
    const percent = Math.floor(100 * Math.min(1, share))
      .toString()
      .padStart(3)
    this.#terminal.write(`${CLEAR}${this.#what} [${'#'.repeat(full)}${' '.repeat(CELLS - full)}] ${percent} % ${note}`)
  }

  /** Nothing of it stays on the terminal. */
  end(): void {
    if (this.#shownAt !== null) this.#terminal.write(CLEAR)
    this.#shownAt = null
  }
}
