import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { inAnyPrefix, parseIp, parsePrefix } from '../../src/dns/address.ts'
import { configJsonSchema, schemasAt, settingsOf } from '../../src/config/schema/json-schema.ts'
import { neverAsked } from '../../src/config/values.ts'
import { readConfig } from '../../src/config/read.ts'

const top = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

describe('published schema', () => {
  test('resolver.config.schema.json is current (npm run schema)', () => {
    expect(JSON.parse(top('resolver.config.schema.json'))).toEqual(configJsonSchema())
  })

  test('every setting is described in a sentence', () => {
    for (const { path, schema } of settingsOf(configJsonSchema()))
      expect(schema.description, path.join('.')).toMatch(/^.{15,}[.!]$/)
  })

  test('nothing unknown is allowed anywhere but among names and record types', () => {
    const open = (schema: ReturnType<typeof configJsonSchema>, path: string): string[] => [
      ...(schema.properties !== undefined && schema.additionalProperties !== false ? [path] : []),
      ...Object.entries(schema.properties ?? {}).flatMap(([key, member]) => open(member, `${path}.${key}`)),
    ]
    expect(open(configJsonSchema(), '')).toEqual([])
    expect(schemasAt(configJsonSchema(), ['records', 'a.test', 'A']).some(schema => schema.type === 'string')).toBe(
      true,
    )
  })

  test('addresses that are never asked are blocks, all of them valid', () => {
    for (const prefix of neverAsked) expect(parsePrefix(prefix), prefix).not.toBeNull()
    const blocked = (address: string): boolean => {
      const ip = parseIp(address)
      return (
        ip !== null &&
        inAnyPrefix(
          ip,
          neverAsked.flatMap(prefix => parsePrefix(prefix) ?? []),
        )
      )
    }
    for (const address of [
      '127.0.0.1',
      '::1',
      '0.0.0.0',
      '::',
      '::ffff:127.0.0.1',
      '169.254.169.254',
      'fe80::1',
      '255.255.255.255',
      '239.0.0.1',
      'ff02::fb',
      '192.0.2.1',
    ]) {
      expect(blocked(address), address).toBe(true)
    }
    for (const address of [
      '198.41.0.4',
      '2001:503:ba3e::2:30',
      '8.8.8.8',
      '10.0.0.1',
      '192.168.1.1',
      'fd00::1',
      '::ffff:198.41.0.4',
    ])
      expect(blocked(address), address).toBe(false)
  })
})

test('the shipped configuration: 127.0.0.1 and ::1 port 5300, loopback clients, zones beside it', () => {
  const result = readConfig({
    file: { path: '/app/resolver.config.json', text: top('resolver.config.json') },
    overrides: [],
    directory: '/',
  })
  expect(result).toMatchObject({
    kind: 'config',
    warnings: [],
    config: {
      listen: [
        { address: '127.0.0.1', port: 5300 },
        { address: '::1', port: 5300 },
      ],
      zones: [{ pattern: '/app/zones/*.zone' }],
      engine: { upstreamPort: 53 },
    },
  })
})
