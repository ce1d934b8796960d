/** DNS over TLS with clients and proxies of others, and what the certificate does to them. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../../src/app/server.ts'
import { readConfig } from '../../src/config/read.ts'
import { frame } from '../../src/dns/framing.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import type { MadeCertificate } from '../../src/system/self-signed.ts'
import { startProcess, temporaryDirectory } from '../daemons.mjs'
import { query, until } from '../net/support.ts'
import { authority, certificateFor, tlsClient } from '../net/listen/secure.ts'
import { patientMs } from '../patience.mjs'
import { needs } from '../tools.ts'
import { freePort } from './rootwalk.ts'

const NAME = 'www.corp.example'
const ANSWER = '192.0.2.7'
const { path: directory, remove } = temporaryDirectory('dot')
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
const ca = file('ca.pem', authority.cert)
const install = ({ cert, key }: Pick<MadeCertificate, 'cert' | 'key'>): void => {
  file('cert.pem', cert)
  file('key.pem', key)
}

const ports = { plain: 0, tls: 0, proxied: 0 }
const logged: QueryLogEntry[] = []
const running: { server?: RunningServer } = {}

beforeAll(async () => {
  install(certificateFor('dns.example', '127.0.0.1'))
  Object.assign(ports, { plain: await freePort(), tls: await freePort(), proxied: await freePort() })
  const settings = {
    listen: [`127.0.0.1:${ports.plain}`, `tls://127.0.0.1:${ports.tls}`, `tls+proxy://127.0.0.1:${ports.proxied}`],
    tls: { certificate: 'cert.pem', key: 'key.pem' },
    proxies: ['127.0.0.1'],
    records: { [NAME]: { A: ANSWER } },
    dnssec: { validate: false },
    udp: 'plain',
    tcp: { connectionsPerPrefix: 400 },
  }
  const read = (): ReturnType<typeof readConfig> =>
    readConfig({
      file: { path: join(directory, 'resolver.config.json'), text: JSON.stringify(settings) },
      overrides: [],
      directory,
    })
  const result = read()
  if (result.kind === 'invalid') throw new Error(result.problems[0]?.message)
  running.server = await startServer(result.config, {
    events: () => {},
    readConfig: read,
    onQuery: entry => logged.push(entry),
    // Nothing here is asked of others.
    network: { exchange: () => () => {} },
  })
})

afterAll(async () => {
  await running.server?.stop()
  remove()
})

/** What a program prints; `input` is typed in. */
function run(tool: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise(resolve => {
    const child = spawn(tool, args, { timeout: patientMs(15_000) })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('latin1')
      })
    child.on('close', () => resolve(output))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

const kdig = (port: number, ...options: string[]): Promise<string> =>
  run('kdig', ['@127.0.0.1', '-p', String(port), ...options, NAME, 'A'])
const strict = [`+tls-ca=${ca}`, '+tls-hostname=dns.example']

needs('kdig')('kdig', () => {
  it('verifies the certificate, and gets padding for padding', async () => {
    const printed = await kdig(ports.tls, ...strict, '+padding')
    expect(printed).toContain(ANSWER)
    expect(printed).toContain('Received 468 B')
    expect(logged.at(-1)?.client).toMatchObject({ transport: 'tls', serverName: 'dns.example' })
  })

  it('gets no padding when it has none', async () => {
    expect(await kdig(ports.tls, ...strict, '+nopadding', '+edns')).not.toContain('Received 468 B')
  })

  it('refuses another name', async () => {
    expect(await kdig(ports.tls, `+tls-ca=${ca}`, '+tls-hostname=other.example')).not.toContain(ANSWER)
  })

  it('finds the designation over plain DNS', async () => {
    const printed = await run('kdig', ['@127.0.0.1', '-p', String(ports.plain), '_dns.resolver.arpa', 'TYPE64'])
    expect(printed).toContain('dns.example.')
    expect(printed).toMatch(/alpn="?dot"?|\\# /)
  })
})

needs('dig')('dig', () => {
  it('asks over TLS, verified by address', async () => {
    const printed = await run('dig', [
      '@127.0.0.1',
      '-p',
      String(ports.tls),
      `+tls-ca=${ca}`,
      '+tls-hostname=127.0.0.1',
      NAME,
    ])
    expect(printed).toContain(ANSWER)
    expect(printed).toContain('(TLS)')
  })
})

needs('openssl')('openssl s_client', () => {
  const client = (...options: string[]): Promise<string> =>
    run(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${ports.tls}`, '-CAfile', ca, '-servername', 'dns.example', ...options],
      'Q\n',
    )

  it('agrees on ALPN dot, and trusts the chain', async () => {
    const printed = await client('-alpn', 'dot', '-verify_return_error')
    expect(printed).toContain('ALPN protocol: dot')
    expect(printed).toContain('Verify return code: 0 (ok)')
  })

  it('gets an alert for other protocols', async () => {
    expect(await client('-alpn', 'h2')).toContain('no application protocol')
  })

  it('resumes its session five times', async () => {
    expect((await client('-tls1_2', '-reconnect')).match(/^Reused, TLSv1\.2/gm)).toHaveLength(5)
  })

  it('cannot renegotiate', async () => {
    const printed = await run(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${ports.tls}`, '-tls1_2', '-CAfile', ca],
      'R\n',
    )
    expect(printed).toContain('no renegotiation')
  })
})

