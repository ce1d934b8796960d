import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findPortHolder, parseSockets } from '../../src/system/port-holder.ts'

const HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n'
const line = (sl: number, local: string, state: string, uid: number, inode: number): string =>
  `  ${sl}: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 2 0000000000000000 0\n`

describe('tables of the kernel', () => {
  test('addresses are in host order, ports in hexadecimal', () => {
    expect(parseSockets(HEAD + line(1, '3500007F:0035', '07', 101, 4711), 'udp')).toEqual([
      { address: '127.0.0.53', port: 53, listening: true, uid: 101, inode: '4711' },
    ])
    expect(parseSockets(line(12, '00000000000000000000000001000000:14B4', '0A', 0, 5), 'tcp')).toEqual([
      { address: '::1', port: 5300, listening: true, uid: 0, inode: '5' },
    ])
    expect(parseSockets(line(12, '0000000000000000FFFF00000100007F:14B4', '01', 0, 5), 'tcp')).toMatchObject([
      { address: '127.0.0.1', listening: false },
    ])
  })
  test('a line of a table of the kernel that is no socket is skipped', () =>
    expect(parseSockets(`${HEAD}nonsense\n  1: 0100007F:xyz\n`, 'udp')).toEqual([]))
})

describe('who holds a port', () => {
  const root = mkdtempSync(join(tmpdir(), 'rootwalk-proc-'))
  mkdirSync(join(root, 'net'))
  writeFileSync(
    join(root, 'net', 'udp'),
    HEAD +
      line(1, '3500007F:0035', '07', 101, 4711) +
      line(2, '00000000:14E9', '07', 0, 4712) +
      line(3, '0100007F:1F90', '01', 0, 4713),
  )
  writeFileSync(join(root, 'net', 'udp6'), HEAD + line(1, '00000000000000000000000000000000:1F91', '07', 33, 9))
  for (const [pid, name, inode] of [
    ['812', 'systemd-resolve', 4711],
    ['900', 'avahi-daemon', 4712],
  ]) {
    mkdirSync(join(root, String(pid), 'fd'), { recursive: true })
    writeFileSync(join(root, String(pid), 'comm'), `${name}\n`)
    symlinkSync('/dev/null', join(root, String(pid), 'fd', '0'))
    symlinkSync(`socket:[${inode}]`, join(root, String(pid), 'fd', '7'))
  }
  afterAll(() => rmSync(root, { recursive: true }))

  test.each<[string, number, unknown]>([
    ['127.0.0.53', 53, { address: '127.0.0.53', uid: 101, process: { pid: 812, name: 'systemd-resolve' } }],
    ['0.0.0.0', 53, { address: '127.0.0.53', uid: 101, process: { pid: 812, name: 'systemd-resolve' } }],
    ['::', 53, { address: '127.0.0.53', uid: 101, process: { pid: 812, name: 'systemd-resolve' } }],
    ['127.0.0.1', 53, null],
    ['192.0.2.1', 5353, { address: '0.0.0.0', uid: 0, process: { pid: 900, name: 'avahi-daemon' } }],
    ['::1', 5353, null],
    ['127.0.0.1', 8080, null],
    ['127.0.0.1', 8081, { address: '::', uid: 33, process: null }],
    ['127.0.0.1', 9, null],
  ])('%s port %d', (address, port, holder) => {
    expect(findPortHolder('udp', address, port, root)).toEqual(holder)
    expect(findPortHolder('tcp', address, port, root), 'no table, no answer').toBeNull()
  })

  test.runIf(platform() === 'linux')('this very process, on a real socket', async () => {
    const socket = createSocket('udp4')
    await new Promise<void>(bound => socket.bind(0, '127.0.0.1', bound))
    const holder = findPortHolder('udp', '127.0.0.1', socket.address().port)
    socket.close()
    expect(holder).toMatchObject({ address: '127.0.0.1', process: { pid: process.pid } })
  })
})
