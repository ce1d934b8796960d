import { describe, expect, test } from 'vitest'
import { formatName } from '../../../src/presentation/text.ts'
import type { DigQuery } from '../../../src/cli/query/dig-query.ts'
import { readDigLine, readDigWords, type DigOptions } from '../../../src/cli/query/dig-args.ts'

function query(words: string, options: DigOptions = {}): DigQuery {
  const read = readDigWords(words === '' ? [] : words.split(' '), options)
  if (read.kind === 'usage') throw new Error(read.message)
  return read.query
}
const complaint = (words: string, options: DigOptions = {}): string => {
  const read = readDigWords(words.split(' '), options)
  return read.kind === 'usage' ? read.message : 'none'
}
const asked = ({ question, cased }: DigQuery): unknown[] => [formatName(cased), question.type, question.class]

describe('what is asked', () => {
  test.each<[string, DigOptions, unknown[]]>([
    ['example.com', {}, ['example.com.', 1, 1]],
    ['WWW.example.com AAAA', {}, ['WWW.example.com.', 28, 1]],
    ['@192.0.2.1 example.com mx', {}, ['example.com.', 15, 1]],
    ['version.bind txt ch', {}, ['version.bind.', 16, 3]],
    ['version.bind CH TXT', {}, ['version.bind.', 16, 3]],
    ['example.com TYPE65280 CLASS32', {}, ['example.com.', 65280, 32]],
    ['a', {}, ['a.', 1, 1]],
    ['mx mx', {}, ['mx.', 15, 1]],
    ['example.com', { type: 'SOA', class: 'HS' }, ['example.com.', 6, 4]],
    ['', {}, ['.', 2, 1]],
    ['', { reverse: '192.0.2.5' }, ['5.2.0.192.in-addr.arpa.', 12, 1]],
    [
      '@::1 +tcp',
      { reverse: '2001:db8::a' },
      ['a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.', 12, 1],
    ],
    ['münchen.de', {}, ['xn--mnchen-3ya.de.', 1, 1]],
    ['_dmarc.bücher.example TXT', {}, ['_dmarc.xn--bcher-kva.example.', 16, 1]],
    ['a\\.b.example', {}, ['a\\.b.example.', 1, 1]],
  ])('%s %j', (words, options, expected) => expect(asked(query(words, options))).toEqual(expected))

  test('the case of a name is kept for the wire, not for comparison', () => {
    const { question, cased } = query('WWW.Example.com')
    expect(formatName(question.name)).toBe('www.example.com.')
    expect(formatName(cased)).toBe('WWW.Example.com.')
  })
})

describe('how it is asked', () => {
  test('defaults are those of dig', () => {
    expect(query('a.test')).toMatchObject({
      server: null,
      port: null,
      tcp: false,
      recursionDesired: true,
      authenticData: true,
      checkingDisabled: false,
      edns: { payloadSize: 1232, dnssecOk: false, nsid: false },
      timeoutMs: 5_000,
      tries: 3,
      ignoreTruncation: false,
      show: {
        form: 'dig',
        comments: true,
        question: true,
        answer: true,
        authority: true,
        additional: true,
        stats: true,
      },
    })
  })

  test.each<[string, DigOptions, object]>([
    ['a.test @::1', { port: 5300 }, { server: '::1', port: 5300 }],
    ['a.test +tcp', {}, { tcp: true }],
    ['a.test +vc', {}, { tcp: true }],
    ['a.test +tcp +notcp', {}, { tcp: false }],
    ['a.test', { tcp: true }, { tcp: true }],
    ['a.test +norec', {}, { recursionDesired: false }],
    ['a.test +norecurse', {}, { recursionDesired: false }],
    ['a.test +cd +noad', {}, { checkingDisabled: true, authenticData: false }],
    ['a.test +dnssec', {}, { edns: { dnssecOk: true } }],
    ['a.test', { dnssec: true }, { edns: { dnssecOk: true } }],
    ['a.test +noedns', {}, { edns: null }],
    ['a.test +noedns +nsid', {}, { edns: { nsid: true } }],
    ['a.test +bufsize=4096', {}, { edns: { payloadSize: 4096 } }],
    ['a.test +time=2 +tries=1', {}, { timeoutMs: 2_000, tries: 1 }],
    ['a.test +retry=1', {}, { tries: 2 }],
    ['a.test +short', {}, { show: { form: 'short' } }],
    ['a.test +json', {}, { show: { form: 'json' } }],
    ['a.test', { json: true }, { show: { form: 'json' } }],
    ['a.test +noall +answer', {}, { show: { comments: false, answer: true, authority: false, stats: false } }],
    ['a.test +nostats +nocomments', {}, { show: { comments: false, stats: false, answer: true } }],
    ['+nocmd a.test', {}, { tcp: false }],
  ])('%s %j', (words, options, expected) => expect(query(words, options)).toMatchObject(expected))
})

