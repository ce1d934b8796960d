/** New versions of a policy under load: what the old ones had is given back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Policies } from '../../src/app/policy/policies.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Call, LookUp } from '../../src/policy/code/run.ts'
import { systemClock } from '../../src/system/system.ts'
import { LONG_TEST_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { buildForServing } from './rootwalk.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-versions-'))
const file = join(directory, 'office.policy.mjs')
const policies = new Policies({
  clock: systemClock(),
  limits: defaultLimits,
  events: () => {},
  onChange: () => {},
  thread: pathToFileURL(join(root, 'dist/app/policy/policy-thread.js')),
})

beforeAll(() => buildForServing())
afterAll(() => {
  policies.close()
  rmSync(directory, { recursive: true, force: true })
})

const call: Call = {
  side: 'question',
  client: { address: '192.0.2.1', port: 53_000, transport: 'udp', tlsName: null, id: null },
  question: {
    ...{ name: 'www.example', type: 'A', view: null },
    ...{ recursionDesired: true, checkingDisabled: false, dnssecOk: false },
  },
  isCached: null,
  answer: null,
  now: 0,
}
const lookUp: LookUp = () => Promise.resolve({ kind: 'nxdomain', records: [], secure: false })

/** 20,000 objects, of which a version in the server's own thread would leave 0.8 MB. */
const program = (version: number): string =>
  `const table = Array.from({ length: 20000 }, (_, i) => ({ i }))
   export default { query: () => table[${version}] && ({ kind: 'nxdomain', ttl: ${version} }) }`

/** Takes a version over while queries are asked. */
async function take(version: number): Promise<void> {
  writeFileSync(file, program(version))
  const meanwhile = Array.from({ length: 50 }, () => policies.programs()[0]?.ask(call, lookUp))
  expect(await policies.configure([{ file, isolated: true }])).toEqual([])
  const verdict = await policies.programs()[0]?.ask(call, lookUp)
  expect(verdict).toMatchObject({ answer: { kind: 'nxdomain', ttl: version } })
  expect((await Promise.all(meanwhile)).every(one => one === undefined || one.kind === 'ruled')).toBe(true)
}

test(
  'a hundred new versions under load lose no query, and leave no memory',
  async () => {
    for (let version = 1; version <= 20; version++) await take(version)
    const early = process.memoryUsage.rss()
    for (let version = 21; version <= 100; version++) await take(version)
    expect(process.memoryUsage.rss() - early).toBeLessThan(48 * 1024 * 1024)
    expect(policies.status().map(({ faults, restarts }) => ({ faults, restarts }))).toEqual([
      { faults: {}, restarts: 0 },
    ])
  },
  LONG_TEST_MS,
)
