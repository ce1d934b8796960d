/**
 * Domain names as bytes. A name is its uncompressed wire form (RFC 1035 section 3.1) with one octet per UTF-16 unit,
 * for example "\x03www\x07example\x00". It is immutable, is its own Map key and cannot confuse a dot inside a label
 * with a separator. Presentation text is made and read only by `presentation/text.ts`.
 *
 * Invariant: every value of these types is a valid name: labels of 1 to 63 octets, 255 octets in all, ending in the
 * root label. Only the constructors in this file brand a string.
 */

declare const wireBrand: unique symbol
declare const foldedBrand: unique symbol

/** A name as it was written: case kept (display, 0x20). */
export type WireName = string & { readonly [wireBrand]: true }
/**
 * A name with ASCII letters lower-cased (RFC 4343): equal strings are equal names. The form for keys and comparison.
 */
export type Name = WireName & { readonly [foldedBrand]: true }

/** RFC 1035 section 2.3.4. */
export const MAX_NAME_OCTETS = 255
export const MAX_LABEL_OCTETS = 63

/** Brands a string that is already known to be a valid wire name. The caller vouches for the invariant. */
export const trustWireName = (octets: string): WireName => octets as WireName
const trustFolded = (octets: string): Name => octets as Name

export const ROOT: Name = trustFolded('\0')

/**
 * Lower-cases ASCII letters (RFC 4343 section 3). Length octets are below 0x40, so they are never letters and the whole
 * string can be folded without looking at label borders. Returns the same string when nothing changes.
 */
export function foldName(name: WireName): Name {
  let upper = false
  let ascii = true
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c >= 0x41 && c <= 0x5a) upper = true
    else if (c >= 0x80) ascii = false
  }
  if (!upper) return trustFolded(name)
  // `toLowerCase` is ten times as fast, and right as long as there is nothing but ASCII.
  return trustFolded(
    ascii ? name.toLowerCase() : name.replace(/[A-Z]/g, letter => String.fromCharCode(letter.charCodeAt(0) + 32)),
  )
}

/** Builds a name from its labels (octets as latin-1 text, without the root label). Null when a limit is exceeded. */
export function nameFromLabels(labels: readonly string[]): WireName | null {
  let octets = ''
  for (const label of labels) {
    if (label.length === 0 || label.length > MAX_LABEL_OCTETS) return null
    octets += String.fromCharCode(label.length) + label
  }
  return octets.length + 1 > MAX_NAME_OCTETS ? null : trustWireName(`${octets}\0`)
}

/** The labels from left to right, without the root label. */
export function labelsOf(name: WireName): string[] {
  const labels: string[] = []
  for (let at = 0; name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1)
    labels.push(name.slice(at + 1, at + 1 + name.charCodeAt(at)))
  return labels
}

/** Number of labels, the root label not counted (RFC 4034 section 3.1.3 counts likewise). */
export function labelCount(name: WireName): number {
  let count = 0
  for (let at = 0; name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1) count++
  return count
}

/** The name without its leftmost label; the root's parent is the root. */
export function parentOf(name: Name): Name
export function parentOf(name: WireName): WireName
export function parentOf(name: WireName): WireName {
  const length = name.charCodeAt(0)
  return length === 0 ? name : trustWireName(name.slice(length + 1))
}

/** The rightmost `count` labels of a name, or the whole name when it has no more. */
export function suffixOf(name: Name, count: number): Name {
  let at = 0
  for (let left = labelCount(name); left > count; left--) at += name.charCodeAt(at) + 1
  return at === 0 ? name : trustFolded(name.slice(at))
}

/**
 * Is `child` the name `parent` or below it? Walks label borders: the bytes of a label may look like the end of another
 * name, so a plain suffix comparison would be wrong ("\x05a\x03com\x00" is not below "\x03com\x00").
 */
export function isWithin(child: Name, parent: Name): boolean {
  let at = 0
  const start = child.length - parent.length
  while (at < start) at += child.charCodeAt(at) + 1
  return at === start && child.endsWith(parent)
}

/** Is `child` below `parent` and not equal to it? */
export const isStrictlyWithin = (child: Name, parent: Name): boolean =>
  child.length > parent.length && isWithin(child, parent)

