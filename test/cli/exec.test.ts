import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { needs, unless } from '../tools.ts'
import {
  asNobody,
  cleanEnvironment,
  install,
  isRoot,
  run,
  saying,
  start,
  writeFiles,
  type Installed,
  type Ran,
} from '../testing/command.ts'

/** Where the names of the tests lead: an address of the private loopback, on which a test may serve. */
const ZONE = `$ORIGIN shop.test.
$TTL 60
@    IN A     127.0.0.77
www  IN CNAME @
six  IN AAAA  ::1
far  IN A     192.0.2.1
`

let installed: Installed
let zone: string
/** A directory that whoever runs the command may write into. */
let desk: string

beforeAll(() => {
  installed = install()
  writeFiles(installed.directory, {
    'shop.zone': ZONE,
    'bad.zone': '$ORIGIN shop.test.\n$TTL 60\nwww IN A 192.0.2.300\n',
    'Lookup.java': JAVA,
  })
  zone = join(installed.directory, 'shop.zone')
  desk = join(installed.directory, 'desk')
  mkdirSync(desk)
  chmodSync(desk, 0o777)
})
afterAll(() => installed?.remove())

const JAVA = `
import java.net.InetAddress;
class Lookup {
  public static void main(String[] names) throws Exception {
    for (String name : names) System.out.println(InetAddress.getByName(name).getHostAddress());
  }
}
`

/** As somebody without any right. */
const exec = (
  options: readonly string[],
  command: readonly string[],
  more: Parameters<typeof run>[2] = {},
): Promise<Ran> => {
  const [program = '', ...args] = [...asNobody, process.execPath, installed.cli, 'exec', ...options, '--', ...command]
  return run(program, args, { cwd: desk, ...more })
}
const inZone = (
  command: readonly string[],
  options: readonly string[] = [],
  more: Parameters<typeof run>[2] = {},
): Promise<Ran> => exec(['--zone', zone, ...options], command, more)
const node = (code: string): readonly string[] => [process.execPath, '-e', code]
const recorded = (file: string): Record<string, unknown>[] =>
  readFileSync(join(desk, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))

const suite = needs('unshare', 'ip', 'setpriv')

suite('every program resolves through the stub', () => {
  test.concurrent('getaddrinfo, by getent', async () => {
    const ran = await inZone(['getent', 'ahostsv4', 'www.shop.test'])
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/^127\.0\.0\.77\s+STREAM/)
  })

  test.concurrent('Node: dns.lookup, dns.resolve and fetch', async () => {
    const code = `
      const { promises: dns } = require('node:dns')
      const server = require('node:http').createServer((_, reply) => reply.end('hello')).listen(8080, '127.0.0.77', async () => {
        const looked = await dns.lookup('www.shop.test')
        const resolved = await dns.resolve4('www.shop.test')
        const fetched = await (await fetch('http://www.shop.test:8080/')).text()
        console.log(JSON.stringify([looked, resolved, fetched]))
        process.exit()
      })`
    const ran = await inZone(node(code))
    expect(ran.err).toBe('')
    expect(JSON.parse(ran.out)).toEqual([{ address: '127.0.0.77', family: 4 }, ['127.0.0.77'], 'hello'])
  })
})

needs(
  'unshare',
  'ip',
  'setpriv',
  'curl',
)('curl', () => {
  test.concurrent('gets a page by a name of the zone, on a port that is privileged elsewhere', async () => {
    const code = `
      require('node:http').createServer((request, reply) => reply.end('page of ' + request.headers.host)).listen(80, '127.0.0.77', () => {
        require('node:child_process').spawn('curl', ['-sS', 'http://www.shop.test/'], { stdio: 'inherit' }).on('exit', code => process.exit(code))
      })`
    expect(await inZone(node(code))).toMatchObject({ code: 0, out: 'page of www.shop.test', err: '' })
  })
})

needs(
  'unshare',
  'ip',
  'setpriv',
  'python3',
)('Python', () => {
  test.concurrent('getaddrinfo, and an exception for names that do not exist', async () => {
    const code = `
import socket
print(socket.getaddrinfo("www.shop.test", 80, type=socket.SOCK_STREAM)[0][4][0], socket.getaddrinfo("six.shop.test", 80, type=socket.SOCK_STREAM)[0][4][0])
try: socket.gethostbyname("nothing.shop.test")
except socket.gaierror as e: print(e.errno == socket.EAI_NONAME)
`
    expect(await inZone(['env', 'PATH=/usr/bin:/bin', 'python3', '-c', code])).toMatchObject({
      code: 0,
      out: '127.0.0.77 ::1\nTrue\n',
      err: '',
    })
  })
})

