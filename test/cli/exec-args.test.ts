import { describe, expect, test } from 'vitest'
import { exitCodeOf, findProgram } from '../../src/cli/exec.ts'
import {
  explainElsewhere,
  explainHindrance,
  hostsText,
  nsswitchText,
  resolvConfText,
} from '../../src/cli/exec-namespace.ts'
import { readExecWords } from '../../src/cli/exec-args.ts'

describe('the words of exec', () => {
  const plain = { zones: [], records: [], record: null, cassette: null, control: false, assertNoUnmatched: false }

  test.each([
    [['--', 'true'], { ...plain, command: ['true'] }],
    [
      ['--zone', 'a.zone', '--zone=b.zone', '--', 'make', 'test'],
      { ...plain, zones: ['a.zone', 'b.zone'], command: ['make', 'test'] },
    ],
    [
      ['--assert-no-unmatched', '--record', 'q.jsonl', '--control', '--', 'sh', '-c', 'x -- y', '--', '--zone'],
      {
        ...plain,
        assertNoUnmatched: true,
        record: 'q.jsonl',
        control: true,
        command: ['sh', '-c', 'x -- y', '--', '--zone'],
      },
    ],
    [
      ['--records', 'r.json', '--cassette', 'c', '--', '--help'],
      { ...plain, records: ['r.json'], cassette: 'c', command: ['--help'] },
    ],
  ])('%j', (words, expected) => {
    expect(readExecWords(words)).toEqual(expected)
  })

  test.each([
    [[]],
    [['true']],
    [['--']],
    [['--zone', '--', 'true']],
    [['--zone']],
    [['--help', '--', 'true']],
    [['--zones', 'x', '--', 'true']],
    [['stray', '--', 'true']],
  ])('%j is for the other parser', words => {
    expect(readExecWords(words)).toBeNull()
  })
})

describe('the files inside', () => {
  test('hosts are looked up in the file and at the stub only, whatever else the system asks', () => {
    const text = nsswitchText(
      '# how\npasswd: files systemd\n  hosts:  files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns\nnetworks: files',
    )
    expect(text.match(/hosts\s*:.*/g)).toEqual(['hosts: files dns'])
    expect(text).toContain('passwd: files systemd\n')
    expect(text).toContain('networks: files\n')
  })

  test('an empty nsswitch.conf is one line', () => expect(nsswitchText('')).toBe('hosts: files dns\n'))

  test('the own name is known, no other name is', () => {
    expect(hostsText('builder')).toBe(
      '# rootwalk exec\n127.0.0.1 localhost builder\n::1 localhost ip6-localhost ip6-loopback\n',
    )
    expect(hostsText('localhost').match(/localhost/g)).toHaveLength(3)
  })

  test('one server, and no domain behind names', () =>
    expect(resolvConfText('127.0.0.1').split('\n')).toEqual(
      expect.arrayContaining(['nameserver 127.0.0.1', 'search .']),
    ))
})

describe('what hinders', () => {
  const none = {
    'kernel.unprivileged_userns_clone': null,
    'kernel.apparmor_restrict_unprivileged_userns': null,
    'user.max_user_namespaces': '90000',
  }
  const hindered = {
    said: 'unshare: unshare failed: Operation not permitted\n',
    furnishing: false,
    root: false,
    switches: none,
  }

  test('what the tools said stands there, and always how to do without', () => {
    const text = explainHindrance(hindered)
    expect(text).toContain(
      'does not let an ordinary user make a private network.\n  unshare: unshare failed: Operation not permitted\n',
    )
    expect(text).toContain('sudo rootwalk exec')
    expect(text).toContain('rootwalk stub --port 5353')
    expect(text).not.toContain('sysctl')
  })

  test.each([
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['user.max_user_namespaces', '0', '10000'],
  ])('a switch that hinders is named: %s', (name, hindering, helping) => {
    expect(explainHindrance({ ...hindered, switches: { ...none, [name]: hindering } })).toContain(
      `sudo sysctl ${name}=${helping}\n`,
    )
    expect(explainHindrance({ ...hindered, switches: { ...none, [name]: helping } })).not.toContain('sysctl')
  })

  test('root is not told to become root', () =>
    expect(explainHindrance({ ...hindered, root: true })).not.toContain('sudo rootwalk'))

  test('a missing tool is named', () =>
    expect(
      explainHindrance({ ...hindered, furnishing: true, said: 'none of ip, ifconfig and busybox is installed\n' }),
    ).toContain('install iproute2'))

  test('exec says that it needs Linux on other systems', () =>
    expect(explainElsewhere('needs the namespaces of Linux, this is win32')).toMatch(
      /this is win32\.\n(?:.*\n)*.*rootwalk stub --port 5353/,
    ))
})

test('exit codes are those of shells', () => {
  expect([exitCodeOf(0, null), exitCodeOf(7, null), exitCodeOf(null, 'SIGTERM'), exitCodeOf(null, 'SIGKILL')]).toEqual([
    0, 7, 143, 137,
  ])
})

test('programs of the administrator are found without being in the PATH', () => {
  expect(findProgram('sh', '/nowhere')).toMatch(/\/sh$/)
  expect(findProgram('no-such-program-anywhere', process.env.PATH)).toBeNull()
})
