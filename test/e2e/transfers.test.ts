/**
 * Secondary zones of primaries that we did not write: BIND, NSD and Knot DNS, with signatures (TSIG), changes, NOTIFY,
 * wrong keys, and a primary that goes away.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { TransferNews } from '../../src/events.ts'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { keyText, startPrimary, freePort, type Primary, type PrimaryKind } from './primaries.ts'
import { startRootwalk, type Rootwalk } from './rootwalk.ts'

const NO_ROOT = '. 3600 NS none.\nnone. 3600 A 127.53.253.253\n'
const zone = (serial: number, ...records: readonly string[]): string =>
  [
    '$TTL 300',
    '$ORIGIN corp.example.',
    `@ SOA ns hostmaster ${serial} 3600 600 86400 60`,
    '@ NS ns',
    'ns A 10.0.0.53',
    ...records,
    '',
  ].join('\n')

const running: { stop(): Promise<void> }[] = []
const directories: string[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map(one => one.stop()))
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-transfers-'))
  directories.push(directory)
  return directory
}

async function primary(...given: Parameters<typeof startPrimary>): Promise<Primary> {
  const started = await startPrimary(...given)
  running.push(started)
  return started
}

async function secondary(
  primaries: readonly string[],
  more: { readonly key?: string | null; readonly config?: object; readonly zone?: object } = {},
): Promise<Rootwalk> {
  const { key = keyText(), config = {} } = more
  const started = await startRootwalk({
    hints: NO_ROOT,
    config: {
      ...config,
      zones: [{ zone: 'corp.example', primaries, ...(key === null ? {} : { tsig: 'key.conf' }), ...more.zone }],
    },
    files: { 'key.conf': key ?? '' },
  })
  running.push(started)
  return started
}

const news = ({ events }: Rootwalk): readonly TransferNews[] =>
  events.flatMap(event => (event.kind === 'zone-transfer' ? [event.news] : []))
const kinds = (server: Rootwalk): readonly string[] => news(server).map(({ kind }) => kind)
const eventually = (check: () => unknown) => expect.poll(check, { timeout: CONDITION_MS, interval: 20 })
const answer = async (server: Rootwalk, ...args: string[]): Promise<string> => {
  const { status, answer: records, errors } = await dig(server.endpoint, ...args)
  return [status, ...records.map(({ data }) => data), ...errors].join(' ')
}

describe.each<PrimaryKind>(['named', 'nsd', 'knotd'])('a secondary zone of %s', kind => {
  needs(kind, 'dig')('with signed transfers', () => {
    test('comes whole, then by its changes, after a signed NOTIFY', async () => {
      const port = await freePort()
      const server = await primary(kind, {
        zone: 'corp.example',
        text: zone(1, 'www A 10.0.0.1', 'old A 10.0.0.2'),
        notify: port,
      })
      const ours = await secondary([`127.0.0.1:${server.port}`], { config: { listen: [`127.0.0.1:${port}`] } })
      await eventually(() => kinds(ours)).toContain('transferred')
      expect(news(ours).find(one => one.kind === 'transferred')).toMatchObject({ serial: 1, whole: true, outside: 0 })
      expect(await answer(ours, 'www.corp.example', 'A')).toBe('NOERROR 10.0.0.1')
      server.write(zone(2, 'www A 10.0.0.1', 'new A 10.0.0.3'))
      await eventually(() => news(ours).filter(one => one.kind === 'transferred').length).toBe(2)
      expect(news(ours).findLast(one => one.kind === 'transferred')).toMatchObject({ serial: 2, whole: false })
      expect(await answer(ours, 'new.corp.example', 'A')).toBe('NOERROR 10.0.0.3')
      expect(await answer(ours, 'old.corp.example', 'A')).toBe('NXDOMAIN')
    })

    test('is not transferred with a key of another secret, and its names get SERVFAIL', async () => {
      const server = await primary(kind, { zone: 'corp.example', text: zone(1, 'www A 10.0.0.1') })
      const ours = await secondary([`127.0.0.1:${server.port}`], { key: keyText('b3RoZXIgc2VjcmV0') })
      await eventually(() => kinds(ours)).toContain('failed')
      expect(JSON.stringify(news(ours))).toMatch(/BADSIG/)
      expect(await answer(ours, 'www.corp.example', 'A')).toMatch(/^SERVFAIL .*has not been transferred yet/)
    })

    test('is not transferred without a key', async () => {
      const server = await primary(kind, { zone: 'corp.example', text: zone(1, 'www A 10.0.0.1') })
      const ours = await secondary([`127.0.0.1:${server.port}`], { key: null })
      await eventually(() => kinds(ours)).toContain('failed')
      expect(await answer(ours, 'www.corp.example', 'A')).toMatch(/^SERVFAIL/)
    })

    test('of many messages is complete, from the second primary when the first is not there', async () => {
      const names = Array.from({ length: 20_000 }, (_, i) => `host${i} A 10.1.${i >> 8}.${i & 255}`)
      const server = await primary(kind, { zone: 'corp.example', text: zone(7, ...names), algorithm: 'hmac-sha512' })
      const ours = await secondary([`127.0.0.1:${await freePort()}`, `127.0.0.1:${server.port}`], {
        key: keyText(undefined, 'hmac-sha512'),
      })
      await eventually(() => kinds(ours)).toContain('transferred')
      expect(news(ours).find(one => one.kind === 'transferred')).toMatchObject({ serial: 7, records: 20_004 })
      expect(await answer(ours, 'host19999.corp.example', 'A')).toBe('NOERROR 10.1.78.31')
    })
  })
})

needs('named', 'dig')('a secondary zone', () => {
  test('is answered from its copy when the primary is away at the start', async () => {
    const state = temporary()
    const server = await primary('named', { zone: 'corp.example', text: zone(3, 'www A 10.0.0.1') })
    const first = await secondary([`127.0.0.1:${server.port}`], { config: { state } })
    await eventually(() => kinds(first)).toContain('transferred')
    expect(readdirSync(join(state, 'zones'))).toEqual(['corp.example.zone-copy'])
    await Promise.all(running.splice(0).map(one => one.stop()))
    const second = await secondary([`127.0.0.1:${server.port}`], { config: { state } })
    expect(kinds(second)[0]).toBe('copy')
    expect(await answer(second, 'www.corp.example', 'A')).toBe('NOERROR 10.0.0.1')
  })

  test('is fetched again when its copy is damaged', async () => {
    const state = temporary()
    const server = await primary('named', { zone: 'corp.example', text: zone(3, 'www A 10.0.0.1') })
    const first = await secondary([`127.0.0.1:${server.port}`], { config: { state } })
    await eventually(() => kinds(first)).toContain('transferred')
    await first.stop()
    writeFileSync(join(state, 'zones', 'corp.example.zone-copy'), 'nothing')
    const second = await secondary([`127.0.0.1:${server.port}`], { config: { state } })
    await eventually(() => kinds(second)).toEqual(['copy-trouble', 'transferred'])
  })

  test('goes on across the end of the serial numbers', async () => {
    const server = await primary('named', { zone: 'corp.example', text: zone(4_294_967_295, 'www A 10.0.0.1') })
    const port = await freePort()
    const ours = await secondary([`127.0.0.1:${server.port}`], {
      config: { listen: [`127.0.0.1:${port}`] },
      zone: { notify: ['127.0.0.0/8'] },
    })
    await eventually(() => kinds(ours)).toContain('transferred')
    server.write(zone(1, 'www A 10.0.0.9'))
    await eventually(async () => {
      await dig(
        ours.endpoint,
        '+opcode=notify',
        '-y',
        `hmac-sha256:transfer.key:${keyText().split('"')[3]}`,
        'corp.example',
        'SOA',
      )
      return news(ours).findLast(one => one.kind === 'transferred')
    }).toMatchObject({ serial: 1 })
    expect(await answer(ours, 'www.corp.example', 'A')).toBe('NOERROR 10.0.0.9')
  })
})
