import { describe, expect, test } from 'vitest'
import { bindingText, readBinding } from '../../src/config/bindings.ts'
import { readConfig } from '../../src/config/read.ts'

describe('an entry of "listen" with a scheme', () => {
  test.each([
    ['tls://0.0.0.0', '0.0.0.0', 853, 'tls', '', false],
    ['TLS://[::1]:8853', '::1', 8853, 'tls', '', false],
    ['tls://127.0.0.1/', '127.0.0.1', 853, 'tls', '', false],
    ['https://192.0.2.1', '192.0.2.1', 443, 'https', '/dns-query', false],
    ['https://[2001:db8::1]:8443/q', '2001:db8::1', 8443, 'https', '/q', false],
    ['https://0.0.0.0:0/a/b-c', '0.0.0.0', 0, 'https', '/a/b-c', false],
    ['http://127.0.0.1:8053/dns-query', '127.0.0.1', 8053, 'http', '/dns-query', false],
    ['http://127.0.0.1', '127.0.0.1', 80, 'http', '/dns-query', false],
    ['tls+proxy://127.0.0.1:8853', '127.0.0.1', 8853, 'tls', '', true],
    ['https+proxy://[::1]', '::1', 443, 'https', '/dns-query', true],
    ['http+proxy://127.0.0.1:8080/x', '127.0.0.1', 8080, 'http', '/x', true],
    ['tcp+proxy://127.0.0.1', '127.0.0.1', 53, 'tcp', '', true],
  ] as const)('%s is read', (text, address, port, transport, path, proxy) => {
    expect(readBinding(text)).toEqual({
      kind: 'binding',
      binding: { address, port, service: { transport, path, proxy } },
    })
  })

  test.each([
    ['doq://0.0.0.0', 'needs a Node.js built with QUIC'],
    ['quic://0.0.0.0:853', 'needs a Node.js built with QUIC'],
    ['dot://0.0.0.0', '"dot://" is not offered'],
    ['tls+tls://0.0.0.0', '"tls+tls://" is not offered'],
    ['tls+proxy+proxy://0.0.0.0', 'is not offered'],
    ['udp://127.0.0.1:53', '"udp://" is not offered'],
    ['tcp://127.0.0.1:53', 'write "127.0.0.1:53" for plain DNS (UDP and TCP), or "tcp+proxy://127.0.0.1:53"'],
    ['tls://dns.example', '"dns.example" is not an address of this host and a port: write it as 0.0.0.0:853'],
    ['tls://::1:853', 'write "[::1]:853"'],
    ['tls://', '"" is not an address'],
    ['tls://0.0.0.0:70000', 'is not an address of this host and a port'],
    ['tls://0.0.0.0/dns-query', 'tls:// has no path: leave out "/dns-query"'],
    ['https://0.0.0.0/dns-query{?dns}', 'is not a plain path such as /dns-query'],
    ['https://0.0.0.0/dns-query?dns=', 'is not a plain path'],
    ['https://0.0.0.0/%64', 'is not a plain path'],
    ['https://user@0.0.0.0/', '"user@0.0.0.0" is not an address'],
  ])('%s is refused', (text, message) => {
    const read = readBinding(text)
    expect(read.kind === 'error' ? read.message : read).toContain(message)
  })

  test.each(['127.0.0.1:53', '[::1]:53', 'tls://0.0.0.0:853', 'https+proxy://[::]:443/dns-query'])(
    '%s is written as it was read',
    text => {
      const read = readBinding(text)
      expect(read.kind === 'binding' ? bindingText(read.binding) : read).toBe(text)
    },
  )
})

const complaints = (value: object): readonly string[] => {
  const result = readConfig({ file: { path: '/etc/x/F', text: JSON.stringify(value) }, overrides: [], directory: '/' })
  return (result.kind === 'config' ? result.warnings : result.problems).map(({ severity, message }) =>
    severity === 'error' ? message : `warning: ${message}`,
  )
}
const pair = { certificate: 'c.pem', key: 'k.pem' }

describe('what is listened on', () => {
  test.each<[object, string]>([
    [
      { listen: ['127.0.0.1:53', 'tls://127.0.0.1'] },
      'listen[1]: tls:// needs a certificate: set "tls": {"certificate": "cert.pem", "key": "key.pem"}, or "tls": {"certificate": "self-signed"} for trials',
    ],
    [{ listen: ['https://127.0.0.1'] }, 'listen[0]: https:// needs a certificate'],
    [{ listen: ['https+proxy://127.0.0.1'], proxies: ['127.0.0.1'] }, 'listen[0]: https:// needs a certificate'],
    [{ listen: ['tls://127.0.0.1'], tls: { certificate: 'c.pem' } }, 'tls: has a certificate without "key"'],
    [{ listen: ['tls://127.0.0.1'], tls: { key: 'k.pem' } }, 'tls: has a key without "certificate"'],
    [
      { listen: ['tls://127.0.0.1'], tls: { certificate: 'self-signed', key: 'k.pem' } },
      'tls.key: is made together with the certificate "self-signed": leave it out',
    ],
    [{ tls: pair }, 'warning: tls: is for tls:// and https:// listeners'],
    [
      { listen: ['tcp+proxy://127.0.0.1:53'] },
      'listen[0]: takes connections of proxies only: list their addresses in "proxies"',
    ],
    [
      { listen: ['127.0.0.1:853', 'tls://127.0.0.1'], tls: pair },
      'listen[1]: tls://127.0.0.1:853 has the address and port of listen[0]',
    ],
    [
      { listen: ['http://192.168.1.1:80'], allow: ['192.168.0.0/16'] },
      'warning: listen[0]: is not encrypted and can be reached from other hosts',
    ],
    [
      { listen: ['http://127.0.0.1:80'], proxies: ['192.168.1.1'] },
      'warning: proxies[0]: is not in "allow", which holds for proxies too: what comes by 192.168.1.1 is refused',
    ],
  ])('%j is reported', (value, message) => {
    expect(complaints(value).filter(complaint => complaint.startsWith(message))).toHaveLength(1)
  })

  test.each<[object]>([
    // The API uses the certificate too.
    [{ tls: pair, admin: { listen: 'https://127.0.0.1:8531' } }],
    [{ tls: pair, admin: { listen: ['127.0.0.1:8530', 'https://127.0.0.1:8531'] } }],
    [{ listen: ['127.0.0.1:53', 'tls://127.0.0.1', 'https://127.0.0.1'], tls: pair }],
    [{ listen: ['http://127.0.0.1:8053/dns-query'] }],
    [{ listen: ['tls://127.0.0.1:0', 'tls://127.0.0.1:0'], tls: { certificate: 'self-signed' } }],
    [
      {
        listen: ['tls+proxy://0.0.0.0'],
        tls: pair,
        proxies: ['192.168.1.1'],
        allow: ['192.168.0.0/16'],
      },
    ],
  ])('%j is right', value => {
    expect(complaints(value)).toEqual([])
  })

  test('certificates are relative to the file', () => {
    const text = JSON.stringify({ listen: ['tls://127.0.0.1'], tls: pair, proxies: ['127.0.0.1'] })
    const result = readConfig({ file: { path: '/etc/x/F', text }, overrides: [], directory: '/' })
    expect(result).toMatchObject({
      kind: 'config',
      config: {
        tls: { kind: 'files', certificate: '/etc/x/c.pem', key: '/etc/x/k.pem' },
        proxies: [{ length: 32 }],
      },
    })
  })
})
