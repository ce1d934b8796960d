/**
 * Questions put with real `dig` and `kdig`, and what they print read back into values. Both print nearly the same; what
 * differs is read here and nowhere else.
 */
import { execFile } from 'node:child_process'
import { CONDITION_MS } from '../patience.mjs'

export interface Endpoint {
  readonly address: string
  readonly port: number
}

export interface DigRecord {
  readonly owner: string
  readonly ttl: number
  readonly type: string
  readonly data: string
}

export interface DigReply {
  readonly status: string
  readonly opcode: string
  readonly flags: readonly string[]
  readonly question: string
  readonly answer: readonly DigRecord[]
  readonly authority: readonly DigRecord[]
  readonly additional: readonly DigRecord[]
  /** The line that tells of EDNS; empty without. */
  readonly edns: string
  /** EDE texts as printed. */
  readonly errors: readonly string[]
  readonly transport: string
  /** It came truncated and was asked again over TCP. */
  readonly retried: boolean
  readonly text: string
}

const TRIES = ['+tries=2', '+time=9']

/** `dig` with its arguments as on the command line. */
export const dig = (server: Endpoint, ...args: string[]): Promise<DigReply> =>
  ask('dig', ['-r', `@${server.address}`, '-p', String(server.port), ...TRIES, ...args])

export const kdig = (server: Endpoint, ...args: string[]): Promise<DigReply> =>
  ask('kdig', [`@${server.address}`, '-p', String(server.port), '+retry=0', '+timeout=9', ...args])

async function ask(tool: string, args: string[]): Promise<DigReply> {
  const text = await new Promise<string>((resolve, reject) => {
    // Both leave with 9 or 1 when nothing answered; what they printed tells it better.
    execFile(tool, args, { timeout: CONDITION_MS }, (error, stdout, stderr) => {
      if (error === null || stdout.includes('HEADER')) resolve(stdout)
      else reject(new Error(`${tool} ${args.join(' ')}: ${stdout}${stderr}`))
    })
  })
  return readReply(text)
}

type Section = 'question' | 'answer' | 'authority' | 'additional' | 'none'

export function readReply(text: string): DigReply {
  const records: Record<Section, DigRecord[]> = { question: [], answer: [], authority: [], additional: [], none: [] }
  const errors: string[] = []
  let section: Section = 'none'
  let question = ''
  let edns = ''
  for (const line of text.split('\n')) {
    const title = /^;; (QUESTION|ANSWER|AUTHORITY|ADDITIONAL|OPT PSEUDO|EDNS PSEUDO)/.exec(line)?.[1]
    if (title !== undefined) section = sectionOf(title)
    else if (line === '' || /^;; /.test(line)) {
      if (/^;; Version:/.test(line)) edns = line
    } else if (section === 'question' && line.startsWith(';')) question = line.slice(1).trim()
    else if (!line.startsWith(';')) records[section].push(readRecord(line))
    if (/^; EDNS:/.test(line)) edns = line
    const error = /^;;? ?EDE: (.*)$/.exec(line)?.[1]
    if (error !== undefined) errors.push(error)
  }
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? '',
    opcode: /opcode: (\w+)/.exec(text)?.[1] ?? '',
    flags: (/^;; [Ff]lags: ([^;]*);/m.exec(text)?.[1] ?? '').trim().split(' '),
    question,
    edns,
    errors,
    text,
    answer: records.answer,
    authority: records.authority,
    additional: records.additional,
    transport: /\((UDP|TCP)\)/.exec(text)?.[1] ?? '',
    retried: /[Tt]runcated, retrying/.test(text),
  }
}

function sectionOf(title: string): Section {
  switch (title) {
    case 'QUESTION':
      return 'question'
    case 'ANSWER':
      return 'answer'
    case 'AUTHORITY':
      return 'authority'
    case 'ADDITIONAL':
      return 'additional'
    default:
      return 'none'
  }
}

function readRecord(line: string): DigRecord {
  const [owner = '', ttl = '', , type = '', ...data] = line.split(/\s+/)
  return { owner, ttl: Number(ttl), type, data: data.join(' ') }
}

/** `type data` of records, sorted: what two resolvers must agree on. */
export const dataOf = (records: readonly DigRecord[]): string[] =>
  records.map(({ type, data }) => `${type} ${data}`).sort()

/** The same with owners. */
export const linesOf = (records: readonly DigRecord[]): string[] =>
  records.map(({ owner, type, data }) => `${owner} ${type} ${data}`).sort()