/** Asks a forwarder of others, which asks us over TLS. */
async function through(port: number): Promise<void> {
  await expect
    .poll(() => kdig(port, '+timeout=2', '+retry=0'), { timeout: patientMs(15_000), interval: 200 })
    .toContain(ANSWER)
}

needs('unbound', 'kdig')('Unbound as a client', () => {
  it('forwards over TLS', async () => {
    const port = await freePort()
    const config = file(
      'unbound.conf',
      `server:
  interface: 127.0.0.1
  port: ${port}
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  tls-cert-bundle: "${ca}"
forward-zone:
  name: "."
  forward-tls-upstream: yes
  forward-addr: 127.0.0.1@${ports.tls}#dns.example
`,
    )
    const daemon = startProcess('unbound', ['-d', '-c', config])
    try {
      await through(port)
      expect(logged.at(-1)?.client.transport).toBe('tls')
    } finally {
      await daemon.stop()
    }
  })
})

needs('stubby', 'kdig')('stubby as a client', () => {
  it('forwards over TLS, strictly', async () => {
    const port = await freePort()
    const config = file(
      'stubby.yml',
      `resolution_type: GETDNS_RESOLUTION_STUB
dns_transport_list: [GETDNS_TRANSPORT_TLS]
tls_authentication: GETDNS_AUTHENTICATION_REQUIRED
tls_ca_file: "${ca}"
tls_query_padding_blocksize: 128
listen_addresses: [127.0.0.1@${port}]
upstream_recursive_servers:
  - address_data: 127.0.0.1
    tls_port: ${ports.tls}
    tls_auth_name: "dns.example"
`,
    )
    const daemon = startProcess('stubby', ['-C', config])
    try {
      await through(port)
      expect(logged.at(-1)?.client).toMatchObject({ transport: 'tls', serverName: 'dns.example' })
    } finally {
      await daemon.stop()
    }
  })
})

needs('dnsdist', 'kdig')('dnsdist as a client', () => {
  it('forwards over TLS, and its health check is answered', async () => {
    const port = await freePort()
    const config = file(
      'dnsdist.conf',
      `setLocal("127.0.0.1:${port}")
newServer({address="127.0.0.1:${ports.tls}", tls="openssl", caStore="${ca}", subjectName="dns.example", validateCertificates=true, checkName="${NAME}."})
`,
    )
    const daemon = startProcess('dnsdist', ['--supervised', '--disable-syslog', '-C', config])
    try {
      await through(port)
      expect(logged.at(-1)?.client.transport).toBe('tls')
    } finally {
      await daemon.stop()
    }
  })
})

needs('haproxy', 'kdig')('HAProxy in front', () => {
  it('names its clients with a PROXY header', async () => {
    const port = await freePort()
    const config = file(
      'haproxy.cfg',
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend dot
  bind 127.0.0.1:${port}
  default_backend rootwalk
backend rootwalk
  server one 127.0.0.1:${ports.proxied} send-proxy-v2 check check-send-proxy
`,
    )
    const daemon = startProcess('haproxy', ['-db', '-f', config])
    try {
      await expect
        .poll(() => run('kdig', ['@127.0.0.1', '-b', '127.0.0.9', '-p', String(port), ...strict, NAME]), {
          timeout: patientMs(15_000),
          interval: 200,
        })
        .toContain(ANSWER)
      expect(logged.at(-1)?.client).toMatchObject({ ip: { text: '127.0.0.9' }, proxy: { text: '127.0.0.1' } })
    } finally {
      await daemon.stop()
    }
  })
})

it('a certificate that changes under load loses no query, and sessions stay resumable', async () => {
  const first = await tlsClient(ports.tls)
  first.send(query({ name: NAME, id: 1 }))
  await until(() => first.messages.length === 1 && first.sessions.length > 0)
  const clients = await Promise.all(Array.from({ length: 5 }, () => tlsClient(ports.tls)))
  let asked = 0
  for (let round = 0; round < 20; round++) {
    for (const { socket } of clients)
      socket.write(Buffer.concat([1, 2, 3, 4, 5].map(id => frame(query({ name: NAME, id: round * 5 + id })))))
    asked += 5
    if (round % 5 === 2) {
      install(certificateFor('dns.example', '127.0.0.1'))
      running.server?.reload()
    }
    // Connections that begin in between are served as well.
    const fresh = await tlsClient(ports.tls)
    expect(fresh.state.error).toBe('')
    fresh.send(query({ name: NAME }))
    await until(() => fresh.messages.length === 1)
    fresh.socket.destroy()
  }
  await until(() => clients.every(({ messages }) => messages.length === asked))
  const resumed = await tlsClient(ports.tls, { session: first.sessions[0] })
  expect(resumed.socket.isSessionReused()).toBe(true)
  const now = (await tlsClient(ports.tls)).socket.getPeerCertificate().fingerprint256
  expect(now).not.toBe(first.socket.getPeerCertificate().fingerprint256)
})
