import { describe, expect, it } from 'vitest'
import {
  checkBuffers,
  checkClock,
  checkConfiguration,
  checkDescriptors,
  checkPorts,
  checkResolvConf,
  checkResolved,
  checkState,
} from '../../../src/cli/doctor/machine.ts'
import { inOrder, worst } from '../../../src/cli/doctor/findings.ts'
import { doctorJson, doctorText } from '../../../src/cli/doctor/report.ts'
import { noPaint } from '../../../src/render/walk.ts'
import type { PortHolder } from '../../../src/system/port-holder.ts'
import { configOf, lineOf, machine, type MachinePlan, NOW } from './world.ts'

const config = configOf({})
const everywhere = configOf({ listen: ['0.0.0.0:53'] })
const held = (name: string, pid = 812): PortHolder => ({ address: '127.0.0.1', process: { pid, name }, uid: 0 })
const resolvConf = (...lines: readonly string[]): MachinePlan => ({ files: { '/etc/resolv.conf': lines.join('\n') } })

describe('the ports of the configuration', () => {
  it.each<[string, MachinePlan, readonly string[]]>([
    ['free ones are good', {}, ['good port: 127.0.0.1:53 and [::1]:53 can be listened on']],
    [
      'one that another program holds is an error with its name',
      { bind: () => Promise.resolve('EADDRINUSE'), holder: () => held('dnsmasq') },
      [
        'error port: 127.0.0.1:53/udp is in use by dnsmasq (process 812), bound to 127.0.0.1',
        'error port: [::1]:53/udp is in use by dnsmasq (process 812), bound to 127.0.0.1',
      ],
    ],
    [
      'rootwalk itself is no clash',
      {
        bind: () => Promise.resolve('EADDRINUSE'),
        holder: () => held('node'),
        files: { '/proc/812/cmdline': 'node\0/usr/lib/node_modules/rootwalk/dist/cli.js\0serve\0' },
      },
      ['good port: rootwalk itself listens on 127.0.0.1:53', 'good port: rootwalk itself listens on [::1]:53'],
    ],
    [
      'a right that is missing is an error',
      { bind: (_transport, address) => Promise.resolve(address.includes(':') ? '' : 'EACCES') },
      [
        'error port: 127.0.0.1:53/udp needs a right that this process does not have: ports below 1024 are privileged',
        'good port: [::1]:53 can be listened on',
      ],
    ],
    [
      'an IPv6 address that is missing is a note: the server starts without it',
      { bind: (_transport, address) => Promise.resolve(address.includes(':') ? 'EADDRNOTAVAIL' : '') },
      [
        'note port: [::1]:53/udp cannot be used: this host has no such address',
        'good port: 127.0.0.1:53 can be listened on',
      ],
    ],
    [
      'TCP is looked at when UDP is free',
      { bind: transport => Promise.resolve(transport === 'tcp' ? 'EADDRINUSE' : ''), holder: () => held('named') },
      [
        'error port: 127.0.0.1:53/tcp is in use by named (process 812), bound to 127.0.0.1',
        'error port: [::1]:53/tcp is in use by named (process 812), bound to 127.0.0.1',
      ],
    ],
  ])('%s', async (_name, plan, expected) => {
    const found = await checkPorts(config, machine(plan))
    expect(found.map(lineOf)).toEqual(expected)
    for (const { level, todo } of found) expect(todo.length > 0).toBe(level !== 'good')
  })

  it('an encrypted listener is looked at over TCP only', async () => {
    const asked: string[] = []
    const world = machine({
      bind: (transport, address, port) => {
        asked.push(`${transport} ${address} ${port}`)
        return Promise.resolve('')
      },
    })
    await checkPorts(configOf({ listen: ['tls://127.0.0.1:853'], tls: { certificate: 'self-signed' } }), world)
    expect(asked).toEqual(['tcp 127.0.0.1 853'])
  })
})

describe('/etc/resolv.conf', () => {
  it.each<[string, MachinePlan, RegExp]>([
    ['one that leads to us is good', resolvConf('nameserver 127.0.0.1'), /^good .* ask rootwalk \(127\.0\.0\.1\)$/],
    [
      'a second server takes names past us',
      resolvConf('nameserver 127.0.0.1', 'nameserver 192.0.2.53'),
      /^warning .* 127\.0\.0\.1, 192\.0\.2\.53 in their order$/,
    ],
    ['systemd-resolved is a note', resolvConf('nameserver 127.0.0.53'), /^note .* ask systemd-resolved/],
    ['others are a note', resolvConf('nameserver 192.0.2.53'), /^note .* ask 192\.0\.2\.53, and not rootwalk$/],
    [
      'a loopback address where nothing listens is an error',
      resolvConf('nameserver 127.0.0.7'),
      /^error .* ask 127\.0\.0\.7, where no program listens$/,
    ],
    ['a missing one is a note', {}, /^note .* cannot be read/],
    ['an empty one is a note', resolvConf('# nothing', 'options edns0'), /^note .* names no server/],
  ])('%s', (_name, plan, expected) => {
    expect(checkResolvConf(config, machine(plan)).map(lineOf)).toEqual([expect.stringMatching(expected)])
  })

  it('a wildcard in "listen" stands for all addresses of its family', () => {
    const ask = (server: string): string | undefined =>
      checkResolvConf(everywhere, machine(resolvConf(`nameserver ${server}`)))[0]?.level
    expect(['127.0.0.1', '192.0.2.10', '2001:db8::10', '192.0.2.99'].map(ask)).toEqual(['good', 'good', 'note', 'note'])
  })

  it('a fourth server is never asked', () => {
    const lines = ['1', '2', '3', '4'].map(n => `nameserver 192.0.2.${n}`)
    expect(checkResolvConf(config, machine(resolvConf(...lines))).map(lineOf)).toContainEqual(
      expect.stringContaining('names 4 servers, of which three are ever asked'),
    )
  })

  it('who writes the file again is named', () => {
    const plan = resolvConf('# Generated by NetworkManager', 'nameserver 192.0.2.53')
    expect(checkResolvConf(config, machine(plan))[0]?.todo.join('\n')).toContain('dns=none')
  })
})

