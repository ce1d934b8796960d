/**
 * What is opened for others reaches public addresses only: each form in which an address can be written, by each way that
 * leads to one. Judged is the address that is connected to, so a table of ways times forms is all there is.
 */
import { describe, expect, it, test } from 'vitest'
import { parseIp, parsePrefix, type Prefix } from '../../src/dns/address.ts'
import type { Reach } from '../../src/visit/private-targets.ts'
import type { Names } from '../../src/visit/types.ts'
import { namesOf } from './names.ts'
import { failureOf, hopsOf, http, opened } from './site.ts'

const prefixes = (...texts: readonly string[]): readonly Prefix[] => texts.flatMap(text => parsePrefix(text) ?? [])
const reach = (...allowed: readonly string[]): Reach => ({ allowed: prefixes(...allowed), own: [] })

/** As it can be written in a URL, and the kind that it is. */
const FORMS: readonly (readonly [form: string, kind: string])[] = [
  ['127.0.0.2', 'loopback'],
  ['127.2', 'loopback'],
  ['0x7f000002', 'loopback'],
  ['2130706434', 'loopback'],
  ['0177.0.0.2', 'loopback'],
  ['127.0.0.2.', 'loopback'],
  ['１２７.0.0.2', 'loopback'],
  ['127%2e0%2e0%2e2', 'loopback'],
  ['0', 'unspecified'],
  ['10.1.2.3', 'private'],
  ['172.31.0.1', 'private'],
  ['192.168.0.1', 'private'],
  ['100.64.0.1', 'shared'],
  ['169.254.1.1', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['192.0.2.1', 'documentation'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['198.18.0.1', 'benchmark'],
  ['224.0.0.251', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['[::1]', 'loopback'],
  ['[::]', 'unspecified'],
  ['[::ffff:127.0.0.2]', 'loopback'],
  ['[::ffff:a01:203]', 'private'],
  ['[::127.0.0.2]', 'loopback'],
  ['[::ffff:0:127.0.0.2]', 'loopback'],
  ['[64:ff9b::127.0.0.2]', 'loopback'],
  ['[64:ff9b::a9fe:a9fe]', 'metadata'],
  ['[64:ff9b:1::1]', 'private'],
  ['[2002:7f00:2::]', 'loopback'],
  ['[2001::f5ff:fffe]', 'private'],
  ['[fe80::1]', 'link-local'],
  ['[fd00::1]', 'private'],
  ['[fec0::1]', 'private'],
  ['[ff02::1]', 'multicast'],
  ['[2001:db8::1]', 'documentation'],
  ['[3fff::1]', 'documentation'],
]

/** The same as records of a name, where the form is not that of a URL only. */
const ADDRESSES = FORMS.flatMap(([form, kind]) => {
  const ip = parseIp(form.replace(/^\[(.*)\]$/, '$1'))
  return ip === null ? [] : [{ text: ip.text, type: ip.family === 4 ? 'A' : 'AAAA', kind }]
})

describe.each(FORMS)('%s', (form, kind) => {
  it('in the URL is refused before anything is connected', async () => {
    const visited = await opened(`http://${form}:9/`, { reach: reach() })
    expect(failureOf(visited)).toMatchObject({ kind: 'refused-target', what: kind })
    expect(hopsOf(visited).flatMap(({ attempts }) => attempts)).toEqual([])
  })

  it('as the place of a redirect is refused, whatever leads there', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      // A field has ASCII only.
      const location = `//${[...form].map(c => (c > '~' ? encodeURIComponent(c) : c)).join('')}:9/`
      const port = await http((_, response) => response.writeHead(status, { location }).end())
      const visited = await opened(`http://127.0.0.1:${port}/`, { reach: reach('127.0.0.1/32') })
      expect(failureOf(visited), `${status}`).toMatchObject({ kind: 'refused-target', what: kind })
      expect(hopsOf(visited).at(-1)?.attempts).toEqual([])
    }
  })
})

describe.each(ADDRESSES)('$text, which a name has,', ({ text, type, kind }) => {
  const name = 'www.example.test'

  it('is refused, in the URL, after a redirect, as a hint and by an alias', async () => {
    const port = await http((_, response) => response.writeHead(302, { location: `http://${name}:9/` }).end())
    const hint = `${name}. 300 IN HTTPS 1 . ${type === 'A' ? 'ipv4hint' : 'ipv6hint'}=${text}`
    const ways: readonly (readonly [url: string, records: readonly string[]])[] = [
      [`http://${name}:9/`, [`${name}. 300 IN ${type} ${text}`]],
      [`http://127.0.0.1:${port}/`, [`${name}. 300 IN ${type} ${text}`]],
      [`https://${name}/`, [hint, `${name}. 300 IN ${type} ${text}`]],
      [`https://${name}/`, [`${name}. 300 IN HTTPS 0 svc.test.`, `svc.test. 300 IN ${type} ${text}`]],
    ]
    for (const [url, records] of ways) {
      const visited = await opened(url, { names: namesOf(records), reach: reach('127.0.0.1/32') })
      expect(failureOf(visited), url).toMatchObject({ kind: 'refused-target', what: kind })
      expect(hopsOf(visited).at(-1)?.attempts, url).toEqual([])
    }
  })

  it('is refused as the address that is to be used instead of those of a name', async () => {
    const visited = await opened(`http://${name}:9/`, { address: parseIp(text), reach: reach() })
    expect(failureOf(visited)).toMatchObject({ kind: 'refused-target', what: kind })
  })
})

describe('a network that is allowed', () => {
  test.each([
    ['127.0.0.0/8', '127.0.0.1', true],
    ['127.0.0.1/32', '127.0.0.1', true],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]', true],
    ['127.0.0.2/32', '127.0.0.1', false],
    ['::1/128', '127.0.0.1', false],
    // Who allows a network did not speak of translators that may lead there.
    ['127.0.0.0/8', '[64:ff9b::127.0.0.1]', false],
    ['127.0.0.0/8', '[2002:7f00:1::]', false],
    ['0.0.0.0/0', '127.0.0.1', true],
  ])('%s lets %s be reached: %s', async (network, host, isReached) => {
    const port = await http((_, response) => response.end())
    const failure = failureOf(await opened(`http://${host}:${port}/`, { reach: reach(network) }))
    expect(failure?.kind === 'refused-target').toBe(!isReached)
    if (isReached) expect(failure).toBeNull()
  })
})

