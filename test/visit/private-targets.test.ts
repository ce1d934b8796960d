import { describe, expect, it, test } from 'vitest'
import { privateKindOf } from '../../src/visit/private-targets.ts'
import { namesOf } from './names.ts'
import { failureOf, hopsOf, http, opened, target } from './site.ts'

describe('an address', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'shared'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.0.1', 'link-local'],
    ['169.254.169.254', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmark'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['fe80::1', 'link-local'],
    ['fd00::1', 'private'],
    ['fd00:ec2::254', 'metadata'],
    ['fec0::1', 'private'],
    ['ff02::1', 'multicast'],
    ['2001:db8::1', 'documentation'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:10.0.0.1', 'private'],
    ['::7f00:1', 'loopback'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::169.254.169.254', 'metadata'],
    ['64:ff9b:1::1', 'private'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:a00:1::1', 'private'],
    ['2001::f5ff:fffe', 'private'],
    ['2001:41d0::5efe:192.168.0.1', 'private'],
    ['2001:41d0::200:5efe:127.0.0.1', 'loopback'],
  ])('%s is %s', (text, kind) => {
    expect(privateKindOf(text)).toBe(kind)
  })

  test.each([
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2001:41d0::1',
    '2600::1',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ])('%s is one of the public internet', text => {
    expect(privateKindOf(text)).toBeNull()
  })

  test.each([
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://0177.0.0.1/', '127.0.0.1'],
    ['http://127.1/', '127.0.0.1'],
    ['http://[::ffff:7f00:1]/', '127.0.0.1'],
    ['http://１２７.0.0.1/', '127.0.0.1'],
  ])('written as in %s is read as %s', (url, address) => {
    const { host } = target(url)
    expect(host.kind === 'address' ? host.ip.text : host.text).toBe(address)
  })
})

describe('a visit that refuses private targets', () => {
  const refuse = { reach: { allowed: [], own: [] } } as const

  it('connects to none, whether the address is in the URL or in the DNS', async () => {
    let connections = 0
    const port = await http((_, response) => {
      connections++
      response.end()
    })
    const names = namesOf(['www.example.test. 300 IN A 127.0.0.1'])
    for (const host of ['127.0.0.1', 'www.example.test', '0x7f.1'])
      expect(failureOf(await opened(`http://${host}:${port}/`, { names, ...refuse }))).toEqual({
        kind: 'refused-target',
        address: '127.0.0.1',
        what: 'loopback',
      })
    expect(connections).toBe(0)
  })

  it('takes a public address next to a private one, and never the private one', async () => {
    const names = namesOf(['www.example.test. 300 IN A 127.0.0.1', 'www.example.test. 300 IN A 9.9.9.9'])
    const [hop] = hopsOf(await opened('http://www.example.test:1/', { names, ...refuse, passMs: 30 }))
    expect(hop?.attempts.every(({ endpoint }) => endpoint.ip.text === '9.9.9.9')).toBe(true)
  })

  it('refuses an address hint and the address of a service too', async () => {
    const names = namesOf(['www.example.test. 300 IN HTTPS 1 svc.example.test.', 'svc.example.test. 300 IN AAAA ::1'])
    expect(failureOf(await opened('https://www.example.test/', { names, ...refuse }))?.kind).toBe('refused-target')
  })
})
