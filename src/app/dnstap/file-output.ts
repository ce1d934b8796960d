/** Frames to a file, which is begun again at the start, and after it was moved away. */
import { closeSync, fstatSync, openSync, statSync, writevSync } from 'node:fs'
import { controlFrame } from './frames.ts'
import type { Output, OutputParts } from './socket-output.ts'
import { errorText } from '../../events.ts'

export class FileOutput implements Output {
  readonly #path: string
  readonly #parts: OutputParts
  #file: number | null = null
  #saidOf: string | null = null

  constructor(path: string, parts: OutputParts) {
    this.#path = path
    this.#parts = parts
    this.#open()
  }

  write(frames: readonly Uint8Array[]): boolean {
    if (this.#file === null) return false
    return this.#put(this.#file, frames)
  }

  reopen(): void {
    if (this.#file !== null && isSame(this.#file, this.#path)) return
    this.#close()
    this.#open()
  }

  stop(): Promise<void> {
    this.#close()
    return Promise.resolve()
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, 'w', 0o600)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#put(this.#file, [controlFrame('start')])) this.#parts.connected()
  }

  /** All or nothing counts: after a part of a frame a reader finds no other, so that the file is begun again. */
  #put(file: number, frames: readonly Uint8Array[]): boolean {
    const octets = frames.reduce((sum, frame) => sum + frame.length, 0)
    try {
      if (writevSync(file, [...frames]) === octets) return true
      throw new Error('the disk did not take all of it')
    } catch (error) {
      this.#fail(error)
      closeSync(file)
      this.#file = null
      return false
    }
  }

  #close(): void {
    if (this.#file === null) return
    if (!this.#put(this.#file, [controlFrame('stop')])) return
    closeSync(this.#file)
    this.#file = null
  }

  #fail(error: unknown): void {
    const said = errorText(error)
    if (said !== this.#saidOf) this.#parts.failed(said)
    this.#saidOf = said
  }
}

function isSame(file: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  return there !== undefined && there.ino === fstatSync(file).ino
}
