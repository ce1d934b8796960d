/**
 * `rootwalk serve` as a user has it: a process with a configuration file, zone files that change while it runs,
 * signals, an access list. Real servers stand behind it, so that what is not local is really resolved.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, afterAll, expect, it } from 'vitest'
import { needs, unless } from '../tools.ts'
import { dataOf, dig, type DigReply } from './dig.ts'
import { startInternet, whyNoInternet, type RealInternet } from './nsd.ts'
import { buildForServing, startServing, type Serving } from './rootwalk.ts'
import { LONG_TEST_MS, PATIENT, TEST_MS } from '../patience.mjs'

const reason = await whyNoInternet()
const suite = reason === null ? needs('dig') : unless(reason)

const zone = (serial: number, body: string): string =>
  `$TTL 300\n@ IN SOA ns hostmaster ${serial} 7200 3600 1209600 60\n@ NS ns\nns A 192.0.2.53\n${body}\n`
const files = {
  'home.lan.zone': zone(
    1,
    'printer A 192.0.2.10\nout CNAME www.example.com.\n*.wild TXT "local"\nsub NS ns.sub\nns.sub A 192.0.2.54',
  ),
}

suite('serve', () => {
  const running: { internet?: RealInternet; serving?: Serving } = {}

  beforeAll(async () => {
    buildForServing()
    running.internet = await startInternet()
  }, LONG_TEST_MS)
  afterEach(() => running.serving?.stop())
  afterAll(() => running.internet?.stop())

  const start = async (config: object, zones: Readonly<Record<string, string>> = {}): Promise<Serving> => {
    running.serving = await startServing({ hints: running.internet?.hints ?? '', config, files: zones })
    return running.serving
  }
  const ask = (serving: Serving, line: string): Promise<DigReply> => dig(serving.endpoint, ...line.split(' '))
  const printer = async (serving: Serving): Promise<string[]> =>
    dataOf((await ask(serving, 'printer.home.lan A')).answer)
  /** As an editor does it: whole or not at all. */
  const replace = (serving: Serving, name: string, text: string): void => {
    writeFileSync(join(serving.directory, 'new'), text)
    renameSync(join(serving.directory, 'new'), join(serving.directory, name))
  }

  it(
    'resolves, and serves a zone file with authority',
    async () => {
      const serving = await start({ zones: ['*.zone'] }, files)
      const local = await ask(serving, 'printer.home.lan A')
      expect(local.flags).toEqual(['qr', 'aa', 'rd', 'ra'])
      expect(dataOf(local.answer)).toEqual(['A 192.0.2.10'])
      const missing = await ask(serving, 'nothing.home.lan A')
      expect({ status: missing.status, authority: missing.authority.map(({ type, ttl }) => `${type} ${ttl}`) }).toEqual(
        {
          status: 'NXDOMAIN',
          authority: ['SOA 60'],
        },
      )
      expect(missing.flags).toContain('aa')
      expect(dataOf((await ask(serving, 'a.wild.home.lan TXT +norec')).answer)).toEqual(['TXT "local"'])
      const outside = await ask(serving, 'www.example.com A')
      expect(outside.flags).toEqual(['qr', 'rd', 'ra'])
      expect(outside.answer).toHaveLength(2)
      const alias = await ask(serving, 'out.home.lan A')
      expect(dataOf(alias.answer)).toEqual(['A 198.18.5.1', 'A 198.18.5.2', 'CNAME www.example.com.'])
    },
    TEST_MS,
  )

  it(
    'takes a changed zone file over by itself, and on SIGHUP',
    async () => {
      const serving = await start({ zones: ['*.zone'] }, files)
      expect(await printer(serving)).toEqual(['A 192.0.2.10'])
      replace(serving, 'home.lan.zone', zone(2, 'printer A 192.0.2.11'))
      await expect.poll(() => printer(serving), PATIENT).toEqual(['A 192.0.2.11'])
      writeFileSync(join(serving.directory, 'home.lan.zone'), zone(3, 'printer A 192.0.2.12'))
      serving.signal('SIGHUP')
      await expect.poll(() => printer(serving), PATIENT).toEqual(['A 192.0.2.12'])
      writeFileSync(join(serving.directory, 'more.lan.zone'), zone(1, 'a A 192.0.2.77'))
      await expect
        .poll(async () => dataOf((await ask(serving, 'a.more.lan A')).answer), PATIENT)
        .toEqual(['A 192.0.2.77'])
    },
    TEST_MS,
  )

  it(
    'keeps the last good version of a zone that breaks, and says where it is broken',
    async () => {
      const serving = await start({ zones: ['*.zone'] }, files)
      expect(await printer(serving)).toEqual(['A 192.0.2.10'])
      replace(serving, 'home.lan.zone', zone(2, 'printer A 192.0.2.300'))
      await expect.poll(() => serving.output(), PATIENT).toMatch(/home\.lan\.zone:5:\d+/)
      expect(await printer(serving)).toEqual(['A 192.0.2.10'])
      replace(serving, 'home.lan.zone', zone(3, 'printer A 192.0.2.13'))
      await expect.poll(() => printer(serving), PATIENT).toEqual(['A 192.0.2.13'])
    },
    TEST_MS,
  )

  it(
    'overrides single names and leaves all others alone',
    async () => {
      const serving = await start({ records: { 'www.example.com': { A: '192.0.2.99' } } })
      expect(dataOf((await ask(serving, 'www.example.com A')).answer)).toEqual(['A 192.0.2.99'])
      expect(dataOf((await ask(serving, 'www.example.com AAAA')).answer)).toEqual([])
      expect(dataOf((await ask(serving, 'mail.example.com A')).answer)).toEqual(['A 198.18.5.2'])
      expect(dataOf((await ask(serving, 'across.example.com A')).answer)).toContain('A 192.0.2.99')
    },
    TEST_MS,
  )

  it(
    'answers special-use names itself',
    async () => {
      const serving = await start({})
      expect(dataOf((await ask(serving, 'localhost A')).answer)).toEqual(['A 127.0.0.1'])
      expect(dataOf((await ask(serving, 'localhost AAAA')).answer)).toEqual(['AAAA ::1'])
      expect(dataOf((await ask(serving, '-x 127.0.0.1')).answer)).toEqual(['PTR localhost.'])
      expect((await ask(serving, 'abc.onion A')).status).toBe('NXDOMAIN')
      expect((await ask(serving, '-x 192.168.1.1')).status).toBe('NXDOMAIN')
      expect((await ask(serving, 'www.example.com A')).status).toBe('NOERROR')
    },
    TEST_MS,
  )

  it(
    'refuses clients that are not on the list, also what is cached',
    async () => {
      const serving = await start({ allow: ['127.0.0.2/32'] })
      const allowed = await ask(serving, '-b 127.0.0.2 www.example.com A')
      expect(allowed.status).toBe('NOERROR')
      for (const options of ['', '+tcp']) {
        const refused = await ask(serving, `-b 127.0.0.1 www.example.com A ${options}`.trim())
        expect(refused.status).toBe('REFUSED')
        expect(refused.answer).toEqual([])
        expect(refused.errors.join(' ')).toMatch(/^18 /)
      }
    },
    TEST_MS,
  )

  it(
    'tells what it may tell of itself',
    async () => {
      const serving = await start({ identity: { version: 'a version', id: 'this one' } })
      expect(dataOf((await ask(serving, 'version.bind CH TXT')).answer)).toEqual(['TXT "a version"'])
      expect(dataOf((await ask(serving, 'id.server CH TXT')).answer)).toEqual(['TXT "this one"'])
      expect((await ask(serving, 'www.example.com A +nsid')).text).toContain('this one')
    },
    TEST_MS,
  )

  it(
    'warms itself up, tells so, and has nothing of it in its caches or numbers',
    async () => {
      const serving = await start({ warmUp: true, log: { form: 'json', level: 'debug' } })
      const told = (event: string): object[] =>
        serving
          .output()
          .split('\n')
          .filter(line => line.includes(`"event":"${event}"`))
          .map(line => JSON.parse(line))
      await expect.poll(() => told('warmed-up'), PATIENT).toHaveLength(1)
      expect(told('warmed-up')[0]).toMatchObject({ level: 'debug', ended: 'done', unexpected: 0 })
      serving.signal('SIGUSR2')
      await expect.poll(() => told('stats'), PATIENT).toHaveLength(1)
      // The one query is that by which the test knows that it serves.
      expect(told('stats')[0]).toMatchObject({
        numbers: { waiting: 0, resolutions: 0, cached: { answers: 0 }, queries: { tcpQueries: 0, nxDomain: 0 } },
      })
      expect((await ask(serving, 'www.example.com A')).status).toBe('NOERROR')
    },
    TEST_MS,
  )

  it(
    'ends at once on SIGTERM before it is warm',
    async () => {
      const serving = await start({ warmUp: true, log: { form: 'json', level: 'debug' } })
      await expect.poll(() => serving.output(), PATIENT).toMatch(/"event":"primed"/)
      serving.signal('SIGTERM')
      expect(await serving.exited).toBe(0)
      expect(serving.output()).not.toMatch(/"event":"bug"|"ended":"done"/)
    },
    TEST_MS,
  )

  it(
    'ends at once on SIGTERM with nothing in flight',
    async () => {
      const serving = await start({})
      await ask(serving, 'www.example.com A')
      serving.signal('SIGTERM')
      expect(await serving.exited).toBe(0)
    },
    TEST_MS,
  )
})
