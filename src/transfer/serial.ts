/**
 * Serial numbers of zones: they go round, and half of the circle ahead of one is newer than it (RFC 1982 section 3.2).
 */

/** Is `a` a later version than `b`? Two that are half the circle apart are not comparable: then neither is. */
export function isNewer(a: number, b: number): boolean {
  const ahead = (a - b) >>> 0
  return ahead !== 0 && ahead < 0x8000_0000
}
