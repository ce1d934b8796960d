/** Mistakes of a caller: what was said, and the first line of the stack. */

export interface CaughtMistake {
  readonly message: string
  /** The first frame. */
  readonly file: string
}

export function mistakeOf(call: () => unknown): CaughtMistake {
  try {
    call()
  } catch (error) {
    return caught(error)
  }
  throw new Error('nothing was thrown')
}

export async function rejectedMistake(promise: Promise<unknown>): Promise<CaughtMistake> {
  return promise.then(() => {
    throw new Error('nothing was rejected')
  }, caught)
}

function caught(error: unknown): CaughtMistake {
  if (!(error instanceof TypeError)) throw error
  const frames = (error.stack ?? '').slice(error.stack?.indexOf(error.message) ?? 0).slice(error.message.length)
  return {
    message: error.message,
    file:
      frames
        .split('\n')
        .map(line => line.trim())
        .find(line => line.startsWith('at ')) ?? '',
  }
}
