import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { runQueryLine, readBatchText } from '../../../src/cli/query/line.ts'
import { readSearchList, searchNames } from '../../../src/cli/query/search.ts'
import { readKey, readKeyFile } from '../../../src/transfer/key.ts'
import { signQuery, TsigVerifier } from '../../../src/transfer/tsig.ts'
import { formatName } from '../../../src/presentation/text.ts'
import type { Message } from '../../../src/dns/message.ts'
import type { WireName } from '../../../src/dns/name.ts'
import { needs } from '../../tools.ts'
import { type Canned, type CannedReply, rr, startCanned } from '../canned-server.ts'
import { readName } from '../../../src/system/idna.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-query-'))
const running: Canned[] = []
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(() => Promise.all(running.splice(0).map(server => server.close())))

async function serve(answer: (query: Message, tcp: boolean) => readonly CannedReply[]): Promise<Canned> {
  const server = await startCanned(answer)
  running.push(server)
  return server
}
async function run(server: Canned, words: string): Promise<{ code: unknown; out: string; err: string }> {
  const ran = { out: '', err: '' }
  const code = await runQueryLine(
    ['@127.0.0.1', '-p', String(server.port), ...words.split(' ')],
    () => Promise.resolve({ address: '127.0.0.1', port: 1 }),
    {
      out: text => {
        ran.out += text
      },
      err: text => {
        ran.err += text
      },
    },
  )
  return { code, ...ran }
}
const soa = (serial = 3) => rr(`z.test. 60 SOA ns.z.test. h.z.test. ${serial} 1 1 1 1`)
const hosts = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => rr(`h${from + i}.z.test. 60 A 192.0.2.1`))

describe('a transfer', () => {
  test('is asked for over TCP and read to the second SOA, over many messages', async () => {
    const server = await serve(() => [
      { answer: [soa(), ...hosts(0, 500)] },
      { question: null, answer: hosts(500, 1_000) },
      { answer: [...hosts(1_000, 1_200), soa()] },
    ])
    const ran = await run(server, 'z.test AXFR')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out.match(/^h\d+\.z\.test\.\t60\tIN\tA/gm)).toHaveLength(1_200)
    expect(ran.out).toContain(';; XFR size: 1202 records (messages 3, bytes ')
    expect(server.seen.map(({ tcp }) => tcp)).toEqual([true])
    expect((await run(server, 'z.test AXFR +noall +answer +onesoa')).out.match(/SOA/g)).toHaveLength(1)
    expect((await run(server, 'z.test AXFR +short')).out.split('\n')).toHaveLength(1_203)
    expect(
      (await run(server, 'z.test AXFR --json')).out
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line).type),
    ).toHaveLength(1_202)
  })

  test.each<[string, readonly CannedReply[], string]>([
    [
      'ends before the last SOA',
      [{ answer: [soa(), ...hosts(0, 2)] }, 'close'],
      'the transfer failed after 3 records: 127.0.0.1#0 closed the connection before the last SOA',
    ],
    ['is refused', [{ rcode: 5 }], 'the transfer failed after 0 records: 127.0.0.1#0: the server says REFUSED'],
    [
      'is cut by an error',
      [{ answer: [soa(), ...hosts(0, 2)] }, { rcode: 2 }],
      'after 3 records: 127.0.0.1#0: the server says SERVFAIL',
    ],
    ['begins with another record', [{ answer: hosts(0, 1) }], 'the first record is no SOA'],
    ['stalls', [{ answer: [soa()] }], 'sent nothing for 1 s, and the last SOA has not come'],
    ['is closed at once', ['close'], 'closed the connection before the last SOA'],
  ])('that %s is an error', async (_what, replies, message) => {
    const ran = await run(await serve(() => replies), 'z.test AXFR +time=1')
    expect(ran.code).toBe(69)
    expect(ran.err.replace(/#\d+/g, '#0')).toContain(message)
  })

  test('of changes sends the version that is here', async () => {
    const server = await serve(query => [
      { answer: [soa(), soa(1), ...hosts(0, 1), soa(), ...hosts(1, 2), soa()], authority: query.authority },
    ])
    expect(await run(server, 'z.test IXFR=1')).toMatchObject({ code: 0, err: '' })
    expect(
      server.seen[0]?.message.authority.map(record => [
        formatName(record.owner),
        record.type,
        Buffer.from(record.rdata).readUInt32BE(2),
      ]),
    ).toEqual([['z.test.', 6, 1]])
  })
})

