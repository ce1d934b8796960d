/**
 * Mistakes in a test are errors at the line of the test that made them: whatever depth of the kit found it, the stack
 * begins with the caller of the kit. Invariant: only a `Mistake` is moved; what else is thrown is a bug and keeps its
 * stack.
 */

/** A call that cannot be done as written. Its message says what was expected. */
export class Mistake extends TypeError {
  /** In a call with many names the one that is wrong, as it was given. */
  declare record?: string
}

/** Any function; what `Error.captureStackTrace` leaves out of a stack with everything that it called. */
export type Entry = (...args: never[]) => unknown

export function mistake(message: string): never {
  throw new Mistake(message)
}

/** Does `work`; a mistake found in it is one of the caller of `entry`. */
export function atCaller<T>(entry: Entry, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Mistake) Error.captureStackTrace(error, entry)
    throw error
  }
}

/** Who called `entry`, as the lines of a stack: for errors that only show later. */
export function callSite(entry: Entry): string {
  const here = new Error('call site')
  Error.captureStackTrace(here, entry)
  return (here.stack ?? '').split('\n').slice(1).join('\n')
}

/** Gives an error made later the stack of `callSite`. */
export function withSite<E extends Error>(error: E, site: string): E {
  error.stack = `${error.name}: ${error.message}\n${site}`
  return error
}
