/**
 * A stub from files, for the commands `stub` and `exec`: zone files and JSON files of records, read and checked, and
 * what is wrong with them in the words of the other commands, with the exit code for it.
 */
import { readFileSync } from 'node:fs'
import { errorText } from '../events.ts'
import { isObject, readJson } from '../config/json.ts'
import { Exit, explainRefusal } from './startup-problems.ts'
import { createDnsStub } from '../testing/create-dns-stub.ts'
import type { DnsStub, NameRecords, StubOptions, StubRecords } from '../testing/stub/types.ts'

export interface StubOrder extends Pick<StubOptions, 'mode' | 'forward' | 'unlisted' | 'ttl' | 'seed'> {
  /** Zone files. */
  readonly zones: readonly string[]
  /** JSON files of records. */
  readonly records: readonly string[]
  readonly cassette: string | null
  readonly address: string
  readonly port: number
}

export type Prepared = { readonly kind: 'stub'; readonly stub: DnsStub } | Failure
interface Failure {
  readonly kind: 'failed'
  readonly message: string
  readonly exitCode: number
}

export async function prepareStub({
  zones,
  records: files,
  cassette,
  address,
  port,
  mode,
  forward,
  unlisted,
  ttl,
  seed,
}: StubOrder): Promise<Prepared> {
  const records: Record<string, NameRecords> = {}
  for (const file of files) {
    const read = readRecordsFile(file)
    if ('kind' in read) return read
    Object.assign(records, read.records)
  }
  try {
    const stub = await createDnsStub({
      records,
      zoneFile: zones,
      address,
      port,
      ...(cassette === null ? {} : { cassette }),
      ...(mode === undefined ? {} : { mode }),
      ...(forward === undefined ? {} : { forward }),
      ...(unlisted === undefined ? {} : { unlisted }),
      ...(ttl === undefined ? {} : { ttl }),
      ...(seed === undefined ? {} : { seed }),
    })
    return { kind: 'stub', stub }
  } catch (error) {
    return explain(error, address, port)
  }
}

function explain(error: unknown, address: string, port: number): Failure {
  // The stub says in a TypeError what is wrong with what it was given.
  if (error instanceof TypeError) return { kind: 'failed', message: error.message, exitCode: Exit.BadData }
  const { text, exitCode } = explainRefusal(error, { transport: 'udp', address, port })
  return { kind: 'failed', message: text.trimEnd(), exitCode }
}

function readRecordsFile(file: string): { readonly records: StubRecords } | Failure {
  const bad = (message: string): Failure => ({ kind: 'failed', message, exitCode: Exit.BadData })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return bad(`${file}: ${errorText(error)}`)
  }
  const read = readJson(text)
  if (read.kind === 'syntax-error') return bad(`${file}:${read.place.line}:${read.place.column}: ${read.message}`)
  const [twice] = read.repeated
  if (twice !== undefined)
    return bad(`${file}:${twice.place.line}:${twice.place.column}: "${twice.path.at(-1)}" stands there twice`)
  return isRecords(read.value)
    ? { records: read.value }
    : bad(`${file}: expected names with their records, like {"api.internal": {"A": ["192.0.2.1"]}}`)
}

/** Names and their records; the stub judges what they are. */
const isRecords = (value: unknown): value is StubRecords => isObject(value)