describe('what cannot be meant', () => {
  test.each<[string, DigOptions, string]>([
    ['a.test AAA', {}, '"AAA" is neither a type nor a class (did you mean AAAA?)'],
    ['a.test b.test', {}, 'one question is expected here, not several'],
    ['a.test +shrt', {}, 'unknown option +shrt (did you mean +short?)'],
    ['a.test +nodnsec', {}, 'unknown option +nodnsec (did you mean +nodnssec?)'],
    ['a.test +constructor', {}, 'unknown option +constructor'],
    ['a.test +bufsize=x', {}, '+bufsize takes a number from 0 to 65535, not "x"'],
    ['a.test +tries=0', {}, '+tries takes a number from 1 to 20, not "0"'],
    ['a.test +tcp=1', {}, 'unknown option +tcp=1'],
    ['a.test @', {}, '@ needs an address or a host name after it'],
    ['a..test', {}, 'a..test'],
    [`${'x'.repeat(64)}.test`, {}, '63'],
    ['', { reverse: '192.0.2' }, '-x takes an address, not "192.0.2"'],
  ])('%s %j', (words, options, message) => expect(complaint(words, options)).toContain(message))
})

/** A line as `name type class` of its queries, or what is wrong with it. */
function line(words: string): string[] | string {
  const read = readDigLine(words.split(' '))
  if (read.kind !== 'queries') return read.kind === 'usage' ? read.message : read.kind
  return read.queries.map(one => asked(one).join(' '))
}
const queries = (words: string): readonly DigQuery[] => {
  const read = readDigLine(words.split(' '))
  if (read.kind !== 'queries') throw new Error(words)
  return read.queries
}

