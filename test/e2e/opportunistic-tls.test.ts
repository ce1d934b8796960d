/**
 * TLS with the servers of zones (RFC 9539) where those are servers that we did not write. Over TLS each answers other
 * data than in clear, so that every answer says how its server was asked.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimNetwork, startNsd, startProcess, startUnbound } from '../daemons.mjs'
import { certificateFor } from '../net/tls-support.ts'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { startServing, type Serving } from './rootwalk.ts'

const TLS_PORT = 8853
const IN_CLEAR = '192.0.2.1'
const OVER_TLS = '192.0.2.2'
/** Where each zone is served; none speaks TLS at `plain.`'s. */
const OCTETS = { nsd: 2, dnsdist: 3, unbound: 4, plain: 5 } as const
type Zone = keyof typeof OCTETS
const ZONES: readonly Zone[] = ['nsd', 'dnsdist', 'unbound', 'plain']

const speaksTls = (host: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ host, port: TLS_PORT, rejectUnauthorized: false })
    const end = (spoken: boolean): void => {
      socket.destroy()
      resolve(spoken)
    }
    socket.once('secureConnect', () => end(true)).once('error', () => end(false))
  })

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + CONDITION_MS
  while (!(await condition())) if (performance.now() > end) throw new Error('no server speaks TLS')
}

needs(
  'nsd',
  'dnsdist',
  'unbound',
  'dig',
)('servers of zones over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-rfc9539-'))
  const started: { stop(): Promise<void> }[] = []
  let release: () => Promise<void>
  let address: (n: number) => string
  let hints = ''

  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const zoneText = (zone: Zone, data: string): string =>
    `$ORIGIN ${zone}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n` +
    `ns A ${address(OCTETS[zone])}\n*.www A ${data}\n`

  beforeAll(async () => {
    const network = await claimNetwork()
    if (typeof network === 'string') throw new Error(network)
    release = network.release
    address = network.address
    // Of no authority we know and for no name of ours: such a server is asked over TLS all the same.
    const certificate = certificateFor(['else.example'])
    const [key, cert] = [file('key.pem', certificate.key), file('cert.pem', certificate.cert)]
    const delegations = ZONES.map(zone => `${zone}. NS ns.${zone}.\nns.${zone}. A ${address(OCTETS[zone])}\n`).join('')
    const rootText = `$TTL 300\n. SOA ns.root. none. 1 3600 600 86400 60\n. NS ns.root.\nns.root. A ${address(1)}\n`
    hints = `. 3600 NS ns.root.\nns.root. 3600 A ${address(1)}\n`
    const served = ZONES.map(zone => ({ origin: `${zone}.`, text: zoneText(zone, IN_CLEAR) }))
    const root = [{ origin: '.', text: rootText + delegations }]
    started.push(
      await startNsd({ name: 'root', addresses: [address(1)], zones: root }),
      await startNsd({ name: 'clear', addresses: Object.values(OCTETS).map(address), zones: served }),
    )
    started.push(startProcess('nsd', ['-d', '-c', nsdFile(key, cert)]))
    started.push(startProcess('dnsdist', ['-C', dnsdistFile(key, cert), '--supervised', '--disable-syslog']))
    const unbound = address(OCTETS.unbound)
    started.push(
      await startUnbound({
        address: unbound,
        port: TLS_PORT + 1,
        hints,
        more: [
          `interface: ${unbound}@${TLS_PORT}`,
          `tls-port: ${TLS_PORT}`,
          `tls-service-key: "${key}"`,
          `tls-service-pem: "${cert}"`,
          'local-zone: "unbound." redirect',
          `local-data: "unbound. 300 IN A ${OVER_TLS}"`,
        ],
      }),
    )
    // A server that was not up at its first try is left alone for a day (RFC 9539 section 4.3).
    for (const zone of ['nsd', 'dnsdist', 'unbound'] as const) await until(() => speaksTls(address(OCTETS[zone])))
  }, 2 * CONDITION_MS)

  const nsdFile = (key: string, cert: string): string =>
    file(
      'nsd.conf',
      [
        'server:',
        `  ip-address: ${address(OCTETS.nsd)}@${TLS_PORT}`,
        `  tls-port: ${TLS_PORT}`,
        `  tls-service-key: "${key}"`,
        `  tls-service-pem: "${cert}"`,
        '  username: ""',
        '  chroot: ""',
        '  database: ""',
        '  pidfile: ""',
        `  zonesdir: "${directory}"`,
        `  xfrdfile: "${join(directory, 'xfrd.state')}"`,
        `  xfrdir: "${directory}"`,
        `  zonelistfile: "${join(directory, 'zone.list')}"`,
        'remote-control:',
        '  control-enable: no',
        'zone:',
        '  name: "nsd."',
        `  zonefile: "${file('nsd.zone', zoneText('nsd', OVER_TLS))}"`,
      ].join('\n'),
    )

  /** BIND listens at addresses of interfaces only: of 127.0.0.0/8 that is 127.0.0.1. */
  const dnsdistFile = (key: string, cert: string): string =>
    file(
      'dnsdist.conf',
      `setACL("127.0.0.0/8")
addTLSLocal("${address(OCTETS.dnsdist)}:${TLS_PORT}", "${cert}", "${key}")
addAction(AllRule(), SpoofAction("${OVER_TLS}", { aa = true, ttl = 300 }))
`,
    )

  afterAll(async () => {
    await Promise.all(started.map(one => one.stop()))
    await release?.()
    rmSync(directory, { recursive: true, force: true })
  })

  const serving = async (upstream: object, use: (on: Serving) => Promise<void>): Promise<void> => {
    const on = await startServing({ hints, config: { upstream: { doNotQuery: [], tlsPort: TLS_PORT, ...upstream } } })
    try {
      await use(on)
    } finally {
      await on.stop()
    }
  }
  let asked = 0
  /** What a name that was never asked is answered with. */
  const answer = async (on: Serving, zone: Zone): Promise<string> => {
    const reply = await dig(on.endpoint, `n${asked++}.www.${zone}`, 'A')
    return reply.answer[0]?.data ?? reply.status
  }

  describe('that are tried next to a query in clear', () => {
    test('answer over TLS from then on, and one without TLS in clear', async () => {
      await serving({ opportunisticTls: true }, async on => {
        for (const zone of ['nsd', 'dnsdist', 'unbound'] as const)
          await expect.poll(() => answer(on, zone), { timeout: CONDITION_MS }).toBe(OVER_TLS)
        for (const zone of ZONES) {
          const five = await Promise.all(Array.from({ length: 5 }, () => answer(on, zone)))
          expect(new Set(five)).toEqual(new Set([zone === 'plain' ? IN_CLEAR : OVER_TLS]))
        }
      })
    })

    test('are asked in clear while the setting is off', async () => {
      await serving({}, async on => {
        for (const zone of [...ZONES, ...ZONES]) expect(await answer(on, zone)).toBe(IN_CLEAR)
      })
    })
  })

  test('that are asked over TLS only never hear a query in clear, and one without TLS does not answer', async () => {
    await serving({ alwaysTls: [...ZONES] }, async on => {
      for (const zone of ['nsd', 'dnsdist', 'unbound'] as const)
        await expect.poll(() => answer(on, zone), { timeout: CONDITION_MS }).toBe(OVER_TLS)
      expect(await answer(on, 'plain')).toBe('SERVFAIL')
    })
  })
})
