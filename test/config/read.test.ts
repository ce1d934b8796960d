import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { prefixText } from '../dns/make.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { formatName } from '../../src/presentation/text.ts'
import { defaultLimits } from '../../src/limits.ts'
import { flagName, loadConfig, overridable, searchPaths, variableName } from '../../src/config/sources.ts'
import { readConfig, restartKeys } from '../../src/config/read.ts'
import type { Config, ConfigResult, Override } from '../../src/config/types.ts'
import { problemText } from '../../src/render/problem.ts'

const read = (text: string, overrides: Override[] = []): ConfigResult =>
  readConfig({ file: { path: '/etc/x/resolver.config.json', text }, overrides, directory: '/home/me' })

function config(text: string, overrides: Override[] = []): Config {
  const result = read(text, overrides)
  if (result.kind === 'invalid') throw new Error(result.problems.map(problemText).join('\n'))
  return result.config
}

const complaints = (text: string, overrides: Override[] = []): string[] => {
  const result = read(text, overrides)
  return (result.kind === 'invalid' ? result.problems : result.warnings).map(p =>
    problemText({ ...p, file: p.file.replace('/etc/x/resolver.config.json', 'F') }),
  )
}

describe('defaults', () => {
  const got = config('{}')
  test('port 53 on loopback, loopback clients only', () => {
    expect(got.listen).toEqual([
      { address: '127.0.0.1', port: 53 },
      { address: '::1', port: 53 },
    ])
    expect(got.allow.map(prefixText)).toEqual(['127.0.0.0/8', '::1/128'])
  })
  test('limits are ours, nothing is told, nothing is logged', () => {
    expect(got.limits).toEqual(defaultLimits)
    expect(got).toMatchObject({
      identity: { version: null, id: null },
      queryLog: null,
      rootHints: null,
      zones: [],
      records: [],
      specialUseOff: [],
    })
    expect(got.engine).toMatchObject({
      minimise: 'relaxed',
      mixCase: true,
      ipv4: true,
      ipv6: 'auto',
      upstreamPort: 53,
      hardenGlue: true,
    })
  })
  test('servers are never looked for at loopback, link-local, multicast or documentation addresses, but may be private ones', () => {
    const never = got.engine.doNotQuery.map(prefixText)
    expect(never).toEqual(
      expect.arrayContaining([
        '127.0.0.0/8',
        '::1/128',
        '0.0.0.0/8',
        '::/128',
        '169.254.0.0/16',
        'fe80::/10',
        '224.0.0.0/4',
        'ff00::/8',
        '192.0.2.0/24',
        '2001:db8::/32',
      ]),
    )
    expect(never).not.toContain('10.0.0.0/8')
  })
})

