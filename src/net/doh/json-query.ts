/**
 * A DNS query as the JSON form writes it, in parameters: `name`, `type`, `cd`, `do`, `edns_client_subnet`. What other
 * clients send besides (`ct`, `random_padding`) is taken and means nothing here.
 */
import { parseIp } from '../../dns/address.ts'
import { encodeQuery } from '../../dns/encode.ts'
import type { EdnsOption } from '../../dns/message.ts'
import { foldName } from '../../dns/name.ts'
import { EdnsOptionCode, RrClass, RrType, typeNumber } from '../../dns/types.ts'
import { parseUnsigned } from '../../presentation/text.ts'
import { readName } from '../../system/idna.ts'

export type JsonQuery =
  | { readonly kind: 'query'; readonly message: Uint8Array }
  /** `detail` has nothing of what was given in it. */
  | { readonly kind: 'mistake'; readonly detail: string }

const mistake = (detail: string): JsonQuery => ({ kind: 'mistake', detail })

const FLAGS: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false, '': false }
/** RFC 1035 section 3.1: 255 octets, each written as `\DDD` at most, and dots. */
const NAME_CHARACTERS = 1_100
const MAX_TYPE = 0xffff
/** As Flag day 2020; over HTTP it has no effect. */
const PAYLOAD_OCTETS = 1_232

/** With EDNS always: Extended DNS Errors are the `Comment` of the answer. */
export function jsonQuery(params: URLSearchParams): JsonQuery {
  for (const name of ['name', 'type', 'cd', 'do', 'edns_client_subnet'])
    if (params.getAll(name).length > 1) return mistake(`The parameter "${name}" stands there twice.`)
  const text = params.get('name') ?? ''
  const name = text === '' || text.length > NAME_CHARACTERS ? null : readName(text)
  if (typeof name !== 'string') return mistake('The parameter "name" has to be a domain name, as www.example.com.')
  const type = typeIn(params.get('type'))
  if (type === null) return mistake('The parameter "type" has to be a type of record, by name or number: AAAA or 28.')
  const checkingDisabled = FLAGS[params.get('cd') ?? '']
  const dnssecOk = FLAGS[params.get('do') ?? '']
  if (checkingDisabled === undefined || dnssecOk === undefined)
    return mistake('The parameters "cd" and "do" have to be 1 or true, 0 or false.')
  const subnet = subnetOption(params.get('edns_client_subnet'))
  if (subnet === null) return mistake('The parameter "edns_client_subnet" has to be a block, as 192.0.2.0/24.')
  const message = encodeQuery({
    id: 0,
    question: { name: foldName(name), type, class: RrClass.IN },
    cased: name,
    recursionDesired: true,
    checkingDisabled,
    authenticData: true,
    edns: { payloadSize: PAYLOAD_OCTETS, version: 0, dnssecOk, flags: 0, options: subnet },
  })
  return { kind: 'query', message }
}

function typeIn(text: string | null): number | null {
  if (text === null || text === '') return RrType.A
  return /^\d/.test(text) ? parseUnsigned(text, MAX_TYPE) : typeNumber(text.toUpperCase())
}

/** RFC 7871 section 6, the address cut to its prefix; null when the text is no block. */
function subnetOption(text: string | null): readonly EdnsOption[] | null {
  if (text === null || text === '') return []
  const [address = '', digits, more] = text.split('/')
  const ip = parseIp(address)
  if (ip === null || more !== undefined) return null
  const most = ip.bytes.length * 8
  const length = digits === undefined ? most : parseUnsigned(digits, most)
  if (length === null) return null
  const octets = ip.bytes.slice(0, Math.ceil(length / 8))
  const last = octets.length - 1
  if (length % 8 !== 0) octets[last] = (octets[last] ?? 0) & (0xff << (8 - (length % 8)))
  return [{ code: EdnsOptionCode.ECS, data: Uint8Array.of(0, ip.family === 4 ? 1 : 2, length, 0, ...octets) }]
}
