/**
 * Writes a text to a descriptor before it returns, for the log: never throws, since that nobody reads it any more is no reason to
 * end, and loses nothing as long as somebody does.
 */
import { writeSync } from 'node:fs'
import { errorCode } from './system-error.ts'

/** `retryMs`: how long a full pipe is left alone that does not wait by itself (whoever shares it decides that). */
export function writeNow(fd: number, text: string, retryMs: number): void {
  let left = Buffer.from(text)
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(fd, left))
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs)
    }
  }
}