/** The longest name that both are within. */
export function commonAncestor(a: Name, b: Name): Name {
  let candidate = a
  while (!isWithin(b, candidate)) candidate = parentOf(candidate)
  return candidate
}

/** Puts one label (octets) in front. Null when a limit is exceeded. */
export function prependLabel(label: string, name: WireName): WireName | null {
  if (label.length === 0 || label.length > MAX_LABEL_OCTETS || label.length + 1 + name.length > MAX_NAME_OCTETS)
    return null
  return trustWireName(String.fromCharCode(label.length) + label + name)
}

/** Two wire names in one: the labels of `left` in front of `right`. Null when a limit is exceeded. */
export function joinNames(left: WireName, right: WireName): WireName | null {
  const octets = left.slice(0, -1) + right
  return octets.length > MAX_NAME_OCTETS ? null : trustWireName(octets)
}

/**
 * DNAME substitution (RFC 6672 section 2.2): `name` with its suffix `from` replaced by `to`. Null when `name` is not
 * strictly below `from` or the result would be too long (which answers YXDOMAIN).
 */
export function replaceSuffix(name: WireName, from: Name, to: WireName): WireName | null {
  if (!isStrictlyWithin(foldName(name), from)) return null
  const octets = name.slice(0, name.length - from.length) + to
  return octets.length > MAX_NAME_OCTETS ? null : trustWireName(octets)
}

/** Is the leftmost label a single asterisk (RFC 4592 section 2.1.1)? */
export const isWildcard = (name: WireName): boolean => name.charCodeAt(0) === 1 && name.charCodeAt(1) === 0x2a

/** `*.name`; null when that is too long. */
export function wildcardOf(name: Name): Name | null {
  const wildcard = prependLabel('*', name)
  return wildcard === null ? null : foldName(wildcard)
}

/**
 * Canonical order (RFC 4034 section 6.1): labels compared right to left as lower-cased octets. Negative, zero or
 * positive.
 */
export function compareNames(a: Name, b: Name): number {
  const left = labelsOf(a)
  const right = labelsOf(b)
  for (let i = 1; i <= left.length && i <= right.length; i++) {
    const x = left[left.length - i] ?? ''
    const y = right[right.length - i] ?? ''
    if (x !== y) return x < y ? -1 : 1
  }
  return left.length - right.length
}

/**
 * Text that sorts as `compareNames` does, for maps and trees: labels from the right, every octet raised by one, every
 * label ended by the lowest character. So the key of a name is the beginning of the keys of all names below it.
 */
export function canonicalKey(name: Name): string {
  let key = ''
  for (const label of labelsOf(name).reverse()) {
    for (let i = 0; i < label.length; i++) key += String.fromCharCode(label.charCodeAt(i) + 1)
    key += '\0'
  }
  return key
}

/** Copies the octets into `into` at `at`; returns the offset after the name. */
export function writeName(name: WireName, into: Uint8Array, at: number): number {
  for (let i = 0; i < name.length; i++) into[at + i] = name.charCodeAt(i)
  return at + name.length
}

/** The octets of a name as a fresh array. */
export function nameBytes(name: WireName): Uint8Array {
  const bytes = new Uint8Array(name.length)
  writeName(name, bytes, 0)
  return bytes
}

/**
 * Makes capitals of the letters of a folded name whose octets lie in `octets` from `at` up to `end`, by the bits of
 * `bits` (draft-vixie-dnsext-dns0x20): bit i decides the i-th octet of the name. Octets beyond the given bits keep
 * their case. When the bits choose none, the last letter becomes one: a question in plain letters would show nothing of
 * what a server does with capitals.
 */
export function applyCaseBits(octets: Uint8Array, at: number, end: number, bits: Uint8Array): void {
  let last = -1
  let chosen = false
  for (let i = at; i < end; i++) {
    const c = octets[i] ?? 0
    if (c < 0x61 || c > 0x7a) continue
    const bit = i - at
    last = i
    if ((((bits[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) continue
    octets[i] = c - 32
    chosen = true
  }
  if (!chosen && last >= 0) octets[last] = (octets[last] ?? 0) - 32
}

/** Without letters a name is the same in mixed case. Escapes and octets beyond ASCII are no letters. */
export const hasLetters = (name: Name): boolean => /[a-z]/.test(name)