describe('the words of a line in any order', () => {
  test.each<[string, string[] | string]>([
    ['MX a.test', ['a.test. 15 1']],
    ['ch txt version.bind', ['version.bind. 16 3']],
    ['-t mx a.test', ['a.test. 15 1']],
    ['a.test -t mx', ['a.test. 15 1']],
    ['-tmx a.test', ['a.test. 15 1']],
    ['--type mx a.test', ['a.test. 15 1']],
    ['--type=mx a.test', ['a.test. 15 1']],
    ['-c ch a.test', ['a.test. 1 3']],
    ['-q mx', ['mx. 1 1']],
    ['-q mx -t mx', ['mx. 15 1']],
    ['-x 192.0.2.1', ['1.2.0.192.in-addr.arpa. 12 1']],
    ['-x 192.0.2.1 TXT', ['1.2.0.192.in-addr.arpa. 16 1']],
    ['TXT -x 192.0.2.1', ['1.2.0.192.in-addr.arpa. 16 1']],
    ['a.test b.test', ['a.test. 1 1', 'b.test. 1 1']],
    ['MX a.test b.test', ['a.test. 15 1', 'b.test. 15 1']],
    ['a.test MX b.test', ['a.test. 15 1', 'b.test. 1 1']],
    ['a.test MX -x 192.0.2.1 b.test AAAA', ['a.test. 15 1', '1.2.0.192.in-addr.arpa. 12 1', 'b.test. 28 1']],
    ['a.test A AAAA', ['a.test. 28 1']],
    ['a.test AXFR', ['a.test. 252 1']],
    ['a.test IXFR=7', ['a.test. 251 1']],
    ['a.test localhost', ['a.test. 1 1', 'localhost. 1 1']],
    ['a.test -h', 'help'],
    ['--help', 'help'],
    ['a.test AAA', '"AAA" is neither a type nor a class (did you mean AAAA?); the name is written AAA.'],
    ['a.test ixfr=x', 'ixfr=x: the serial number is a number from 0 to 4294967295'],
    ['a.test -z', 'unknown option -z'],
    ['a.test --tpye mx', 'Unknown argument: tpye (did you mean --type?)'],
    ['a.test -b nowhere', '-b takes an address such as 192.0.2.1 or 192.0.2.1#5353, not "nowhere"'],
    ['a.test -y', '-y needs a key: [algorithm:]name:secret'],
    ['a.test -p 70000', '-p takes a port from 1 to 65535, not "70000"'],
    ['a.test -c XX', '-c takes a class such as IN or CH, not "XX"'],
    ['a.test -t XX', '"XX" is no record type (did you mean MX?)'],
  ])('%s', (words, expected) => expect(line(words)).toEqual(expected))

  test('what stands before the first name is for all queries, what follows a name for its own', () => {
    const [a, b] = queries('+short @192.0.2.1 a.test +noshort +tcp @192.0.2.2 b.test +dnssec')
    expect([a?.show.form, a?.tcp, a?.server, a?.edns?.dnssecOk]).toEqual(['dig', true, '192.0.2.2', false])
    expect([b?.show.form, b?.tcp, b?.server, b?.edns?.dnssecOk]).toEqual(['short', false, '192.0.2.1', true])
  })

  test('a port, a family, a source and a key are for all queries wherever they stand', () => {
    for (const one of queries('a.test -p 5300 b.test -4 -b 192.0.2.9#53 -y k:YWFh'))
      expect(one).toMatchObject({
        port: 5300,
        family: 4,
        from: { address: '192.0.2.9', port: 53 },
        key: { kind: 'text', text: 'k:YWFh' },
      })
    expect(queries('-46r a.test')[0]?.family).toBe(6)
  })

  test('a second type is asked for, with a warning', () => {
    expect(readDigLine(['a.test', 'A', 'AAAA'])).toMatchObject({ warnings: ['a second type: AAAA is asked for'] })
    expect(readDigLine(['A', 'a.test', 'AAAA'])).toMatchObject({ warnings: ['a second type: AAAA is asked for'] })
  })

  test('a file of queries comes with the words for all of them', () => {
    expect(readDigLine(['+short', '-f', 'list', '@::1', 'a.test', '+tcp'])).toMatchObject({
      kind: 'queries',
      batch: { file: 'list', words: ['+short', '@::1'] },
      queries: [{ tcp: true }],
    })
    expect(readDigLine(['-flist'])).toMatchObject({ kind: 'queries', batch: { file: 'list', words: [] }, queries: [] })
  })
})

