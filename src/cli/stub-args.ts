/** The options of `rootwalk stub`, and what they mean; those that `exec` has too stand there. */
import { EXEC_OPTIONS } from './exec-args.ts'
import type { StubCommand } from './stub.ts'

interface StubOption {
  readonly type: 'string' | 'boolean'
  readonly array?: boolean
  readonly requiresArg?: boolean
  readonly group: string
  readonly describe: string
}

export const STUB_OPTIONS: Readonly<Record<string, StubOption>> = {
  zone: { ...EXEC_OPTIONS.zone, group: 'Answers:' },
  records: { ...EXEC_OPTIONS.records, group: 'Answers:' },
  unlisted: {
    type: 'string',
    requiresArg: true,
    group: 'Answers:',
    describe: 'What other names get: nxdomain, refused, servfail, timeout or forward (default: nxdomain)',
  },
  forward: {
    type: 'string',
    requiresArg: true,
    group: 'Answers:',
    describe: 'Ask this server for other names: 192.0.2.53:53',
  },
  cassette: {
    type: 'string',
    requiresArg: true,
    group: 'Answers:',
    describe: 'File of recorded exchanges for other names',
  },
  mode: {
    type: 'string',
    requiresArg: true,
    group: 'Answers:',
    describe: 'Of the cassette: record, replay or once (default: once)',
  },
  port: {
    type: 'string',
    requiresArg: true,
    group: 'Where:',
    describe: 'Port of UDP and TCP, 0 for a free one (default: 0)',
  },
  address: {
    type: 'string',
    requiresArg: true,
    group: 'Where:',
    describe: 'Address to listen on (default: 127.0.0.1)',
  },
  control: {
    type: 'string',
    requiresArg: true,
    group: 'Where:',
    describe: 'Open the HTTP control API here: 127.0.0.1:0',
  },
  'control-host': {
    type: 'string',
    array: true,
    requiresArg: true,
    group: 'Where:',
    describe: 'A name by which clients of the control API call it (can be repeated)',
  },
  'print-port': {
    type: 'boolean',
    group: 'Where:',
    describe: 'Print {"dns":"127.0.0.1:41873","control":…,"pid":…} when ready',
  },
  record: { ...EXEC_OPTIONS.record, group: 'Queries:' },
  'exit-with-stdin': { type: 'boolean', group: 'Where:', describe: 'End when standard input is closed' },
}

type Read =
  | { readonly kind: 'stub'; readonly command: StubCommand }
  | { readonly kind: 'usage'; readonly message: string }

/** The values of the options as the parser of the command line gives them. */
export function readStubOptions(given: Readonly<Record<string, unknown>>): Read {
  const wrong = (message: string): Read => ({ kind: 'usage', message })
  const port = portIn(one(given.port) ?? '0')
  if (port === null) return wrong('--port takes a port from 0 to 65535')
  const where = one(given.control)
  const control = where === undefined ? null : endpointIn(where)
  if (where !== undefined && control === null) return wrong('--control takes an address and a port, like 127.0.0.1:0')
  const unlisted = one(given.unlisted)
  const mode = one(given.mode)
  if (unlisted !== undefined && !isUnlisted(unlisted))
    return wrong(`--unlisted takes ${UNLISTED.join(', ')}, not "${unlisted}"`)
  if (mode !== undefined && !isMode(mode)) return wrong(`--mode takes ${MODES.join(', ')}, not "${mode}"`)
  const forward = one(given.forward)
  const cassette = one(given.cassette) ?? null
  if (mode !== undefined && cassette === null) return wrong('--mode says how --cassette is used, which is missing')
  return {
    kind: 'stub',
    command: {
      zones: all(given.zone),
      records: all(given.records),
      cassette,
      address: one(given.address) ?? '127.0.0.1',
      port,
      control,
      controlHosts: all(given['control-host']),
      printPort: given['print-port'] === true,
      record: one(given.record) ?? null,
      exitWithStdin: given['exit-with-stdin'] === true,
      ...(forward === undefined ? {} : { forward }),
      ...(unlisted === undefined ? {} : { unlisted }),
      ...(mode === undefined ? {} : { mode }),
    },
  }
}

const UNLISTED = ['nxdomain', 'refused', 'servfail', 'timeout', 'forward'] as const
const isUnlisted = (word: string): word is (typeof UNLISTED)[number] => UNLISTED.some(one => one === word)
const MODES = ['record', 'replay', 'once'] as const
const isMode = (word: string): word is (typeof MODES)[number] => MODES.some(one => one === word)

const all = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]
/** Given twice, the last one counts. */
const one = (value: unknown): string | undefined => all(value).at(-1)

const portIn = (text: string): number | null => (/^\d{1,5}$/.test(text) && Number(text) <= 0xffff ? Number(text) : null)

/** `127.0.0.1:8055`, `[::1]:8055`, and a port alone. */
function endpointIn(text: string): { readonly address: string; readonly port: number } | null {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):)?(\d+)$/.exec(text) ?? []
  const port = portIn(digits)
  return port === null ? null : { address: bracketed ?? plain ?? '127.0.0.1', port }
}
