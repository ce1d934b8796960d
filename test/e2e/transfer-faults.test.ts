/**
 * Primaries that fail: killed in the middle of a transfer, gone for longer than a zone lives, with another clock, with a
 * zone of nothing but its SOA. BIND, NSD and Knot DNS behind a port of ours, so that one that comes back is found.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { askSoa } from '../../src/app/transfer/fetch.ts'
import { parseIp } from '../../src/dns/address.ts'
import type { TransferNews } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { serverAddress } from '../../src/ports.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { readKey, type TsigKey } from '../../src/transfer/key.ts'
import { CONDITION_MS, PATIENT } from '../patience.mjs'
import { name } from '../server/make.ts'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { freePort, KEY, keyText, type Primary, type PrimaryKind, startPrimary } from './primaries.ts'
import { startRootwalk, type Rootwalk } from './rootwalk.ts'

const NO_ROOT = '. 3600 NS none.\nnone. 3600 A 127.53.253.253\n'
const HOSTS = 40_000
/** The end of the first few messages; all of the zone is a megabyte. */
const KILLED_AFTER_OCTETS = 100_000
const zone = (serial: number, timers: string, ...records: readonly string[]): string =>
  [
    '$TTL 300',
    '$ORIGIN corp.example.',
    `@ SOA ns hostmaster ${serial} ${timers} 60`,
    '@ NS ns',
    'ns A 10.0.0.53',
    ...records,
    '',
  ].join('\n')
const LONG = '3600 600 86400'

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(one => one.stop()))
})

interface Gate {
  readonly port: number
  /** Where connections go. */
  to: number
  /** Called when so many octets have gone through. */
  after: { readonly octets: number; readonly act: () => void } | null
  stop(): Promise<void>
}

async function openGate(to: number): Promise<Gate> {
  const open = new Set<Socket>()
  const server: Server = createServer(client => {
    let octets = 0
    const primary = connect(gate.to, '127.0.0.1')
    for (const socket of [client, primary]) {
      open.add(socket)
      socket.on('error', () => {})
    }
    client.on('data', chunk => primary.write(chunk)).on('close', () => primary.destroy())
    primary.on('close', () => client.destroy())
    primary.on('data', chunk => {
      octets += chunk.length
      const { after } = gate
      if (after === null || octets < after.octets) {
        client.write(chunk)
        return
      }
      gate.after = null
      after.act()
      client.destroy()
    })
  })
  const port = await freePort()
  await new Promise<void>(resolve => void server.listen(port, '127.0.0.1', resolve))
  const stop = (): Promise<void> => {
    for (const socket of open) socket.destroy()
    return new Promise(resolve => void server.close(() => resolve()))
  }
  const gate: Gate = { port, to, after: null, stop }
  running.push(gate)
  return gate
}

async function primary(kind: PrimaryKind, text: string): Promise<Primary> {
  const started = await startPrimary(kind, { zone: 'corp.example', text })
  running.push(started)
  return started
}

async function secondary(gate: Gate): Promise<Rootwalk> {
  const started = await startRootwalk({
    hints: NO_ROOT,
    config: {
      zones: [
        { zone: 'corp.example', primaries: [`127.0.0.1:${gate.port}`], tsig: 'key.conf', notify: ['127.0.0.0/8'] },
      ],
    },
    files: { 'key.conf': keyText() },
  })
  running.push(started)
  return started
}

const news = ({ events }: Rootwalk): readonly TransferNews[] =>
  events.flatMap(event => (event.kind === 'zone-transfer' ? [event.news] : []))
const last = (server: Rootwalk, kind: TransferNews['kind']) => news(server).findLast(one => one.kind === kind)
const eventually = (check: () => unknown) => expect.poll(check, { timeout: CONDITION_MS * 2, interval: 200 })
const notify = (server: Rootwalk) =>
  dig(server.endpoint, '+opcode=notify', '-y', `hmac-sha256:${KEY.name}:${KEY.secret}`, 'corp.example', 'SOA')
const answer = async (server: Rootwalk, owner: string): Promise<string> => {
  const { status, answer: records, errors } = await dig(server.endpoint, owner, 'A')
  return [status, ...records.map(({ data }) => data), ...errors].join(' ')
}