describe('values', () => {
  test.each([
    ['127.0.0.1:5300', '127.0.0.1', 5300],
    ['[::1]:5300', '::1', 5300],
    ['[2001:db8::1]', '2001:db8::1', 53],
    ['192.0.2.1', '192.0.2.1', 53],
    ['::', '::', 53],
    ['0.0.0.0:0', '0.0.0.0', 0],
  ])('listen %s', (text, address, port) =>
    expect(config(JSON.stringify({ listen: [text] })).listen).toEqual([{ address, port }]),
  )

  test.each(['localhost:53', '127.0.0.1:65536', '[127.0.0.1]:53', '127.1:53', '[::1]:', '::1:5300:x', ':53', ''])(
    'listen %j is refused',
    text => {
      expect(complaints(JSON.stringify({ listen: [text] }))).toEqual([
        'F:1:12: listen[0]: expected an address and port such as 127.0.0.1:53 or [::1]:53, or one with a scheme such as tls://0.0.0.0:853 or https://0.0.0.0:443/dns-query',
      ])
    },
  )

  test.each<[string | number, number]>([
    [2_000_000, 2_000_000],
    ['16MiB', 16 << 20],
    ['1 GiB', 1 << 30],
  ])('cache.bytes %s', (bytes, octets) => {
    expect(config(JSON.stringify({ cache: { bytes } })).limits.cache.totalBytes).toBe(octets)
  })

  test('paths are relative to the file', () => {
    const got = config(
      '{"zones": ["zones/*.zone", {"file": "/abs/x.zone", "origin": "X.test"}], "rootHints": "named.root", "queryLog": {"file": "q.log", "clients": "none"}}',
    )
    expect(got.zones).toEqual([
      { pattern: '/etc/x/zones/*.zone', origin: null, editable: false },
      { pattern: '/abs/x.zone', origin: '\x01x\x04test\0', editable: false },
    ])
    expect(got).toMatchObject({ rootHints: '/etc/x/named.root', queryLog: { file: '/etc/x/q.log', clients: 'none' } })
  })

  test.each<[unknown, unknown]>([
    [true, []],
    [false, 'all'],
    [{ 'Home.arpa': false, 'onion.': true }, ['home.arpa.']],
  ])('specialUse %j', (specialUse, off) => {
    const got = config(JSON.stringify({ specialUse })).specialUseOff
    expect(got === 'all' ? got : got.map(formatName)).toEqual(off)
  })

  test('a bound that is set is the limit that the engine has', () => {
    const { limits } = config(
      '{"budget": {"queries": 7, "timeMs": 900}, "tcp": {"idleMs": 100}, "clients": {"waiting": 3, "udpReplyBytes": 512}, "cache": {"maxNegativeTtl": 5, "rotate": "cyclic"}}',
    )
    expect([
      limits.budget.queries,
      limits.budget.timeMs,
      limits.tcp.idleMs,
      limits.server.waitingPerClient,
      limits.server.udpReplyBytes,
      limits.cache.maxNegativeTtl,
      limits.cache.rotate,
    ]).toEqual([7, 900, 100, 3, 512, 5, 'cyclic'])
    expect(limits.budget.depth).toBe(defaultLimits.budget.depth)
  })
})

describe('records', () => {
  const text = `{"records": {
    "printer.home": {"A": "192.0.2.7", "AAAA": ["2001:db8::7", "2001:db8::8"], "ttl": 60},
    "old.example.com.": {"CNAME": "new.example.com", "TXT": "it's \\"plain\\" \\\\ text"},
    "mail.test": {"MX": "10 mx.test."}
  }}`
  test('become records with absolute names and their places', () => {
    const got = config(text).records
    expect(got.map(formatRr)).toEqual([
      'printer.home.\t60\tIN\tA\t192.0.2.7',
      'printer.home.\t60\tIN\tAAAA\t2001:db8::7',
      'printer.home.\t60\tIN\tAAAA\t2001:db8::8',
      'old.example.com.\t300\tIN\tCNAME\tnew.example.com.',
      'old.example.com.\t300\tIN\tTXT\t"it\'s \\"plain\\" \\\\ text"',
      'mail.test.\t300\tIN\tMX\t10 mx.test.',
    ])
    expect(got[2]).toMatchObject({ file: '/etc/x/resolver.config.json', line: 2, column: 64 })
  })

  test('long text is cut into strings', () => {
    const rdata = config(JSON.stringify({ records: { 'a.test': { TXT: 'x'.repeat(300) } } })).records[0]?.rdata
    expect([rdata?.[0], rdata?.[256], rdata?.length]).toEqual([255, 45, 302])
  })

  test('lines of a master file do as well', () => {
    expect(config('{"records": ["a.test. 60 IN A 192.0.2.1", "b.test TXT \\"x\\" y"]}').records.map(formatRr)).toEqual([
      'a.test.\t60\tIN\tA\t192.0.2.1',
      'b.test.\t300\tIN\tTXT\t"x" "y"',
    ])
  })

  test('what is wrong in them is told where it stands', () => {
    const got = complaints(
      '{"records": {\n "a.test": {"A": "300.1.1.1", "AAA": "::1", "tll": "5"},\n "b..test": {"A": "192.0.2.1"}}}',
    )
    expect(got).toHaveLength(4)
    expect(got[0]).toMatch(/^F:2:18: records\.a\.test\.A: .*300\.1\.1\.1/)
    expect(got[1]).toBe('F:2:38: records.a.test.AAA: unknown type (did you mean "A"?)'.replace('"A"', '"AAAA"'))
    expect(got[2]).toBe('F:2:52: records.a.test.tll: unknown type (did you mean "ttl"?)')
    expect(got[3]).toMatch(/^F:3:13: records\.b\.\.test: /)
  })
})

