import { describe, expect, test } from 'vitest'
import { formatName } from '../../src/presentation/text.ts'
import { readDigWords, type DigOptions, type DigQuery } from '../../src/cli/dig-words.ts'

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
    ['a.test b.test', {}, '"b.test" is neither a type nor a class'],
    ['a.test A AAAA', {}, '"AAAA" is neither a type nor a class'],
    ['a.test +shrt', {}, 'unknown option +shrt (did you mean +short?)'],
    ['a.test +nodnsec', {}, 'unknown option +nodnsec (did you mean +nodnssec?)'],
    ['a.test +constructor', {}, 'unknown option +constructor'],
    ['a.test +bufsize=x', {}, '+bufsize takes a number from 0 to 65535, not "x"'],
    ['a.test +tries=0', {}, '+tries takes a number from 1 to 20, not "0"'],
    ['a.test +tcp=1', {}, 'unknown option +tcp=1'],
    ['a.test @', {}, '@ needs an address or a host name behind it'],
    ['a..test', {}, 'a..test'],
    [`${'x'.repeat(64)}.test`, {}, '63'],
    ['', { reverse: '192.0.2' }, '-x takes an address, not "192.0.2"'],
  ])('%s %j', (words, options, message) => expect(complaint(words, options)).toContain(message))
})
