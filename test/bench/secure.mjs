// @ts-check
/**
 * Over TLS and HTTPS: what a cached answer costs beside a bare server of Node.js and beside Unbound, what forwarding
 * over one connection costs, and what an idle connection holds. No internet is needed: all names come over TLS from a
 * server that answers each of them with an address.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { startProcess, temporaryDirectory, whereIs } from '../daemons.mjs'
import { costOf } from './cached.mjs'
import { withNames } from './internet.mjs'
import { cpuMicros, pause, residentKib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { hottest } from './profile.mjs'
import { OURS, PEER } from './report.mjs'
import { query } from './samples.mjs'
import { ADDRESS, CLIENT_CPU, freePort, SERVER_CPU, startNode, startRootwalk } from './servers.mjs'

/** @typedef {import('./servers.mjs').Server} Server */
/** @typedef {Pick<import('./cached.mjs').Case, 'report' | 'size' | 'tell'>} Case */
/** @typedef {{ directory: string, certificate: string, key: string, upstream: number }} Place */
/** @typedef {{ server: Server, dot: number, doh: number | null }} Secure */

const NAME = 'dns.test'
const CONNECTIONS = 10
const OUTSTANDING = 100
/** Requests at once on each connection. */
const STREAMS = 10
const CONNECT_MS = 10_000
/** Handshakes at once: below what one address may have. */
const AT_ONCE = 10
/** All of them, and a new client. */
const TABLE = 3_000

/**
 * @param {Case} on
 * @param {{ part: string, profileInto: string | null }} how
 */
export async function secureCase(on, { part, profileInto }) {
  const missing = ['openssl', 'dnsperf', 'taskset', ...(part === 'doh' ? ['h2load'] : [])].filter(
    tool => whereIs(tool) === null,
  )
  if (missing.length > 0) return void on.report.note(`${part} left out: ${missing.join(', ')} not installed`)
  const { path: directory, remove } = temporaryDirectory('secure')
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  makeCertificate(certificate, key)
  const upstream = await startCanned('upstream', 'dot', { certificate, key }, CLIENT_CPU)
  const place = { directory, certificate, key, upstream: upstream.port }
  const into = profileInto === null ? null : join(profileInto, `profile-${part}-${process.pid}`)
  if (into !== null) mkdirSync(into, { recursive: true })
  const nodeOptions = into === null ? [] : ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${into}`]
  try {
    if (part === 'forward-dot') await forwardRounds(on, place, nodeOptions)
    else if (part === 'idle-tls') await idleRounds(on, place)
    else await cachedRounds(on, place, part, nodeOptions)
  } finally {
    await upstream.stop()
    remove()
  }
  for (const file of into === null ? [] : readdirSync(into))
    on.tell(`${part}: ${join(into ?? '', file)}\n${hottest(JSON.parse(readFileSync(join(into ?? '', file), 'utf8')))}`)
}

/** @param {string} certificate @param {string} key */
function makeCertificate(certificate, key) {
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME},IP:${ADDRESS}`],
    ...['-keyout', key, '-out', certificate],
  ])
  if (status !== 0) throw new Error(`openssl: ${stderr.toString()}`)
}

/**
 * @param {string} name @param {'dot' | 'doh'} kind @param {{ certificate: string, key: string }} identity
 * @param {number} cpu
 */
async function startCanned(name, kind, { certificate, key }, cpu) {
  const port = await freePort()
  const script = fileURLToPath(new URL('canned.mjs', import.meta.url))
  const args = [script, ADDRESS, String(port), certificate, key, kind]
  return startNode(name, args, port, () => {}, connects, cpu)
}