describe('everything that is wrong is told at once, each with its place', () => {
  test('unknown keys come with a suggestion', () => {
    expect(
      complaints(
        '{\n  "lisen": [],\n  "upstream": {"minimize": "off", "port": 0, "ipv6": "maybe"},\n  "cache": {"maxEntries": 5},\n  "log": {"level": "inf"}\n}',
      ),
    ).toEqual([
      'F:2:3: unknown key "lisen" (did you mean "listen"?)',
      'F:3:16: unknown key "minimize" in upstream (did you mean "minimise"?)',
      'F:3:43: upstream.port: expected at least 1, found 0',
      'F:3:54: upstream.ipv6: expected true, false or "auto"',
      'F:4:13: unknown key "maxEntries" in cache',
      'F:5:20: log.level: expected "trace", "debug", "info", "warn", "error", "fatal" or "silent", found "inf"',
    ])
  })

  test.each([
    ['[]', 'F:1:1: the configuration: expected an object, found a list'],
    [
      '{"allow": ["10.0.0.1/8"]}',
      'F:1:12: allow[0]: expected an address or block such as 192.168.0.0/16 or 2001:db8::/32, without bits after the prefix',
    ],
    ['{"zones": [{"fil": "x"}]}', 'F:1:12: zones[0].file: is missing: expected a text in quotes'],
    ['{"cache": {"minTtl": 10, "maxTtl": 5}}', 'F:1:22: cache.minTtl: is above maxTtl (5)'],
    [
      '{"upstream": {"ipv4": false, "ipv6": false}}',
      'F:1:14: upstream: ipv4 and ipv6 are both false: no server could be asked',
    ],
    ['{"log": {}, "log": {}}', 'F:1:13: log is set twice'],
    ['{"identity": {"id": "', 'F:1:21: the text that starts here has no closing double quote'],
    [
      '{"specialUse": {"locahost": false}}',
      'F:1:29: specialUse.locahost: is no special-use name (did you mean "localhost"?)',
    ],
    ['{"specialUse": {"a..b": false}}', 'F:1:25: specialUse.a..b: '],
    ['{"zones": [{"file": "x", "origin": "a..b"}]}', 'F:1:36: zones[0].origin: '],
  ])('%s', (text, complaint) => expect(complaints(text)[0]).toContain(complaint))

  test('access that is too wide or too narrow is warned about', () => {
    expect(complaints('{"listen": ["0.0.0.0:53"], "allow": ["127.0.0.0/8", "10.0.0.0/8"]}')).toEqual([])
    expect(complaints('{"listen": ["127.0.0.1", "192.168.1.1"]}')).toEqual([
      'F:1:26: warning: listen[1]: can be reached from other hosts, but "allow" lets only this one ask; others are refused',
    ])
    expect(complaints('{"allow": ["::/0"]}')[0]).toContain('warning: allow[0]: lets the whole Internet send queries')
  })

  test.each<[string, string[]]>([
    ['{"allow": ["192.168.0.0/16"]}', ['over 127.0.0.1: add "127.0.0.0/8"', 'over ::1: add "::1/128"']],
    ['{"listen": ["0.0.0.0:53"], "allow": ["192.168.0.0/16"]}', ['over 127.0.0.1: add "127.0.0.0/8"']],
    ['{"listen": ["[::]:53"], "allow": ["192.168.0.0/16"]}', ['over ::1: add "::1/128"']],
    ['{"listen": ["192.168.1.1"], "allow": ["192.168.0.0/16"]}', []],
    ['{"listen": ["127.0.0.1"], "allow": ["127.0.0.1"]}', []],
  ])('a list of clients that leaves out this host is warned about: %s', (text, expected) => {
    expect(complaints(text)).toEqual(
      expected.map(what => expect.stringContaining(`warning: allow: does not let this host itself ask ${what}`)),
    )
  })

  test.each([
    [
      '::1:53',
      'F:1:12: listen[0]: "::1:53" is an IPv6 address without a port: write "[::1]:53" for port 53 of ::1, or "[::1:53]" for that address',
    ],
    [
      '2001:db8::1:5300',
      'F:1:12: listen[0]: "2001:db8::1:5300" is an IPv6 address without a port: write "[2001:db8::1]:5300" for port 5300 of 2001:db8::1, or "[2001:db8::1:5300]" for that address',
    ],
  ])('listen %j, an address that was meant as an address and a port', (text, complaint) => {
    expect(complaints(JSON.stringify({ listen: [text] }))).toEqual([complaint])
  })
  test.each(['[::1:53]', '::1', '::', '2001:db8::1', '2001:db8:0:0:0:0:0:1', 'fe80::abcd'])(
    'listen %j is an address',
    text => {
      expect(config(JSON.stringify({ listen: [text], allow: ['::/1', '::1'] })).listen[0]?.port).toBe(53)
    },
  )

  test.each<[string, string[]]>([
    [
      '{"listen": ["localhost:53"], "records": {"a.test": {"A": "300.1.1.1"}}, "zones": [{"file": "x", "origin": "a..b"}]}',
      ['listen[0]', 'records.a.test.A', 'zones[0].origin'],
    ],
    ['{"nothing": 1, "records": ["a.test. A x"]}', ['unknown key "nothing"', 'records[0]']],
    [
      '{"listen": ["127.0.0.1", "x"], "records": ["a. A x", 5, "b. A y"]}',
      ['listen[1]', 'records[0]', 'records[1]: expected a text in quotes, found 5', 'F:1:57: records[2]'],
    ],
    ['{"listen": "127.0.0.1:53"}', ['listen: expected a list: write ["127.0.0.1:53"]']],
    [
      '{"forward": [{"zone": ".", "to": 5}, {"zone": "x..y", "to": ["192.0.2.1"]}]}',
      ['forward[0].to: expected a server', 'F:1:47: forward[1].zone: '],
    ],
    [
      '{"forward": [{"zone": "x..y", "to": ["192.0.2.1"]}, {"zone": ".", "to": ["tls://192.0.2.1"]}, {"zone": "y..z", "to": ["192.0.2.1"]}]}',
      ['forward[0].zone', 'forward[1].to[0]', 'F:1:104: forward[2].zone'],
    ],
    [
      '{"admin": {"listen": "0.0.0.0:80", "origins": ["*"]}, "rpz": [{"zone": "r"}]}',
      ['F:1:22: admin.listen: ', 'admin.origins[0]', 'rpz[0].file: is missing'],
    ],
    ['{"listen": ["tls://127.0.0.1"], "tls": {"certificate": 5, "key": "key.pem"}}', ['tls.certificate: ']],
    ['{"zones": [{"zone": "corp.example"}]}', ['zones[0].primaries: ']],
    ['{"cache": {"bytes": 5}, "specialUse": {"locahost": false}}', ['cache.bytes', 'specialUse.locahost']],
    ['{"upstream": {"ipv4": false, "ipv6": "x"}, "allow": ["y"]}', ['upstream.ipv6', 'allow[0]']],
  ])('what is wrong with the form of one setting hides nothing of the others: %s', (text, expected) => {
    expect(complaints(text)).toEqual(expected.map(what => expect.stringContaining(what)))
  })
})

