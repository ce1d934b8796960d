import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { main } from '../../src/cli.ts'
import { version } from '../../src/system/version.ts'
import { startInside, type Inside } from '../app/inside.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-cli-'))
const running: Inside[] = []
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(words: string, environment: Record<string, string> = {}): Promise<Ran> {
  const ran = { out: '', err: '' }
  const code = await main(words === '' ? [] : words.split(' '), {
    out: text => {
      ran.out += text
    },
    err: text => {
      ran.err += text
    },
    environment: { XDG_CONFIG_HOME: directory, ...environment },
    directory,
    terminal: false,
  })
  return { code, ...ran }
}
const file = (name: string, text: string): void => writeFileSync(join(directory, name), text)
const zone = (extra: string): string =>
  `$TTL 300\n@ SOA ns hostmaster 1 2h 1h 2w 60\n@ NS ns\nns A 192.0.2.53\n${extra}\n`

describe('commands', () => {
  test('the version is printed by --version and by -V', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' })
    expect(version).toBe(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version)
  })

  test('help tells every command, on standard output', async () => {
    const { code, out, err } = await run('--help')
    expect([code, err]).toEqual([0, ''])
    for (const command of ['serve', 'query', 'explain', 'check-config', 'check-zone', 'completion'])
      expect(out).toContain(`rootwalk ${command}`)
  })

  test('help of serve has a flag for each setting', async () => {
    const { out } = await run('serve --help')
    for (const flag of [
      '--config',
      '--listen',
      '--upstream-port',
      '--cache-max-negative-ttl',
      '--log-level',
      '--query-log-file',
    ])
      expect(out).toContain(flag)
  })

  test.each(['serve --help', 'query --help', 'demo --help', 'explain --help', '--help'])(
    '%s fits 80 columns, and does not call text text',
    async words => {
      const lines = (await run(words)).out.split('\n')
      expect(lines.filter(line => line.length > 80 || line.includes('[string]'))).toEqual([])
    },
  )

  test('help of serve says what a setting may be, under headings as people write them', async () => {
    const text = (await run('serve --help')).out.replaceAll(/\s+/g, ' ')
    for (const part of [
      'DNSSEC:',
      'TCP:',
      'Log:',
      'Query log:',
      'One of: off, relaxed, strict.',
      'One of: trace, debug, info, warn, error, fatal, silent.',
      'One of: full, prefix, none.',
      'One of: true, false, auto.',
    ])
      expect(text).toContain(part)
  })

  test('explain --json says when it began, and rounds', async () => {
    file('own.hints', '. 60 NS a.root.\na.root. 60 A 127.0.0.9\n')
    const told = JSON.parse((await run('explain a.test --json --no-dnssec --root-hints own.hints')).out)
    expect(told.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(told.steps[0]).toMatchObject({ kind: 'lookup', atMs: 0 })
  })

  test('trust anchors on the command line: what is wrong with them is told with its place, and nothing starts', async () => {
    file('bad.anchors', '. IN DS 20326 8 2 ABCD\nexample. IN A 192.0.2.1\n')
    file('own.hints', '. 60 NS a.root.\na.root. 60 A 127.0.0.9\n')
    for (const words of [
      'serve --listen 127.0.0.1:0 --log-level silent',
      'explain a.test',
      'serve --listen 127.0.0.1:0 --log-level silent --dnssec-validate false',
    ]) {
      const { code, err } = await run(`${words} --root-hints own.hints --trust-anchors bad.anchors`)
      expect([code, err]).toEqual([
        78,
        expect.stringMatching(/bad\.anchors:1:\d+: .*SHA-256[\s\S]*bad\.anchors:2:13: expected DS or DNSKEY, found A/),
      ])
    }
    expect((await run('explain a.test --root-hints own.hints --trust-anchors missing.anchors')).err).toContain(
      'missing.anchors: does not exist',
    )
    file('anchors.json', '{"dnssec": {"trustAnchors": ["built-in", "bad.anchors"]}}')
    expect(await run('check-config anchors.json')).toMatchObject({
      code: 78,
      err: expect.stringContaining('bad.anchors:1:'),
    })
    file('odd.anchors', `a.test. DS 1 12 2 ${'00'.repeat(32)}\nb.test. DS 1 13 2 ${'00'.repeat(32)}\n`)
    file('odd.json', '{"dnssec": {"trustAnchors": ["built-in", "odd.anchors"]}}')
    expect(await run('check-config odd.json')).toMatchObject({
      code: 0,
      err: expect.stringMatching(
        /odd\.anchors: warning: the anchor of a\.test\. has no algorithm and digest that can be checked: the zone is treated as unsigned\n$/,
      ),
    })
  })

  test('explain says that it did not validate, when it did not', async () => {
    // The one root server is at an address that is never asked.
    file('own.hints', '. 60 NS a.root.\na.root. 60 A 127.0.0.9\n')
    file('island.anchors', `island.test. IN DS 1 13 2 ${'00'.repeat(32)}\n`)
    expect((await run('explain a.test --root-hints own.hints --no-dnssec')).out).toMatch(/\n; not validated\n$/)
    expect((await run('explain a.test --root-hints own.hints --cd')).out).toMatch(/\n; not validated\n$/)
    const island = await run('explain a.test --root-hints own.hints --trust-anchors island.anchors')
    expect(island.err).toMatch(
      /island\.anchors: warning: no anchor of the root: only island\.test\. and what is below is validated; add "built-in"/,
    )
    expect(island.out).not.toContain('not validated')
    expect(
      (await run('explain a.test --root-hints own.hints --trust-anchors island.anchors --trust-anchors built-in')).err,
    ).toBe('')
  })

  test.each([
    ['', 'A command is needed'],
    ['serv', 'Did you mean serve?'],
    ['serve --upstream-prot 5', 'did you mean --upstream-port?'],
    ['serve extra', 'Unknown argument: extra'],
    ['query a.test AAA', 'did you mean AAAA?'],
    ['query a.test -p 0', '-p takes a port'],
    ['query a.test -p', '-p needs a port'],
    ['query a.test --jsn', 'did you mean --json?'],
    ['query a.test +shrt', 'did you mean +short?'],
    ['check-zone', 'Not enough non-option arguments'],
    ['explain', 'explain takes a name, or --of FILE'],
    ['stub --zone', 'Not enough arguments following: zone'],
    ['explain a.test AAA', '"AAA" is no record type'],
    ['check-zone --origin a..b x.zone', '--origin'],
  ])('"%s" is wrong usage', async (words, message) => {
    const ran = await run(words)
    expect([ran.code, ran.out]).toEqual([64, ''])
    expect(ran.err).toContain(message)
  })
})

