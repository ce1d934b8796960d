import { describe, expect, it, test } from 'vitest'
import { authority, leaf } from './certificates.ts'
import { namesOf } from './names.ts'
import { ca, closedPort, failureOf, h2, hopsOf, http, https, opened, tcp } from './site.ts'

const WWW = ['www.example.test. 300 IN A 127.0.0.1']
const www = { names: namesOf(WWW) }

describe('a visit', () => {
  it('over http has look-ups, a connection and a response, and times that only grow', async () => {
    const port = await http((_, response) => response.end('hello'))
    const [hop] = hopsOf(await opened(`http://www.example.test:${port}/`, www))
    expect(hop?.end).toEqual({ kind: 'done', content: 'whole' })
    expect(hop?.lookUps.map(({ because, answer }) => [because, answer?.kind])).toEqual([
      ['service', 'nxdomain'],
      ['address', 'nodata'],
      ['address', 'answer'],
    ])
    expect(hop?.attempts.map(({ outcome }) => outcome.kind)).toEqual(['connected'])
    expect(hop?.response).toMatchObject({ protocol: 'HTTP/1.1', status: 200, contentBytes: 5, closes: false })
    expect(hop?.tls).toBeNull()
    const { namesMs, connectedMs, sentMs, firstOctetMs, totalMs } = hop?.times ?? {}
    const times = [namesMs, connectedMs, sentMs, firstOctetMs, totalMs].map(Number)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it.each([
    ['h2', ['h2', 'http/1.1'], 'HTTP/2'],
    ['http/1.1', ['http/1.1'], 'HTTP/1.1'],
  ] as const)('over https speaks %s when that is offered', async (alpn, offer, protocol) => {
    const port = await h2((_, response) => response.end('hello'))
    const [hop] = hopsOf(await opened(`https://www.example.test:${port}/`, { ...www, offer }))
    expect(hop?.end).toEqual({ kind: 'done', content: 'whole' })
    expect(hop?.response).toMatchObject({ protocol, status: 200, contentBytes: 5 })
    expect(hop?.tls).toMatchObject({
      version: 'TLSv1.3',
      alpn,
      serverName: 'www.example.test',
      isResumed: false,
      verdict: { kind: 'verified' },
    })
    expect(hop?.tls?.chain.map(({ subject, issuer }) => [subject, issuer])).toEqual([
      ['CN=www.example.test', 'CN=Test Authority'],
      ['CN=Test Authority', 'CN=Test Authority'],
    ])
    // Made for 90 days a moment ago: in the same second they are 90 still.
    expect([89, 90]).toContain(hop?.tls?.chain[0]?.daysLeft)
    expect(hop?.tls?.chain[0]).toMatchObject({
      names: ['www.example.test', 'other.example.test', '127.0.0.1'],
      key: 'ec prime256v1',
    })
  })

  it.each([['h2'], ['http/1.1']] as const)('over %s repeated is cold, then resumes TLS, then reuses', async alpn => {
    const port = await h2((_, response) => response.end('hello'))
    const { passes } = await opened(`https://www.example.test:${port}/`, { ...www, offer: [alpn], repeat: 2 })
    expect(passes.map(({ kind }) => kind)).toEqual(['cold', 'warm', 'reused'])
    expect(passes.map(({ hops }) => [hops[0]?.connection?.isReused, hops[0]?.tls?.isResumed])).toEqual([
      [false, false],
      [false, true],
      [true, true],
    ])
    expect(passes.map(({ hops }) => hops[0]?.end.kind)).toEqual(['done', 'done', 'done'])
    expect(passes[2]?.hops[0]).toMatchObject({ lookUps: [], attempts: [] })
    expect(passes[2]?.hops[0]?.times).toMatchObject({ namesMs: null, connectedMs: null, securedMs: null })
  })

  it('of an address asks no names', async () => {
    const port = await https((_, response) => response.end())
    const names = namesOf([])
    const [hop] = hopsOf(await opened(`https://127.0.0.1:${port}/`, { names }))
    expect(hop?.end).toEqual({ kind: 'done', content: 'none' })
    expect(hop?.tls?.serverName).toBeNull()
    expect(names.asked).toEqual([])
  })

  it('with an address that is given asks no names, and keeps the name for TLS and HTTP', async () => {
    const hosts: (string | undefined)[] = []
    const port = await https((request, response) => {
      hosts.push(request.headers.host)
      response.end()
    })
    const names = namesOf([])
    const [hop] = hopsOf(
      await opened(`https://www.example.test:${port}/`, {
        names,
        address: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1), text: '127.0.0.1' },
      }),
    )
    expect(hop?.end.kind).toBe('done')
    expect(hop?.tls?.serverName).toBe('www.example.test')
    expect(hosts).toEqual([`www.example.test:${port}`])
    expect(names.asked).toEqual([])
  })

  it('follows an HTTPS record to its port', async () => {
    const port = await h2((_, response) => response.end('there'))
    const names = namesOf([
      ...WWW,
      `www.example.test. 300 IN HTTPS 1 svc.example.test. alpn=h2 port=${port} ech=AEX+`,
      'svc.example.test. 300 IN A 127.0.0.1',
    ])
    const [hop] = hopsOf(await opened('https://www.example.test/', { names }))
    expect(hop?.end.kind).toBe('done')
    expect(hop?.connection?.port).toBe(port)
    expect(hop?.tls).toMatchObject({ offeredEch: true, serverName: 'www.example.test' })
    expect(hop?.lookUps).toHaveLength(5)
  })

  it('of http goes to https when there is an HTTPS record, before anything is sent in the clear', async () => {
    const port = await h2((_, response) => response.end('there'))
    const names = namesOf([...WWW, `www.example.test. 300 IN HTTPS 1 . port=${port}`])
    const hops = hopsOf(await opened('http://www.example.test/', { names }))
    expect(hops.map(({ url, end }) => [url, end.kind])).toEqual([
      ['http://www.example.test/', 'redirect'],
      ['https://www.example.test/', 'done'],
    ])
    expect(hops[0]).toMatchObject({ end: { by: 'service' }, attempts: [], response: null })
  })
})

