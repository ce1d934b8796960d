/**
 * Copies of transferred zones on disk, one file each. A copy is written as a whole or not at all; the time of its last
 * change says when a primary last had nothing newer, which is all that is written when nothing else is new. Nothing
 * here throws: without a copy the zone is asked for again.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Name } from '../../dns/name.ts'
import { errorText } from '../../events.ts'
import { formatName } from '../../presentation/text.ts'
import { errorCode } from '../../system/system-error.ts'
import { COPY_DIGEST_OCTETS, copyHeader, readCopy } from '../../transfer/copy-format.ts'
import type { FlatZone } from '../../zone/flat-zone.ts'

/** Readable by the group: who may read it could ask us for it. */
const MODE = 0o640

/**
 * Names have all sorts of octets in them, files do not: `corp.example` is `corp.example.zone-copy`, and of the view
 * `kids` it is `corp.example+kids.zone-copy`. `view` null: it is for all clients.
 */
export function copyFile(directory: string, zone: Name, view: string | null): string {
  const origin = plain(formatName(zone).replace(/(.)\.$/, '$1'))
  const text = `${origin === '.' ? 'root' : origin}${view === null ? '' : `+${plain(view)}`}`
  // The system's limit is 255 octets a name.
  const short = text.length <= MOST_NAME ? text : createHash('sha256').update(text).digest('hex')
  return join(directory, 'zones', `${short}.zone-copy`)
}

const plain = (text: string): string =>
  text.replaceAll(/[^a-z0-9._-]/g, c => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

const MOST_NAME = 200

export interface LoadedCopy {
  readonly zone: FlatZone
  /** Seconds since 1970. */
  readonly confirmedAt: number
}

/** Octets of a copy; 0 when there is none. */
export function copyOctets(file: string): number {
  try {
    return statSync(file).size
  } catch {
    return 0
  }
}

/** Null: there is none. */
export function loadCopy(file: string, origin: Name): LoadedCopy | { readonly error: string } | null {
  try {
    const bytes = readFileSync(file)
    const body = bytes.subarray(0, Math.max(0, bytes.length - COPY_DIGEST_OCTETS))
    const digest = createHash('sha256').update(body).digest()
    if (!digest.equals(bytes.subarray(body.length))) return { error: `${file} is damaged; it will be fetched again` }
    const zone = readCopy(body, origin)
    if (zone === null) return { error: `${file} is no copy of ${formatName(origin)}; it will be fetched again` }
    return { zone, confirmedAt: Math.floor(statSync(file).mtimeMs / 1_000) }
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? null : { error: `${file} cannot be read: ${errorText(error)}` }
  }
}

/** What went wrong; null: the copy is on the disk. */
export function saveCopy(file: string, zone: FlatZone): string | null {
  const fresh = `${file}.${process.pid}.new`
  try {
    mkdirSync(dirname(file), { recursive: true })
    const header = copyHeader(zone)
    const digest = createHash('sha256').update(header).update(zone.octets).digest()
    const descriptor = openSync(fresh, 'w', MODE)
    try {
      for (const part of [header, zone.octets, digest]) writeAll(descriptor, part)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(fresh, file)
    return null
  } catch (error) {
    try {
      unlinkSync(fresh)
    } catch {
      // It was not made.
    }
    return `${file} cannot be written: ${errorText(error)}`
  }
}

function writeAll(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at)
}

/** A primary has nothing newer than the copy. */
export function confirmCopy(file: string, wall: number): void {
  try {
    utimesSync(file, wall, wall)
  } catch {
    // There is no copy: what would be lost is only when it was confirmed.
  }
}
