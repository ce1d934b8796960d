/** An internet of a test in which resolvers forward to each other, in memory and on sockets. */
import { afterEach, describe, expect, test } from 'vitest'
import { createInternet } from '../../../src/testing/create-internet.ts'
import { mistakeOf } from '../mistakes.ts'

const zones = {
  'example.com': { records: { www: '192.0.2.1', other: '192.0.2.2' } },
  'example.org': { records: { www: '192.0.2.3' }, ns: { ns1: { address: '192.0.2.53' } } },
}

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

describe('a resolver in memory that forwards', () => {
  test('asks the other alone, which walks and caches', () => {
    const net = createInternet(zones)
    const office = net.resolver()
    const branch = net.resolver({ forward: [{ zone: '.', to: office }] })
    const answer = branch.query('www.example.com')
    expect(answer).toMatchObject({ rcode: 'NOERROR', answers: [{ data: '192.0.2.1' }] })
    expect(answer.trace).toContain(`> ${office.address}: www.example.com. A`)
    expect(net.queriesTo(office.address).map(({ name, answeredWith }) => `${name} ${answeredWith}`)).toEqual([
      'www.example.com NOERROR',
    ])
    expect(office.query('www.example.com').fromCache).toBe(true)
    net.clearQueries()
    expect(branch.query('www.example.com').fromCache).toBe(true)
    expect(net.queries).toEqual([])
  })

  test('waits as long as the walk of the other takes', () => {
    const net = createInternet(zones)
    const office = net.resolver()
    const alone = net.resolver().query('www.example.com').tookMs
    expect(net.resolver({ forward: [{ zone: '.', to: office }] }).query('www.example.com').tookMs).toBeGreaterThan(
      alone,
    )
  })

  test('forwards some zones and resolves the rest, goes on from the root where that is said', () => {
    const net = createInternet(zones)
    const office = net.resolver()
    const split = net.resolver({ forward: [{ zone: 'example.com', to: [office, '192.0.2.250'] }] })
    split.query('www.example.org')
    expect(net.queriesTo(office.address)).toHaveLength(0)
    split.query('other.example.com')
    expect(net.queriesTo(office.address)).toHaveLength(1)
    const falling = net.resolver({ forward: [{ zone: '.', to: '192.0.2.250', recurseOnFailure: true }] })
    expect(falling.query('www.example.com').rcode).toBe('NOERROR')
    expect(net.resolver({ forward: [{ zone: '.', to: '192.0.2.250' }] }).query('www.example.com').rcode).toBe(
      'SERVFAIL',
    )
  })

  test('asks the servers of a stub zone at their addresses', () => {
    const net = createInternet(zones)
    net.removeDelegation('example.org')
    const stub = net.resolver({ stub: [{ zone: 'example.org', to: '192.0.2.53' }] })
    expect(stub.query('www.example.org').answers[0]?.data).toBe('192.0.2.3')
    expect(net.queries.map(({ server }) => server)).toEqual(['ns1.example.org'])
  })

  test('validates what the other says', () => {
    const net = createInternet(zones, { dnssec: true })
    const office = net.resolver({ validate: false })
    const branch = net.resolver({ forward: [{ zone: '.', to: office }] })
    expect(branch.query('www.example.com').security).toBe('secure')
    net.sign('example.org', 'expired')
    expect(branch.query('www.example.org')).toMatchObject({ rcode: 'SERVFAIL', security: 'bogus' })
  })

  test('gives equal traces for equal seeds', () => {
    const trace = (): string => {
      const net = createInternet(zones, { seed: 7, loss: 0.2 })
      return net.resolver({ forward: [{ zone: '.', to: net.resolver() }] }).query('www.example.com').trace
    }
    expect(trace()).toBe(trace())
  })
})

test('two resolvers in memory that forward to each other end in a failure', () => {
  const net = createInternet(zones)
  // Addresses are given in the order in which resolvers are made: the first is that of the internet itself.
  const first = net.resolver({ forward: [{ zone: '.', to: '198.19.0.3' }] })
  const second = net.resolver({ forward: [{ zone: '.', to: first }] })
  expect(second.address).toBe('198.19.0.3')
  expect(second.query('www.example.com').rcode).toBe('SERVFAIL')
})

test('resolvers on sockets forward to each other', async () => {
  const net = await createInternet(zones, { sockets: true })
  open.push(net)
  const office = await net.startResolver()
  const branch = await net.startResolver({ forward: [{ zone: '.', to: office }] })
  const inside = net.resolver({ forward: [{ zone: 'example.com', to: branch }] })
  expect((await inside.query('www.example.com')).answers[0]?.data).toBe('192.0.2.1')
  expect((await inside.query('www.example.org')).answers[0]?.data).toBe('192.0.2.3')
  net.clearQueries()
  expect((await net.resolver({ forward: [{ zone: '.', to: office }] }).query('www.example.com')).rcode).toBe('NOERROR')
  expect(net.queries).toEqual([])
})

test.each<[object, RegExp]>([
  [{ forward: 'x' }, /expected forward to be a list of zones/],
  [{ forward: [{ zone: '.', to: 7 }] }, /expected forward\[0\]\.to to be a server/],
  [{ forward: [{ zone: '.', to: [] }] }, /expected forward\[0\]\.to to have a server/],
  [{ stub: [{ zone: 'a..b', to: '192.0.2.1' }] }, /empty label/],
  [{ stub: [{ zone: 'a', to: 'tls://192.0.2.1' }] }, /does not say how the server proves who it is/],
  [{ stub: [{ zone: 'a', to: '192.0.2.1', recurseOnFailure: true }] }, /recurseOnFailure/],
])('%j is a mistake at the line of the test', (options, expected) => {
  const net = createInternet(zones)
  expect(mistakeOf(() => net.resolver(JSON.parse(JSON.stringify(options)))).message).toMatch(expected)
})
