/**
 * The same calls to Node's `dns.lookup`, with glibc behind it, and to a stub's. What differs stands here with its
 * reason.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildForServing } from '../../e2e/rootwalk.ts'
import { needs, unless } from '../../tools.ts'
import { TEST_MS } from '../../patience.mjs'

interface Compared {
  readonly name: string
  readonly options: object
  readonly node: unknown
  readonly stub: unknown
}

const mayUnshare = (): boolean => spawnSync('unshare', ['-rnm', 'true'], { stdio: 'ignore' }).status === 0
const hasGlibc = (): boolean => spawnSync('getconf', ['GNU_LIBC_VERSION'], { stdio: 'ignore' }).status === 0
const suite =
  mayUnshare() && hasGlibc() ? needs('unshare', 'ip', 'mount') : unless('needs unprivileged namespaces and glibc')

/** `name options`, and why the outcomes differ. */
const EXPLAINED: ReadonlyMap<string, string> = new Map<string, string>([
  [
    'alias.test {"family":6}',
    'an alias to a name without AAAA: glibc says EAI_NONAME, but EAI_NODATA for A; c-ares does not tell of the alias',
  ],
  ['alias.test {"family":6,"all":true}', 'as above'],
  [
    '127.1 {"family":6}',
    'an address in the short form is given to Node in the long form, for which it does not look at the family',
  ],
  ['127.1 {"family":6,"all":true}', 'as above'],
])

/** In a namespace with a loopback of its own, where the system's resolver is at 127.0.0.1. */
function compare(): readonly Compared[] {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-kit-'))
  const conf = join(directory, 'resolv.conf')
  writeFileSync(conf, 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n')
  const script = fileURLToPath(new URL('beside-getaddrinfo.mjs', import.meta.url))
  const inside = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && exec "$2" "$3"'
  try {
    return JSON.parse(
      execFileSync('unshare', ['-rnm', 'sh', '-c', inside, 'sh', conf, process.execPath, script], {
        encoding: 'utf8',
        maxBuffer: 1 << 24,
      }),
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
}

suite('beside getaddrinfo', () => {
  test(
    'results and errors are the same',
    () => {
      buildForServing()
      const compared = compare()
      expect(compared.length).toBeGreaterThan(150)
      const differing = compared.filter(({ node, stub }) => JSON.stringify(node) !== JSON.stringify(stub))
      expect(differing.filter(({ name, options }) => !EXPLAINED.has(`${name} ${JSON.stringify(options)}`))).toEqual([])
    },
    TEST_MS,
  )
})
