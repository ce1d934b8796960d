/** Names of tests: records in presentation format, as a resolver that knows nothing else gives them. */
import type { Question } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { groupRRsets, type Rr } from '../../src/dns/rrset.ts'
import { RrClass, typeNumber } from '../../src/dns/types.ts'
import { parseRr } from '../../src/presentation/rr-text.ts'
import { parseName } from '../../src/presentation/text.ts'
import type { Security } from '../../src/steps.ts'
import type { Found, LookUpAnswer, Names } from '../../src/visit/types.ts'
import { serverAddress } from '../../src/ports.ts'
import { parseIp } from '../../src/dns/address.ts'

export interface TestNames extends Names {
  /** What was asked, in order. */
  readonly asked: readonly Question[]
}

export function record(line: string): Rr {
  const read = parseRr(line)
  if ('error' in read) throw new Error(`${line}: ${read.error}`)
  return read
}

export function question(name: string, type: string): Question {
  const read = parseName(name, null)
  if (typeof read !== 'string') throw new Error(read.error)
  return { name: foldName(read), type: typeNumber(type) ?? 0, class: RrClass.IN }
}

const loopback = parseIp('127.0.0.53')

/** `lines` are records; `failing` names whose look-ups fail. */
export function namesOf(
  lines: readonly string[],
  { security = 'insecure', failing = [] }: { security?: Security['kind']; failing?: readonly string[] } = {},
): TestNames {
  const records = lines.map(record)
  const broken = failing.map(name => question(name, 'A').name)
  const asked: Question[] = []
  const answerTo = ({ name, type }: Question): LookUpAnswer => {
    if (broken.includes(name)) return { kind: 'failure', why: 'unreachable', ede: 22, text: '' }
    const own = records.filter(rr => foldName(rr.owner) === name)
    const fitting = own.filter(rr => rr.type === type)
    const kind = own.length === 0 ? 'nxdomain' : fitting.length === 0 ? 'nodata' : 'answer'
    return { kind, rrsets: groupRRsets(fitting), security }
  }
  return {
    asked,
    lookUp(asking) {
      asked.push(asking)
      if (loopback === null) throw new Error('127.0.0.53 is no address')
      const found: Found = {
        answer: answerTo(asking),
        source: { kind: 'server', server: serverAddress(loopback, 53), transport: 'udp' },
      }
      return Promise.resolve(found)
    },
  }
}
