/** What `rootwalk query --help` says. Texts only. */

interface HelpOption {
  readonly type: 'boolean' | 'number' | 'string'
  readonly describe: string
  readonly alias?: string
  readonly requiresArg?: boolean
}

export const QUERY_OPTIONS: Readonly<Record<string, HelpOption>> = {
  4: { type: 'boolean', describe: 'Only servers with IPv4 addresses' },
  6: { type: 'boolean', describe: 'Only servers with IPv6 addresses' },
  b: { type: 'string', requiresArg: true, describe: 'Address to send from: ADDRESS[#PORT]' },
  f: { type: 'string', requiresArg: true, describe: 'File with a query a line; - is standard input' },
  k: { type: 'string', requiresArg: true, describe: 'File with the key to sign with, as tsig-keygen writes it' },
  q: { type: 'string', requiresArg: true, describe: 'The name, whatever it looks like' },
  y: { type: 'string', requiresArg: true, describe: 'Key to sign with: [ALGORITHM:]NAME:SECRET' },
  port: { alias: 'p', type: 'number', requiresArg: true, describe: 'Port of the server' },
  type: { alias: 't', type: 'string', requiresArg: true, describe: 'Record type; IXFR=N for a transfer' },
  class: { alias: 'c', type: 'string', requiresArg: true, describe: 'Class: IN, CH or HS' },
  reverse: { alias: 'x', type: 'string', requiresArg: true, describe: 'Ask for the name of an address' },
  tcp: { type: 'boolean', describe: 'Ask over TCP, like +tcp' },
  short: { type: 'boolean', describe: 'Only the data, like +short' },
  dnssec: { type: 'boolean', describe: 'Ask for signatures, like +dnssec' },
  json: { type: 'boolean', describe: 'The reply as JSON' },
}

export const QUERY_HELP: string = [
  'Options before the first name apply to all queries, those after a name to that',
  'query only. A type alone is a name: "query mx" asks for the name mx.',
  '',
  'Words with +, each also as +no…, each also cut short:',
  '  asked    tcp rec ad cd dnssec edns[=N] bufsize=N nsid cookie[=HEX]',
  '           subnet=ADDR/LEN padding=N ednsopt=CODE:HEX opcode=N qid=N',
  '           aaflag raflag tcflag zflag header-only expire keepalive',
  '  over     tls https[=PATH] https-get[=PATH] http-plain[=PATH] tls-ca[=FILE]',
  '           tls-hostname=NAME tls-sni=NAME tls-pin=BASE64; without tls-ca or',
  '           tls-pin the certificate is shown and not checked',
  '  how      time=N tries=N retry=N ignore trace search domain=NAME ndots=N',
  '  shown    short json yaml all comments question answer authority additional',
  '           stats qr identify multiline ttlunits ttlid class crypto split=N',
  '           unknownformat rrcomments onesoa expandaaaa',
  '',
  'Exit code: 0 a reply came, whatever its rcode; 64 wrong usage; 66 the file of -f',
  'cannot be read; 69 no reply, or a transfer that ended early.',
].join('\n')
