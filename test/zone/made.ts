/** Zones and answers as text for the tests of local data. */
import { foldName, type Name } from '../../src/dns/name.ts'
import type { Question } from '../../src/dns/message.ts'
import { recordsOf, type RRset, groupRRsets } from '../../src/dns/rrset.ts'
import { formatName, parseName } from '../../src/presentation/text.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { RrClass, typeName, typeNumber } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import { Zone, type ZoneOptions } from '../../src/zone/zone.ts'
import { parseZoneText } from '../../src/zone/zone-file.ts'

export function n(text: string): Name {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(`${text}: ${name.error}`)
  return foldName(name)
}

/** `www.example. A` as a question. */
export function ask(text: string): Question {
  const [name = '', type = ''] = text.split(' ')
  return { name: n(name), type: typeNumber(type) ?? -1, class: RrClass.IN }
}

export function rrsetsFrom(origin: string, text: string): RRset[] {
  const parsed = parseZoneText(text, {
    file: 'test',
    origin: n(origin),
    limits: defaultLimits.zone,
    include: () => ({ error: 'none' }),
  })
  if (parsed.problems.length > 0)
    throw new Error(parsed.problems.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return groupRRsets(parsed.records)
}

export const zone = (origin: string, text: string, options: Partial<ZoneOptions> = {}): Zone =>
  new Zone(n(origin), rrsetsFrom(origin, text), { recordsOnly: false, ...options })

const lines = (rrsets: readonly RRset[]): string[] =>
  rrsets
    .flatMap(set => recordsOf(set))
    .map(rr => `${formatName(rr.owner)} ${rr.ttl} ${typeName(rr.type)} ${formatRdata(rr.type, rr.rdata)}`)

/** An answer in lines: its kind (with the target or cut), then records, `;` in front of those beside the answer. */
export function told(from: Zone | undefined, question: string): string[] {
  const answer = from?.answer(ask(question))
  switch (answer?.kind) {
    case undefined:
      return ['no zone']
    case 'answer':
      return ['answer', ...lines(answer.rrsets), ...lines(answer.additional).map(line => `; ${line}`)]
    case 'alias':
      return [`alias ${formatName(answer.target)}`, ...lines(answer.rrsets)]
    case 'nodata':
    case 'nxdomain':
      return [
        answer.kind,
        ...lines(answer.rrsets),
        ...(answer.soa === null ? [] : lines([answer.soa]).map(line => `; ${line.split(' ').slice(0, 3).join(' ')}`)),
      ]
    case 'referral':
      return [
        `referral ${formatName(answer.cut)}`,
        ...lines(answer.rrsets),
        ...lines([answer.ns, ...answer.glue, ...(answer.ds === null ? [] : [answer.ds])]).map(line => `; ${line}`),
      ]
    case 'name-too-long':
    case 'unavailable':
    case 'not-here':
      return [answer.kind, ...lines(answer.rrsets)]
    default:
      return answer satisfies never
  }
}
