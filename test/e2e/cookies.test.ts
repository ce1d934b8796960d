/** Cookies towards servers that we did not write: BIND, NSD and Knot, each as they come and where they want cookies. */
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { findOption } from '../../src/dns/edns.ts'
import { EdnsOptionCode, Rcode } from '../../src/dns/types.ts'
import { answers, startProcess, temporaryDirectory } from '../daemons.mjs'
import { needs } from '../tools.ts'
import { dig, type Endpoint, kdig } from './dig.ts'
import { freePort, startRootwalk } from './rootwalk.ts'

const ZONE = `$ORIGIN cookie.example.
$TTL 300
@ SOA ns h 1 7200 3600 1209600 120
@ NS ns
ns A 192.0.2.53
*.x A 192.0.2.1
`
const ADDRESS = '127.0.0.1'
/** Names after each other: the first brings a cookie, the others have it. */
const NAMES = 4

interface Server {
  readonly tool: string
  readonly args: (directory: string) => string[]
  readonly config: (directory: string, port: number, require: boolean) => string
  /** Is there a setting with which it wants cookies? */
  readonly canRequire: boolean
}

const servers: Readonly<Record<string, Server>> = {
  BIND: {
    tool: 'named',
    args: directory => ['-g', '-n', '1', '-c', join(directory, 'config')],
    config: (directory, port, require) => `options { directory "${directory}"; pid-file none; session-keyfile none;
  listen-on port ${port} { ${ADDRESS}; }; listen-on-v6 { none; }; recursion no; require-server-cookie ${require ? 'yes' : 'no'}; };
controls { };
zone "cookie.example" { type primary; file "zone"; };
`,
    canRequire: true,
  },
  NSD: {
    tool: 'nsd',
    args: directory => ['-d', '-c', join(directory, 'config')],
    config: (directory, port) => `server:
  ip-address: ${ADDRESS}@${port}
  username: ""
  chroot: ""
  zonesdir: "${directory}"
  database: ""
  pidfile: ""
  xfrdfile: "${directory}/xfrd"
  zonelistfile: "${directory}/zonelist"
  server-count: 1
  answer-cookie: yes
remote-control:
  control-enable: no
zone:
  name: cookie.example
  zonefile: zone
`,
    canRequire: false,
  },
  Knot: {
    tool: 'knotd',
    args: directory => ['-c', join(directory, 'config')],
    config: (directory, port, require) => `server:
  rundir: ${directory}
  listen: ${ADDRESS}@${port}
database:
  storage: ${directory}
log:
  - target: stderr
    any: info
mod-cookies:
  - id: default
    badcookie-slip: ${require ? 1 : 4}
template:
  - id: default
    storage: ${directory}
    global-module: mod-cookies/default
zone:
  - domain: cookie.example
    file: zone
    journal-content: none
    zonefile-sync: -1
`,
    canRequire: true,
  },
}

async function start(
  { tool, args, config }: Server,
  require: boolean,
): Promise<{ at: Endpoint; stop(): Promise<void> }> {
  const temporary = temporaryDirectory('cookies')
  const port = await freePort()
  writeFileSync(join(temporary.path, 'zone'), ZONE)
  writeFileSync(join(temporary.path, 'config'), config(temporary.path, port, require))
  let output = ''
  const running = startProcess(tool, args(temporary.path), { onOutput: text => (output += text) })
  const stop = async (): Promise<void> => {
    await running.stop()
    temporary.remove()
  }
  if (await answers(ADDRESS, port, running.gone)) return { at: { address: ADDRESS, port }, stop }
  await stop()
  throw new Error(`${tool} does not answer:\n${output}`)
}

/** What goes between us and the server over UDP, passed on as it is. */
async function tap(to: Endpoint): Promise<{ at: Endpoint; lines: string[]; stop(): Promise<void> }> {
  const lines: string[] = []
  const front = createSocket('udp4')
  const note = (bytes: Buffer): void => {
    const decoded = decodeMessage(bytes)
    if (decoded.kind !== 'message') return
    const { response, rcode, edns } = decoded.message
    const octets = edns === null ? 0 : (findOption(edns, EdnsOptionCode.COOKIE)?.data.length ?? 0)
    lines.push(response ? `${rcode === Rcode.BADCOOKIE ? 'BADCOOKIE ' : ''}gave ${octets}` : `sent ${octets}`)
  }
  const backs = new Set<ReturnType<typeof createSocket>>()
  // One way back for each client port, as a server sees it.
  const ways = new Map<number, ReturnType<typeof createSocket>>()
  front.on('message', (bytes, from) => {
    note(bytes)
    let back = ways.get(from.port)
    if (back === undefined) {
      back = createSocket('udp4')
      backs.add(back)
      ways.set(from.port, back)
      back.on('message', reply => {
        note(reply)
        front.send(reply, from.port, from.address)
      })
    }
    back.send(bytes, to.port, to.address)
  })
  await new Promise<void>(resolve => front.bind(0, ADDRESS, resolve))
  const stop = async (): Promise<void> => {
    for (const socket of [front, ...backs]) socket.close()
  }
  return { at: { address: ADDRESS, port: front.address().port }, lines, stop }
}