describe.skipIf(!hasJava())('Java', () => {
  test.concurrent('InetAddress', async () => {
    expect(
      await inZone([
        'java',
        '-XX:TieredStopAtLevel=1',
        join(installed.directory, 'Lookup.java'),
        'www.shop.test',
        'six.shop.test',
      ]),
    ).toMatchObject({ code: 0, out: '127.0.0.77\n0:0:0:0:0:0:0:1\n' })
  })
})

function hasJava(): boolean {
  return (process.env.PATH ?? '').split(':').some(directory => {
    try {
      return readdirSync(directory).includes('java')
    } catch {
      return false
    }
  })
}

suite('the command', () => {
  test.concurrent.each([
    [['sh', '-c', 'exit 7'], 7],
    // 128 + the number of the signal that ended it.
    [['sh', '-c', 'kill -TERM $$'], 143],
    [['/etc/passwd'], 126],
  ])('%j: exit code %d', async (command, code) => {
    expect(await exec([], command)).toMatchObject({ code, signal: null })
  })

  test.concurrent('that does not exist: exit code 127 and its name', async () => {
    expect(await exec([], ['no-such-command'])).toEqual({
      code: 127,
      signal: null,
      out: '',
      err: 'rootwalk exec: no-such-command: no such command\n',
    })
  })

  test.concurrent('has the standard input and output of exec, and no descriptor of its processes', async () => {
    const ran = await exec(
      [],
      ['sh', '-c', 'cat; echo bad >&2; for fd in 3 4 5 6; do [ ! -e /proc/self/fd/$fd ] || echo open: $fd; done'],
      { input: 'through\n' },
    )
    expect(ran).toEqual({ code: 0, signal: null, out: 'through\n', err: 'bad\n' })
  })

  test.concurrent('runs as who started it, where it was started, with its environment', async () => {
    const ran = await exec([], ['sh', '-c', 'id -u; pwd; echo $FLAVOUR; echo $PATH; umask'], {
      env: cleanEnvironment({ FLAVOUR: 'vanilla' }),
    })
    expect(ran.out).toBe(
      `${isRoot ? 65534 : process.getuid?.()}\n${desk}\nvanilla\n${process.env.PATH}\n${process.umask().toString(8).padStart(4, '0')}\n`,
    )
  })

  test.runIf(isRoot)('of root is root, without a user namespace', async () => {
    const before = readFileSync('/proc/self/uid_map', 'utf8')
    const ran = await run(
      process.execPath,
      [
        installed.cli,
        'exec',
        '--zone',
        zone,
        '--',
        'sh',
        '-c',
        'id -u; getent hosts www.shop.test; cat /proc/self/uid_map',
      ],
      { cwd: desk },
    )
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/^0\n127\.0\.0\.77 /)
    expect(ran.out.endsWith(before)).toBe(true)
  })
})

suite('the place', () => {
  test.concurrent('has no network but loopback, no search domain, and no names that somebody wrote into /etc/hosts', async () => {
    const { out } = await exec(
      [],
      ['sh', '-c', 'ip -o link; cat /etc/hosts /etc/resolv.conf; grep hosts: /etc/nsswitch.conf'],
    )
    expect(out.split('\n').filter(line => line !== '' && !line.startsWith('#'))).toEqual([
      expect.stringContaining('1: lo: <LOOPBACK,UP'),
      expect.stringMatching(/^127\.0\.0\.1 localhost/),
      '::1 localhost ip6-localhost ip6-loopback',
      'nameserver 127.0.0.1',
      'search .',
      'hosts: files dns',
    ])
  })

  test.concurrent('a connection elsewhere fails at once; localhost is known, also to those who ask only for the families there are', async () => {
    const code = `
      const dns = require('node:dns')
      const v4 = { family: 4, hints: dns.ADDRCONFIG }
      require('node:net').connect(80, 'far.shop.test').on('error', ({ code }) => {
        dns.lookup('localhost', v4, (error, address) => dns.lookup('www.shop.test', v4, (_, other) => console.log(code, error, address, other)))
      })`
    expect((await inZone(node(code))).out).toBe('ENETUNREACH null 127.0.0.1 127.0.0.77\n')
  })

  test.concurrent('leaves nothing behind: no mount, no file', async () => {
    const temporary = join(desk, 'temporary')
    mkdirSync(temporary)
    chmodSync(temporary, 0o777)
    const state = (): string[] => [
      readFileSync('/proc/self/mountinfo', 'utf8'),
      ...['resolv.conf', 'hosts', 'nsswitch.conf'].map(name => readFileSync(`/etc/${name}`, 'utf8')),
    ]
    const before = state()
    expect(
      (await inZone(['getent', 'hosts', 'www.shop.test'], [], { env: cleanEnvironment({ TMPDIR: temporary }) })).code,
    ).toBe(0)
    expect(state()).toEqual(before)
    expect(readdirSync(temporary)).toEqual([])
  })

  test.concurrent.each(['127.0.0.11', '127.0.0.12'])('many at once do not meet: %s', async address => {
    writeFiles(installed.directory, { [`${address}.json`]: JSON.stringify({ 'same.test': address }) })
    expect(
      (
        await exec(['--records', join(installed.directory, `${address}.json`)], ['getent', 'hosts', 'same.test'])
      ).out.split(' ')[0],
    ).toBe(address)
  })
})

