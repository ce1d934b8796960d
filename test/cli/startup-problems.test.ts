import { describe, expect, test } from 'vitest'
import { Exit, explainListen, explainRefusal } from '../../src/cli/startup-problems.ts'
import type { ListenFailure } from '../../src/net/listener.ts'

const trouble = (code: string, change: Partial<ListenFailure> = {}): ListenFailure => ({
  kind: 'listen-failed',
  transport: 'udp',
  address: '127.0.0.1',
  port: 53,
  code,
  message: 'bind failed',
  ...change,
})

describe('why a port cannot be had', () => {
  test('taken: by whom, and what to do', () => {
    const { text, exitCode } = explainListen(trouble('EADDRINUSE'), {
      address: '0.0.0.0',
      uid: 33,
      process: { pid: 812, name: 'dnsmasq' },
    })
    expect(text).toContain('127.0.0.1:53/udp is in use by dnsmasq (process 812), bound to 0.0.0.0.')
    expect(text).toContain('rootwalk serve --listen 127.0.0.1:5300')
    expect(exitCode).toBe(Exit.Unavailable)
  })

  test('taken by systemd-resolved: how it is moved aside, and back', () => {
    const { text } = explainListen(trouble('EADDRINUSE', { address: '0.0.0.0' }), {
      address: '127.0.0.53',
      uid: 101,
      process: { pid: 1, name: 'systemd-resolve' },
    })
    for (const part of [
      '127.0.0.53',
      'DNSStubListener=no',
      '/etc/systemd/resolved.conf.d/rootwalk.conf',
      'ln -sf /run/systemd/resolve/resolv.conf',
      'And back again',
      'stub-resolv.conf',
    ])
      expect(text).toContain(part)
  })

  test('taken by somebody we cannot see: how to find out', () => {
    expect(explainListen(trouble('EADDRINUSE'), null).text).toMatch(
      /in use by another program\.[\s\S]*sudo ss -lunpt 'sport = :53'/,
    )
    expect(explainListen(trouble('EADDRINUSE'), { address: '::', uid: 0, process: null }).text).toContain(
      'a program of user 0, bound to ::',
    )
  })

  test('a port below 1024 without the right to it: the message names four remedies', () => {
    const { text, exitCode } = explainListen(trouble('EACCES', { address: '::1', transport: 'tcp' }), null)
    expect(text).toContain('[::1]:53/tcp needs a right')
    for (const part of [
      'CAP_NET_BIND_SERVICE',
      'docker run -p 53:5300/udp',
      'net.ipv4.ip_unprivileged_port_start=53',
      'sudo rootwalk serve',
    ])
      expect(text).toContain(part)
    expect(exitCode).toBe(Exit.NoPermission)
  })

  test('no such address, and anything else', () => {
    expect(explainListen(trouble('EADDRNOTAVAIL'), null)).toMatchObject({
      exitCode: Exit.Unavailable,
      text: expect.stringContaining('no such address'),
    })
    expect(explainListen(trouble('EMFILE'), null)).toMatchObject({
      exitCode: Exit.Unavailable,
      text: '127.0.0.1:53/udp cannot be used: bind failed (EMFILE).\n',
    })
  })
})

describe('what a socket threw', () => {
  const at = { transport: 'tcp', address: '::1', port: 53 } as const

  test('a system error is explained', () => {
    const error = Object.assign(new Error('bind failed'), { code: 'EACCES' })
    expect(explainRefusal(error, at)).toEqual(explainListen(trouble('EACCES', at), null))
  })

  test('anything else is a bug and is thrown again', () => {
    expect(() => explainRefusal(new RangeError('a bug'), at)).toThrow(RangeError)
  })
})
