/** What the API says of zones that other servers send, of policy zones and of programs, as lines for people. */
import { counted, times } from '../../presentation/counted.ts'
import { durationText } from './texts.ts'
import { type Fields, count, fieldsOf, itemsOf, mebi, text } from './fields.ts'

const nowS = (): number => Date.now() / 1_000

const ago = (at: unknown): string => `${durationText(Math.max(0, Math.round(nowS() - count(at))))} ago`
const ahead = (at: unknown): string => {
  const left = Math.round(count(at) - nowS())
  return left <= 0 ? 'now' : `in ${durationText(left)}`
}

/** Some lines a zone. */
export function transfersText(body: unknown): string {
  const transfers = itemsOf(fieldsOf(body).transfers)
  if (transfers.length === 0) return '; no other server sends a zone: see docs/transfers.md\n'
  return transfers.map(transferText).join('')
}

function transferText(body: unknown): string {
  const transfer = fieldsOf(body)
  const { zone, views, isPolicy, state, serial, records, looking, primaries } = transfer
  const version =
    serial === null ? 'not transferred yet' : `version ${text(serial)}, ${counted(count(records), 'record')}`
  const names = Array.isArray(views) ? views.map(text) : []
  const whose = names.length === 0 ? '' : ` (${names.length === 1 ? 'view' : 'views'} ${names.join(', ')})`
  const kind = `${isPolicy === true ? ', policy zone' : ''}${state === 'expired' ? ', expired' : ''}`
  const lines = [
    `${text(zone)}${whose}  ${version}${kind}`,
    `from ${Array.isArray(primaries) ? primaries.map(text).join(', ') : ''}`,
    ...lastTransferLine(transfer),
    ...(transfer.confirmedAt === null ? [] : [`confirmed ${ago(transfer.confirmedAt)}, ${expiryText(transfer)}`]),
    looking === true ? 'asking the primaries now' : `asked next ${ahead(transfer.nextLookAt)}`,
    ...failureLines(transfer),
  ]
  return `${lines.join('\n  ')}\n`
}

const expiryText = ({ state, expiresAt }: Fields): string =>
  state === 'expired' ? `expired ${ago(expiresAt)}` : `expires ${ahead(expiresAt)}`

function lastTransferLine({ lastTransfer }: Fields): readonly string[] {
  if (lastTransfer === null || lastTransfer === undefined) return []
  const { at, primary, octets, whole } = fieldsOf(lastTransfer)
  const what = whole === true ? 'all of it' : 'changes'
  return [`transferred ${ago(at)}: ${what} from ${text(primary)}, ${text(octets)} octets`]
}

function failureLines({ lastFailure }: Fields): readonly string[] {
  if (lastFailure === null || lastFailure === undefined) return []
  const { at, reasons } = fieldsOf(lastFailure)
  return [`failed ${ago(at)}:`, ...(Array.isArray(reasons) ? reasons.map(reason => `  ${text(reason)}`) : [])]
}

export const transferBegunText = (body: unknown): string => `asking the primaries of ${text(fieldsOf(body).zone)}\n`

/** Policy zones, then programs. */
export function policyStatusText(body: unknown): string {
  const { zones, programs } = fieldsOf(body)
  const lines = [...itemsOf(zones).map(policyZoneText), ...itemsOf(programs).map(programText)]
  return lines.length === 0
    ? '; there are no policy zones and no programs: see docs/rpz.md and docs/policy-code.md\n'
    : lines.join('')
}

function policyZoneText(zone: Fields): string {
  const { state, required, action, order, serial, rules, hits, warnings, problem } = zone
  const what =
    state === 'missing'
      ? `not there yet${required === true ? ': all queries get SERVFAIL until it is' : ''}`
      : [
          counted(count(rules), 'rule'),
          `version ${text(serial)}`,
          counted(count(hits), 'hit'),
          `loaded ${ago(zone.loadedAt)}`,
        ].join(', ')
  const settings = [
    ...(action === 'given' ? [] : [`action ${text(action)}`]),
    ...(order === 'early' ? [] : [text(order)]),
  ]
  const lines = [
    `${text(zone.zone)}  ${what}${settings.length === 0 ? '' : ` (${settings.join(', ')})`}`,
    `from ${zone.file === null ? 'other servers: see rootwalk zone transfers' : text(zone.file)}`,
    ...(count(warnings) === 0
      ? []
      : [`${counted(count(warnings), 'line')} not used: see the log, or rootwalk check-config`]),
    ...(problem === null ? [] : [`what was read last is not used: ${text(problem)}`]),
  ]
  return `${lines.join('\n  ')}\n`
}

function programText(program: Fields): string {
  const { name, file, isolated, loaded, reads, hooks, calls, faults, restarts, memory, problem } = program
  const faultTexts = Object.entries(fieldsOf(faults)).map(([kind, many]) => `${kind} ${times(count(many))}`)
  const { heap, buffers } = fieldsOf(memory)
  const use = loaded === true ? `${counted(count(calls), 'call')}, reads ${text(reads)}` : 'no version can be used'
  const lines = [
    `${text(name)}  ${use}`,
    `from ${text(file)}${isolated === true ? '' : ', in the thread of the server'}`,
    ...(Array.isArray(hooks) && hooks.length > 0 ? [`hooks: ${hooks.map(text).join(', ')}`] : []),
    ...(memory === null ? [] : [`memory: ${mebi(heap)} of heap, ${mebi(buffers)} of buffers`]),
    ...(faultTexts.length === 0 ? [] : [`faults: ${faultTexts.join(', ')}`]),
    ...(count(restarts) === 0 ? [] : [`started again ${times(count(restarts))}`]),
    ...(problem === null ? [] : [`what was read last cannot be used: ${text(problem)}`]),
  ]
  return `${lines.join('\n  ')}\n`
}
