import { connect } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { frame, Framing } from '../../../src/dns/framing.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub, TlsFault } from '../../../src/testing/stub/types.ts'
import { query } from '../../net/support.ts'

const running: DnsStub[] = []
afterEach(async () => {
  for (const stub of running.splice(0)) await stub.stop()
})

async function start(): Promise<DnsStub> {
  const stub = await createDnsStub({ tls: true, records: { 'www.example.com': '192.0.2.1' } })
  running.push(stub)
  return stub
}

/** How asking over TLS ends: `answered`, or why not. */
function ask(stub: DnsStub): Promise<string> {
  return new Promise(resolve => {
    if (stub.tls === null) throw new Error('no TLS')
    const { port, name, ca } = stub.tls
    const framing = new Framing()
    const socket = connect({ host: stub.host, port, servername: name, ca, ALPNProtocols: ['dot'] }, () =>
      socket.write(frame(query())),
    )
    socket.on('data', chunk => {
      if (framing.push(chunk).length === 0) return
      socket.destroy()
      resolve('answered')
    })
    socket.on('error', error => resolve('code' in error ? String(error.code) : error.message))
    socket.on('close', () => resolve('closed'))
  })
}

describe('a stub over TLS', () => {
  test('answers, with a certificate of its own authority, and records the transport', async () => {
    const stub = await start()
    expect(await ask(stub)).toBe('answered')
    expect(stub.queries.map(({ name, transport }) => `${name} ${transport}`)).toEqual(['www.example.com tls'])
  })

  test.each<[TlsFault, string]>([
    ['expired', 'CERT_HAS_EXPIRED'],
    ['otherName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['otherAuthority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['resetAfterHandshake', 'ECONNRESET'],
    ['closeAfterHandshake', 'closed'],
  ])('whose fault is %s ends with %s, until that is taken back', async (fault, ends) => {
    const stub = await start()
    stub.tls?.fail(fault)
    expect(await ask(stub)).toBe(ends)
    stub.tls?.fail(null)
    expect(await ask(stub)).toBe('answered')
  })

  test('whose handshake is slow answers late', async () => {
    const stub = await start()
    stub.tls?.fail('slowHandshake', { ms: 300 })
    const from = performance.now()
    expect(await ask(stub)).toBe('answered')
    expect(performance.now() - from).toBeGreaterThanOrEqual(299)
  })

  test('has the faults of queries as over TCP', async () => {
    const stub = await start()
    stub.fail('www.example.com', 'tcpReset', { times: 1 })
    expect(await ask(stub)).toBe('ECONNRESET')
    expect(await ask(stub)).toBe('answered')
  })

  test('is not there without being wanted', async () => {
    const stub = await createDnsStub()
    running.push(stub)
    expect(stub.tls).toBeNull()
  })
})
