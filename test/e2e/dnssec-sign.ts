/**
 * Zones signed by the tools that operators use: `ldns-signzone` and BIND's `dnssec-signzone`, each in a directory of
 * its own. Keys come first, since parents need the DS records of their children before they are signed. What comes out
 * has one record on a line, owner and types written out, so that a zone can be tampered with by `dnssec-tamper.ts`.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Tool = 'ldns' | 'bind'

export interface Signing {
  readonly tool: Tool
  /** Algorithm numbers: a key of each signs everything. */
  readonly algorithms: readonly number[]
  readonly nsec3?: { readonly iterations: number; readonly salt: string; readonly optOut: boolean }
  /** A key for the keys and one for the rest, instead of one for both. */
  readonly split?: boolean
  /** Ended or not begun, by more than the day of clock skew that Unbound allows. */
  readonly valid?: 'expired' | 'future'
}

export interface ZoneKeyFiles {
  readonly directory: string
  /** Base names of the files, those of the DS first. */
  readonly keys: readonly string[]
  /** Lines of DS records by digest type. */
  readonly ds: ReadonlyMap<number, readonly string[]>
  /** Lines of the DNSKEY records that the DS are of. */
  readonly dnskeys: readonly string[]
}

const DAY_S = 86_400
const PARALLEL = 6
const RSA_BITS = '1024'
const mnemonics: ReadonlyMap<number, string> = new Map([
  [5, 'RSASHA1'],
  [7, 'RSASHA1-NSEC3-SHA1'],
  [8, 'RSASHA256'],
  [10, 'RSASHA512'],
  [13, 'ECDSAP256SHA256'],
  [14, 'ECDSAP384SHA384'],
  [15, 'ED25519'],
  [16, 'ED448'],
])
const isRsa = (algorithm: number): boolean => algorithm < 13

const run = (directory: string, tool: string, ...args: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(tool, args, { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim())
      else reject(new Error(`${tool} ${args.join(' ')}: ${stdout}${stderr}`))
    })
  })

/** `work` for all of `items`, a few at a time. When one fails the others are waited for all the same. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  width = PARALLEL,
): Promise<R[]> {
  const results: R[] = []
  const rest = items.entries()
  const workers = await Promise.allSettled(
    Array.from({ length: width }, async () => {
      for (const [index, item] of rest) results[index] = await work(item)
    }),
  )
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  return results
}

/** In a directory of their own inside `within`. */
export async function makeKeys(within: string, origin: string, signing: Signing): Promise<ZoneKeyFiles> {
  const directory = await mkdtemp(join(within, 'keys-'))
  const sep: string[] = []
  const others: string[] = []
  for (const algorithm of signing.algorithms) {
    sep.push(await makeKey(directory, origin, signing.tool, algorithm, true))
    if (signing.split === true) others.push(await makeKey(directory, origin, signing.tool, algorithm, false))
  }
  const ds = new Map<number, string[]>()
  for (const key of sep) {
    for (const line of (
      await run(directory, 'dnssec-dsfromkey', '-a', 'SHA-1', '-a', 'SHA-256', '-a', 'SHA-384', key)
    ).split('\n')) {
      const type = Number(line.split(/\s+/)[5])
      ds.set(type, [...(ds.get(type) ?? []), line])
    }
  }
  const dnskeys = await Promise.all(sep.map(key => dnskeyLine(directory, key)))
  return { directory, keys: [...sep, ...others], ds, dnskeys }
}

function makeKey(directory: string, origin: string, tool: Tool, algorithm: number, sep: boolean): Promise<string> {
  const bits = isRsa(algorithm) ? ['-b', RSA_BITS] : []
  const name = mnemonics.get(algorithm) ?? String(algorithm)
  if (tool === 'ldns')
    return run(directory, 'ldns-keygen', '-r', '/dev/urandom', ...(sep ? ['-k'] : []), '-a', name, ...bits, origin)
  return run(directory, 'dnssec-keygen', '-q', '-a', String(algorithm), ...bits, ...(sep ? ['-f', 'KSK'] : []), origin)
}

async function dnskeyLine(directory: string, key: string): Promise<string> {
  const text = await readFile(join(directory, `${key}.key`), 'utf8')
  return (
    text
      .split('\n')
      .find(line => /\sDNSKEY\s/.test(line))
      ?.replace(/;.*/, '')
      .trim() ?? ''
  )
}

/** The zone with its DNSKEY set and all signatures, a record a line. `wall` in seconds since 1970. */
export async function signWith(
  origin: string,
  text: string,
  signing: Signing,
  { directory, keys }: ZoneKeyFiles,
  wall: number,
): Promise<string> {
  const from =
    signing.valid === 'expired' ? wall - 20 * DAY_S : signing.valid === 'future' ? wall + 3 * DAY_S : wall - DAY_S
  const until = signing.valid === 'expired' ? wall - 3 * DAY_S : wall + 20 * DAY_S
  const { nsec3 } = signing
  const own = await mkdtemp(join(directory, 'sign-'))
  if (signing.tool === 'ldns') {
    await writeFile(join(own, 'zone'), text)
    const chain =
      nsec3 === undefined
        ? []
        : [
            '-n',
            '-t',
            String(nsec3.iterations),
            ...(nsec3.salt === '' ? [] : ['-s', nsec3.salt]),
            ...(nsec3.optOut ? ['-p'] : []),
          ]
    await run(
      own,
      'ldns-signzone',
      ...chain,
      '-i',
      String(from),
      '-e',
      String(until),
      '-o',
      origin,
      '-f',
      'signed',
      'zone',
      ...keys.map(key => `../${key}`),
    )
  } else {
    const dnskeys = await Promise.all(keys.map(key => dnskeyLine(directory, key)))
    await writeFile(join(own, 'zone'), `${text}\n${dnskeys.join('\n')}\n`)
    const chain =
      nsec3 === undefined
        ? []
        : ['-3', nsec3.salt === '' ? '-' : nsec3.salt, '-H', String(nsec3.iterations), ...(nsec3.optOut ? ['-A'] : [])]
    const all = signing.split === true ? [] : ['-z']
    const times = ['-s', bindTime(from), '-e', bindTime(until)]
    await run(
      own,
      'dnssec-signzone',
      '-q',
      '-P',
      ...all,
      ...chain,
      ...times,
      '-j',
      '0',
      '-O',
      'full',
      '-d',
      '.',
      '-K',
      '..',
      '-o',
      origin,
      '-f',
      'signed',
      'zone',
      ...keys,
    )
  }
  return readFile(join(own, 'signed'), 'utf8')
}

const bindTime = (wall: number): string => new Date(wall * 1_000).toISOString().replace(/\D/g, '').slice(0, 14)

/** A DS line with one field changed: 0 key tag, 1 algorithm, 2 digest type, 3 digest. */
export function withDsField(line: string, field: number, value: string): string {
  const words = line.split(/\s+/)
  words[3 + field] = value
  return words.join(' ')
}
