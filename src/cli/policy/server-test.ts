/**
 * `policy test` against a running server: the candidate is sent there with the questions, or with where it has them,
 * and what comes of it is fetched. The server looks at it in a thread of its own and takes nothing of it over.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { adminLimits } from '../../admin/limits.ts'
import type { Change } from '../../app/rehearsal/compare.ts'
import { type GatheredQuestions, Questions } from '../../app/rehearsal/questions.ts'
import { errorText } from '../../events.ts'
import { counted } from '../../presentation/counted.ts'
import { AdminFault, type AdminPlace, askAdmin, faultIn, pages, placeFor, replyFrom } from '../admin/client.ts'
import { configFor } from '../admin/commands.ts'
import { fieldsOf } from '../admin/fields.ts'
import type { CliContext } from '../commands/options.ts'
import { Exit } from '../startup-problems.ts'
import type { PolicyTestReport } from './report.ts'
import { barOf, logOf, type PolicyTestOptions } from './options.ts'

const TESTS = 'api/v1/policy/tests'
/** How often it is asked how far the server is, in ms. */
const LOOK_MS = 200

/** Of the configuration that holds, not of the candidate. */
const placeOf = ({ admin, tokenFile, json }: PolicyTestOptions, around: CliContext): AdminPlace =>
  placeFor(admin, tokenFile, around.directory, () => configFor({ config: undefined, admin, tokenFile, json }, around))

/** Rejects with `AdminFault`. */
export async function testAtServer(options: PolicyTestOptions, around: CliContext): Promise<PolicyTestReport> {
  const file = resolve(around.directory, options.config)
  const text = textOf(file)
  const questions = await questionsFor(options, around)
  const place = placeOf(options, around)
  const body = { candidate: { text, file }, offline: options.offline, ...(questions === null ? {} : { questions }) }
  const started = await replyFrom(place, 'POST', TESTS, body)
  if (started.status === 422) throw new AdminFault(faultText(started.body, file), Exit.BadConfig)
  if (started.status >= 400) throw notCompared(started, place)
  const { id } = fieldsOf(started.body)
  const path = `${TESTS}/${String(id)}`
  try {
    const status = await ended(place, path, around)
    if (status.state === 'invalid') throw new AdminFault(faultText(status, file), Exit.BadConfig)
    if (status.state === 'failed') throw new AdminFault(`not compared: ${String(status.problem)}`, Exit.Unavailable)
    return await reportOf(status, place, path)
  } finally {
    await askAdmin(place, 'DELETE', path).catch(() => {})
  }
}

/** Exit code 1 is that of answers that change, so that a pipeline never takes a fault for one. */
function notCompared(started: Parameters<typeof faultIn>[0], place: AdminPlace): AdminFault {
  const { message, exitCode } = faultIn(started, place)
  if (started.status === 409) return new AdminFault(message, Exit.NoInput)
  return new AdminFault(message, exitCode === Exit.Failure ? Exit.Unavailable : exitCode)
}

/** What a running server has kept, as questions. Rejects with `AdminFault`. */
export async function historyOf(options: PolicyTestOptions, around: CliContext): Promise<GatheredQuestions> {
  const from = options.sinceS === null ? 0 : Date.now() - options.sinceS * MS
  const questions = new Questions()
  await pages(placeOf(options, around), `api/v1/queries?limit=${adminLimits.pageEntries}&from=${from}`, body => {
    const { queries } = fieldsOf(body)
    for (const query of Array.isArray(queries) ? queries : []) {
      const { client, transport, name, type, class: klass } = fieldsOf(query)
      questions.add({
        ...{ client: String(client), transport: String(transport), name: String(name), type: String(type) },
        class: String(klass),
      })
    }
  })
  return questions.gathered()
}

const MS = 1_000

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new AdminFault(`${file}: ${errorText(error)}`, Exit.BadConfig)
  }
}

/** Null: the server takes what it has. */
async function questionsFor({ queries, sinceS }: PolicyTestOptions, around: CliContext): Promise<object | null> {
  const since = sinceS === null ? {} : { sinceS }
  if (queries === 'history') return { source: 'history', ...since }
  if (queries === undefined) return sinceS === null ? null : since
  const { questions, skipped, leftOut } = await logOf(resolve(around.directory, queries), sinceS)
  if (skipped > 0) around.err(`${counted(skipped, 'line')} skipped, which are no queries\n`)
  // What does not fit into a request are the questions that were asked least.
  let octets = 0
  const list = questions.filter(question => {
    octets += JSON.stringify(question).length + 1
    return octets < adminLimits.policyTestBytes / 2
  })
  const lost = leftOut + questions.length - list.length
  if (lost > 0) around.err(`${counted(lost, 'question')} left out, those that were asked least\n`)
  return { source: 'list', list }
}

async function ended(place: AdminPlace, path: string, around: CliContext): Promise<ReturnType<typeof fieldsOf>> {
  const bar = barOf(around)
  try {
    for (;;) {
      const status = fieldsOf((await askAdmin(place, 'GET', path)).body)
      if (status.state !== 'preparing' && status.state !== 'running') return status
      const { asked, questions, changed } = status
      if (typeof asked === 'number' && typeof questions === 'number' && typeof changed === 'number')
        bar?.update(questions === 0 ? 0 : asked / questions, counted(changed, 'change'))
      await new Promise(done => setTimeout(done, LOOK_MS))
    }
  } finally {
    bar?.end()
  }
}

async function reportOf(
  status: ReturnType<typeof fieldsOf>,
  place: AdminPlace,
  path: string,
): Promise<PolicyTestReport> {
  const collected = async (of: string): Promise<unknown[]> => {
    const all: unknown[] = []
    await pages(place, `${path}/changes?of=${of}&limit=${adminLimits.pageEntries}`, body => {
      const { changes } = fieldsOf(body)
      if (Array.isArray(changes)) all.push(...changes)
    })
    return all
  }
  const changes = (await collected('changed')).filter(isChange)
  const unknown = (await collected('unknown')).filter(isChange)
  const numbers = { questions: 0, changed: 0, queries: 0, clients: 0 }
  for (const key of ['questions', 'changed', 'queries', 'clients'] as const) numbers[key] = Number(status[key])
  return {
    version: 1,
    ...numbers,
    rules: Array.isArray(status.rules) ? status.rules : [],
    unknown: [...new Set(unknown.map(({ question: { name, type } }) => `${name} ${type}`))],
    notes: Array.isArray(status.notes) ? status.notes : [],
    changes,
  }
}

/** The server is of one version with this. */
const isChange = (value: unknown): value is Change => 'question' in fieldsOf(value) && 'before' in fieldsOf(value)

/** Each fault with its place in the file of the candidate. */
function faultText(body: unknown, file: string): string {
  const { detail, errors } = fieldsOf(body)
  const places = (Array.isArray(errors) ? errors : []).map(one => {
    const { line, column, pointer, detail: what } = fieldsOf(one)
    const where = typeof line === 'number' ? `${file}:${line}:${String(column)}: ` : ''
    return `\n${where}${pointer === '' || pointer === undefined ? '' : `${String(pointer)}: `}${String(what)}`
  })
  return `${typeof detail === 'string' ? detail : 'the candidate cannot be used:'}${places.join('')}`
}
