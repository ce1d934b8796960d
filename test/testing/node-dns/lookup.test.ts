/**
 * `dns.lookup` of a stub beside Node's own: the same arguments are refused with the same errors, results have the same
 * shapes. Node's own is called only with what it answers without DNS.
 */
import dns, { type LookupAddress } from 'node:dns'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'

const running: { stub?: DnsStub } = {}
const stub = (): DnsStub => {
  if (running.stub === undefined) throw new Error('no stub')
  return running.stub
}

beforeEach(async () => {
  running.stub = await createDnsStub({
    records: {
      'both.test': { A: ['192.0.2.9', '192.0.2.1'], AAAA: ['2001:db8::9'] },
      'four.test': '192.0.2.4',
      'six.test': '2001:db8::6',
      'alias.test': { CNAME: 'four.test' },
      'text.test': { TXT: 'no address' },
      'xn--bcher-kva.test': '192.0.2.77',
    },
  })
})
afterEach(() => running.stub?.stop())

/** All arguments that the callback got. */
const call = (lookup: typeof dns.lookup, ...args: readonly unknown[]): Promise<unknown[]> =>
  new Promise((resolve, reject) => {
    try {
      Reflect.apply(lookup, undefined, [...args, (...results: unknown[]) => resolve(results)])
    } catch (error) {
      reject(error)
    }
  })
const all = (name: string, options: object = {}): Promise<LookupAddress[]> =>
  promisify(stub().lookup)(name, { ...options, all: true })
const facts = (error: unknown): object =>
  error instanceof Error ? { ...error, message: error.message, name: error.name } : { error }

describe('results', () => {
  test('a look-up of one address gives the address and its family', async () => {
    expect(await call(stub().lookup, 'four.test')).toEqual([null, '192.0.2.4', 4])
    expect(await call(stub().lookup, 'four.test', {})).toEqual([null, '192.0.2.4', 4])
    expect(await call(stub().lookup, 'four.test', undefined)).toEqual([null, '192.0.2.4', 4])
    expect(await call(stub().lookup, 'both.test', { all: false })).toEqual([null, '2001:db8::9', 6])
  })

  test('both families are asked for, A first, each once', async () => {
    await all('both.test')
    expect(stub().queries.map(({ name, type }) => `${name} ${type}`)).toEqual(['both.test A', 'both.test AAAA'])
  })

  test.each([4, 'IPv4'])('family %s asks for A only', async family => {
    expect(await call(stub().lookup, 'both.test', { family })).toEqual([null, '192.0.2.9', 4])
    expect(stub().queries.map(({ type }) => type)).toEqual(['A'])
  })

  test.each([6, 'IPv6'])('family %s asks for AAAA only', async family => {
    expect(await call(stub().lookup, 'both.test', { family, all: true })).toEqual([
      null,
      [{ address: '2001:db8::9', family: 6 }],
    ])
    expect(stub().queries.map(({ type }) => type)).toEqual(['AAAA'])
  })

  test('family as a number in the place of options', async () => {
    expect(await call(stub().lookup, 'both.test', 4)).toEqual([null, '192.0.2.9', 4])
    expect(await call(stub().lookup, 'both.test', 6)).toEqual([null, '2001:db8::9', 6])
  })

  test.each([
    [{}, ['2001:db8::9', '192.0.2.9', '192.0.2.1']],
    [{ verbatim: true }, ['2001:db8::9', '192.0.2.9', '192.0.2.1']],
    [{ verbatim: false }, ['192.0.2.9', '192.0.2.1', '2001:db8::9']],
    [{ order: 'ipv4first' }, ['192.0.2.9', '192.0.2.1', '2001:db8::9']],
    [{ order: 'ipv6first' }, ['2001:db8::9', '192.0.2.9', '192.0.2.1']],
    [{ order: 'verbatim', verbatim: false }, ['2001:db8::9', '192.0.2.9', '192.0.2.1']],
    [{ family: 6, hints: dns.V4MAPPED | dns.ALL }, ['2001:db8::9', '::ffff:192.0.2.9', '::ffff:192.0.2.1']],
    [{ hints: dns.ADDRCONFIG }, ['2001:db8::9', '192.0.2.9', '192.0.2.1']],
  ])('%j', async (options, expected) => {
    expect((await all('both.test', options)).map(({ address }) => address)).toEqual(expected)
  })

  test('the default order of the process', async () => {
    const before = dns.getDefaultResultOrder()
    try {
      dns.setDefaultResultOrder('ipv4first')
      expect(await call(stub().lookup, 'both.test')).toEqual([null, '192.0.2.9', 4])
    } finally {
      dns.setDefaultResultOrder(before)
    }
  })

  test('a look-up follows an alias', async () => {
    expect(await call(stub().lookup, 'alias.test')).toEqual([null, '192.0.2.4', 4])
  })

  test('a trailing dot, capitals and other scripts', async () => {
    expect(await call(stub().lookup, 'four.test.')).toEqual([null, '192.0.2.4', 4])
    expect(await call(stub().lookup, 'FOUR.Test')).toEqual([null, '192.0.2.4', 4])
    expect(await call(stub().lookup, 'bücher.test')).toEqual([null, '192.0.2.77', 4])
  })

  test('more addresses than a datagram holds come over TCP', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `192.0.2.${index + 1}`)
    stub().set('many.test', { A: many })
    expect((await all('many.test')).map(({ address }) => address)).toEqual(many)
    expect(
      stub()
        .queriesFor('many.test', 'A')
        .map(({ transport }) => transport),
    ).toEqual(['udp', 'tcp'])
  })

  test('the promise form, and the promisified form', async () => {
    const one = { address: '192.0.2.4', family: 4 }
    expect(await stub().lookup.__promisify__('four.test')).toEqual(one)
    expect(await promisify(stub().lookup)('four.test')).toEqual(one)
    expect(await promisify(stub().lookup)('four.test', 4)).toEqual(one)
    expect(await promisify(stub().lookup)('four.test', { all: true })).toEqual([one])
  })
})

