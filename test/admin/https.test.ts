/** The API over TLS, with the certificate of the listeners. */
import { request } from 'node:https'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { startServed } from './served.ts'

interface Secure {
  readonly status: number
  readonly strict: string | undefined
  readonly names: string
}

const ask = (port: number, path: string): Promise<Secure> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, rejectUnauthorized: false }, response => {
      const { socket } = response
      const names =
        'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
          ? String(socket.getPeerX509Certificate()?.subjectAltName)
          : ''
      response.resume()
      resolve({
        status: response.statusCode ?? 0,
        strict: response.headers['x-content-type-options']?.toString(),
        names,
      })
    })
    asked.on('error', reject)
    asked.end()
  })

it('https:// shows the certificate of "tls", and the same guards stand in front', async () => {
  const served = await startServed({
    tls: { certificate: 'self-signed' },
    admin: { listen: ['https://127.0.0.1:0', 'unix:other.sock'] },
  })
  try {
    expect(await ask(served.port, '/livez')).toMatchObject({
      status: 200,
      strict: 'nosniff',
      names: expect.stringContaining('DNS:localhost'),
    })
    expect(await ask(served.port, '/api/v1/status')).toMatchObject({ status: 401 })
  } finally {
    await served.stop()
  }
})

it('https:// without a certificate is no configuration, and the ways to have one are said', () => {
  const text = JSON.stringify({ admin: { listen: 'https://127.0.0.1:8531' } })
  const result = readConfig({ file: { path: '/etc/c.json', text }, overrides: [], directory: '/etc' })
  expect(result).toMatchObject({
    kind: 'invalid',
    problems: [{ message: expect.stringMatching(/^admin\.listen: https:\/\/ needs a certificate: .*self-signed/) }],
  })
})
