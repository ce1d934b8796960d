/**
 * Says to the service manager how the service is (sd_notify(3)): by a datagram to the socket that it names. Node.js has
 * no datagrams between processes, so that is done with system calls, or else by systemd's own program.
 */
import { spawn } from 'node:child_process'
import { loadLibc, type Libc } from '../../net/linux/libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
/** Octets of the path in a socket address (unix(7)). */
const PATH_OCTETS = 108

/** `READY=1`, `STOPPING=1`, `MAINPID=17` … Without a service manager nothing happens. */
export function notifyManager(states: readonly string[], environment: NodeJS.ProcessEnv = process.env): void {
  const path = environment.NOTIFY_SOCKET
  if (path === undefined || !/^[/@]/.test(path)) return
  const found = loadLibc()
  if (found.kind === 'libc' && send(found.libc, path, states.join('\n'))) return
  // It speaks for this process, which the unit has to allow (NotifyAccess=all).
  spawn('systemd-notify', states, { stdio: 'ignore' }).on('error', () => {})
}

function send(libc: Libc, path: string, text: string): boolean {
  const octets = new TextEncoder().encode(path)
  if (octets.length >= PATH_OCTETS) return false
  const name = new Uint8Array(new ArrayBuffer(2 + PATH_OCTETS))
  name[0] = AF_UNIX
  name.set(octets, 2)
  // A name that no file has (unix(7), abstract).
  if (path.startsWith('@')) name[2] = 0
  const message = new TextEncoder().encode(text)
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) return false
  try {
    const length = 2 + octets.length + (path.startsWith('@') ? 0 : 1)
    if (libc.connect(fd, libc.addressOf(name), length) < 0) return false
    return libc.send(fd, libc.addressOf(message), message.length, 0) === message.length
  } finally {
    libc.close(fd)
  }
}