describe('what is sent', () => {
  test('all that the words say', async () => {
    const server = await serve(() => [{}])
    await run(
      server,
      'A.test +qid=77 +aaflag +raflag +tcflag +zflag +cd +opcode=2 +edns=0 +ednsflags=0x40 +nsid +cookie=0102030405060708 +padding=64 -b 127.0.0.7 +ignore',
    )
    const [{ message, bytes, from } = { message: null, bytes: new Uint8Array(0), from: '' }] = server.seen
    expect(message).toMatchObject({
      id: 77,
      opcode: 2,
      authoritative: true,
      truncated: true,
      recursionDesired: true,
      recursionAvailable: true,
      checkingDisabled: true,
      edns: { flags: 0x40 },
    })
    expect(message?.edns?.options.map(({ code }) => code)).toEqual([3, 10, 12])
    expect([bytes.length % 64, (bytes[3] ?? 0) & 0x40, from]).toEqual([0, 0x40, '127.0.0.7'])
    await run(server, 'a.test +header-only')
    expect(server.seen[1]?.bytes).toHaveLength(12)
  })

  test('another version of EDNS, and the cookie that a server wants, are tried once', async () => {
    const cookie = Uint8Array.from({ length: 16 }, (_, i) => i)
    const edns = { payloadSize: 1232, version: 0, dnssecOk: false, flags: 0, options: [{ code: 10, data: cookie }] }
    const server = await serve(query => [
      query.edns?.version === 7
        ? { rcode: 16, edns }
        : query.edns?.options[0]?.data.length === 8
          ? { rcode: 23, edns }
          : { rcode: 0 },
    ])
    const ran = await run(server, 'a.test +edns=7 +cookie +short')
    expect(ran).toMatchObject({ code: 0, err: ';; BADVERS, asking again.\n;; BADCOOKIE, asking again.\n' })
    expect(server.seen.map(({ message }) => [message.edns?.version, message.edns?.options[0]?.data.length])).toEqual([
      [7, 8],
      [0, 8],
      [0, 16],
    ])
    expect(await run(server, 'a.test +edns=7 +noednsnegotiation')).toMatchObject({
      code: 0,
      out: expect.stringContaining('status: BADVERS'),
    })
  })

  test('several queries, those of a file too, one after the other; the exit code is that of the worst', async () => {
    const server = await serve(query => (query.question?.type === 28 ? [] : [{ answer: [rr('a.test. 1 TXT "x"')] }]))
    writeFileSync(join(directory, 'list'), '# comment\n\nb.test TXT\nc.test TXT +tcp\n')
    expect(await run(server, `+short TXT a.test -f ${join(directory, 'list')}`)).toMatchObject({
      code: 0,
      out: '"x"\n"x"\n"x"\n',
    })
    expect(
      server.seen.map(({ message, tcp }) => [formatName(message.question?.cased ?? ('\0' as WireName)), tcp]),
    ).toEqual([
      ['a.test.', false],
      ['b.test.', false],
      ['c.test.', true],
    ])
    expect(await run(server, '+short a.test AAAA +time=1 +tries=1 b.test TXT')).toMatchObject({
      code: 69,
      out: '"x"\n',
    })
    expect(await run(server, '-f /nowhere/list')).toMatchObject({
      code: 66,
      err: expect.stringContaining('/nowhere/list cannot be read'),
    })
    expect(readBatchText('a.test\n a.test -z', 'list', [])).toEqual({ error: 'list:2: unknown option -z' })
    expect(readBatchText('-f other', 'list', [])).toEqual({ error: 'list:1: expected a query' })
  })

  test('names of a search list until one exists', async () => {
    const server = await serve(query => [
      { rcode: formatName(query.question?.cased ?? ('\0' as WireName)) === 'www.b.test.' ? 0 : 3 },
    ])
    expect((await run(server, 'www +domain=b.test')).out).toContain(';www.b.test.')
    expect((await run(server, 'www.x +domain=b.test')).out).toContain(';www.x.b.test.')
    expect(server.seen.map(({ message }) => formatName(message.question?.cased ?? ('\0' as WireName)))).toEqual([
      'www.b.test.',
      'www.x.',
      'www.x.b.test.',
    ])
  })

  test('a walk from the root asks each server without recursion', async () => {
    const glue = rr('ns.test. 60 A 127.0.0.1')
    const server = await serve(query => {
      if (query.question?.name.length === 1)
        return [{ answer: [rr('. 60 NS root.')], additional: [rr('root. 60 A 127.0.0.1')] }]
      const asked = server.seen.length
      if (asked === 2) return [{ authority: [rr('test. 60 NS ns.test.')], additional: [glue] }]
      if (asked === 3) return [{ authority: [rr('a.test. 60 NS ns.test.')], additional: [glue] }]
      return [{ authoritative: true, answer: [rr('www.a.test. 60 A 192.0.2.9')] }]
    })
    const ran = await run(server, 'www.a.test +trace')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(
      ran.out
        .split('\n')
        .filter(line => line !== '')
        .map(line => line.replace(/Received.*\((.*)\).*/, 'from $1')),
    ).toEqual([
      '.\t60\tIN\tNS\troot.',
      ';; from .',
      'test.\t60\tIN\tNS\tns.test.',
      ';; from root.',
      'a.test.\t60\tIN\tNS\tns.test.',
      ';; from ns.test.',
      'www.a.test.\t60\tIN\tA\t192.0.2.9',
      ';; from ns.test.',
    ])
    expect(server.seen.map(({ message }) => message.recursionDesired)).toEqual([true, false, false, false])
  })

  test('a walk that leads in a circle ends', async () => {
    const server = await serve(query => [
      query.question?.name.length === 1
        ? { answer: [rr('. 60 NS root.')], additional: [rr('root. 60 A 127.0.0.1')] }
        : { authority: [rr('test. 60 NS ns.other.')] },
    ])
    expect(await run(server, 'www.a.test +trace')).toMatchObject({
      code: 69,
      err: expect.stringMatching(/none of the servers answers|too many servers/),
    })
    expect(server.seen.length).toBeLessThanOrEqual(100)
  })
})