it('an address of this machine is refused, public as it may be, unless it is allowed', async () => {
  const own = [parseIp('9.9.9.9'), parseIp('2620:fe::9')].flatMap(ip => ip ?? [])
  for (const host of ['9.9.9.9', '[::ffff:9.9.9.9]', '[2620:fe::9]'])
    expect(failureOf(await opened(`http://${host}:9/`, { reach: { allowed: [], own } }))).toMatchObject({
      kind: 'refused-target',
      what: 'own',
    })
  const allowed = prefixes('9.9.9.9/32')
  const failure = failureOf(await opened('http://9.9.9.9:9/', { reach: { allowed, own }, passMs: 30 }))
  expect(failure?.kind).not.toBe('refused-target')
})

/** Answers differently each time: first an address that is allowed, then others. */
function changing(addresses: readonly string[]): Names & { asked: number } {
  const names = {
    asked: 0,
    lookUp(question: Parameters<Names['lookUp']>[0]) {
      const isAddress = question.type === 1
      const text = addresses[Math.min(names.asked, addresses.length - 1)] ?? ''
      if (isAddress) names.asked++
      return namesOf(isAddress ? [`www.example.test. 0 IN A ${text}`] : []).lookUp(question)
    },
  }
  return names
}

describe('a name whose address changes while it is looked at (rebinding)', () => {
  it('is looked up once for a hop, and connected to where that answer says', async () => {
    const port = await http((_, response) => response.end())
    const names = changing(['127.0.0.1', '127.0.0.2'])
    const visited = await opened(`http://www.example.test:${port}/`, { names, reach: reach('127.0.0.1/32') })
    expect(failureOf(visited)).toBeNull()
    expect(hopsOf(visited)[0]?.connection?.remote).toBe('127.0.0.1')
    expect(names.asked).toBe(1)
  })

  it('is judged again when a redirect leads back to it', async () => {
    const port = await http((request, response) =>
      response.writeHead(302, { location: `${request.url}x`, connection: 'close' }).end(),
    )
    const names = changing(['127.0.0.1', '127.0.0.2'])
    const visited = await opened(`http://www.example.test:${port}/`, { names, reach: reach('127.0.0.1/32') })
    expect(failureOf(visited)).toMatchObject({ kind: 'refused-target', address: '127.0.0.2' })
    expect(hopsOf(visited)).toHaveLength(2)
  })

  it('is judged in each pass', async () => {
    const port = await http((_, response) => response.end())
    const names = changing(['127.0.0.1', '127.0.0.2'])
    const visited = await opened(`http://www.example.test:${port}/`, { names, reach: reach('127.0.0.1/32'), repeat: 2 })
    expect(visited.passes.map(({ hops }) => hops.at(-1)?.end.kind)).toEqual(['done', 'failed'])
    expect(failureOf(visited)).toMatchObject({ kind: 'refused-target', address: '127.0.0.2' })
  })
})
