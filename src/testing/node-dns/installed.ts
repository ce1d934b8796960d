/**
 * Which stubs are installed in this process, and where that was done. The list hangs on the module `node:dns`, which
 * every copy of this package has in common (two versions, the ES module and the CommonJS build, the realms of jest),
 * and is gone when nothing is installed.
 */
import dns from 'node:dns'
import { callSite, type Entry, mistake } from '../../input/mistake.ts'

export interface Claim {
  /** Of the stub. */
  readonly address: string
  /** `file:line:column` */
  readonly site: string
}

const INSTALLED = Symbol.for('rootwalk.installed')

/** Notes that a stub is installed by the caller of `entry`; a mistake when another one is, unless that is meant. */
export function claim(address: string, nested: boolean, entry: Entry): Claim {
  const installed = claims()
  const [other] = installed.filter(one => one.address !== address)
  if (other !== undefined && !nested) {
    const why = 'name resolution is one for the whole process, and each would get the questions for the other'
    const ends = 'dispose of that one first (installation.dispose(), dns.stop(), the end of a using)'
    const ways = 'give concurrent tests dns.lookup instead, or say install({ nested: true }) to cover it for a while'
    mistake(`another stub is installed, by ${other.site} (its address is ${other.address}); ${why}: ${ends}, ${ways}`)
  }
  const own = { address, site: firstFrame(callSite(entry)) }
  keep([...installed, own])
  return own
}

export function release(claimed: Claim): void {
  keep(claims().filter(one => one !== claimed))
}

function keep(list: readonly Claim[]): void {
  if (list.length === 0) Reflect.deleteProperty(dns, INSTALLED)
  else Object.defineProperty(dns, INSTALLED, { value: list, configurable: true })
}

function claims(): readonly Claim[] {
  const list: unknown = Reflect.get(dns, INSTALLED)
  return Array.isArray(list) ? list.filter(isClaim) : []
}

const isClaim = (value: unknown): value is Claim =>
  typeof value === 'object' && value !== null && 'address' in value && 'site' in value

/** `    at name (file:1:2)` and `    at file:1:2`, the file as a path where it is one. */
function firstFrame(stack: string): string {
  const frame = stack.split('\n')[0]?.trim() ?? ''
  const place = /\((?<place>[^()]+:\d+:\d+)\)$/.exec(frame)?.groups?.place ?? frame.replace(/^at (?:async )?/, '')
  return place === '' ? 'code without a stack' : place.replace(/^file:\/\//, '')
}