suite('queries', () => {
  test.concurrent('are recorded, a JSON object a line', async () => {
    const ran = await inZone(['getent', 'ahosts', 'shop.test'], ['--record', 'queries.jsonl'])
    expect(ran).toMatchObject({ code: 0, err: '' })
    const queries = recorded('queries.jsonl')
    expect(queries.map(({ name, type }) => `${name} ${type}`).sort()).toEqual(['shop.test A', 'shop.test AAAA'])
    expect(queries[0]).toMatchObject({
      class: 'IN',
      transport: 'udp',
      client: { address: '127.0.0.1', port: expect.any(Number) },
      matched: true,
      answeredWith: 'NOERROR',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
  })

  test.concurrent('for names that are not listed fail a run that must have none', async () => {
    const command = ['sh', '-c', 'getent hosts nothing.test; getent hosts www.shop.test; exit 0']
    const [allowed, failing, alreadyFailed, clean] = await Promise.all([
      inZone(command),
      inZone(command, ['--assert-no-unmatched']),
      inZone(['sh', '-c', 'getent hosts nothing.test; exit 9'], ['--assert-no-unmatched']),
      inZone(['getent', 'hosts', 'www.shop.test'], ['--assert-no-unmatched']),
    ])
    expect(allowed).toMatchObject({ code: 0, err: '' })
    expect(failing.code).toBe(1)
    expect(failing.err).toMatch(
      /^rootwalk exec: asked for, but not listed:\n {2}nothing\.test (?:A|AAAA).*\n {2}nothing\.test (?:A|AAAA).*\n$/,
    )
    expect(alreadyFailed).toMatchObject({ code: 9, err: failing.err })
    expect(clean).toMatchObject({ code: 0, err: '' })
  })

  test.concurrent('a file that cannot be written stops it before the command runs', async () => {
    const ran = await inZone(['echo', 'ran'], ['--record', '/nowhere/queries'])
    expect(ran).toMatchObject({ code: 65, out: '' })
    expect(ran.err).toContain('/nowhere/queries')
  })

  test.concurrent('the command may change the stub', async () => {
    const code = `
      const dns = require('node:dns').promises
      const url = process.env.ROOTWALK_CONTROL
      const send = (method, path, body) => fetch(url + path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
      ;(async () => {
        console.log((await send('PUT', '/records/new.test/A', { data: ['127.0.0.5'] })).status, await dns.resolve4('new.test'))
        await send('POST', '/faults', { name: 'new.test', kind: 'SERVFAIL', times: 1 })
        console.log(await dns.resolve4('new.test').catch(error => error.code))
      })()`
    expect(await exec(['--control'], node(code))).toMatchObject({
      code: 0,
      out: "201 [ '127.0.0.5' ]\nESERVFAIL\n",
      err: '',
    })
  })
})

suite('signals', () => {
  const LOYAL =
    "process.on('SIGTERM', () => { console.log('asked to end'); process.exit(5) }); process.on('SIGUSR2', () => console.log('usr2')); console.log('up ' + process.pid); setInterval(() => {}, 1e6)"
  const up = (): ReturnType<typeof start> => {
    const [program = '', ...args] = [...asNobody, process.execPath, installed.cli, 'exec', '--', ...node(LOYAL)]
    return start(program, args, { cwd: desk })
  }

  test.concurrent('go to the command, whose exit code counts', async () => {
    const running = up()
    await saying(running, /up \d+/)
    running.child.kill('SIGUSR2')
    await saying(running, /usr2/)
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 5, out: expect.stringMatching(/usr2\nasked to end\n$/) })
  })

  test.concurrent('that ends the command: 128 + its number', async () => {
    const running = up()
    await saying(running, /up \d+/)
    running.child.kill('SIGINT')
    expect(await running.ended).toMatchObject({ code: 130 })
  })

  test.concurrent('when exec is killed, the command is ended too', async () => {
    const running = up()
    await saying(running, /up \d+/)
    running.child.kill('SIGKILL')
    // Its output is closed when the last process that had it is gone.
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL', out: expect.stringContaining('asked to end') })
  })
})

