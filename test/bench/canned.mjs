// @ts-check
/**
 * What Node.js itself costs over TLS and HTTP/2: each query is answered with one address, from octets, and nothing else
 * is done. `node canned.mjs ADDRESS PORT CERTIFICATE KEY dot|doh`.
 */
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:tls'

const [address, port, certificate = '', key = '', kind] = process.argv.slice(2)
const identity = { cert: readFileSync(certificate), key: readFileSync(key) }
const HEADER = 12
const QUESTION_END = 5
/** A pointer to the question, A, IN, an hour, 192.0.2.1. */
const RECORD = Buffer.from('c00c0001000100000e100004c0000201', 'hex')

/** @param {Buffer} query */
function answered(query) {
  let end = HEADER
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1
  const reply = Buffer.concat([query.subarray(0, end + QUESTION_END), RECORD])
  reply.writeUInt16BE(0x8180, 2)
  reply.writeUInt16BE(1, 6)
  // Without OPT.
  reply.writeUInt32BE(0, 8)
  return reply
}

if (kind === 'dot') {
  createServer({ ...identity, ALPNProtocols: ['dot'] }, socket => {
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const replies = []
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0)
        const reply = answered(rest.subarray(2, end))
        const length = Buffer.allocUnsafe(2)
        length.writeUInt16BE(reply.length, 0)
        replies.push(length, reply)
        rest = rest.subarray(end)
      }
      if (replies.length > 0) socket.write(Buffer.concat(replies))
    })
  }).listen(Number(port), address)
} else {
  const server = createSecureServer(identity)
  server.on('session', session => session.on('error', () => {}))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const reply = (/** @type {Buffer} */ query) => {
      const body = answered(query)
      stream.respond({
        ':status': 200,
        'content-type': 'application/dns-message',
        'content-length': body.length,
        'cache-control': 'max-age=3600',
      })
      stream.end(body)
    }
    if (headers[':method'] === 'GET') reply(Buffer.from(String(headers[':path']).split('dns=')[1] ?? '', 'base64url'))
    else stream.once('data', reply)
  })
  server.listen(Number(port), address)
}
process.once('SIGTERM', () => process.exit(0))