describe('words with +', () => {
  const hexOf = (octets: Uint8Array | undefined): string => Buffer.from(octets ?? []).toString('hex')

  test.each<[string, object]>([
    ['+norec', { recursionDesired: false }],
    ['+multi', { show: { style: { multiline: true, comments: true } } }],
    ['+ttlu', { show: { style: { ttlUnits: true } } }],
    ['+nottlid +nocl', { show: { style: { ttl: false, class: false } } }],
    ['+unknownformat', { show: { style: { generic: true } } }],
    ['+nocrypto', { show: { style: { crypto: false } } }],
    ['+split=16', { show: { style: { split: 16 } } }],
    ['+nosplit', { show: { style: { split: 0 } } }],
    ['+rrcomments', { show: { style: { comments: true } } }],
    ['+multiline +norrcomments', { show: { style: { comments: false } } }],
    ['+yaml', { show: { form: 'yaml' } }],
    ['+qr +identify +onesoa', { show: { query: true, identify: true, oneSoa: true } }],
    ['+cookie', { edns: { cookie: 'random' } }],
    ['+cookie +nocookie', { edns: { cookie: null } }],
    ['+cookie=0102030405060708', { edns: { cookie: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) } }],
    ['+edns=3', { edns: { version: 3, negotiate: true } }],
    ['+edns=3 +noednsnegotiation', { edns: { negotiate: false } }],
    ['+edns=3 +noedns', { edns: null }],
    ['+ednsflags=0x40', { edns: { flags: 0x40 } }],
    ['+padding=128', { edns: { padding: 128 } }],
    ['+opcode=status', { header: { opcode: 2 } }],
    ['+opcode=13', { header: { opcode: 13 } }],
    ['+opcode=5 +noopcode', { header: { opcode: 0 } }],
    ['+qid=77', { header: { id: 77 } }],
    [
      '+aaflag +tcflag +raflag +zflag',
      { header: { authoritative: true, truncated: true, recursionAvailable: true, reserved: true } },
    ],
    ['+header-only', { header: { only: true } }],
    ['+trace', { trace: true }],
    ['+timeout=7', { timeoutMs: 7_000 }],
    ['+search', { search: { word: 'a.test', domains: null } }],
    ['+domain=b.test', { search: { word: 'a.test', domains: ['b.test'] } }],
    ['+domain=b.test +nosearch', { search: { word: null } }],
    ['+nobesteffort +nofail +nobadcookie +nocmd', { tcp: false }],
  ])('a.test %s', (words, expected) => expect(queries(`a.test ${words}`)[0]).toMatchObject(expected))

  test.each([
    ['+subnet=192.0.2.77', '00012000c000024d'],
    ['+subnet=192.0.2.77/24', '00011800c00002'],
    ['+subnet=192.0.2.255/25', '00011900c0000280'],
    ['+subnet=0', '00010000'],
    ['+subnet=0.0.0.0/0', '00010000'],
    ['+subnet=2001:db8::/33', '0002210020010db800'],
  ])('%s is an option of EDNS (RFC 7871)', (word, octets) => {
    expect(queries(`a.test ${word}`)[0]?.edns?.options.map(option => [option.code, hexOf(option.data)])).toEqual([
      [8, octets],
    ])
  })

  test.each([
    ['+ednsopt=65001:abcd', 65001, 'abcd'],
    ['+ednsopt=nsid', 3, ''],
    ['+ednsopt=COOKIE:00', 10, '00'],
    ['+keepalive', 11, ''],
    ['+expire', 9, ''],
  ])('%s', (word, code, octets) => {
    expect(queries(`a.test ${word}`)[0]?.edns?.options.map(option => [option.code, hexOf(option.data)])).toEqual([
      [code, octets],
    ])
    expect(queries(`a.test ${word} +noednsopt`)[0]?.edns?.options).toEqual([])
  })

  test.each([
    ['AXFR', true],
    ['AXFR +notcp', true],
    ['IXFR=1', true],
    ['IXFR=1 +notcp', false],
    ['SOA', false],
  ])('a transfer goes over TCP by itself: %s', (words, tcp) => expect(queries(`a.test ${words}`)[0]?.tcp).toBe(tcp))

  test.each([
    ['+subnet=300.1.1.1', '+subnet takes an address or block such as 192.0.2.0/24, or 0, not "300.1.1.1"'],
    ['+subnet=192.0.2.0/33', '+subnet takes'],
    ['+subnet', '+subnet takes'],
    ['+cookie=01', '+cookie takes 8 to 40 octets in hex, not "01"'],
    ['+edns=256', '+edns takes a number from 0 to 255, not "256"'],
    ['+opcode=nothing', '+opcode takes a name'],
    ['+padding=513', '+padding takes'],
    ['+ednsopt=x:00', '+ednsopt takes a code and octets in hex'],
    ['+time', '+time takes a number from 1 to 300: +time=…'],
    ['+tls=9.9.9.9', 'unknown option +tls=9.9.9.9'],
    ['+https=dns-query', '+https takes a path such as /dns-query, or https://NAME/PATH, not "dns-query"'],
    ['+tls-pin=abc', '+tls-pin takes the SHA-256 of a public key in base64, 44 characters, not "abc"'],
    ['+tls-hostname', '+tls-hostname takes a name: +tls-hostname=…'],
    ['+tls-certfile=x.pem', '+tls-certfile is not taken: certificates of clients are not shown to servers'],
    ['+quic', '+quic is not taken: DNS over QUIC needs a Node.js built with it'],
    ['+nssearch', 'ask for NS'],
    ['+a', 'unknown option +a'],
    ['+no', 'unknown option +no'],
    ['+ti', 'unknown option +ti'],
    ['+multiline=1', 'unknown option +multiline=1'],
  ])('what cannot be meant: %s', (word, message) => expect(line(`a.test ${word}`)).toContain(message))
})
