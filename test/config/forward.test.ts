/** Forward and stub zones in a configuration: read, and refused with all that is wrong at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadForwarding, ownServers } from '../../src/app/forwarding.ts'
import { readConfig } from '../../src/config/read.ts'
import type { ConfigResult } from '../../src/config/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { upstreamText } from '../../src/zone/upstream-text.ts'

const read = (text: string): ConfigResult =>
  readConfig({ file: { path: '/etc/x/c.json', text }, overrides: [], directory: '/home/me' })
const says = (text: string): string[] => {
  const result = read(text)
  const problems = result.kind === 'invalid' ? result.problems : result.warnings
  return problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}
const directory = mkdtempSync(join(tmpdir(), 'rootwalk-forward-config-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('zones, servers and what belongs to them are read', () => {
  const result = read(
    '{"forward": [{"zone": ".", "to": "tls://9.9.9.9#dns.quad9.net", "recurseOnFailure": true, "authorities": ["a.pem"]}],' +
      '"stub": [{"zone": "Corp.Example", "to": ["10.0.0.53", "10.0.0.54:5353"]}]}',
  )
  if (result.kind === 'invalid') throw new Error('it is in order')
  const [all, corp] = result.config.forwarding
  expect([all?.kind, all?.recurseOnFailure, all?.authorities]).toEqual(['forward', true, ['/etc/x/a.pem']])
  expect(corp === undefined ? '' : formatName(corp.zone)).toBe('corp.example.')
  expect(corp?.upstreams.map(one => (one.kind === 'address' ? upstreamText(one.server) : ''))).toEqual([
    '10.0.0.53',
    '10.0.0.54:5353',
  ])
})

test('all that is wrong is reported, each with its place', () => {
  const text = `{
  "listen": ["127.0.0.1:5320", "0.0.0.0:5321"],
  "forward": [
    { "zone": ".", "to": ["tls://9.9.9.9", "doq://1.1.1.1#x", "dns.google"] },
    { "zone": "b", "to": [] },
    { "zone": "c", "to": ["192.0.2.1"], "recurse": true }
  ],
  "stub": [{ "zone": "d", "to": ["192.0.2.1"], "recurseOnFailure": true }]
}`
  const found = says(text)
  for (const expected of [
    /^4:27 forward\[0\]\.to\[0\]: "tls:\/\/9\.9\.9\.9" does not say how the server proves who it is/,
    /^4:44 forward\[0\]\.to\[1\]: .*needs a Node\.js built with QUIC/,
    /^4:63 forward\[0\]\.to\[2\]: "dns\.google" is a name/,
    /^5:26 forward\[1\]\.to: expected at least one server/,
    /^6:41 unknown key "recurse" in forward\[2\] \(did you mean "recurseOnFailure"\?\)|^6:41 unknown key "recurse"/,
    /^8:48 unknown key "recurseOnFailure" in stub\[0\]/,
  ])
    expect(found).toContainEqual(expect.stringMatching(expected))
})

test.each([
  ['"forward": [{"zone": ".", "to": ["127.0.0.1:5320"]}]', /is this server itself, which listens on 127\.0\.0\.1:5320/],
  ['"forward": [{"zone": ".", "to": ["127.9.9.9:5321"]}]', /is this server itself, which listens on 0\.0\.0\.0:5321/],
  [
    '"stub": [{"zone": "x", "to": ["127.0.0.1:5320"]}]',
    /stub\[0\]\.to\[0\]: "127\.0\.0\.1:5320" is this server itself/,
  ],
  [
    '"forward": [{"zone": "x", "to": ["1.1.1.1"]}], "stub": [{"zone": "X.", "to": ["1.1.1.2"]}]',
    /is there already, as forward\[0\]/,
  ],
  ['"forward": [{"zone": "a..b", "to": ["1.1.1.1"]}]', /empty label/],
])('%s is refused', (zones, expected) => {
  const found = says(`{"listen": ["127.0.0.1:5320", "0.0.0.0:5321"], "allow": ["0.0.0.0/1", "127.0.0.0/8"], ${zones}}`)
  expect(found).toContainEqual(expect.stringMatching(expected))
})

test.each([
  ['"forward": [{"zone": ".", "to": ["127.0.0.1:5322"]}]'],
  ['"forward": [{"zone": ".", "to": ["127.0.0.2:5320"]}]'],
  ['"stub": [{"zone": "corp.example", "to": ["10.0.0.1"]}, {"zone": "home.arpa", "to": ["10.0.0.1"]}]'],
])('%s is nothing to complain of', zones => {
  expect(says(`{"listen": ["127.0.0.1:5320"], ${zones}}`)).toEqual([])
})

describe('names that the signed root denies', () => {
  test.each([
    ['lan', '', true],
    ['office.internal', '', true],
    ['corp.example', '', false],
    ['lan', ', "dnssec": {"negativeTrustAnchors": [{"name": "lan", "until": "2200-01-01"}]}', false],
    ['lan', ', "dnssec": {"validate": false}', false],
  ])('%s%s is warned of: %s', (zone, more, isWarned) => {
    const found = says(`{"stub": [{"zone": "${zone}", "to": ["10.0.0.1"]}]${more}}`)
    expect(found.some(one => /the signed root proves that .* does not exist/.test(one))).toBe(isWarned)
  })
})

test.each([
  ['missing.pem', null, /cannot be read/],
  ['empty.pem', '', /holds no certificate in PEM/],
  ['bad.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /certificate 1 cannot be read/],
])('authorities in %s are refused', (name, content, expected) => {
  const file = join(directory, name)
  if (content !== null) writeFileSync(file, content)
  const zones = `{"forward": [{"zone": ".", "to": ["tls://9.9.9.9#a.example"], "authorities": ["${file}"]}]}`
  const result = read(zones)
  if (result.kind === 'invalid') throw new Error('the configuration itself is in order')
  const loaded = loadForwarding(result.config.forwarding)
  expect(loaded.kind === 'invalid' ? loaded.problems.map(({ message }) => message) : []).toContainEqual(
    expect.stringMatching(expected),
  )
})

test('servers at addresses of this host are refused at the start when all of them are listened on', () => {
  const result = read(
    '{"forward": [{"zone": ".", "to": ["192.0.2.7", "192.0.2.8", "[2001:db8::7]:53", "192.0.2.7:54"]}]}',
  )
  if (result.kind === 'invalid') throw new Error('it is in order')
  const loaded = loadForwarding(result.config.forwarding)
  if (loaded.kind === 'invalid') throw new Error('no certificates')
  const local = ['192.0.2.7', '2001:db8::7']
  const found = (address: string): string[] =>
    ownServers(loaded.zones, [{ address, port: 53 }], '', local).map(({ message }) => message.split('"')[1] ?? '')
  expect(found('0.0.0.0')).toEqual(['192.0.2.7'])
  expect(found('::')).toEqual(['[2001:db8::7]:53'])
  expect(found('192.0.2.8')).toEqual(['192.0.2.8'])
  expect(found('127.0.0.1')).toEqual([])
})
