// @ts-check
/**
 * Native ES modules and CommonJS as a program has them, without a test runner's loader: a stub is installed, the
 * modules that hold names of `node:dns` look up a name, the stub is taken back. Prints what each found, as JSON.
 */
import { lookup, lookup as renamed, promises, resolve4 } from 'node:dns'
import { lookup as promised, resolveTxt } from 'node:dns/promises'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import http from 'node:http'
import { createDnsStub } from '../../../dist/testing/index.js'

const require = createRequire(import.meta.url)
const server = http.createServer((_request, reply) => reply.end('reached'))
await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
const address = server.address()
const url = `http://svc.internal:${typeof address === 'object' ? address?.port : 0}/`
const before = { lookup, promised, resolve4, resolveTxt }

const dns = await createDnsStub({ records: { 'svc.internal': '127.0.0.1', 'text.internal': { TXT: 'found' } } })
const installation = dns.install()
// Loaded behind `install`, as a library is that the program imports later: it takes `lookup` out of node:dns.
const undici = require('undici')

const found = {
  named: await promisify(lookup)('svc.internal'),
  renamed: renamed === lookup && renamed !== before.lookup,
  namedPromised: await promised('svc.internal'),
  namespaced: await promises.lookup('svc.internal'),
  namedResolve4: await promisify(resolve4)('svc.internal'),
  namedResolveTxt: await resolveTxt('text.internal'),
  required: await promisify(require('node:dns').lookup)('svc.internal'),
  imported: await (await import('node:dns')).promises.lookup('svc.internal'),
  fetched: await (await fetch(url)).text(),
  undici: await (await undici.request(url)).body.text(),
  undiciInterceptor: await (
    await undici.request(url, { dispatcher: new undici.Agent().compose(undici.interceptors.dns()) })
  ).body.text(),
  failed: await fetch('http://gone.internal/').catch(error => error.cause.code),
}
installation.dispose()
const restored =
  lookup === before.lookup &&
  promised === before.promised &&
  resolve4 === before.resolve4 &&
  resolveTxt === before.resolveTxt
console.log(JSON.stringify({ ...found, restored, unmatched: dns.unmatched.map(({ name, type }) => `${name} ${type}`) }))
await dns.stop()
server.closeAllConnections()
server.close()