describe('check-config', () => {
  test('says what it found, the zones too', async () => {
    file('good.zone', zone('www A 192.0.2.1'))
    file('good.json', '{"listen": ["127.0.0.1:5300", "[::1]:5300"], "zones": ["good.zone"]}')
    const ran = await run('check-config good.json')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain('good.json: correct\n  listens on 127.0.0.1:5300, [::1]:5300\n  zone good. from')
    // As other commands take a configuration.
    for (const words of ['check-config --config good.json', 'check-config -c good.json'])
      expect(await run(words)).toEqual(ran)
  })

  test('all problems at once, exit code 78', async () => {
    file('bad.json', '{\n "lisen": 1,\n "cache": {"bytes": 5}\n}')
    const ran = await run('check-config bad.json')
    expect([ran.code, ran.out]).toEqual([78, ''])
    expect(ran.err.replaceAll(`${directory}/`, '')).toBe(
      'bad.json:2:2: unknown key "lisen" (did you mean "listen"?)\nbad.json:3:21: cache.bytes: expected a number of octets from 1048576, or text such as "64MiB"\n',
    )
    expect((await run('check-config', { ROOTWALK_CONFIG: 'bad.json' })).code).toBe(78)
    expect((await run('check-config missing.json')).err).toContain('missing.json: there is no such file')
  })

  test('all problems of all stages at once, and so does serve', async () => {
    file('all.zone', zone('www A 192.0.2.300'))
    file(
      'all.json',
      JSON.stringify({
        listen: ['localhost:53'],
        records: { 'a.test': { A: '300.1.1.1' } },
        zones: ['all.zone', 'missing.zone'],
        rootHints: 'no.hints',
        dnssec: { trustAnchors: 'no.anchors' },
        queryLog: { file: 'no/such/directory/q.log' },
      }),
    )
    for (const words of ['check-config all.json', 'serve --config all.json']) {
      const ran = await run(words)
      expect([ran.code, ran.out]).toEqual([78, ''])
      for (const what of [
        'listen[0]',
        'records.a.test.A',
        'no.hints',
        'no.anchors',
        'all.zone:5:',
        'missing.zone',
        'q.log cannot be written',
      ])
        expect(ran.err).toContain(what)
    }
    file(
      'late.json',
      JSON.stringify({ listen: ['127.0.0.1:0'], zones: ['all.zone'], rootHints: 'no.hints', log: { level: 'silent' } }),
    )
    expect(await run('serve --config late.json')).toMatchObject({
      code: 78,
      err: expect.stringMatching(/no\.hints[\s\S]*all\.zone:5:[\s\S]*not started/),
    })
    file('log.json', JSON.stringify({ queryLog: { file: 'no/such/directory/q.log' } }))
    expect(await run('check-config log.json')).toMatchObject({
      code: 78,
      err: expect.stringMatching(/^\S*log\.json: queryLog\.file: .*q\.log cannot be written: .*directory: ENOENT/),
    })
  })

  test('a broken zone is bad data, exit code 65; broken hints are bad configuration', async () => {
    file('broken.zone', zone('www A 192.0.2.300'))
    file('z.json', '{"zones": ["broken.zone"]}')
    const ran = await run('check-config z.json')
    expect(ran.code).toBe(65)
    expect(ran.err).toContain('broken.zone:5:')
    file('h.json', '{"rootHints": "nothing.hints"}')
    expect(await run('check-config h.json')).toMatchObject({ code: 78, err: expect.stringContaining('nothing.hints') })
  })
})

