import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatName } from '../../src/presentation/text.ts'
import { ROOT } from '../../src/dns/name.ts'
import { parseHints, rootHints, type RootHints } from '../../src/zone/hints.ts'

const shown = (hints: RootHints | null) =>
  hints?.servers.map(({ name, addresses }) => [formatName(name), ...addresses.map(({ text }) => text)].join(' ')) ??
  null
const problemsOf = (text: string): string[] =>
  parseHints(text, 'named.root').problems.map(({ severity, line, message }) => `${line} ${severity}: ${message}`)

describe('built-in root servers', () => {
  it('are thirteen, with an IPv4 and an IPv6 address each, and never end', () => {
    const hints = rootHints()
    expect(hints).toMatchObject({ zone: ROOT, ds: null, expiresAt: Number.POSITIVE_INFINITY })
    expect(hints.servers.map(({ name }) => formatName(name))).toEqual(
      [...'abcdefghijklm'].map(letter => `${letter}.root-servers.net.`),
    )
    for (const { addresses } of hints.servers) expect(addresses.map(({ family }) => family)).toEqual([4, 6])
    expect(new Set(hints.servers.flatMap(({ addresses }) => addresses.map(({ text }) => text))).size).toBe(26)
    expect(shown(hints)?.[1]).toBe('b.root-servers.net. 170.247.170.2 2801:1b8:10::b')
  })

  // Debian's dns-root-data is InterNIC's file; it is no tool, so its absence is no failure.
  const file = '/usr/share/dns/root.hints'
  it.skipIf(!existsSync(file))('are those of the hints file of this system', () => {
    const { hints, problems } = parseHints(readFileSync(file, 'latin1'), file)
    expect(problems).toEqual([])
    expect(shown(hints)?.sort()).toEqual(shown(rootHints())?.sort())
  })
})

describe('a hints file', () => {
  it('is read in master file syntax, any case, addresses before or behind', () => {
    const { hints, problems } = parseHints(
      `
; a comment
A.ROOT.test.  3600000 IN A 192.0.2.1
.             3600000 IN NS a.root.test.
              3600000    NS B.root.TEST.
b.root.test.  3600000    AAAA 2001:db8::1
b.root.test.  3600000    A 192.0.2.2
b.root.test.  3600000    A 192.0.2.2
.             3600000    NS a.root.test.
`,
      'named.root',
    )
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(shown(hints)).toEqual(['a.root.test. 192.0.2.1', 'b.root.test. 2001:db8::1 192.0.2.2'])
    expect(hints).toMatchObject({ zone: ROOT, ds: null, expiresAt: Number.POSITIVE_INFINITY })
  })

  it('tells every problem, and is used when there is still a server', () => {
    const text = `. 60 NS a.root.test.
. 60 NS b.root.test.
a.root.test. 60 A 192.0.2.1
c.root.test. 60 A 192.0.2.3
. 60 TXT "x"
com. 60 NS a.root.test.
`
    expect(shown(parseHints(text, 'named.root').hints)).toEqual(['a.root.test. 192.0.2.1'])
    expect(problemsOf(text)).toEqual([
      '5 warning: . TXT is no hint: only NS of the root and addresses are used',
      '6 warning: com. NS is no hint: only NS of the root and addresses are used',
      '2 warning: the server b.root.test. has no address here and cannot be asked',
      '4 warning: c.root.test. is no server of the root here: its address is not used',
    ])
  })

  it.each([
    ['an empty file', ''],
    ['no address', '. 60 NS a.root.test.'],
    ['addresses only', 'a.root.test. 60 A 192.0.2.1'],
    ['addresses of others', '. 60 NS a.test.\nb.test. 60 A 192.0.2.1'],
  ])('is refused: %s', (_what, text) => {
    const { hints, problems } = parseHints(text, 'named.root')
    expect(hints).toBeNull()
    expect(problems.at(-1)).toMatchObject({
      file: 'named.root',
      severity: 'error',
      message: expect.stringContaining('no root server with an address'),
    })
  })

  it('is refused with a syntax error, told with its place, and includes nothing', () => {
    const good = '. 60 NS a.root.test.\na.root.test. 60 A 192.0.2.1\n'
    expect(parseHints(good, 'named.root').hints).not.toBeNull()
    for (const bad of ['a.root.test. 60 A 192.0.2\n', '$INCLUDE /etc/passwd\n']) {
      const { hints, problems } = parseHints(good + bad, 'named.root')
      expect(hints).toBeNull()
      expect(problems.find(({ severity }) => severity === 'error')).toMatchObject({ file: 'named.root', line: 3 })
    }
  })

  it('reading a hints file of any octets never throws', () => {
    for (const junk of ['\0\0\0', '(((', '"', '$ORIGIN', '. NS', 'a'.repeat(100_000)])
      expect(parseHints(junk, 'x').hints).toBeNull()
  })
})
