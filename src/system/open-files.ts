/** How many descriptors this process may have, and how many of them are for sockets to servers. */
import { readFileSync } from 'node:fs'

/**
 * The soft limit, which Node.js raises to the hard one when it starts (getrlimit(2)). Null when the system does not say
 * or sets none.
 */
export function openFilesLimit(file = '/proc/self/limits'): number | null {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync(file, 'latin1'))
    return line?.[1] === undefined ? null : Number(line[1])
  } catch {
    // No Linux; the report knows as well, and costs some milliseconds.
    return softLimit(process.report.getReport())
  }
}

/** Of `process.report`. */
export function softLimit(report: object): number | null {
  const limits: unknown = 'userLimits' in report ? report.userLimits : null
  if (typeof limits !== 'object' || limits === null || !('open_files' in limits)) return null
  const files: unknown = limits.open_files
  if (typeof files !== 'object' || files === null || !('soft' in files)) return null
  return typeof files.soft === 'number' ? files.soft : null
}

/** Descriptors that this process has anyway: files, threads, event loops, listeners. */
const KEPT = 64
/** Of the others, for sockets to servers; the rest is for connections of clients, to servers, and files. */
const SHARE = 0.75
/** With fewer nothing can be resolved under load; the system then says itself when there are no more. */
const LEAST = 16

/** Sockets to servers that fit, at most `most`. */
export const socketsWithin = (openFiles: number | null, most: number): number =>
  openFiles === null ? most : Math.max(LEAST, Math.min(most, Math.floor((openFiles - KEPT) * SHARE)))