describe('as Node does', () => {
  const literals: readonly (readonly unknown[])[] = [
    ['192.0.2.1'],
    ['192.0.2.1', { all: true }],
    ['::1', { family: 4 }],
    ['::1', 6],
    ['127.1'],
    ['0x7f000001', { all: true }],
    ['', { all: true }],
    ['', 6],
    [null],
    [undefined, {}],
    ['localhost', { family: 4 }],
    ['LOCALHOST', { family: 4, all: true }],
  ]
  test.each(literals)('%j %j needs no query', async (...args) => {
    expect(await call(stub().lookup, ...args)).toEqual(await call(dns.lookup, ...args))
    expect(stub().queries).toEqual([])
  })

  const wrong: readonly (readonly unknown[])[] = [
    [5],
    [{}],
    ['a.test', 5],
    ['a.test', { family: 5 }],
    ['a.test', { family: '4' }],
    ['a.test', { hints: 4096 }],
    ['a.test', { hints: 'x' }],
    ['a.test', { all: 1 }],
    ['a.test', { verbatim: 'no' }],
    ['a.test', { order: 'random' }],
    ['a.test', true],
    ['a.test', '4'],
  ]
  test.each(wrong)('%j %j is refused', async (...args) => {
    const own = await call(stub().lookup, ...args).then(() => 'accepted', facts)
    // Node would look this name up, were it not refused.
    expect(own).toEqual(
      await call(dns.lookup, ...(args[0] === 'a.test' ? ['127.0.0.1', ...args.slice(1)] : args)).then(
        () => 'accepted',
        facts,
      ),
    )
    expect(own).toMatchObject({ code: expect.stringMatching(/^ERR_INVALID_ARG/) })
    expect(stub().queries).toEqual([])
  })

  test.each(wrong.filter(([, options]) => options !== '4'))('%j %j is refused by the promise form', async (...args) => {
    const refusalOf = async (lookup: unknown, given: readonly unknown[]): Promise<unknown> => {
      try {
        return typeof lookup === 'function' ? await Reflect.apply(lookup, undefined, given) : null
      } catch (error) {
        return facts(error)
      }
    }
    const own = await refusalOf(stub().lookup.__promisify__, args)
    expect(own).toEqual(
      await refusalOf(dns.promises.lookup, args[0] === 'a.test' ? ['127.0.0.1', ...args.slice(1)] : args),
    )
    expect(own).toMatchObject({ code: expect.stringMatching(/^ERR_INVALID_ARG/) })
  })

  test('a look-up without a callback throws as in Node.js', () => {
    const lookup: unknown = stub().lookup
    expect(() => typeof lookup === 'function' && lookup('a.test')).toThrow(/callback/)
    expect(() => typeof lookup === 'function' && lookup('a.test', {})).toThrow(/callback/)
  })

  test('the callback is never called at once', () => {
    const calls: string[] = []
    for (const name of ['four.test', '192.0.2.1', 'a b']) stub().lookup(name, () => calls.push(name))
    expect(calls).toEqual([])
  })

  test('what the callback throws is an uncaught exception', async () => {
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const caught = new Promise(resolve =>
        process.once('uncaughtException', (error, origin) => resolve([error.message, origin])),
      )
      stub().lookup('four.test', () => {
        throw new Error('of the callback')
      })
      expect(await caught).toEqual(['of the callback', 'uncaughtException'])
    } finally {
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })
})