describe('systemd-resolved', () => {
  const runs: MachinePlan = { holder: () => held('systemd-resolve'), files: { '/run/systemd/resolve/resolv.conf': '' } }
  it.each([
    ['where it does not run all is good', config, {}, 'good systemd-resolved: systemd-resolved does not run here'],
    [
      'it does not clash with 127.0.0.1',
      config,
      runs,
      'good systemd-resolved: systemd-resolved runs, and does not clash with what is listened on',
    ],
    [
      'it clashes with all addresses',
      everywhere,
      runs,
      'warning systemd-resolved: systemd-resolved listens on 127.0.0.53, which "listen" covers',
    ],
  ] as const)('%s', (_name, of, plan, expected) => {
    expect(checkResolved(of, machine(plan)).map(lineOf)).toEqual([expected])
  })
})

describe('the limits of the system', () => {
  it('a clock before the day of the release is an error', () => {
    expect(checkClock(machine())[0]?.level).toBe('good')
    expect(checkClock(machine({ wall: 0 })).map(lineOf)).toEqual([
      'error clock: the clock says 1970-01-01T00:00:00Z, which is before this version of rootwalk was made',
    ])
  })

  it.each<[number | null, string]>([
    [65_536, 'good'],
    [1_024, 'warning'],
    [null, 'note'],
  ])('%j open files are %s', (openFiles, level) => {
    expect(checkDescriptors(config, machine({ openFiles }))[0]?.level).toBe(level)
  })

  it('a small net.core.rmem_max is a warning with the command that raises it', () => {
    const [found] = checkBuffers(config, machine({ files: { '/proc/sys/net/core/rmem_max': '212992\n' } }))
    expect(found).toMatchObject({ level: 'warning' })
    expect(found?.todo[0]).toBe('sudo sysctl -w net.core.rmem_max=4194304')
    expect(checkBuffers(config, machine())[0]?.level).toBe('good')
    expect(checkBuffers(config, machine({ read: () => null } as MachinePlan))[0]?.level).toBe('note')
  })

  const state = configOf({ state: '/var/lib/rootwalk' })
  it.each<[string, MachinePlan, string]>([
    ['a writable one is good', {}, 'good'],
    [
      'a full one is a warning',
      { directory: () => ({ kind: 'writable', freeBytes: 1_000, freeFiles: 10 ** 6 }) },
      'warning',
    ],
    [
      'one without inodes is a warning',
      { directory: () => ({ kind: 'writable', freeBytes: 10 ** 10, freeFiles: 3 }) },
      'warning',
    ],
    ['btrfs counts no inodes', { directory: () => ({ kind: 'writable', freeBytes: 10 ** 10, freeFiles: 0 }) }, 'good'],
    ['a file is an error', { directory: () => ({ kind: 'no-directory' }) }, 'error'],
    ['one of another user is an error', { directory: () => ({ kind: 'not-writable' }) }, 'error'],
    ['one that cannot be made is an error', { directory: () => ({ kind: 'missing' }) }, 'error'],
    [
      'one that can be made is good',
      {
        directory: path =>
          path === '/var/lib' ? { kind: 'writable', freeBytes: 10 ** 10, freeFiles: 9_999 } : { kind: 'missing' },
      },
      'good',
    ],
  ])('the state directory: %s', (_name, plan, level) => {
    expect(checkState(state, machine(plan))[0]?.level).toBe(level)
  })
  it('without a state directory nothing lasts, which is a note', () =>
    expect(checkState(config, machine())[0]?.level).toBe('note'))
})

describe('the report', () => {
  const problems = [{ file: 'a.json', line: 1, column: 2, severity: 'error', message: 'bad' }] as const
  const findings = inOrder([...checkClock(machine()), ...checkConfiguration('a.json', problems)])

  it('has a line for each finding, in the order of the checks, and what to do below it', () => {
    expect(doctorText(findings, noPaint)).toBe(
      [
        'ERROR configuration  a.json has 1 problem',
        '                     a.json:1:2: bad',
        'good  clock          the clock says 2027-01-15T00:00:00Z',
        '',
        '1 error, 0 warnings.',
        '',
      ].join('\n'),
    )
  })

  it('as JSON has the worst level and all findings', () => {
    expect(JSON.parse(doctorJson(findings, '1.0.0'))).toMatchObject({ version: '1.0.0', worst: 'error' })
    expect(worst([])).toBe('good')
    expect(NOW).toBeGreaterThan(0)
  })
})
