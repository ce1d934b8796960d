/**
 * A cassette: a file of recorded exchanges that a stub plays back, so that tests neither touch the network nor invent
 * what it says. The text of it is in `cassette-text.ts`; who is asked while it records, the stub decides.
 *
 * Invariants: a file is written whole or not at all; nothing but a cassette is ever overwritten; in replay the file is
 * read once and never written.
 */
import { counted } from '../../presentation/counted.ts'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { questionKey, type Message, type Question } from '../../dns/message.ts'
import { foldName, parentOf, ROOT } from '../../dns/name.ts'
import { suggest } from '../../presentation/suggest.ts'
import { formatName } from '../../presentation/text.ts'
import {
  type Exchange,
  exchangeText,
  formatCassette,
  merged,
  parseCassette,
  questionText,
  type RecordedReply,
  recordedReply,
  replayedMessage,
  sameAnswer,
} from './cassette-text.ts'
import { errorCode } from '../../system/system-error.ts'
import { mistake } from '../../input/mistake.ts'
import type { Cassette } from './types.ts'

export type CassetteMode = 'record' | 'replay' | 'once'

/** What a difference shows of the cassette: more would hide it. */
const SHOWN_EXCHANGES = 5

/**
 * Opens a cassette. `record` starts over, `replay` needs the file, `once` replays what is there and records when
 * nothing is. Throws a `Mistake` that lists `file:line:column: what was expected` for a file that is no cassette, and
 * says how to record for one that is missing. Two that record to one file at once overwrite each other: a cassette
 * belongs to one stub.
 */
export function openCassette(path: string, mode: CassetteMode = 'once'): Cassette {
  if (!['record', 'replay', 'once'].includes(mode))
    mistake(`expected the mode of a cassette, record, replay or once, found ${JSON.stringify(mode)}`)
  const file = resolve(path)
  const text = readIfThere(file)
  if (text === null) {
    if (mode === 'replay')
      mistake(`there is no cassette ${path} to replay: run once with mode 'record' (or 'once') and keep the file`)
    return new RecordingCassette(file, path)
  }
  const { exchanges, problems } = parseCassette(text)
  // Checked in front of recording too: a mistyped path must not cost somebody a zone file.
  if (problems.length > 0)
    mistake(problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'))
  return mode === 'record' ? new RecordingCassette(file, path) : new ReplayedCassette(path, exchanges)
}

/** Null when there is no such file. */
function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    return code === 'ENOENT'
      ? null
      : mistake(`the cassette ${file} cannot be read: ${code === '' ? String(error) : code}`)
  }
}

class RecordingCassette implements Cassette {
  readonly recording = true
  readonly #file: string
  readonly #path: string
  readonly #exchanges = new Map<string, { readonly question: Question; readonly replies: RecordedReply[] }>()
  #closed = false

  constructor(file: string, path: string) {
    this.#file = file
    this.#path = path
  }

  replay(): null {
    return null
  }

  record(question: Question, message: Message): void {
    const reply = recordedReply(message)
    const known = this.#exchanges.get(questionKey(question))
    if (known === undefined) {
      this.#exchanges.set(questionKey(question), {
        question: { name: foldName(question.name), type: question.type, class: question.class },
        replies: [reply],
      })
      return
    }
    const last = known.replies.at(-1)
    if (last !== undefined && sameAnswer(last, reply)) known.replies.splice(-1, 1, merged(last, reply))
    else known.replies.push(reply)
  }

  difference(question: Question): string {
    return differenceText(this.#path, question, [...this.#exchanges.values()])
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const text = formatCassette(this.#exchanges.values())
    if (readIfThere(this.#file) === text) return
    mkdirSync(dirname(this.#file), { recursive: true })
    // In the same directory, because a rename is atomic only within a file system.
    const draft = `${this.#file}.${process.pid}.tmp`
    try {
      writeFileSync(draft, text)
      renameSync(draft, this.#file)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
  }
}

class ReplayedCassette implements Cassette {
  readonly recording = false
  readonly #path: string
  readonly #exchanges: ReadonlyMap<string, Exchange>
  /** Times that each question was played. */
  readonly #played = new Map<string, number>()

  constructor(path: string, exchanges: readonly Exchange[]) {
    this.#path = path
    this.#exchanges = new Map(exchanges.map(exchange => [questionKey(exchange.question), exchange]))
  }

  replay(question: Question): Message | null {
    const key = questionKey(question)
    const exchange = this.#exchanges.get(key)
    if (exchange === undefined) return null
    const played = this.#played.get(key) ?? 0
    this.#played.set(key, played + 1)
    let passed = 0
    for (const reply of exchange.replies) {
      passed += reply.times
      if (played < passed || reply === exchange.replies.at(-1)) return replayedMessage(question, reply)
    }
    return null
  }

  record(): void {}

  difference(question: Question): string {
    return differenceText(this.#path, question, [...this.#exchanges.values()])
  }

  close(): void {}
}

/** What was asked, what the cassette has that is near, what to do. */
function differenceText(path: string, question: Question, exchanges: readonly Exchange[]): string {
  const near = nearest(question, exchanges)
  const lines = near
    .slice(0, SHOWN_EXCHANGES)
    .flatMap(({ question: known, replies }) => replies.slice(0, 1).map(reply => exchangeText(known, reply)))
  const count = `${counted(exchanges.length, 'question')} in all`
  return [
    `the cassette ${path} has no answer to ${questionText(question)}`,
    `  asked: ${questionText(question)}`,
    ...(lines.length === 0
      ? [`  known: nothing near it (${count})`]
      : lines.map((line, i) => `  ${i === 0 ? 'known:' : '      '} ${line}`)),
    ...(near.length > SHOWN_EXCHANGES ? [`         … (${count})`] : []),
    "if the program is right to ask this, record again: mode 'record', or delete the file with mode 'once'",
  ].join('\n')
}

/** Other types of the name and the name that was likely meant; without any, the other names near it. */
function nearest(question: Question, exchanges: readonly Exchange[]): readonly Exchange[] {
  const sameName = exchanges.filter(({ question: { name } }) => name === question.name)
  const meant = suggest(
    formatName(question.name),
    new Set(
      exchanges.map(({ question: { name } }) => formatName(name)).filter(name => name !== formatName(question.name)),
    ),
  )
  const alike = exchanges.filter(({ question: { name } }) => formatName(name) === meant)
  const parent = parentOf(question.name)
  const sameParent =
    parent === ROOT
      ? []
      : exchanges.filter(({ question: { name } }) => name !== question.name && parentOf(name) === parent)
  const nearer = [...new Set([...sameName, ...alike])]
  return nearer.length > 0 ? nearer : sameParent
}