describe('errors', () => {
  const errorOf = async (name: string, options: object = {}): Promise<object> =>
    facts((await call(stub().lookup, name, options))[0])
  const notFound = (hostname: string, errno: number): object => ({
    name: 'Error',
    message: `getaddrinfo ENOTFOUND ${hostname}`,
    errno,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname,
  })
  const again = (hostname: string): object => ({
    name: 'Error',
    message: `getaddrinfo EAI_AGAIN ${hostname}`,
    errno: -3001,
    code: 'EAI_AGAIN',
    syscall: 'getaddrinfo',
    hostname,
  })

  test('have the fields of Node in its order', async () => {
    const [error] = await call(stub().lookup, 'gone.test')
    expect(Object.keys(error ?? {})).toEqual(['errno', 'code', 'syscall', 'hostname'])
    expect(error).toBeInstanceOf(Error)
  })

  test('of names: unlisted, without address, not of the family', async () => {
    expect(await errorOf('gone.test')).toEqual(notFound('gone.test', -3008))
    expect(await errorOf('text.test', { all: true })).toEqual(notFound('text.test', -3007))
    expect(await errorOf('four.test', { family: 6 })).toEqual(notFound('four.test', -3007))
    expect(stub().unmatched.map(({ name }) => name)).toEqual(['gone.test', 'gone.test'])
  })

  test('the promise form rejects with the same', async () => {
    expect(
      facts(
        await stub()
          .lookup.__promisify__('gone.test')
          .catch((error: unknown) => error),
      ),
    ).toEqual(notFound('gone.test', -3008))
  })

  test.each(['a b', '-x.test', 'x..test', `${'x'.repeat(64)}.test`, '[::1]', '.'])(
    '%s is no host name: nothing is asked',
    async name => {
      expect(await errorOf(name)).toEqual(notFound(name, -3008))
      expect(stub().queries).toEqual([])
    },
  )

  test.each(['SERVFAIL', 'REFUSED', 'NOTIMP'] as const)('%s', async kind => {
    stub().fail('four.test', kind)
    expect(await errorOf('four.test')).toEqual(again('four.test'))
  })

  test.each(['NXDOMAIN', 'FORMERR'] as const)('%s', async kind => {
    stub().fail('four.test', kind)
    expect(await errorOf('four.test')).toEqual(notFound('four.test', -3008))
  })

  // With the times of Node's own resolvers it would not end within the time of a test.
  test('no reply: asked twice, then given up', async () => {
    stub().fail('four.test', 'timeout', { type: 'A' })
    expect(await errorOf('four.test', { family: 4 })).toEqual(again('four.test'))
    expect(stub().queriesFor('four.test')).toHaveLength(2)
  })

  test('one family fails: the addresses of the other', async () => {
    stub().fail('both.test', 'SERVFAIL', { type: 'AAAA' })
    expect((await all('both.test')).map(({ address }) => address)).toEqual(['192.0.2.9', '192.0.2.1'])
  })

  test('a stub that is stopped', async () => {
    const { lookup } = stub()
    await stub().stop()
    expect(facts((await call(lookup, 'four.test'))[0])).toEqual(again('four.test'))
  })
})
