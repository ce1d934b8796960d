/**
 * The directory of what lasts longer than the process (setting `state`): made where it can be, for its owner alone, and
 * tried. What is wrong with it is reported with what to do, and the server runs without: nothing is kept then.
 */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { errorText } from '../../events.ts'
import { errorCode } from '../../system/system-error.ts'

/** What is kept says what clients asked for. */
const MODE = 0o700

export interface StateProblem {
  readonly message: string
  readonly cure: string
}

/** Null: the directory is there and can be written. */
export function openStateDirectory(path: string): StateProblem | null {
  try {
    mkdirSync(path, { recursive: true, mode: MODE })
    // With ENOTDIR for a file that was made meanwhile.
    if (!statSync(path).isDirectory()) return problemOf('ENOTDIR', path, 'it is no directory')
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    return problemOf(errorCode(error), path, errorText(error))
  }
}

function problemOf(code: string, path: string, message: string): StateProblem {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return {
        message,
        cure: `make it as root: install -d -m 700 -o ${userName()} ${path} (with systemd: StateDirectory=)`,
      }
    case 'EROFS':
      return { message, cure: 'the file system is read-only: set "state" to a directory that can be written' }
    case 'EEXIST':
    case 'ENOTDIR':
      return { message, cure: 'a file is in the way: set "state" to a directory, or move the file' }
    default:
      return { message, cure: 'set "state" to a directory that can be written' }
  }
}

/** A user without an entry has a number only. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? '')
  }
}
