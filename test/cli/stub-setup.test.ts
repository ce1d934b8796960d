import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readStubOptions } from '../../src/cli/stub-args.ts'
import { prepareStub, type Prepared } from '../../src/cli/stub-setup.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-setup-'))
afterAll(() => rmSync(directory, { recursive: true }))

const written = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
const prepare = (files: { zones?: string[]; records?: string[] }, port = 0): Promise<Prepared> =>
  prepareStub({ zones: [], records: [], cassette: null, address: '127.0.0.1', port, ...files })

describe('a stub from files', () => {
  test('of zones and of records, together', async () => {
    const zones = [
      written('a.zone', '$ORIGIN a.test.\nwww 5 IN A 192.0.2.1\n'),
      written('b.zone', '$ORIGIN b.test.\nwww IN A 192.0.2.2\n'),
    ]
    const prepared = await prepare({
      zones,
      records: [
        written('c.json', '{"c.test": {"A": "192.0.2.3", "ttl": 9}}'),
        written('d.json', '{"d.test": ["192.0.2.4"]}'),
      ],
    })
    if (prepared.kind === 'failed') throw new Error(prepared.message)
    try {
      expect(prepared.stub.records.map(({ name, ttl }) => `${name} ${ttl}`).sort()).toEqual([
        'c.test 9',
        'd.test 60',
        'www.a.test 5',
        'www.b.test 60',
      ])
      expect(prepared.stub.set('new.test', '192.0.2.5').clear().records).toHaveLength(4)
    } finally {
      await prepared.stub.stop()
    }
  })

  test.each([
    ['{"a.test": {"A": "192.0.2.300"}}', /192\.0\.2\.300/],
    ['{"a.test": {"A": ["192.0.2.1"}}', /bad\.json:1:30: /],
    ['{"a.test": "192.0.2.1", "a.test": "192.0.2.2"}', /bad\.json:1:25: "a\.test" stands there twice/],
    ['[]', /bad\.json: expected names with their records/],
  ])('a file of records that is wrong: %s', async (text, message) => {
    expect(await prepare({ records: [written('bad.json', text)] })).toEqual({
      kind: 'failed',
      exitCode: 65,
      message: expect.stringMatching(message),
    })
  })

  test.each([
    [{ zones: [join(directory, 'none.zone')] }, /none\.zone/],
    [{ records: [join(directory, 'none.json')] }, /none\.json.*ENOENT/],
    [{ zones: [written('bad.zone', '$ORIGIN a.test.\nwww 5 IN A 192.0.2\n')] }, /bad\.zone:2:\d+/],
  ])('%j', async (files, message) => {
    expect(await prepare(files)).toEqual({ kind: 'failed', exitCode: 65, message: expect.stringMatching(message) })
  })

  test('a port that is taken', async () => {
    const first = await prepare({})
    if (first.kind === 'failed') throw new Error(first.message)
    try {
      expect(await prepare({}, first.stub.port)).toEqual({
        kind: 'failed',
        exitCode: 69,
        message: expect.stringContaining(`127.0.0.1:${first.stub.port}`),
      })
    } finally {
      await first.stub.stop()
    }
  })
})

describe('the options of stub', () => {
  test('nothing is a free port of 127.0.0.1 without control API', () => {
    expect(readStubOptions({})).toEqual({
      kind: 'stub',
      command: {
        zones: [],
        records: [],
        cassette: null,
        address: '127.0.0.1',
        port: 0,
        control: null,
        controlHosts: [],
        printPort: false,
        record: null,
        exitWithStdin: false,
      },
    })
  })

  test.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['8055', '127.0.0.1', 8055],
    ['[::1]:8055', '::1', 8055],
    ['localhost:1', 'localhost', 1],
  ])('--control %s', (control, address, port) => {
    expect(readStubOptions({ control })).toMatchObject({ command: { control: { address, port } } })
  })

  test('all options of stub are read', () => {
    const given = {
      zone: ['a', 'b'],
      records: 'r',
      unlisted: 'refused',
      forward: '192.0.2.53:53',
      cassette: 'c',
      mode: 'replay',
      port: ['1', '5353'],
      address: '::1',
      'control-host': ['stub'],
      'print-port': true,
      record: 'q',
      'exit-with-stdin': true,
    }
    expect(readStubOptions(given)).toMatchObject({
      command: {
        zones: ['a', 'b'],
        records: ['r'],
        unlisted: 'refused',
        forward: '192.0.2.53:53',
        cassette: 'c',
        mode: 'replay',
        port: 5353,
        address: '::1',
        controlHosts: ['stub'],
        printPort: true,
        record: 'q',
        exitWithStdin: true,
      },
    })
  })

  test.each([
    [{ port: '65536' }, '--port'],
    [{ port: 'x' }, '--port'],
    [{ port: '-1' }, '--port'],
    [{ control: 'here' }, '--control'],
    [{ control: '127.0.0.1:70000' }, '--control'],
    [{ control: '::1:5' }, '--control'],
    [{ unlisted: 'ignore' }, 'nxdomain, refused'],
    [{ cassette: 'c', mode: 'auto' }, 'record, replay, once'],
    [{ mode: 'replay' }, '--cassette'],
  ])('%j is wrong', (given, message) => {
    expect(readStubOptions(given)).toEqual({ kind: 'usage', message: expect.stringContaining(message) })
  })
})