describe('flags override variables override the file', () => {
  const environment = {
    ROOTWALK_UPSTREAM_PORT: '5301',
    ROOTWALK_LISTEN: '127.0.0.1:1, [::1]:2',
    ROOTWALK_UPSTREAM_IPV6: 'false',
    ROOTWALK_LOG_LEVEL: 'debug',
  }
  const load = (
    flags: Override[],
    text = '{"upstream": {"port": 5300, "mixCase": false}}',
    env: Record<string, string> = environment,
  ): ConfigResult => {
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-config-'))
    directories.push(directory)
    writeFileSync(join(directory, 'resolver.config.json'), text)
    return loadConfig({ file: undefined, environment: env, flags, directory })
  }
  const directories: string[] = []
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true })
  })

  test('each setting from the strongest source that has it', () => {
    expect(load([{ label: '--upstream-port', path: ['upstream', 'port'], value: '5302' }])).toMatchObject({
      kind: 'config',
      config: {
        engine: { upstreamPort: 5302, mixCase: false, ipv6: false, ipv4: true },
        listen: [{ port: 1 }, { address: '::1', port: 2 }],
        log: { level: 'debug', form: 'auto' },
      },
    })
  })

  test('what is wrong with a flag or a variable names it', () => {
    const got = load([{ label: '--cache-bytes', path: ['cache', 'bytes'], value: 'lots' }], '{}', {
      ROOTWALK_UPSTREAM_PORT: 'x',
      ROOTWALK_ALLOW: '10.0.0.0/8,me',
    })
    expect(got.kind === 'invalid' && got.problems.map(problemText)).toEqual([
      'ROOTWALK_ALLOW: allow[1]: expected an address or block such as 192.168.0.0/16 or 2001:db8::/32, without bits after the prefix',
      'ROOTWALK_UPSTREAM_PORT: upstream.port: expected a number, found "x"',
      '--cache-bytes: cache.bytes: expected a number of octets from 1048576, or text such as "64MiB"',
    ])
  })

  test('a variable that means nothing is warned about', () => {
    const got = load([], '{}', { ROOTWALK_LOG_LEVL: 'debug', OTHER: 'x' })
    expect(got.kind === 'config' && got.warnings.map(problemText)).toEqual([
      'ROOTWALK_LOG_LEVL: warning: means nothing here (did you mean "ROOTWALK_LOG_LEVEL"?)',
    ])
  })

  test('paths of flags are relative to the working directory', () => {
    expect(
      config('{"zones": ["a.zone"], "rootHints": "h"}', [{ label: '--zones', path: ['zones'], value: ['b.zone'] }]),
    ).toMatchObject({ zones: [{ pattern: '/home/me/b.zone' }], rootHints: '/etc/x/h' })
  })

  test('every setting has a flag and a variable of its own', () => {
    const settings = overridable()
    expect(settings.length).toBeGreaterThan(25)
    expect(new Set(settings.map(s => variableName(s.path))).size).toBe(settings.length)
    expect(variableName(['cache', 'maxNegativeTtl'])).toBe('ROOTWALK_CACHE_MAX_NEGATIVE_TTL')
    expect(flagName(['cache', 'maxNegativeTtl'])).toBe('cache-max-negative-ttl')
  })

  test('the search order; a named file must be there, a directory is no file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-search-'))
    directories.push(directory)
    const home = join(directory, 'home')
    mkdirSync(join(home, 'rootwalk'), { recursive: true })
    writeFileSync(join(home, 'rootwalk', 'resolver.config.json'), '{"upstream": {"port": 1}}')
    writeFileSync(join(directory, 'named.json'), '{"upstream": {"port": 2}}')
    const from = (file: string | undefined, env: Record<string, string> = {}): ConfigResult =>
      loadConfig({ file, environment: { XDG_CONFIG_HOME: home, ...env }, flags: [], directory })
    expect(searchPaths({ XDG_CONFIG_HOME: '/x' }, '/d')).toEqual([
      '/d/resolver.config.json',
      '/x/rootwalk/resolver.config.json',
      '/etc/rootwalk/resolver.config.json',
    ])
    expect(from(undefined)).toMatchObject({
      config: { file: join(home, 'rootwalk', 'resolver.config.json'), engine: { upstreamPort: 1 } },
    })
    expect(from(undefined, { ROOTWALK_CONFIG: 'named.json' })).toMatchObject({
      config: { engine: { upstreamPort: 2 } },
    })
    expect(from('named.json', { ROOTWALK_CONFIG: 'missing.json' })).toMatchObject({
      config: { file: join(directory, 'named.json') },
    })
    writeFileSync(join(directory, 'resolver.config.json'), '{}')
    expect(from(undefined)).toMatchObject({
      config: { file: join(directory, 'resolver.config.json') },
      warnings: [
        {
          file: join(directory, 'resolver.config.json'),
          message: `is the configuration; ${join(home, 'rootwalk', 'resolver.config.json')} is there too and is not read (--config names the one to take)`,
        },
      ],
    })
    expect(from('named.json')).toMatchObject({ warnings: [] })
    expect(from('missing.json')).toMatchObject({
      kind: 'invalid',
      problems: [{ file: join(directory, 'missing.json'), message: 'there is no such file' }],
    })
    expect(from('home')).toMatchObject({
      kind: 'invalid',
      problems: [{ message: expect.stringContaining('cannot be read') }],
    })
  })
})

