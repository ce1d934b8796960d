/** A machine and its way to servers as data, for the doctor. */
import type { Config } from '../../../src/config/types.ts'
import { readConfig } from '../../../src/config/read.ts'
import type { Finding } from '../../../src/cli/doctor/findings.ts'
import type { DoctorWorld } from '../../../src/cli/doctor/world.ts'

/** Seconds: a moment after this version was made. */
export const NOW = Date.UTC(2027, 0, 15) / 1_000
const PROC_NET_UDP = '  sl  local_address\n'

export interface MachinePlan extends Partial<Omit<DoctorWorld, 'read'>> {
  readonly files?: Readonly<Record<string, string>>
}

/** Nothing is wrong with it but what `plan` says. */
export const machine = ({ files = {}, ...rest }: MachinePlan = {}): DoctorWorld => ({
  read: path => ({ '/proc/net/udp': PROC_NET_UDP, '/proc/sys/net/core/rmem_max': '8388608\n', ...files })[path] ?? null,
  real: path => path,
  directory: () => ({ kind: 'writable', freeBytes: 10 ** 10, freeFiles: 10 ** 6 }),
  bind: () => Promise.resolve(''),
  holder: () => null,
  addresses: ['127.0.0.1', '::1', '192.0.2.10', '2001:db8::10'],
  openFiles: 65_536,
  wall: NOW,
  releasedAt: NOW - 86_400,
  datagram: () => Promise.resolve({ kind: 'timeout' }),
  stream: () => Promise.resolve({ kind: 'timeout' }),
  lookUp: () => Promise.resolve(null),
  ...rest,
})

export function configOf(settings: object): Config {
  const result = readConfig({
    file: { path: '/etc/rootwalk/resolver.config.json', text: JSON.stringify(settings) },
    overrides: [],
    directory: '/',
  })
  if (result.kind === 'config') return result.config
  throw new Error(result.problems.map(({ message }) => message).join('\n'))
}

/** `good tcp: TCP to port 53 comes through`. */
export const lineOf = ({ check, level, found }: Finding): string => `${level} ${check}: ${found}`