/** @type {import('./servers.mjs').Ready} */
async function connects(port, gone) {
  for (let ms = 0; ms < CONNECT_MS && !gone(); ms += 50) {
    const isOpen = await new Promise(resolve => {
      const socket = createConnection({ host: ADDRESS, port }, () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
    if (isOpen === true) return true
    await pause(50)
  }
  return false
}

/** @param {Place} place @param {readonly string[]} nodeOptions @returns {Promise<Secure>} */
async function startOurs({ certificate, key, upstream }, nodeOptions = []) {
  const [dot, doh] = [await freePort(), await freePort()]
  const server = await startRootwalk({
    hints: '. 3600 NS root.test.\nroot.test. 3600 A 127.0.0.1\n',
    nodeOptions,
    listen: [`tls://${ADDRESS}:${dot}`, `https://${ADDRESS}:${doh}/dns-query`],
    settings: {
      warmUp: false,
      tls: { certificate, key },
      tcp: { connections: TABLE, connectionsPerPrefix: TABLE },
      forward: [{ zone: '.', to: [`tls://${ADDRESS}:${upstream}#${NAME}`], authorities: [certificate] }],
    },
  })
  return { server, dot, doh }
}

/** @param {Place} place @returns {Promise<Secure>} */
async function startUnbound({ certificate, key, upstream }) {
  const [dot, doh] = [await freePort(), await freePort()]
  const has = spawnSync('unbound', ['-V'], { encoding: 'utf8' }).stdout.includes('libnghttp2')
  const server = await startPeer(PEER, {
    hints: '. 3600 NS root.test.\nroot.test. 3600 A 127.0.0.1\n',
    more: [
      `  interface: ${ADDRESS}@${dot}`,
      `  tls-port: ${dot}`,
      `  tls-service-key: "${key}"`,
      `  tls-service-pem: "${certificate}"`,
      `  tls-cert-bundle: "${certificate}"`,
      '  max-reuse-tcp-queries: 10000000',
      '  outgoing-num-tcp: 1',
      ...(has ? [`  interface: ${ADDRESS}@${doh}`, `  https-port: ${doh}`] : []),
      'forward-zone:',
      '  name: "."',
      `  forward-addr: ${ADDRESS}@${upstream}#${NAME}`,
      '  forward-tls-upstream: yes',
    ],
  })
  return { server, dot, doh: has ? doh : null }
}

/** @param {Case} on @param {Place} place @param {string} part @param {readonly string[]} nodeOptions */
async function cachedRounds({ report, size, tell }, place, part, nodeOptions) {
  const isProfile = nodeOptions.length > 0
  const ours = await startOurs(place, nodeOptions)
  const peer = !isProfile && installed().includes(PEER) ? await startUnbound(place) : null
  const kind = part === 'dot' ? 'dot' : 'doh'
  const echo = await startCanned(part === 'dot' ? 'node:tls' : 'node:http2', kind, place, SERVER_CPU)
  const all = [
    { name: OURS, pid: ours.server.pid, port: part === 'dot' ? ours.dot : ours.doh },
    { name: echo.name, pid: echo.pid, port: echo.port },
    ...(peer === null ? [] : [{ name: PEER, pid: peer.server.pid, port: part === 'dot' ? peer.dot : peer.doh }]),
  ]
  try {
    if (part === 'dot') await dotRounds({ report, size, tell }, all)
    else await dohRounds({ report, size, tell }, all, place)
  } finally {
    await Promise.all([ours.server.stop(), echo.stop(), peer?.server.stop()])
  }
}

/** @typedef {readonly { name: string, pid: number, port: number | null }[]} Asked */

/** @param {Case} on @param {Asked} asked */
async function dotRounds({ report, size, tell }, asked) {
  const beside = `${CONNECTIONS} connections, ${OUTSTANDING} outstanding`
  const cost = report.row('dot', 'CPU a query', { unit: 'us', goal: { by: 'ratio', most: 1 }, beside })
  const bare = report.row('dot', 'CPU a query, to node:tls', {
    unit: 'us',
    goal: { by: 'ratio', peer: 'node:tls', most: 1.3 },
  })
  const names = Array.from({ length: size.cachedNames }, (_, n) => `host${n}.example`)
  await withNames(names, async file => {
    for (let round = 0; round <= size.rounds; round++) {
      for (const { name, pid, port } of asked) {
        // The first one fills the caches.
        const load = round === 0 ? { runs: 2 } : { seconds: size.seconds }
        const { micros, perf } = await costOf(
          { name, pid, port: port ?? 0, said: () => '', stop: async () => {} },
          { file, mode: 'dot', clients: CONNECTIONS, outstanding: OUTSTANDING, ...load },
        )
        if (round === 0) continue
        cost.add(name, micros)
        bare.add(name, micros)
        tell(`dot, round ${round} of ${size.rounds}: ${name} ${micros.toFixed(2)} us, ${perf.lost} lost`)
      }
    }
  })
}

/** @param {Case} on @param {Asked} asked @param {Place} place */
async function dohRounds({ report, size, tell }, asked, { directory }) {
  const body = join(directory, 'query')
  writeFileSync(body, query.bytes)
  const asks = [
    { what: 'POST', path: '/dns-query', more: ['-d', body, '-H', 'content-type: application/dns-message'] },
    { what: 'GET', path: `/dns-query?dns=${Buffer.from(query.bytes).toString('base64url')}`, more: [] },
  ]
  const rows = asks.map(({ what, ...ask }) => ({
    ...ask,
    row: report.row('doh', `${what}, CPU a query`, {
      unit: 'us',
      goal: { by: 'ratio', peer: 'node:http2', most: 1.2 },
      beside: `HTTP/2, ${CONNECTIONS} connections, ${STREAMS} requests on each`,
    }),
  }))
  for (let round = 0; round <= size.rounds; round++) {
    for (const { name, pid, port } of asked) {
      if (port === null) continue
      for (const { path, more, row } of rows) {
        const before = cpuMicros(pid)
        const answered = await h2load(size.requests, `https://${ADDRESS}:${port}${path}`, more)
        const micros = (cpuMicros(pid) - before) / answered
        if (round === 0) continue
        row.add(name, micros)
        tell(`doh, round ${round} of ${size.rounds}: ${name} ${micros.toFixed(1)} us, ${answered} answered`)
      }
    }
  }
}

/** How many were answered with 2xx. @param {number} requests @param {string} url @param {readonly string[]} more */
async function h2load(requests, url, more) {
  let said = ''
  const numbers = ['-n', String(requests), '-c', String(CONNECTIONS), '-m', String(STREAMS), '-t', '1']
  const running = startProcess('h2load', [...numbers, ...more, url], {
    cpu: CLIENT_CPU,
    onOutput: text => (said += text),
  })
  await running.exited
  const answered = Number(/status codes: (\d+) 2xx/.exec(said)?.[1] ?? 0)
  if (answered === 0) throw new Error(`h2load said:\n${said.slice(0, 2_000)}`)
  return answered
}

/** @param {Case} on @param {Place} place @param {readonly string[]} nodeOptions */
async function forwardRounds({ report, size, tell }, place, nodeOptions) {
  const cost = report.row('forward-dot', 'CPU a query', {
    unit: 'us',
    goal: { by: 'ratio', most: 1 },
    beside: `${size.forwardNames} new names over one connection`,
  })
  const failed = report.row('forward-dot', 'lost or failed', { unit: '', digits: 0 })
  const starts = nodeOptions.length > 0 || !installed().includes(PEER) ? [startOurs] : [startOurs, startUnbound]
  const names = Array.from({ length: size.forwardNames }, (_, n) => `new${n}.example`)
  await withNames(names, async file => {
    for (let round = 1; round <= size.rounds; round++) {
      for (const start of starts) {
        const { server } = await start(place, nodeOptions)
        try {
          const { micros, perf } = await costOf(server, { file, runs: 1, outstanding: 200 })
          cost.add(server.name, micros)
          failed.add(server.name, perf.lost + perf.answered - (perf.rcodes.NOERROR ?? 0))
          tell(`forward-dot, round ${round} of ${size.rounds}: ${server.name} ${micros.toFixed(1)} us`)
        } finally {
          await server.stop()
        }
      }
    }
  })
}

/** @param {Case} on @param {Place} place */
async function idleRounds({ report, size, tell }, place) {
  const row = report.row('idle-tls', 'resident memory a connection', {
    unit: 'kB',
    digits: 0,
    goal: { by: 'value', most: 100 },
  })
  const starts = installed().includes(PEER) ? [startOurs, startUnbound] : [startOurs]
  const ca = readFileSync(place.certificate)
  for (const start of starts) {
    const { server, dot } = await start(place)
    /** @type {import('node:tls').TLSSocket[]} */
    const sockets = []
    const open = () =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: ADDRESS, port: dot, servername: NAME, ca, ALPNProtocols: ['dot'] }, () =>
          resolve(true),
        )
        socket.on('error', reject)
        sockets.push(socket)
      })
    try {
      // Room that the first ones make is there for all.
      for (let n = 0; n < AT_ONCE; n++) await open()
      const before = residentKib(server.pid)
      for (let n = 0; n < size.idleConnections; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, open))
      const kilobytes = ((residentKib(server.pid) - before) * 1.024) / size.idleConnections
      row.add(server.name, kilobytes)
      const isServed = await withNames(['new.example'], async file => {
        const { perf } = await costOf({ ...server, port: dot }, { file, runs: 1, mode: 'dot', clients: 1 })
        return perf.answered === 1
      })
      if (!isServed) row.tell(`${server.name} does not serve a new client`)
      tell(`idle-tls: ${server.name} ${kilobytes.toFixed(0)} kB, a new client is ${isServed ? '' : 'not '}served`)
    } finally {
      for (const socket of sockets) socket.on('error', () => {}).destroy()
      await server.stop()
    }
  }
}
