import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { serverAddress } from '../../src/ports.ts'
import { visitJson } from '../../src/render/visit-json.ts'
import { visitPicture } from '../../src/render/visit-picture.ts'
import { plainText } from '../../src/render/visit-words.ts'
import { noPaint } from '../../src/render/walk.ts'
import { serviceRecords } from '../../src/visit/records/service-record.ts'
import { suggestionsFor } from '../../src/visit/suggest.ts'
import type { Visit } from '../../src/visit/types.ts'
import { attempt, hop, lookUp, pass, responded, tls, visited } from '../visit/made.ts'
import { question } from '../visit/names.ts'

const https = lookUp('www.example.test', 'HTTPS', ['www.example.test. 300 IN HTTPS 1 . alpn=h2,h3 ech=AEX+'])
const aaaa = lookUp('www.example.test', 'AAAA', ['www.example.test. 300 IN AAAA 2001:db8::1'], 1)
const a = lookUp('www.example.test', 'A', ['www.example.test. 30 IN A 192.0.2.1'], 1)

function example(): Visit {
  const last = hop({
    lookUps: [https, aaaa, a],
    services: https.answer?.kind === 'answer' ? https.answer.rrsets.flatMap(serviceRecords) : [],
    attempts: [attempt('2001:db8::1', 20, 'abandoned'), attempt('192.0.2.1', 25, 'connected')],
    response: responded({
      headers: [
        ['content-type', 'text/html; charset=utf-8'],
        ['strict-transport-security', 'max-age=31536000; includeSubDomains'],
      ],
      contentBytes: 48_211,
    }),
  })
  const first = hop({
    url: 'http://www.example.test/',
    isSecure: false,
    tls: null,
    lookUps: [{ ...a, answer: null, tookMs: null, source: null }],
    attempts: [attempt('192.0.2.1', 20, 'connected')],
    response: responded({ protocol: 'HTTP/1.1', status: 301, reason: 'Moved Permanently', contentBytes: 0 }),
    times: { namesMs: 20, connectedMs: 30, securedMs: null, sentMs: 31, firstOctetMs: 50, totalMs: 51 },
    end: { kind: 'redirect', by: 'status', to: 'https://www.example.test/' },
  })
  const warm = { ...last, tls: tls({ isResumed: true }) }
  return visited([pass('cold', [first, last]), pass('warm', [first, warm]), pass('reused', [warm])], {
    checks: [
      {
        host: question('www.example.test', 'A').name,
        port: 443,
        caa: {
          at: question('example.test', 'A').name,
          records: [{ isCritical: false, tag: 'issue', value: 'ca.example' }],
        },
        dane: { kind: 'match', record: { usage: 3, selector: 1, matching: 1 } },
        lookUps: [],
      },
    ],
    comparison: {
      server: serverAddress(parseIp('192.0.2.99') ?? { family: 4, bytes: new Uint8Array(4), text: '' }, 53),
      rows: [
        { first: a, other: { ...a, tookMs: 3.25 }, isSame: true },
        {
          first: aaaa,
          other: { ...aaaa, tookMs: 4, answer: { kind: 'nxdomain', rrsets: [], security: 'insecure' } },
          isSame: false,
        },
      ],
    },
  })
}

const picture = (visit: Visit, columns = 80): string =>
  visitPicture(visit, suggestionsFor(visit), { columns, paint: noPaint, walks: false })

describe('the picture of a visit', () => {
  it('is as it was', () => {
    const file = new URL('../golden/visit.txt', import.meta.url)
    if (process.env.ROOTWALK_WRITE_DOCS === '1') writeFileSync(file, picture(example()))
    expect(picture(example())).toBe(readFileSync(file, 'utf8'))
  })

  it('stands so in docs/open.md', () => {
    expect(readFileSync(new URL('../../docs/open.md', import.meta.url), 'utf8')).toContain(`\n${picture(example())}\``)
  })

  test.each([60, 80, 100, 132, 200])('fits %i columns', columns => {
    expect(
      picture(example(), columns)
        .split('\n')
        .filter(line => line.length > columns),
    ).toEqual([])
  })

  it('shows what others wrote without what moves the cursor', () => {
    const hostile = visited([
      pass('cold', [
        hop({
          tls: tls({ alpn: '\u001b[2J', chain: tls().chain.map(one => ({ ...one, subject: 'CN=a\u001b]0;x\u0007' })) }),
          response: responded({ reason: '\u001b[31mOK', headers: [['server', 'a\u009b1A\u202eb']] }),
          end: { kind: 'failed', failure: { kind: 'bad-redirect', location: 'x:\u001b[2J', why: 'scheme' } },
        }),
      ]),
    ])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(picture(hostile)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(plainText('a\u001bb')).toBe('a\\u{1b}b')
  })

  it('of a failure says which it was', () => {
    const failed = visited([
      pass('cold', [
        hop({ response: null, end: { kind: 'failed', failure: { kind: 'time-out', during: 'request' } } }),
      ]),
    ])
    expect(picture(failed)).toContain('failed: the time was up before a response came')
  })
})

describe('the JSON of a visit', () => {
  const json = JSON.parse(JSON.stringify(visitJson(example(), suggestionsFor(example()), 0)))

  it('has times as curl has them, and their differences', () => {
    expect(json.passes[0].hops[1].times).toEqual({
      namelookupMs: 20,
      connectMs: 30,
      appconnectMs: 60,
      pretransferMs: 61,
      starttransferMs: 80,
      totalMs: 100,
    })
    expect(json.passes[0].hops[1].differences).toEqual({
      namesMs: 20,
      tcpMs: 10,
      tlsMs: 30,
      requestMs: 1,
      waitMs: 19,
      contentMs: 20,
    })
  })

  it('has names in presentation format and kinds instead of sentences', () => {
    expect(json).toMatchObject({ version: 1, exitCode: 0, startedAt: '2026-01-31T00:00:00.000Z' })
    expect(json.passes[0].hops[1].lookUps[1]).toMatchObject({
      name: 'www.example.test.',
      type: 'AAAA',
      answer: { kind: 'answer', security: 'secure', records: [{ data: '2001:db8::1' }] },
    })
    expect(json.passes[0].hops[1].rows[0]).toMatchObject({ layer: 'application', protocol: 'DNS', what: 'look-up' })
    expect(json.checks[0]).toMatchObject({ host: 'www.example.test.', dane: { kind: 'match' } })
    expect(json.comparison.rows.map(({ isSame }: { isSame: boolean }) => isSame)).toEqual([true, false])
    expect(json.suggestions[0].kind).toBe('service-record')
  })
})