describe.each<PrimaryKind>(['named', 'nsd', 'knotd'])('a primary, %s', kind => {
  needs(kind, 'dig')('that fails', () => {
    test(
      'when it is killed in the middle of a transfer, the old zone is answered until it is back and has sent all',
      async () => {
        const first = await primary(kind, zone(1, LONG, 'www A 10.0.0.1'))
        const gate = await openGate(first.port)
        const ours = await secondary(gate)
        await eventually(() => last(ours, 'transferred')).toMatchObject({ serial: 1 })
        const hosts = Array.from({ length: HOSTS }, (_, i) => `host${i} A 10.1.${i >> 8}.${i & 255}`)
        const next = zone(2, LONG, 'www A 10.0.0.2', ...hosts)
        first.write(next)
        let killed = false
        gate.after = {
          octets: KILLED_AFTER_OCTETS,
          act: () => {
            killed = true
            first.kill()
          },
        }
        await eventually(async () => {
          if (!killed) await notify(ours)
          return last(ours, 'failed')
        }).toMatchObject({ served: true })
        expect(killed).toBe(true)
        expect(await answer(ours, 'www.corp.example')).toBe('NOERROR 10.0.0.1')
        const second = await primary(kind, next)
        gate.to = second.port
        await eventually(async () => {
          await notify(ours)
          return last(ours, 'transferred')
        }).toMatchObject({ serial: 2 })
        expect(await answer(ours, 'www.corp.example')).toBe('NOERROR 10.0.0.2')
        expect(await answer(ours, `host${HOSTS - 1}.corp.example`)).toBe('NOERROR 10.1.156.63')
      },
      CONDITION_MS * 3,
    )

    const fudge = 300
    test.each([fudge + 60, -fudge - 60])('by %d s, says so, and so do we', async shift => {
      const { port } = await primary(kind, zone(1, LONG))
      await expect
        .poll(() => soaBy(port, shift), PATIENT)
        .toMatchObject({ kind: 'failed', why: expect.stringMatching(/clock|BADTIME/) })
    })

    test.each([fudge - 60, -fudge + 60])('by %d s, is near enough', async shift => {
      const { port } = await primary(kind, zone(1, LONG))
      // It may answer over UDP already, and not over TCP yet.
      await expect.poll(() => soaBy(port, shift), PATIENT).toMatchObject({ kind: 'soa', soa: { serial: 1 } })
    })
  })
})

/** Asked for its SOA by one whose clock is wrong by so many seconds. */
async function soaBy(port: number, shiftS: number) {
  const clock = systemClock()
  const ip = parseIp('127.0.0.1')
  const key: TsigKey | { readonly error: string } = readKey(`hmac-sha256:${KEY.name}:${KEY.secret}`)
  if (ip === null || 'error' in key) throw new Error('no key')
  const asker = {
    clock: { now: () => clock.now(), wall: () => clock.wall() + shiftS },
    random: systemRandom(),
    limits: defaultLimits.transfer,
  }
  return askSoa(name('corp.example.'), { server: serverAddress(ip, port), key }, asker)
}

needs('nsd', 'dig')('a zone of nothing but its SOA', () => {
  test('is a zone, in which no name exists', async () => {
    const text = `$TTL 300\n@ SOA ns.corp.example. h.corp.example. 5 ${LONG} 60\n`
    const gate = await openGate((await primary('nsd', text)).port)
    const ours = await secondary(gate)
    await eventually(() => last(ours, 'transferred')).toMatchObject({ serial: 5, records: 2 })
    expect(await answer(ours, 'www.corp.example')).toBe('NXDOMAIN')
  })
})

needs('named', 'dig')('a zone whose primary is gone for longer than it lives', () => {
  test(
    'is answered until EXPIRE, then SERVFAIL that says why, and again when a primary is back',
    async () => {
      const text = zone(1, '1 1 1', 'www A 10.0.0.1')
      const first = await primary('named', text)
      const gate = await openGate(first.port)
      const ours = await secondary(gate)
      await eventually(() => last(ours, 'transferred')).toMatchObject({ serial: 1 })
      first.kill()
      await eventually(() => last(ours, 'failed')).toMatchObject({ served: true })
      expect(await answer(ours, 'www.corp.example')).toBe('NOERROR 10.0.0.1')
      await eventually(() => last(ours, 'expired')).toBeDefined()
      expect(await answer(ours, 'www.corp.example')).toMatch(/^SERVFAIL .*(?:24|Invalid Data)/i)
      gate.to = (await primary('named', text)).port
      await eventually(() => answer(ours, 'www.corp.example')).toBe('NOERROR 10.0.0.1')
    },
    CONDITION_MS * 5,
  )
})