describe('check-zone', () => {
  test('counts, or prints in canonical order', async () => {
    file('a.example.zone', zone('www A 192.0.2.1'))
    const ran = await run(`check-zone ${join(directory, 'a.example.zone')}`)
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/zone a\.example\. is correct, 4 records\n$/)
    expect((await run(`check-zone --print ${join(directory, 'a.example.zone')}`)).out).toMatch(
      /^a\.example\.\s+300\s+IN\s+SOA/m,
    )
  })

  test('an origin may be given', async () => {
    file('db', zone('www A 192.0.2.1'))
    expect((await run(`check-zone --origin b.example ${join(directory, 'db')}`)).out).toContain(
      'zone b.example. is correct',
    )
    expect((await run(`check-zone ${join(directory, 'db')}`)).code).toBe(65)
  })

  test('records outside the zone are left out, and refused with --strict', async () => {
    file('outside.zone', zone('www A 192.0.2.1\nx.test. A 192.0.2.2\ny.test. A 192.0.2.2'))
    const path = join(directory, 'outside.zone')
    const ran = await run(`check-zone ${path}`)
    expect([ran.code, ran.err.match(/warning/g)?.length]).toEqual([0, 1])
    expect(ran.err).toContain('2 records are outside the zone')
    expect((await run(`check-zone --strict ${path}`)).code).toBe(65)
  })

  test('every problem of every file, exit code 65', async () => {
    file('c.zone', zone('www A nowhere\nmail MX x'))
    file('d.zone', zone(''))
    const ran = await run(
      `check-zone ${join(directory, 'c.zone')} ${join(directory, 'd.zone')} ${join(directory, 'e.zone')}`,
    )
    expect(ran.code).toBe(65)
    expect(ran.err).toMatch(/c\.zone:5:\d+: [\s\S]*c\.zone:6:\d+: [\s\S]*e\.zone: does not exist/)
    expect(ran.out).toContain('d.zone: zone d. is correct')
  })
})

