import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openControlApi, type ControlApi } from '../../../src/testing/control/api.ts'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'

let dns: DnsStub
let control: ControlApi
beforeEach(async () => {
  dns = await createDnsStub({
    records: {
      'db.internal': { A: ['10.0.0.5', '10.0.0.6'], TXT: 'say "hi"', ttl: 30 },
      'alias.internal': { CNAME: 'db.internal' },
    },
  })
  control = await openControlApi(dns)
})
afterEach(async () => {
  await control.close()
  await dns.stop()
})

interface Reply {
  readonly status: number
  readonly type: string | null
  readonly location: string | null
  readonly body: unknown
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Reply> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${control.url}${path}`, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text }),
  })
  const received = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    location: response.headers.get('location'),
    body: received === '' ? null : JSON.parse(received),
  }
}

/** Headers that fetch keeps to itself. */
const raw = (headers: Record<string, string>, path = '/health'): Promise<number> =>
  new Promise((resolve, reject) => {
    const [host = '', port] = control.address.split(':')
    httpRequest({ host, port, path, headers }, response => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end()
  })

const state = async (): Promise<unknown> => (await ask('GET', '/state')).body
const problem = (status: number, detail: RegExp): object => ({
  status,
  type: 'application/problem+json',
  body: expect.objectContaining({
    type: 'about:blank',
    status,
    title: expect.any(String),
    detail: expect.stringMatching(detail),
  }),
})

describe('records', () => {
  test('are listed by name and type, as data that can be put again', async () => {
    const { status, type, body } = await ask('GET', '/records')
    expect([status, type]).toEqual([200, 'application/json'])
    expect(body).toEqual({
      'db.internal': {
        A: { data: ['10.0.0.5', '10.0.0.6'], ttl: 30 },
        TXT: { data: [String.raw`"say \"hi\""`], ttl: 30 },
      },
      'alias.internal': { CNAME: { data: [expect.stringMatching(/^db\.internal\.?$/)], ttl: 60 } },
    })
    expect(await ask('PUT', '/records', body)).toMatchObject({ status: 200, body })
    expect((await ask('GET', '/records/DB.internal.')).body).toEqual((body as Record<string, unknown>)['db.internal'])
    expect((await ask('GET', '/records/db.internal/a')).body).toEqual({ data: ['10.0.0.5', '10.0.0.6'], ttl: 30 })
  })

  test('are put: created 201 with a location, replaced 200, and answered', async () => {
    expect(await ask('PUT', '/records/api.internal/A', { data: ['192.0.2.1'], ttl: 5 })).toMatchObject({
      status: 201,
      location: '/records/api.internal/A',
      body: { data: ['192.0.2.1'], ttl: 5 },
    })
    expect(await ask('PUT', '/records/api.internal/A', { data: '192.0.2.2', ttl: 6 })).toMatchObject({ status: 200 })
    expect(await dns.resolver().resolve4('api.internal', { ttl: true })).toEqual([{ address: '192.0.2.2', ttl: 6 }])
    expect(
      await ask('PUT', '/records/api.internal', { MX: { data: '10 mail.test', ttl: 7 }, A: '192.0.2.3', ttl: 8 }),
    ).toMatchObject({ status: 200, body: { MX: { ttl: 7 }, A: { data: ['192.0.2.3'], ttl: 8 } } })
    expect(await ask('PUT', '/records/two.internal', ['192.0.2.4', '2001:db8::4'])).toMatchObject({
      status: 201,
      body: { A: { data: ['192.0.2.4'] }, AAAA: { data: ['2001:db8::4'] } },
    })
    expect(await ask('PUT', '/records/mx.internal/MX', [{ preference: 5, exchange: 'mail.test' }])).toMatchObject({
      status: 201,
      body: { data: [expect.stringMatching(/^5 mail\.test/)] },
    })
  })

  test('all of them are replaced at once', async () => {
    expect((await ask('PUT', '/records', { 'only.test': '192.0.2.1' })).body).toEqual({
      'only.test': { A: { data: ['192.0.2.1'], ttl: 60 } },
    })
    expect(dns.records.map(({ name }) => name)).toEqual(['only.test'])
  })

  test('are deleted; what is not there is 404', async () => {
    expect((await ask('DELETE', '/records/db.internal/TXT')).status).toBe(204)
    expect(await ask('GET', '/records/db.internal/TXT')).toMatchObject(problem(404, /no TXT records of db\.internal/))
    expect((await ask('DELETE', '/records/db.internal')).status).toBe(204)
    expect(await ask('DELETE', '/records/db.internal')).toMatchObject(problem(404, /no records of db\.internal/))
    expect((await ask('DELETE', '/records')).status).toBe(204)
    expect(dns.records).toEqual([])
  })

  test('a name that exists without records is listed, given, put again and deleted', async () => {
    expect(await ask('PUT', '/records/empty.test', { A: [] })).toMatchObject({ status: 201, body: {} })
    expect(await ask('GET', '/records/empty.test')).toMatchObject({ status: 200, body: {} })
    const { body } = await ask('GET', '/records')
    expect(body).toMatchObject({ 'empty.test': {} })
    expect(await ask('PUT', '/records', body)).toMatchObject({ status: 200, body })
    expect((await ask('PUT', '/records', { 'x.test': 'x' })).status).toBe(422)
    expect((await ask('GET', '/records')).body).toEqual(body)
    expect((await ask('DELETE', '/records/empty.test')).status).toBe(204)
    expect((await ask('GET', '/records/empty.test')).status).toBe(404)
    expect((await ask('PUT', '/records/db.internal/TXT', [])).status).toBe(204)
    expect((await ask('GET', '/records/db.internal/TXT')).status).toBe(404)
  })

  test.each([
    ['%00', 422, 404],
    ['a%20b.test', 422, 404],
    ['http:%2F%2Fa.test', 422, 404],
    ['a..test', 422, 404],
    ['%5C000', 201, 200],
    ['a%5C032b.test', 201, 200],
    ['b%C3%BCcher.test', 201, 200],
    ['UPPER.test.', 201, 200],
  ])('PUT, GET and DELETE agree on the name %s', async (name, put, get) => {
    expect((await ask('PUT', `/records/${name}/A`, '["192.0.2.1"]')).status).toBe(put)
    expect((await ask('GET', `/records/${name}/A`)).status).toBe(get)
    expect((await ask('GET', `/records/${name}`)).status).toBe(get)
    expect((await ask('PUT', `/records/${name}`, '["192.0.2.1"]')).status).toBe(put === 201 ? 200 : put)
    expect((await ask('DELETE', `/records/${name}`)).status).toBe(get === 200 ? 204 : 404)
  })

  test('put in time that grows with their number: four times the names, far less than sixteen times as long', async () => {
    const names = (count: number): object =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`n${i}.test`, { A: { data: ['192.0.2.1'], ttl: 5 } }]),
      )
    const cpuMs = async (count: number): Promise<number> => {
      const startedAt = process.cpuUsage()
      expect((await ask('PUT', '/records', names(count))).status).toBe(200)
      const { user, system } = process.cpuUsage(startedAt)
      return (user + system) / 1000
    }
    await cpuMs(1_000)
    const few = await cpuMs(5_000)
    expect(await cpuMs(20_000)).toBeLessThan(few * 10 + 500)
    expect((await ask('PUT', '/records/one.more/A', { data: '192.0.2.1' })).status).toBe(201)
  })

  test('names are percent-encoded, the root is a dot', async () => {
    expect((await ask('PUT', `/records/${encodeURIComponent('*.cdn.test')}/A`, { data: '192.0.2.9' })).status).toBe(201)
    expect(await dns.resolver().resolve4('deep.cdn.test')).toEqual(['192.0.2.9'])
    expect(
      await new Promise(resolve =>
        connect(Number(control.address.split(':')[1]), '127.0.0.1')
          .on('data', chunk => resolve(String(chunk).split('\r\n')[0]))
          .end('GET /records/. HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      ),
    ).toBe('HTTP/1.1 404 Not Found')
  })
})

describe('faults', () => {
  test('are made with 201, listed, counted, and removed', async () => {
    const { status, location, body } = await ask('POST', '/faults', {
      name: 'db.internal',
      kind: 'SERVFAIL',
      times: 1,
      type: 'A',
      ede: { code: 22, text: 'none reachable' },
    })
    expect(status).toBe(201)
    const { id } = body as { id: string }
    expect(body).toEqual({ id, name: 'db.internal', kind: 'SERVFAIL', hits: 0 })
    expect(location).toBe(`/faults/${id}`)
    await expect(dns.resolver().resolve4('db.internal')).rejects.toMatchObject({ code: 'ESERVFAIL' })
    expect(await dns.resolver().resolve4('db.internal')).toEqual(['10.0.0.5', '10.0.0.6'])
    const second = (await ask('POST', '/faults', { name: '*', kind: 'timeout', transport: 'tcp' })).body as {
      id: string
    }
    expect((await ask('GET', `/faults/${second.id}`)).body).toMatchObject({ kind: 'timeout', name: '*', hits: 0 })
    expect((await ask('GET', '/faults')).body).toContainEqual(expect.objectContaining({ id: second.id }))
    expect((await ask('DELETE', `/faults/${second.id}`)).status).toBe(204)
    expect(await ask('DELETE', `/faults/${second.id}`)).toMatchObject(problem(404, /no fault/))
    await ask('POST', '/faults', { name: '*', kind: 'timeout' })
    expect((await ask('DELETE', '/faults')).status).toBe(204)
    expect(dns.faults).toEqual([])
  })

  test('the control API sets faults of every kind', async () => {
    const bodies = [
      { name: 'a.test', kind: 'delay', ms: 5, jitter: 2 },
      { name: 'a.test', kind: 'ttl', seconds: 3 },
      { name: 'a.test', kind: 'passthrough' },
      { name: 'a.test', kind: 'forward', server: '127.0.0.1:5300' },
      {
        name: 'a.test',
        kind: 'sequence',
        replies: ['SERVFAIL', '192.0.2.1', null, { rcode: 'NXDOMAIN' }],
        after: 'listed',
      },
      { name: 'a.test', kind: 'nxdomain', schedule: ['pass', 'fail'] },
      { name: 'a.test', kind: 'wrongId', probability: 0.5, client: '127.0.0.0/8' },
      ...[
        'timeout',
        'REFUSED',
        'FORMERR',
        'NOTIMP',
        'truncate',
        'wrongQuestion',
        'wrongSource',
        'garbage',
        'halfFrame',
        'tcpReset',
        'stripEdns',
        'empty',
      ].map(kind => ({ name: 'a.test', kind })),
    ]
    for (const body of bodies)
      expect(await ask('POST', '/faults', body), JSON.stringify(body)).toMatchObject({ status: 201 })
    expect(dns.faults).toHaveLength(bodies.length)
  })

  test('a sequence acts in turn', async () => {
    await ask('POST', '/faults', { name: 'db.internal', kind: 'sequence', replies: ['SERVFAIL', '192.0.2.1', null] })
    const resolver = dns.resolver()
    await expect(resolver.resolve4('db.internal')).rejects.toMatchObject({ code: 'ESERVFAIL' })
    expect(await resolver.resolve4('db.internal')).toEqual(['192.0.2.1'])
    expect(await resolver.resolve4('db.internal')).toEqual(['10.0.0.5', '10.0.0.6'])
  })
})

describe('queries', () => {
  test('are listed, filtered and forgotten', async () => {
    await dns.resolver().resolve4('db.internal')
    await dns
      .resolver()
      .resolve6('nothing.test')
      .catch(() => {})
    const all = (await ask('GET', '/queries')).body
    expect(all).toEqual([
      expect.objectContaining({
        name: 'db.internal',
        type: 'A',
        class: 'IN',
        transport: 'udp',
        matched: true,
        answeredWith: 'NOERROR',
        client: { address: '127.0.0.1', port: expect.any(Number) },
      }),
      expect.objectContaining({ name: 'nothing.test', type: 'AAAA', matched: false, answeredWith: 'NXDOMAIN' }),
    ])
    const names = async (path: string): Promise<unknown> =>
      ((await ask('GET', path)).body as { name: string }[]).map(({ name }) => name)
    expect(await names('/queries?name=DB.internal.')).toEqual(['db.internal'])
    expect(await names('/queries?type=aaaa')).toEqual(['nothing.test'])
    expect(await names('/queries?name=db.internal&type=MX')).toEqual([])
    expect(await names('/queries?unmatched=true')).toEqual(['nothing.test'])
    expect(await names('/queries?unmatched=false')).toEqual(['db.internal'])
    expect((await ask('DELETE', '/queries')).status).toBe(204)
    expect(dns.queries).toEqual([])
  })

  test('the control API waits for a query that has not come', async () => {
    const waiting = ask('GET', '/queries/wait?name=late.internal&type=A&timeout=5000')
    await ask('GET', '/health')
    await dns
      .resolver()
      .resolve4('late.internal')
      .catch(() => {})
    expect(await waiting).toMatchObject({ status: 200, body: { name: 'late.internal', type: 'A' } })
    expect(await ask('GET', '/queries/wait?name=never.internal&timeout=1')).toMatchObject(
      problem(404, /No query for never\.internal came within 1 ms\. Asked were: late\.internal A\./),
    )
  })

  test('closing does not wait for those who wait', async () => {
    const waiting = ask('GET', '/queries/wait?name=late.internal&timeout=60000').then(
      () => 'answered',
      () => 'cut off',
    )
    await ask('GET', '/health')
    await control.close()
    expect(await waiting).toBe('cut off')
  })
})

describe('state', () => {
  test('as a whole, and back to the start', async () => {
    const before = await state()
    await ask('PUT', '/records/new.test', ['192.0.2.1'])
    await ask('DELETE', '/records/db.internal')
    await ask('POST', '/faults', { name: '*', kind: 'timeout' })
    expect(await state()).toMatchObject({
      dns: dns.address,
      faults: [{ kind: 'timeout' }],
      records: { 'new.test': {} },
      queries: [],
      unmatched: 0,
    })
    expect((await ask('DELETE', '/state')).status).toBe(204)
    expect(await state()).toEqual(before)
  })

  test('health, and what there is', async () => {
    expect(await ask('GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok', dns: dns.address } })
    expect((await ask('GET', '/')).body).toMatchObject({
      paths: expect.arrayContaining([{ path: '/records/*/*', methods: ['GET', 'PUT', 'DELETE'] }]),
    })
    expect((await fetch(`${control.url}/health`, { method: 'HEAD' })).status).toBe(200)
  })
})

describe('a wrong request gets a problem and changes nothing', () => {
  test.each<[string, string, unknown, number, RegExp]>([
    ['GET', '/record', undefined, 404, /There is no \/record\. GET \/ lists/],
    ['GET', '/records/', undefined, 404, /There is no/],
    ['GET', '/records/a.test/A/x', undefined, 404, /There is no/],
    ['GET', '/records/%zz', undefined, 400, /percent-encoded/],
    ['POST', '/records', {}, 405, /POST is not for \/records; GET, PUT, DELETE are\./],
    ['PUT', '/faults/1', {}, 405, /GET, DELETE/],
    ['GET', '/records?nam=x', undefined, 400, /Unknown parameter "nam"\. There are no parameters here/],
    ['GET', '/queries?nam=x', undefined, 400, /did you mean "name"\?/],
    ['GET', '/queries?name=a&name=b', undefined, 400, /twice/],
    ['GET', '/queries?unmatched=yes', undefined, 400, /true or false/],
    ['GET', '/queries?type=AAAAA&name=a.test', undefined, 400, /AAAAA/],
    ['GET', '/queries/wait', undefined, 400, /"name" is missing/],
    ['GET', '/queries/wait?name=a.test&timeout=soon', undefined, 400, /milliseconds/],
    ['GET', '/queries/wait?name=a.test&timeout=60001', undefined, 400, /60000/],
    ['GET', '/queries/wait?name=a.test&count=0', undefined, 400, /count/],
    ['PUT', '/records/a.test/A', undefined, 400, /needs a JSON body/],
    ['DELETE', '/state', {}, 400, /takes no body/],
    ['PUT', '/records/a.test/A', '{"data": [', 400, /not JSON/],
    ['PUT', '/records/a.test/A', { data: ['192.0.2.300'] }, 422, /192\.0\.2\.300/],
    ['PUT', '/records/a.test/A', { data: ['192.0.2.1', 'x'] }, 422, /x/],
    ['PUT', '/records/a.test/A', { data: ['192.0.2.1'], tll: 5 }, 422, /"tll"; expected "data" and "ttl"/],
    ['PUT', '/records/a.test/A', { data: ['192.0.2.1'], ttl: -1 }, 422, /ttl/],
    ['PUT', '/records/a.test/A', { data: ['192.0.2.1'], ttl: '5' }, 422, /ttl/],
    ['PUT', '/records/a.test/AAA', { data: ['192.0.2.1'] }, 422, /AAA/],
    ['PUT', '/records/a..test/A', { data: ['192.0.2.1'] }, 422, /a\.\.test/],
    ['PUT', '/records/a.test', 5, 422, /expected/],
    ['PUT', '/records/a.test', { A: '192.0.2.1', CNAME: 'b.test' }, 422, /CNAME/],
    ['PUT', '/records/a.test', { A: { data: '192.0.2.1', ttl: 5 }, MX: { data: 'x', ttl: 5 } }, 422, /MX/],
    ['PUT', '/records/db.internal/CNAME', { data: 'b.test' }, 409, /has A, TXT, and a CNAME stands alone/],
    ['PUT', '/records/alias.internal/A', { data: '192.0.2.1' }, 409, /DELETE \/records\/alias\.internal\/CNAME first/],
    ['PUT', '/records', ['a.test'], 422, /Expected names/],
    ['PUT', '/records', { 'a.test': '192.0.2.1', 'b.test': { A: 'x' } }, 422, /b\.test/],
    ['DELETE', '/records/none.test', undefined, 404, /no records/],
    ['POST', '/faults', [], 422, /Expected an object/],
    ['POST', '/faults', { kind: 'timeout' }, 422, /name: expected/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeot' }, 422, /kind: expected one of .*did you mean "timeout"/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', time: 1 }, 422, /time: .*did you mean "times"/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', ms: 1 }, 422, /ms: timeout has no such member/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', times: 0.5 }, 422, /times/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', times: '1' }, 422, /times: expected a number/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', probability: 2 }, 422, /probability/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', transport: 'quic' }, 422, /transport/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', schedule: ['no'] }, 422, /schedule/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', client: 'me' }, 422, /me/],
    ['POST', '/faults', { name: 'a.test', kind: 'timeout', type: 'AAA' }, 422, /AAA/],
    ['POST', '/faults', { name: 'a.test', kind: 'SERVFAIL', ede: 22 }, 422, /ede: expected/],
    ['POST', '/faults', { name: 'a.test', kind: 'delay' }, 422, /ms: expected a number, found nothing/],
    ['POST', '/faults', { name: 'a.test', kind: 'forward', server: 'nowhere' }, 422, /nowhere/],
    ['POST', '/faults', { name: 'a.test', kind: 'sequence', replies: 'SERVFAIL' }, 422, /replies: expected an array/],
    ['POST', '/faults', { name: 'a.test', kind: 'sequence', replies: ['SERVFAI'] }, 422, /SERVFAI/],
    ['POST', '/faults', { name: 'a.test', kind: 'sequence', replies: [5] }, 422, /replies\/0/],
    ['DELETE', '/faults/none', undefined, 404, /no fault "none"/],
  ])('%s %s %j: %d', async (method, path, body, status, detail) => {
    const before = await state()
    expect(await ask(method, path, body)).toMatchObject(problem(status, detail))
    expect(await state()).toEqual(before)
  })

  const nested = (depth: number, core = '"192.0.2.1"'): string => '['.repeat(depth) + core + ']'.repeat(depth)
  test.each([
    ['PUT', '/records', nested(20_000)],
    ['PUT', '/records/deep.test', nested(20_000)],
    ['PUT', '/records/deep.test/A', nested(20_000)],
    ['PUT', '/records/deep.test/TXT', `{"data": ${nested(20_000)}}`],
    ['PUT', '/records/deep.test/MX', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['POST', '/faults', nested(20_000)],
    ['POST', '/faults', `{"name": "a.test", "kind": "sequence", "replies": ${nested(20_000)}}`],
    ['PUT', '/records/deep.test/A', nested(33)],
  ])('%s %s, nested too deep: 400', async (method, path, body) => {
    const before = await state()
    expect(await ask(method, path, body)).toMatchObject(problem(400, /nested 32 deep/))
    expect(await state()).toEqual(before)
  })

  test('nested as deep as may be: judged by what it says', async () => {
    expect(await ask('PUT', '/records/deep.test/A', nested(32))).toMatchObject(problem(422, /A/))
    const replies = [{ records: [{ type: 'NSEC', data: { nextDomain: 'b.test', rrtypes: ['A'] } }] }]
    expect((await ask('POST', '/faults', { name: 'a.test', kind: 'sequence', replies })).status).toBe(201)
  })

  test('the wrong member is pointed at', async () => {
    expect((await ask('PUT', '/records', { 'ok.test': '192.0.2.1', 'bad~/.test': 5 })).body).toMatchObject({
      errors: [{ pointer: '/bad~0~1.test', detail: expect.any(String) }],
    })
    expect((await ask('POST', '/faults', { name: 'a.test', kind: 'delay', ms: 'x' })).body).toMatchObject({
      errors: [{ pointer: '/ms' }],
    })
  })

  test('405 says what is allowed', async () => {
    expect((await fetch(`${control.url}/state`, { method: 'PATCH', body: '{}' })).headers.get('allow')).toBe(
      'GET, DELETE',
    )
  })

  test('a body too large: 413, announced or not', async () => {
    const large = 'x'.repeat(1_048_577)
    expect(await ask('PUT', '/records', large)).toMatchObject(problem(413, /1048576/))
    const chunks = new ReadableStream({
      start: controller => {
        controller.enqueue(new TextEncoder().encode(large))
        controller.close()
      },
    })
    const streamed: RequestInit & { duplex: 'half' } = { method: 'PUT', body: chunks, duplex: 'half' }
    expect((await fetch(`${control.url}/records`, streamed)).status).toBe(413)
    expect((await ask('GET', '/health')).status).toBe(200)
  })

  test.each([
    ['text/plain', 415],
    ['application/xml', 415],
    ['application/json; charset=latin1', 415],
    ['application/json; charset=utf-8', 201],
    ['application/merge-patch+json', 201],
    ['application/x-www-form-urlencoded', 201],
  ])('a body of type %s: %d', async (type, status) => {
    expect((await ask('PUT', '/records/t.test/A', { data: '192.0.2.1' }, { 'content-type': type })).status).toBe(status)
  })

  test('a request that is compressed or no UTF-8 gets a problem', async () => {
    expect(
      (await ask('PUT', '/records/t.test/A', '{}', { 'content-encoding': 'gzip', 'content-type': 'application/json' }))
        .status,
    ).toBe(415)
    const response = await fetch(`${control.url}/records/t.test/A`, {
      method: 'PUT',
      body: Uint8Array.of(0x22, 0xff, 0x22),
      headers: { 'content-type': 'application/json' },
    })
    expect([response.status, dns.records.some(({ name }) => name === 't.test')]).toEqual([400, false])
  })

  test('octets that are no HTTP get a problem', async () => {
    const text = await new Promise<string>(resolve => {
      let received = ''
      connect(Number(control.address.split(':')[1]), '127.0.0.1')
        .on('data', chunk => {
          received += String(chunk)
        })
        .on('close', () => resolve(received))
        .write('NOT HTTP\r\n\r\n')
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/)
  })
})

describe('who may ask', () => {
  test('DNS rebinding: a page whose name leads here has another Host', async () => {
    expect(await raw({ Host: 'evil.example' })).toBe(421)
    expect(await raw({ Host: `evil.example:${control.address.split(':')[1]}` })).toBe(421)
    for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:1', '[::1]:5', '192.0.2.1'])
      expect(await raw({ Host: host }), host).toBe(200)
  })

  const refused = [
    '[::1].evil.example',
    '[::1]evil.example',
    '[::1]:80.evil.example',
    '[::1%evil.example]',
    '[evil.example]',
    '[127.0.0.1]',
    '[]',
    '::1',
    '127.0.0.1.evil.example',
    '127.0.0.1:80:80',
    '127.0.0.1:80.evil.example',
    'user@127.0.0.1',
    'localhost@evil.example',
    'evil.example@localhost',
    'localhost.evil.example',
    'localhost/evil.example',
    'localhost..',
    'localhost:x',
    'localhost:123456',
    '127.0.0.1, evil.example',
    'xlocalhost',
    '1',
    '127.1',
    '0x7f.1',
    ' ',
    '.',
  ]
  test.each(refused)('Host %j is another host, also with an Origin of its own', async host => {
    expect(await raw({ Host: host })).toBe(421)
    expect(await raw({ Host: host, Origin: `http://${host}` })).toBe(421)
  })

  test.each([
    'localhost',
    'localhost.',
    'localhost:',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1.:80',
    '[::1]',
    '[::1]:',
    '[::FFFF:127.0.0.1]:5',
  ])('Host %j is this one', async host => {
    expect(await raw({ Host: host })).toBe(200)
    expect(await raw({ Host: host, Origin: `http://${host}` })).toBe(200)
    expect(await raw({ Host: host, Origin: 'http://evil.example' })).toBe(403)
  })

  test('made-up hosts: only what begins and ends as an address or localhost gets in', async () => {
    const parts = ['[', ']', '::1', '127.0.0.1', 'localhost', '.', ':', '80', '@', '%', 'evil.example', '/']
    let seed = 1
    const next = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    for (let round = 0; round < 300; round++) {
      const host = Array.from({ length: 1 + next(5) }, () => parts[next(parts.length)]).join('')
      const status = await raw({ Host: host })
      if (status === 200) expect(host).toMatch(/^(?:\[[\d:.]+\]|[\d.]+|localhost\.?)(?::\d{0,5})?$/)
    }
  })

  test('a name can be allowed', async () => {
    const named = await openControlApi(dns, { hosts: ['dns-stub'] })
    try {
      const [, port = ''] = named.address.split(':')
      const status = await new Promise(resolve =>
        httpRequest({ host: '127.0.0.1', port, path: '/health', headers: { Host: `dns-stub:${port}` } }, response =>
          resolve(response.resume().statusCode),
        ).end(),
      )
      expect(status).toBe(200)
    } finally {
      await named.close()
    }
  })

  test('pages from elsewhere may not ask the control API', async () => {
    expect(await raw({ Origin: 'http://evil.example' })).toBe(403)
    expect(await raw({ Origin: 'null' })).toBe(403)
    expect(await raw({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403)
    expect(await raw({ Host: control.address, Origin: control.url })).toBe(200)
  })

  test('only this host, unless told otherwise', async () => expect(control.address).toMatch(/^127\.0\.0\.1:\d+$/))
})