needs(
  'unshare',
  'ip',
  'setpriv',
  'python3',
)('a terminal', () => {
  test('Ctrl-C comes to the command once', async () => {
    const code =
      "let n = 0; process.on('SIGINT', () => { if (n++ === 0) process.kill(process.ppid, 'SIGUSR2') }); process.on('SIGUSR2', () => setTimeout(() => { console.log('times: ' + n); process.exit(3) }, 100)); console.log('up'); setInterval(() => {}, 1e6)"
    const terminal = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
said = b""
while b"up" not in said: said += os.read(fd, 1000)
os.write(fd, b"\\x03")
try:
    while True: said += os.read(fd, 1000)
except OSError: pass
print(said.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`
    const { out } = await run(
      'python3',
      ['-c', terminal, process.execPath, installed.cli, 'exec', '--', ...node(code)],
      { cwd: desk },
    )
    expect(out).toMatch(/times: 1\s+3\n$/)
  })
})

suite('what is wrong', () => {
  test.concurrent('in a zone file is told with its place, exit code 65', async () => {
    const ran = await exec(['--zone', join(installed.directory, 'bad.zone')], ['echo', 'ran'])
    expect(ran).toMatchObject({ code: 65, out: '' })
    expect(ran.err).toMatch(/^rootwalk exec: .*bad\.zone:3:\d+: /)
  })

  test.concurrent('without a tool for the network it says which one is missing, exit code 69', async () => {
    const hide =
      'for tool in ip ifconfig busybox; do for place in /usr/local/sbin /usr/sbin /sbin /usr/bin /bin; do [ ! -e $place/$tool ] || mount --bind /dev/null $place/$tool; done; done; exec "$@"'
    const [program = '', ...args] = [
      ...asNobody,
      'unshare',
      '-rm',
      'sh',
      '-c',
      hide,
      'sh',
      process.execPath,
      installed.cli,
      'exec',
      '--',
      'echo',
      'ran',
    ]
    const ran = await run(program, args, { cwd: desk })
    expect(ran).toMatchObject({ code: 69, out: '' })
    expect(ran.err).toMatch(
      /the private network could not be set up\.\n {2}none of ip, ifconfig and busybox is installed\n[\s\S]*install iproute2/,
    )
  })

  test.concurrent('where namespaces are not allowed it says so, and how to do without', async () => {
    // A namespace in which no further ones may be made.
    const forbid =
      'echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    const [program = '', ...args] = [
      ...asNobody,
      'unshare',
      '-r',
      'sh',
      '-c',
      forbid,
      'sh',
      process.execPath,
      installed.cli,
      'exec',
      '--',
      'echo',
      'ran',
    ]
    const ran = await run(program, args, { cwd: desk })
    expect(ran).toMatchObject({ code: 77, out: '' })
    expect(ran.err).toContain(
      'rootwalk exec: this system does not let this process make a private network.\n  unshare: ',
    )
    expect(ran.err).toContain('sudo sysctl user.max_user_namespaces=10000')
    expect(ran.err).toContain('rootwalk stub --port 5353')
  })
})

unless(process.platform === 'linux' ? null : 'needs Linux')('what exec costs', () => {
  test('the process outside loads neither the parser of options nor the server', () => {
    // What takes the time is loading: the figures are in the benchmark of the kit.
    const loaded = new Set<string>()
    const load = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      const text = readFileSync(join(installed.directory, 'dist', file), 'utf8')
      for (const [, from = ''] of text.matchAll(/^import (?:[^'"]*? from )?'([^']+)'/gm)) {
        if (from.startsWith('.')) load(posix.join(posix.dirname(file), from))
        else if (!from.startsWith('node:')) loaded.add(from)
      }
    }
    for (const file of ['cli.js', 'cli/exec-args.js', 'cli/exec.js']) load(file)
    // Bundled or not: the version stands in a file of its own, or in cli.js.
    const few = [
      'cli.js',
      'cli/exec-namespace.js',
      'cli/exec-args.js',
      'cli/exec.js',
      'cli/startup-problems.js',
      // Small: the words of an error, the form of an endpoint.
      'dns/address.js',
      'events.js',
      'system/system-error.js',
      'system/version.js',
    ]
    expect([...loaded].filter(file => !few.includes(file))).toEqual([])
    expect(loaded).toContain('cli/exec.js')
  })
})
