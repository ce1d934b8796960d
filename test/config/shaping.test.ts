/** The settings of what shapes answers: what they mean, what is wrong with them, and the recipes of docs/policy.md. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { readConfig, restartKeys } from '../../src/config/read.ts'
import type { Config } from '../../src/config/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { rangeFinding } from '../../src/policy/shaping/private-addresses.ts'

const read = (value: object) =>
  readConfig({ file: { path: '/etc/test.json', text: JSON.stringify(value) }, overrides: [], directory: '/etc' })

function config(value: object): Config {
  const result = read(value)
  if (result.kind === 'invalid') throw new Error(result.problems.map(({ message }) => message).join('; '))
  return result.config
}

const problems = (value: object): readonly string[] => {
  const result = read(value)
  return (result.kind === 'invalid' ? result.problems : result.warnings).map(({ message }) => message)
}

const recipe = (key: string): Config => {
  const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```json\n([^`]*)```/g)].map(([, block = '']) => block)
  const found = blocks.find(block => block.includes(`"${key}"`))
  if (found === undefined) throw new Error(`docs/policy.md has no recipe with ${key}`)
  const parsed: unknown = JSON.parse(found)
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`the recipe with ${key} is no object`)
  return config(parsed)
}

describe('by default', () => {
  it('nothing is shaped, and nothing is kept for longer than its TTL', () => {
    const { shaping, ttls, limits } = config({})
    expect(shaping).toEqual({ canaries: null, dns64: null, rebinding: null })
    expect([ttls, limits.cache.staleMs]).toEqual([[], 0])
  })
})

describe('the recipe of', () => {
  it('serveStale keeps answers for a day, and gives them after 1.8 s with a TTL of 30 s', () => {
    const { limits } = recipe('serveStale')
    expect(limits.cache.staleMs).toBe(86_400_000)
    expect(limits.stale).toMatchObject({ answerTtl: 30, clientTimeoutMs: 1_800, recheckMs: 30_000 })
  })

  it('ttl bounds two zones', () => {
    expect(recipe('ttl').ttls.map(({ zone, ...own }) => [formatName(zone), own])).toEqual([
      ['dyn.example.', { maxTtl: 60, maxNegativeTtl: 10 }],
      ['slow.example.', { minTtl: 300 }],
    ])
  })

  it('dns64 is for some clients, with private addresses left out and mapped ones as none', () => {
    const { dns64 } = recipe('dns64').shaping
    expect(dns64).toMatchObject({ prefix: { length: 96 }, clients: [{ length: 64 }, { length: 128 }] })
    expect(dns64?.exclude.filter(({ family }) => family === 6)).toMatchObject([{ length: 96 }])
    expect(dns64?.exclude.filter(({ family }) => family === 4)).toHaveLength(9)
  })

  it('rebinding guards private addresses, without loopback', () => {
    const { rebinding } = recipe('rebinding').shaping
    const finding = (text: string) =>
      rebinding === null ? null : rangeFinding(rebinding.ranges, parseIp(text)?.bytes ?? new Uint8Array())
    expect(rebinding?.allow.map(formatName)).toEqual(['plex.direct.'])
    expect(['192.168.1.1', '127.0.0.2', '192.0.2.1', '64:ff9b::c0a8:101'].map(finding)).toEqual([
      '192.168.1.1',
      null,
      null,
      '64:ff9b::c0a8:101 with 192.168.1.1 inside',
    ])
  })

  it('canary denies both kinds of names', () => {
    expect(recipe('canary').shaping.canaries).toEqual({ firefoxDoh: true, privateRelay: true })
  })
})

describe('a setting that is wrong says what was expected', () => {
  it.each<[object, RegExp]>([
    [{ dns64: { prefix: '64:ff9b::' } }, /dns64\.prefix: expected an IPv6 prefix such as 64:ff9b::\/96/],
    [{ dns64: { prefix: '64:ff9b::/80' } }, /dns64\.prefix: has 80 bits; expected one of 32, 40/],
    [{ dns64: { prefix: '64:ff9b::/96', exclude: ['private'] } }, /dns64\.exclude\[0\]: expected an address or block/],
    [{ rebinding: { ranges: ['lan'] } }, /rebinding\.ranges\[0\]: expected "private", "loopback", or a block/],
    [{ rebinding: { ranges: ['10.0.0.1/8'] } }, /rebinding\.ranges\[0\]: expected/],
    [{ rebinding: { ranges: ['private'], allow: ['a..b'] } }, /rebinding\.allow\[0\]/],
    [{ ttl: [{ zone: 'a..b' }] }, /ttl\[0\]\.zone/],
    [{ ttl: [{ zone: 'a.test', minS: 60, maxS: 30 }] }, /ttl\[0\]: minS \(60\) is above maxS \(30\)/],
    [{ ttl: [{ zone: 'a.test' }, { zone: 'A.test.' }] }, /ttl\[1\]\.zone: is there already, as ttl\[0\]/],
    [{ serveStale: { enabled: true, maxAgeS: 0 } }, /serveStale\.maxAgeS/],
    [{ serveStale: { enabled: true, maxAge: 5 } }, /unknown key "maxAge" in serveStale/],
    [{ canary: { firefox: true } }, /unknown key "firefox" in canary/],
    [
      { dns64: { prefix: '64:ff9b::/96', exclude: ['10.0.0.0/8'] } },
      /dns64\.exclude: has no 172\.16\.0\.0\/12, 192\.168\.0\.0\/16: private addresses must not be under 64:ff9b::\/96/,
    ],
  ])('%j', (value, message) => {
    expect(problems(value).join('\n')).toMatch(message)
  })

  it("a prefix of one's own may have private addresses", () => {
    expect(problems({ dns64: { prefix: 'fd64::/96', exclude: ['127.0.0.0/8'] } })).toEqual([])
  })
})

describe('a reload', () => {
  it('takes over what looks at answers; what is kept of the cache waits for a restart', () => {
    const other = {
      dns64: { prefix: '64:ff9b::/96' },
      rebinding: { ranges: ['private'] },
      canary: { firefoxDoh: true },
      serveStale: { enabled: true },
      ttl: [{ zone: 'a.test', maxS: 5 }],
    }
    expect([...restartKeys(config({}), config(other))].sort()).toEqual(['serveStale', 'ttl'])
  })
})