describe('a visit ends with a failure', () => {
  test.each([
    ['when the name does not exist', [], { kind: 'names', why: 'no-such-name' }],
    ['when it has no address', ['www.example.test. 60 IN TXT a'], { kind: 'names', why: 'no-address' }],
  ])('%s', async (_, lines, failure) => {
    const visited = await opened('http://www.example.test/', { names: namesOf(lines) })
    expect(failureOf(visited)).toEqual(failure)
  })

  it('when the look-ups fail', async () => {
    const names = namesOf([], { failing: ['www.example.test'] })
    expect(failureOf(await opened('http://www.example.test/', { names }))).toEqual({ kind: 'names', why: 'failed' })
  })

  it('when nobody listens', async () => {
    const port = await closedPort()
    const visited = await opened(`http://www.example.test:${port}/`, www)
    expect(failureOf(visited)).toEqual({ kind: 'connect', reason: 'ECONNREFUSED' })
    expect(hopsOf(visited)[0]?.attempts[0]?.outcome).toEqual({ kind: 'failed', reason: 'ECONNREFUSED' })
  })

  it('when TLS meets something else', async () => {
    const port = await http((_, response) => response.end())
    expect(failureOf(await opened(`https://www.example.test:${port}/`, www))).toMatchObject({ kind: 'tls' })
  })

  it('when the connection is closed in the handshake', async () => {
    const port = await tcp(socket => socket.on('data', () => socket.destroy()))
    expect(failureOf(await opened(`https://www.example.test:${port}/`, www))).toEqual({
      kind: 'tls',
      reason: 'ECONNRESET',
    })
  })

  test.each([
    ['that has expired', leaf(ca, { names: ['www.example.test'], from: -10, to: -1 }), 'CERT_HAS_EXPIRED'],
    ['that is not valid yet', leaf(ca, { names: ['www.example.test'], from: 2, to: 3 }), 'CERT_NOT_YET_VALID'],
    ['of another name', leaf(ca, { names: ['x.example.test'] }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['of an unknown authority', leaf(authority('X'), { names: ['www.example.test'] }), 'SELF_SIGNED_CERT_IN_CHAIN'],
  ])('when the certificate is one %s, and sends nothing', async (_, { key, cert }, reason) => {
    let requests = 0
    const port = await https(
      (_request, response) => {
        requests++
        response.end()
      },
      { key, cert },
    )
    const visited = await opened(`https://www.example.test:${port}/`, www)
    expect(failureOf(visited)).toEqual({ kind: 'certificate', reason })
    expect(hopsOf(visited)[0]?.tls?.verdict).toEqual({ kind: 'not-verified', reason, wasAccepted: false })
    expect(requests).toBe(0)
    const insecure = await opened(`https://www.example.test:${port}/`, { ...www, insecure: true })
    expect(failureOf(insecure)).toBeNull()
    expect(hopsOf(insecure)[0]?.tls?.verdict).toEqual({ kind: 'not-verified', reason, wasAccepted: true })
  })

  test.each([
    ['nothing', '', { kind: 'empty-reply' }],
    ['half a header', 'HTTP/1.1 200 OK\r\nA: b', { kind: 'broken-off', during: 'request' }],
    ['half its content', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', { kind: 'incomplete-content' }],
    ['no HTTP', '220 smtp.example.test ESMTP\r\n', { kind: 'bad-reply', protocol: 'HTTP/1.1' }],
  ])('when the server sends %s and closes', async (_, reply, failure) => {
    const port = await tcp(socket => socket.on('data', () => socket.end(reply)))
    expect(failureOf(await opened(`http://www.example.test:${port}/`, www))).toMatchObject(failure)
  })

  test.each([
    ['to itself', '/', { kind: 'too-many-redirects', allowed: 10 }],
    ['to another scheme', 'ftp://ftp.example.test/', { kind: 'bad-redirect', why: 'scheme' }],
    ['to a script', 'javascript:alert(1)', { kind: 'bad-redirect', why: 'scheme' }],
    ['to what is no URL', 'http://[', { kind: 'bad-redirect', why: 'malformed' }],
  ])('when a redirect leads %s', async (_, location, failure) => {
    const port = await http((_request, response) => response.writeHead(302, { location }).end())
    expect(failureOf(await opened(`http://www.example.test:${port}/`, www))).toMatchObject(failure)
  })
})

describe('a time-out', () => {
  const short = { ...www, passMs: 80 }

  it('in look-ups names them', async () => {
    const names = { lookUp: () => new Promise<never>(() => {}) }
    expect(failureOf(await opened('http://www.example.test/', { names, passMs: 20 }))).toEqual({
      kind: 'time-out',
      during: 'names',
    })
  })

  test.each([
    ['https', 'tls'],
    ['http', 'request'],
  ])('over %s at a server that says nothing is one of %s', async (scheme, during) => {
    const port = await tcp(() => {})
    expect(failureOf(await opened(`${scheme}://www.example.test:${port}/`, short))).toEqual({
      kind: 'time-out',
      during,
    })
  })

  it('of content that does not end names it', async () => {
    const port = await http((_, response) => void response.write('a'))
    expect(failureOf(await opened(`http://www.example.test:${port}/`, short))).toEqual({
      kind: 'time-out',
      during: 'content',
    })
  })
})

describe('a hostile server', () => {
  it.each([['h2'], ['http/1.1']] as const)('that never ends its content over %s is cut off', async alpn => {
    const chunk = Buffer.alloc(16_384)
    const port = await h2((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more).on('error', () => {})
      more()
    })
    const [hop] = hopsOf(
      await opened(`https://www.example.test:${port}/`, { ...www, offer: [alpn], contentBytes: 100_000 }),
    )
    expect(hop?.end).toEqual({ kind: 'done', content: 'cut' })
    expect(hop?.response?.contentBytes).toBeGreaterThanOrEqual(100_000)
    expect(hop?.response?.contentBytes).toBeLessThan(300_000)
  })

  it('that never ends its header is refused', async () => {
    const port = await tcp(socket =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n')
        const more = (): void => {
          while (!socket.destroyed && socket.write(`X-A: ${'a'.repeat(1000)}\r\n`));
        }
        socket.on('drain', more)
        more()
      }),
    )
    expect(failureOf(await opened(`http://www.example.test:${port}/`, www))).toMatchObject({ kind: 'header-too-large' })
  })

  it('that sends interim responses without end is refused', async () => {
    const port = await tcp(socket =>
      socket.once('data', () => void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(200))),
    )
    expect(failureOf(await opened(`http://www.example.test:${port}/`, www))).toMatchObject({ kind: 'bad-reply' })
  })

  it('that sends a header over HTTP/2 with too many fields is refused', async () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`x-${i}`, 'a'.repeat(100)]))
    const port = await h2((_, response) => {
      response.on('error', () => {})
      response.writeHead(200, many)
      response.end()
    })
    expect(failureOf(await opened(`https://www.example.test:${port}/`, www))?.kind).toBeDefined()
  })

  it('that sends a bomb of gzip is counted as it came', async () => {
    const { gzipSync } = await import('node:zlib')
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const port = await http((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    const [hop] = hopsOf(await opened(`http://www.example.test:${port}/`, www))
    expect(hop?.response?.contentBytes).toBe(bomb.length)
  })
})