describe('the search list of the system', () => {
  test.each([
    ['search a.test b.test\n', ['a.test', 'b.test'], 1],
    ['domain a.test\nsearch b.test c.test', ['b.test', 'c.test'], 1],
    ['search a.test\noptions timeout:1 ndots:3', ['a.test'], 3],
    ['', [], 1],
  ])('%j', (text, domains, dots) => expect(readSearchList(text)).toEqual({ domains, dots }))

  test.each([
    ['www', null, ['www.a.test.', 'www.']],
    ['www.x', null, ['www.x.', 'www.x.a.test.']],
    ['www.x', 2, ['www.x.a.test.', 'www.x.']],
  ])('%s with ndots %j', (word, dots, names) => {
    const cased = readName(word)
    if (typeof cased !== 'string') throw new Error(word)
    expect(
      searchNames({ word, domains: null, dots }, cased, () => ({ domains: ['a.test'], dots: 1 })).map(formatName),
    ).toEqual(names)
  })
})

describe('keys', () => {
  const key = readKey('hmac-sha256:K.test:c2VjcmV0')

  test.each([
    ['k:YWFh', 'hmac-sha256.'],
    ['hmac-sha512:k:YWFh', 'hmac-sha512.'],
    ['HMAC-MD5:k:YWFh', 'hmac-md5.sig-alg.reg.int.'],
  ])('%s', (text, algorithm) => {
    const read = readKey(text)
    expect('error' in read ? read.error : formatName(read.algorithm)).toBe(algorithm)
  })
  test.each([
    ['k', '-y takes [algorithm:]name:secret'],
    ['hmac-sha3:k:YWFh', '"hmac-sha3" is no algorithm of keys'],
    ['k:!', 'no base64'],
    ['a..b:YWFh', 'the name of the key'],
  ])('%s is none', (text, error) => expect(readKey(text)).toMatchObject({ error: expect.stringContaining(error) }))
  test('from a file of tsig-keygen', () => {
    expect(readKeyFile('key "K.test" {\n\talgorithm hmac-sha256; # c\n\tsecret "c2VjcmV0";\n};')).toEqual(key)
    expect(readKeyFile('nothing')).toMatchObject({ error: expect.stringContaining('expected key') })
  })

  test('a reply is worth its signature: unsigned, another key, a changed octet, another time', () => {
    if ('error' in key) throw new Error(key.error)
    const query = Uint8Array.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1])
    const signed = signQuery(query, key, 1_700_000_000)
    // A query is signed like the first reply to nothing: its own MAC is over nothing else.
    expect(new TsigVerifier(key, new Uint8Array(0)).take(query, 1_700_000_000)).toEqual({
      error: 'the reply has no signature',
    })
    const other = readKey('other.test:c2VjcmV0')
    if ('error' in other) throw new Error(other.error)
    expect(new TsigVerifier(other, signed.mac).take(signed.bytes, 1_700_000_000)).toEqual({
      error: 'the reply is signed with another key: k.test.',
    })
    expect(new TsigVerifier(key, signed.mac).take(signed.bytes, 1_700_000_000)).toEqual({
      error: 'the signature does not fit',
    })
  })
})

needs('dig')('a signed query', () => {
  test('is octet by octet that of dig at the same time', async () => {
    const server = await serve(() => [{ rcode: 5 }])
    const key = readKey('k.test:c2VjcmV0')
    if ('error' in key) throw new Error(key.error)
    await new Promise<void>(
      done =>
        void execFile(
          'dig',
          [
            '-r',
            '@127.0.0.1',
            '-p',
            String(server.port),
            '-y',
            'hmac-sha256:k.test:c2VjcmV0',
            'a.test',
            '+noedns',
            '+tries=1',
            '+time=2',
          ],
          () => done(),
        ),
    )
    const theirs = server.seen[0]?.bytes ?? new Uint8Array(0)
    const view = Buffer.from(theirs)
    const signature = view.lastIndexOf(Buffer.from('hmac-sha256'))
    const bare = theirs.slice(0, signature - 1 - 10 - 'k.test'.length - 2)
    bare[11] = 0
    expect(Buffer.from(signQuery(bare, key, view.readUIntBE(signature + 12, 6)).bytes).toString('hex')).toBe(
      view.toString('hex'),
    )
  })
})
