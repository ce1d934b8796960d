/** The settings of TLS with servers of zones: what they mean, and what is wrong with them. */
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import type { ConfigResult } from '../../src/config/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { prefixText } from '../dns/make.ts'

const read = (upstream: object): ConfigResult =>
  readConfig({
    file: { path: '/etc/x/c.json', text: JSON.stringify({ upstream }) },
    overrides: [],
    directory: '/home/me',
  })

test.each([
  [{}, null],
  [{ tlsPort: 8853 }, null],
  [{ opportunisticTls: true }, { port: 853, probes: true, zones: [], addresses: [] }],
  [
    { alwaysTls: ['Example.COM', '192.0.2.53', '2001:db8::/32', '10.in-addr.arpa.'], tlsPort: 8853 },
    {
      port: 8853,
      probes: false,
      zones: ['example.com.', '10.in-addr.arpa.'],
      addresses: ['192.0.2.53/32', '2001:db8::/32'],
    },
  ],
])('%j are servers over TLS like %j', (upstream, expected) => {
  const got = read(upstream)
  if (got.kind === 'invalid') throw new Error('it is in order')
  const { encryption } = got.config.engine
  const found =
    encryption === undefined
      ? null
      : {
          port: encryption.port,
          probes: encryption.probes,
          zones: encryption.always.zones.map(formatName),
          addresses: encryption.always.addresses.map(prefixText),
        }
  expect(found).toEqual(expected)
})

test.each([
  [{ alwaysTls: ['192.0.2.53/24'] }, /alwaysTls\[0\]: "192\.0\.2\.53\/24" is no address, and no block such as/],
  [{ alwaysTls: ['a.test', '192.0.2.300'] }, /alwaysTls\[1\]: "192\.0\.2\.300" is no address/],
  [{ alwaysTls: ['2001:db8::g'] }, /"2001:db8::g" is no address/],
  [{ alwaysTls: ['a..test'] }, /alwaysTls\[0\]: .*empty label/],
  [{ opportunisticTls: 'yes' }, /opportunisticTls: expected true or false/],
  [{ tlsPort: 0 }, /tlsPort: expected at least 1/],
])('%j is refused', (upstream, expected) => {
  const got = read(upstream)
  expect(got.kind === 'invalid' ? got.problems.map(({ message }) => message).join('\n') : 'taken').toMatch(expected)
})
