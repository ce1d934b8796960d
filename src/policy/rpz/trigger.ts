/**
 * What a rule of a response policy zone waits for, as its owner name says it (draft-vixie-dnsop-dns-rpz-00 section 4):
 * `ads.example` and `*.ads.example` are names, `24.0.2.0.192.rpz-ip` is 192.0.2.0/24 in an answer, `48.zz.db8.2001
 * .rpz-nsip` is 2001:db8::/48 as the address of a name server. Both ways; what is wrong says how it would be right.
 */
import { type IpAddress, ipFromBytes } from '../../dns/address.ts'
import { foldName, labelsOf, type Name, nameFromLabels } from '../../dns/name.ts'

export type NameTriggerKind = 'qname' | 'nsdname'
export type AddressTriggerKind = 'client-ip' | 'ip' | 'nsip'

export type Trigger =
  | { readonly kind: NameTriggerKind; readonly name: Name; readonly wildcard: boolean }
  | {
      readonly kind: AddressTriggerKind
      /** 4 or 16 octets. */
      readonly bytes: Uint8Array
      readonly bits: number
    }

const ADDRESS_LABELS: ReadonlyMap<string, AddressTriggerKind> = new Map([
  ['rpz-client-ip', 'client-ip'],
  ['rpz-ip', 'ip'],
  ['rpz-nsip', 'nsip'],
])
const NSDNAME_LABEL = 'rpz-nsdname'

/** `owner` is within `origin`; null at the origin itself, which holds no rule. */
export function readTrigger(owner: Name, origin: Name): Trigger | { readonly error: string } | null {
  const labels = labelsOf(owner)
  const own = labels.slice(0, labels.length - labelsOf(origin).length)
  const last = own.at(-1)
  if (last === undefined) return null
  const address = ADDRESS_LABELS.get(last)
  if (address !== undefined) return readAddress(address, own.slice(0, -1))
  if (last === NSDNAME_LABEL) return readNames('nsdname', own.slice(0, -1))
  if (last.startsWith('rpz-'))
    return { error: `"${last}" is no kind of trigger; there are rpz-client-ip, rpz-ip, rpz-nsip and rpz-nsdname` }
  return readNames('qname', own)
}

function readNames(kind: NameTriggerKind, labels: readonly string[]): Trigger | { readonly error: string } {
  const wildcard = labels[0] === '*'
  const name = nameFromLabels(wildcard ? labels.slice(1) : labels)
  if (name === null || (labels.length === 0 && kind === 'nsdname')) return { error: 'there is no name in front of it' }
  return { kind, name: foldName(name), wildcard }
}

function readAddress(kind: AddressTriggerKind, labels: readonly string[]): Trigger | { readonly error: string } {
  const [prefix = '', ...rest] = labels
  const bytes = readIpv4(rest) ?? readIpv6(rest)
  const bits = /^[1-9]\d{0,2}$/.test(prefix) ? Number(prefix) : 0
  if (bytes === null || bits === 0 || bits > bytes.length * 8)
    return {
      error:
        'expected a prefix length and an address backwards, such as 24.0.2.0.192 for 192.0.2.0/24 or ' +
        '48.zz.db8.2001 for 2001:db8::/48',
    }
  const masked = maskedBytes(bytes, bits)
  if (masked.some((octet, i) => octet !== bytes[i]))
    return { error: `has bits after the prefix: write ${addressLabels(masked, bits).join('.')}` }
  return { kind, bytes, bits }
}

function readIpv4(labels: readonly string[]): Uint8Array | null {
  if (labels.length !== 4 || !labels.every(label => /^(?:0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256))
    return null
  return Uint8Array.from(labels.map(Number).reverse())
}

const WORDS = 8

function readIpv6(labels: readonly string[]): Uint8Array | null {
  const at = labels.indexOf('zz')
  if (at >= 0 && labels.includes('zz', at + 1)) return null
  const missing = WORDS - labels.length + 1
  if (at < 0 ? labels.length !== WORDS : missing < 1) return null
  const words = at < 0 ? labels : [...labels.slice(0, at), ...Array<string>(missing).fill('0'), ...labels.slice(at + 1)]
  if (!words.every(word => /^(?:0|[1-9a-f][0-9a-f]{0,3})$/.test(word))) return null
  const numbers = words.map(word => Number.parseInt(word, 16)).toReversed()
  return Uint8Array.from(numbers.flatMap(word => [word >> 8, word & 0xff]))
}

/** The address without what comes after its first `bits` bits. */
export const maskedBytes = (bytes: Uint8Array, bits: number): Uint8Array =>
  bytes.map((octet, i) => octet & (0xff << Math.max(0, Math.min(8, (i + 1) * 8 - bits))) & 0xff)

/** Labels as BIND writes them: words backwards, the longest run of zeros as `zz`; of equal ones the last. */
function addressLabels(bytes: Uint8Array, bits: number): readonly string[] {
  if (bytes.length === 4) return [String(bits), ...[...bytes].reverse().map(String)]
  const words = Array.from({ length: WORDS }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).reverse()
  let best = { from: 0, length: 0 }
  for (let from = 0; from < WORDS; from++) {
    let length = 0
    while (words[from + length] === 0) length++
    if (length > 0 && length >= best.length) best = { from, length }
    from += length
  }
  const text = words.map(word => word.toString(16))
  if (best.length > 0) text.splice(best.from, best.length, 'zz')
  return [String(bits), ...text]
}

/** The owner of a rule for an address block, as we would write it. */
export function addressOwner(kind: AddressTriggerKind, bytes: Uint8Array, bits: number, origin: Name): Name {
  const labels = [...addressLabels(bytes, bits), `rpz-${kind}`, ...labelsOf(origin)]
  return foldName(nameFromLabels(labels) ?? origin)
}

/** The owner of a rule for a name. Null: there can be none, the name being too long. */
export function nameOwner(kind: NameTriggerKind, name: Name, wildcard: boolean, origin: Name): Name | null {
  const labels = [...labelsOf(name), ...(kind === 'nsdname' ? [NSDNAME_LABEL] : []), ...labelsOf(origin)]
  const owner = nameFromLabels(wildcard ? ['*', ...labels] : labels)
  return owner === null ? null : foldName(owner)
}

/** An address block or a name, for people. */
export function triggerText(trigger: Trigger, formatName: (name: Name) => string): string {
  switch (trigger.kind) {
    case 'qname':
    case 'nsdname':
      return `${trigger.wildcard ? '*.' : ''}${formatName(trigger.name)}`
    case 'client-ip':
    case 'ip':
    case 'nsip':
      return `${textOf(trigger.bytes)}/${trigger.bits}`
    default:
      return trigger satisfies never
  }
}

const textOf = (bytes: Uint8Array): string => {
  const ip: IpAddress = ipFromBytes(bytes)
  return ip.text
}
