/**
 * Which directories to watch, and for which names in them, so that no change of a path goes unnoticed: of the file
 * itself, of a symbolic link on the way to it (Kubernetes swaps a link above its files), or of a directory that is yet
 * to be made. Pure but for looking at the links.
 */
import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, join, parse, resolve, sep } from 'node:path'
import { isPattern, nameMatcher } from './zone-files.ts'

/** A directory that exists, and the names in it that matter. */
export interface WatchedPath {
  readonly directory: string
  readonly concerns: (name: string) => boolean
}

/** The kernel's own bound on links in one path is 40 (path_resolution(7)). */
const MAX_LINKS = 40

/** What to watch for one path or pattern. */
export function watchedPaths(path: string): WatchedPath[] {
  const found: WatchedPath[] = []
  const whole = isPattern(path) ? dirname(path) : path
  const end = follow(resolve(whole), found, { left: MAX_LINKS })
  if (isPattern(path) && end !== null) found.push({ directory: end, concerns: nameMatcher(path) })
  return found
}

/** Walks a path as the kernel does; its real form, or null when it leads nowhere yet. */
function follow(path: string, found: WatchedPath[], links: { left: number }): string | null {
  const { root } = parse(path)
  let at = root
  const names = path
    .slice(root.length)
    .split(sep)
    .filter(name => name !== '')
  for (const [i, name] of names.entries()) {
    const next = join(at, name)
    const target = linkTarget(next)
    if (target === 'plain') {
      if (i === names.length - 1) found.push({ directory: at, concerns: is(name) })
      at = next
      continue
    }
    found.push({ directory: at, concerns: is(name) })
    if (target === 'missing' || links.left-- === 0) return null
    return follow(resolve(at, target.to, ...names.slice(i + 1)), found, links)
  }
  return at
}

const is =
  (wanted: string) =>
  (name: string): boolean =>
    name === wanted

function linkTarget(path: string): 'plain' | 'missing' | { readonly to: string } {
  try {
    return lstatSync(path).isSymbolicLink() ? { to: readlinkSync(path) } : 'plain'
  } catch {
    return 'missing'
  }
}
