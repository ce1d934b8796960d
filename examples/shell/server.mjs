// The shop, as the test wants it. Port 80 is free for everybody inside of `rootwalk exec`.
import { createServer } from 'node:http'

createServer((request, reply) => reply.end(`healthy as ${request.headers.host}`)).listen(80, '127.0.0.80', () =>
  console.log('ready'),
)