describe('serve', () => {
  test('does not start on a bad configuration (78) or a taken port (69)', async () => {
    expect(await run('serve --cache-bytes 1 --listen nowhere')).toMatchObject({
      code: 78,
      err: expect.stringMatching(/--listen: listen\[0\][\s\S]*--cache-bytes: cache\.bytes/),
    })
    const inside = await startInside()
    running.push(inside)
    expect(await run(`serve --listen 127.0.0.1:${inside.port} --log-level silent`)).toMatchObject({
      code: 69,
      err: expect.stringContaining(`127.0.0.1:${inside.port}/udp is in use by`),
    })
  })

  test('does not start with broken zones (65)', async () => {
    file('f.zone', zone('www A nowhere'))
    expect(await run('serve --listen 127.0.0.1:0 --zones f.zone --log-level silent')).toMatchObject({
      code: 65,
      err: expect.stringMatching(/f\.zone:5:[\s\S]*not started/),
    })
  })

  test.each([['SIGTERM'], ['SIGINT']] as const)(
    'runs until %s, minds SIGHUP, SIGUSR1 and SIGUSR2, and leaves no listener of signals behind',
    async signal => {
      const log: string[] = []
      vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
      const before = process.listenerCount(signal)
      // Priming asks nobody outside: the only root server is a closed port of this machine.
      file('hints', '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n')
      const served = run(
        'serve --listen 127.0.0.1:0 --log-level silent --root-hints hints --upstream-port 1 --upstream-do-not-query 192.0.2.0/24',
      )
      await expect.poll(() => process.listenerCount('SIGUSR1')).toBe(1)
      for (const other of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.emit(other, other)
      process.emit(signal, signal)
      expect(await served).toMatchObject({ code: 0, err: '' })
      expect([process.listenerCount(signal), process.listenerCount('SIGUSR1')]).toEqual([before, 0])
      expect(log).toEqual([])
    },
  )
})

describe('query', () => {
  test('asks the resolver of the configuration when no server is named', async () => {
    const inside = await startInside()
    running.push(inside)
    file('own.json', `{"listen": ["0.0.0.0:${inside.port}"], "allow": ["127.0.0.0/8", "10.0.0.0/8"]}`)
    const ran = await run('query www.shop +short', { ROOTWALK_CONFIG: 'own.json' })
    expect(ran).toEqual({ code: 0, out: '192.0.2.80\n', err: '' })
    expect((await run(`query many.shop TXT @127.0.0.1 -p ${inside.port} --short`)).err).toContain(
      'Truncated, asking again over TCP',
    )
    expect((await run(`query www.shop @localhost -p ${inside.port} +short`)).out).toBe('192.0.2.80\n')
    expect(JSON.parse((await run(`query alias.shop @127.0.0.1 -p ${inside.port} --json --tcp`)).out)).toMatchObject({
      status: 'NOERROR',
      transport: 'tcp',
      answer: [{ type: 'CNAME' }, { type: 'A' }],
    })
  })

  test('nobody there: exit code 69', async () => {
    const ran = await run('query a.test @127.0.0.1 -p 1 +time=1 +tries=1')
    expect([ran.code, ran.out]).toEqual([69, ''])
    expect(ran.err).toContain('127.0.0.1#1 cannot be reached over UDP')
  })
})