test('what a running server cannot take over is named', () => {
  const before = config('{}')
  expect(
    restartKeys(
      before,
      config('{"allow": ["10.0.0.0/8"], "zones": ["x"], "upstream": {"port": 5}, "log": {"level": "warn"}}'),
    ),
  ).toEqual([])
  expect(
    restartKeys(before, config('{"listen": ["127.0.0.1:5"], "cache": {"bytes": "8MiB"}, "log": {"form": "json"}}')),
  ).toEqual(['listen', 'cache', 'log.form'])
})

describe('dnssec', () => {
  const given = (dnssec: object, overrides: Override[] = []) => config(JSON.stringify({ dnssec }), overrides).dnssec
  const wrong = (dnssec: object): string[] =>
    complaints(JSON.stringify({ dnssec })).map(text => text.replace(/^F:1:\d+: /, ''))

  test('on by default, from the built-in anchors; algorithms are those of RFC 9904', () => {
    const got = config('{}').dnssec
    expect(got).toMatchObject({
      validate: true,
      anchors: [{ kind: 'built-in' }],
      negative: [],
      managedAnchors: null,
      aggressive: true,
      rootKeySentinel: false,
      trustAnchorSignal: false,
    })
    expect([
      got.rules.nsec3MaxIterations,
      got.rules.disallowedAlgorithms.size,
      got.rules.disallowedDigests.size,
    ]).toEqual([50, 0, 0])
  })

  test('files are relative to the configuration; those of flags and variables to where one stands', () => {
    expect(given({ trustAnchors: 'a', managedAnchors: 's' })).toMatchObject({
      anchors: [{ kind: 'file', file: '/etc/x/a' }],
      managedAnchors: '/etc/x/s',
    })
    expect(given({ trustAnchors: ['built-in', '/b'] }).anchors).toEqual([
      { kind: 'built-in' },
      { kind: 'file', file: '/b' },
    ])
    expect(given({ trustAnchors: [] }).anchors).toEqual([])
    const flag = { label: '--trust-anchors', path: ['dnssec', 'trustAnchors'], value: ['c', 'd'] }
    expect(given({ trustAnchors: 'a', managedAnchors: 's' }, [flag])).toMatchObject({
      anchors: [{ file: '/home/me/c' }, { file: '/home/me/d' }],
      managedAnchors: '/etc/x/s',
    })
  })

  test.each<[string | number, 'algorithm' | 'digest', number]>([
    ['RSASHA1', 'algorithm', 5],
    ['nsec3rsasha1', 'algorithm', 7],
    ['RSASHA1-NSEC3-SHA1', 'algorithm', 7],
    [7, 'algorithm', 7],
    ['8', 'algorithm', 8],
    ['DSA', 'algorithm', 3],
    ['SHA-1', 'digest', 1],
    ['sha1', 'digest', 1],
    [1, 'digest', 1],
    ['SHA-384', 'digest', 4],
    [4, 'digest', 4],
  ])('disallow %j is %s %d', (entry, what, number) => {
    const { disallowedAlgorithms, disallowedDigests } = given({ disallow: [entry] }).rules
    expect([[...disallowedAlgorithms], [...disallowedDigests]]).toEqual(
      what === 'algorithm' ? [[number], []] : [[], [number]],
    )
  })

  test.each<[object, string]>([
    [
      { disallow: ['RSASHA9'] },
      'dnssec.disallow[0]: expected an algorithm or digest type such as "RSASHA1", "SHA-1" or 7',
    ],
    [{ disallow: [256] }, 'dnssec.disallow[0]: expected an algorithm or digest type such as "RSASHA1", "SHA-1" or 7'],
    [
      { trustAnchors: 5 },
      'dnssec.trustAnchors: expected a file, or a list of them in which "built-in" means the built-in keys of the root',
    ],
    [{ managedAnchors: true }, 'dnssec.managedAnchors: expected a file, or false'],
    [{ nsec3MaxIterations: 151 }, 'dnssec.nsec3MaxIterations: expected at most 150, found 151'],
    [
      { negativeTrustAnchors: ['a.test'] },
      'dnssec.negativeTrustAnchors[0]: expected {"name": "example.com", "until": "2026-12-31T12:00:00Z"}',
    ],
    [
      { negativeTrustAnchors: [{ name: 'a.test' }] },
      'dnssec.negativeTrustAnchors[0].until: is missing: expected a text in quotes',
    ],
    [
      { negativeTrustAnchors: [{ name: 'a.test', until: 'tomorrow' }] },
      'dnssec.negativeTrustAnchors[0].until: expected a time such as 2026-12-31T12:00:00Z',
    ],
    [
      { negativeTrustAnchors: [{ name: 'a.test', until: '2026-02-30' }] },
      'dnssec.negativeTrustAnchors[0].until: expected a time such as 2026-12-31T12:00:00Z',
    ],
    [{ valdate: false }, 'unknown key "valdate" in dnssec (did you mean "validate"?)'],
  ])('%j is refused', (dnssec, message) => expect(wrong(dnssec)).toEqual([message]))

  test('a negative anchor with a name that cannot be', () =>
    expect(wrong({ negativeTrustAnchors: [{ name: 'a..b', until: '2999-01-01' }] })[0]).toMatch(
      /^dnssec\.negativeTrustAnchors\[0\]\.name: /,
    ))

  test('negative anchors end in UTC; one that is over is a warning', () => {
    const text = JSON.stringify({
      dnssec: {
        negativeTrustAnchors: [
          { name: 'Broken.test', until: '2026-12-31T12:00:00+02:00' },
          { name: 'old.test', until: '2026-01-01' },
        ],
      },
    })
    const result = readConfig({
      file: { path: 'F', text },
      overrides: [],
      directory: '/',
      wall: Date.UTC(2026, 10, 23) / 1_000,
    })
    if (result.kind === 'invalid') throw new Error('invalid')
    expect(result.config.dnssec.negative.map(({ name, until }) => [formatName(name), until])).toEqual([
      ['broken.test.', Date.UTC(2026, 11, 31, 10) / 1_000],
      ['old.test.', Date.UTC(2026, 0, 1) / 1_000],
    ])
    expect(result.warnings.map(problemText)).toEqual([
      expect.stringMatching(
        /^F:1:\d+: warning: dnssec\.negativeTrustAnchors\[1\]\.until: is over: old\.test is validated again; remove the entry, or set a later time$/,
      ),
    ])
  })

  test('nothing of it waits for a restart', () => {
    expect(
      restartKeys(
        config('{}'),
        config(
          '{"dnssec": {"validate": false, "trustAnchors": "a", "disallow": [5], "rootKeySentinel": true, "managedAnchors": "s"}}',
        ),
      ),
    ).toEqual([])
  })

  test('flags and variables: lists and files, but no negative anchors', () => {
    const paths = overridable().map(setting => flagName(setting.path))
    expect(paths).toEqual(
      expect.arrayContaining(['dnssec-validate', 'dnssec-trust-anchors', 'dnssec-disallow', 'dnssec-managed-anchors']),
    )
    expect(paths).not.toContain('dnssec-negative-trust-anchors')
    expect(given({}, [{ label: 'X', path: ['dnssec', 'managedAnchors'], value: 'false' }]).managedAnchors).toBeNull()
    expect(given({}, [{ label: 'X', path: ['dnssec', 'trustAnchors'], value: ['built-in'] }]).anchors).toEqual([
      { kind: 'built-in' },
    ])
  })
})