needs('dig', 'kdig')('cookies of ours', () => {
  it('are good to dig and kdig, from the value path and from the cache, over UDP and TCP', async () => {
    const ours = await startRootwalk({
      hints: '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n',
      config: { cookies: { enabled: true }, records: { 'www.cookie.example': { A: '192.0.2.1' } } },
    })
    try {
      for (const way of ['+notcp', '+notcp', '+tcp']) {
        const { text, status } = await dig(ours.endpoint, 'www.cookie.example.', 'A', '+cookie=0102030405060708', way)
        expect(status).toBe('NOERROR')
        expect(text).toMatch(/^; COOKIE: 0102030405060708[0-9a-f]{32} \(good\)$/m)
        const cookie = /COOKIE: (\w+)/.exec(text)?.[1] ?? ''
        // Shown again, it comes back as it is for half an hour.
        const again = await dig(ours.endpoint, 'www.cookie.example.', 'A', `+cookie=${cookie}`, way)
        expect(again.text).toContain(`; COOKIE: ${cookie} (good)`)
        const ofKdig = await kdig(ours.endpoint, 'www.cookie.example.', 'A', `+cookie=${cookie}`, way)
        expect(ofKdig.text.replaceAll(' ', '').toLowerCase()).toContain(cookie)
        expect(ofKdig.text).not.toMatch(/malformed|WARNING/i)
      }
      for (const length of [7, 9, 15, 41])
        expect(
          (await dig(ours.endpoint, 'www.cookie.example.', 'A', '+nocookie', `+ednsopt=10:${'ab'.repeat(length)}`))
            .status,
        ).toBe('FORMERR')
    } finally {
      await ours.stop()
    }
  })

  it('are wanted where "require" is set: dig comes again with the new one', async () => {
    const ours = await startRootwalk({
      hints: '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n',
      config: { cookies: { enabled: true, require: true }, records: { 'www.cookie.example': { A: '192.0.2.1' } } },
    })
    try {
      expect((await dig(ours.endpoint, 'www.cookie.example.', 'A', '+cookie', '+nobadcookie')).status).toBe('BADCOOKIE')
      expect((await dig(ours.endpoint, 'www.cookie.example.', 'A', '+cookie', '+badcookie')).status).toBe('NOERROR')
      expect((await dig(ours.endpoint, 'www.cookie.example.', 'A', '+nocookie')).status).toBe('NOERROR')
    } finally {
      await ours.stop()
    }
  })
})

for (const [name, server] of Object.entries(servers)) {
  needs(server.tool, 'dig')(`cookies towards ${name}`, () => {
    it.each(server.canRequire ? [false, true] : [false])('that wants them: %s', async require => {
      const running = await start(server, require)
      const between = await tap(running.at)
      const ours = await startRootwalk({
        hints: '. 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n',
        config: {
          stub: [{ zone: 'cookie.example', to: [`${ADDRESS}:${between.at.port}`] }],
          upstream: { doNotQuery: [] },
          dnssec: { validate: false },
        },
      })
      try {
        for (let i = 0; i < NAMES; i++) {
          const reply = await dig(ours.endpoint, `n${i}.x.cookie.example.`, 'A')
          expect([reply.status, ...reply.answer.map(({ data }) => data)]).toEqual(['NOERROR', '192.0.2.1'])
        }
        const sent = between.lines.filter(line => line.startsWith('sent'))
        expect(sent[0]).toBe('sent 8')
        expect(sent.slice(1).every(line => line === 'sent 24')).toBe(true)
        expect(between.lines.filter(line => line.endsWith('gave 24')).length).toBe(sent.length)
        const refused = between.lines.filter(line => line.startsWith('BADCOOKIE')).length
        // Knot without more says it as well, now and then.
        if (require || name !== 'Knot') expect(refused).toBe(require ? 1 : 0)
        // One more asks for the name above them (RFC 9156).
        expect(sent.length).toBe(NAMES + 1 + refused)
      } finally {
        await Promise.all([ours.stop(), between.stop(), running.stop()])
      }
    })
  })
}
