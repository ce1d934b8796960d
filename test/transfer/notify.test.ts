/** NOTIFY messages: which are accepted, and what is replied. */
import { describe, expect, test } from 'vitest'
import { type IpAddress, parseIp } from '../../src/dns/address.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { foldName, trustWireName } from '../../src/dns/name.ts'
import { Opcode, rcodeName, RrClass, RrType } from '../../src/dns/types.ts'
import { isNotify } from '../../src/dns/wire.ts'
import { readKey, type TsigKey } from '../../src/transfer/key.ts'
import { judgeNotify } from '../../src/transfer/notify.ts'
import { signQuery, TsigVerifier } from '../../src/transfer/tsig.ts'
import { rr } from '../cli/canned-server.ts'
import { message } from '../server/make.ts'

const ZONE = foldName(trustWireName('\x01z\0'))
const OTHER = foldName(trustWireName('\x01y\0'))
const WALL = 1_700_000_000
const keyOf = (text: string): TsigKey => {
  const key = readKey(text)
  if ('error' in key) throw new Error(key.error)
  return key
}
const KEY = keyOf('hmac-sha256:k.test:c2VjcmV0')
const OTHER_KEY = keyOf('l.test:c2VjcmV0')
const OTHER_SECRET = keyOf('k.test:b3RoZXI=')
const PRIMARY = parseIp('192.0.2.1')

const notify = (zone = ZONE, type: number = RrType.SOA): Uint8Array =>
  encodeMessage(
    message({
      id: 7,
      opcode: Opcode.NOTIFY,
      question: { name: zone, cased: zone, type, class: RrClass.IN },
      answer: [rr('z. 1 SOA ns.z. h.z. 42 1 1 1 1')],
    }),
    { maxBytes: 512 },
  ).bytes

function judge(bytes: Uint8Array, key: TsigKey | null, from = '192.0.2.1', wall = WALL) {
  const ip = parseIp(from)
  if (ip === null) throw new Error(from)
  const judged = judgeNotify(
    bytes,
    ip,
    zone => (zone === ZONE ? [{ zone, key, maySend: (one: IpAddress) => one.text === PRIMARY?.text }] : []),
    wall,
  )
  const decoded = judged === null ? null : decodeMessage(judged.reply)
  return decoded?.kind === 'message'
    ? { ...judged, rcode: rcodeName(decoded.message.rcode), message: decoded.message }
    : null
}

describe('a NOTIFY message', () => {
  const signed = signQuery(notify(), KEY, WALL)
  test.each<[string, Uint8Array, TsigKey | null, string, number, string, boolean]>([
    ['of a primary is accepted', notify(), null, '192.0.2.1', WALL, 'NOERROR', true],
    ['of another is refused', notify(), null, '192.0.2.9', WALL, 'REFUSED', false],
    ['about another zone is refused', notify(OTHER), null, '192.0.2.1', WALL, 'NOTAUTH', false],
    ['about another type is an error', notify(ZONE, RrType.A), null, '192.0.2.1', WALL, 'FORMERR', false],
    ['with its signature is accepted', signed.bytes, KEY, '192.0.2.1', WALL, 'NOERROR', true],
    ['without the signature is refused', notify(), KEY, '192.0.2.1', WALL, 'REFUSED', false],
    ['signed, of another address is refused', signed.bytes, KEY, '192.0.2.9', WALL, 'REFUSED', false],
    ['with another secret is refused', signed.bytes, keyOf('k.test:b3RoZXI='), '192.0.2.1', WALL, 'NOTAUTH', false],
    ['with another key is refused', signed.bytes, keyOf('l.test:c2VjcmV0'), '192.0.2.1', WALL, 'NOTAUTH', false],
    ['at another time is refused', signed.bytes, KEY, '192.0.2.1', WALL + 301, 'NOTAUTH', false],
    ['within the time that clocks may differ is accepted', signed.bytes, KEY, '192.0.2.1', WALL + 300, 'NOERROR', true],
  ])('%s', (_what, bytes, key, from, wall, rcode, accepted) => {
    expect(isNotify(bytes)).toBe(true)
    expect(judge(bytes, key, from, wall)).toMatchObject({ rcode, accepted: accepted ? [{ zone: ZONE }] : [] })
  })

  test('says which version there is, and gets its ID, question and opcode back', () => {
    expect(judge(notify(), null)).toMatchObject({
      serial: 42,
      message: { id: 7, response: true, opcode: Opcode.NOTIFY, question: { name: ZONE } },
    })
  })

  test('that is signed gets a signed reply, which says by how much a clock is wrong', () => {
    const verifier = new TsigVerifier(KEY, signed.mac)
    const good = judge(signed.bytes, KEY)
    expect(verifier.take(good?.reply ?? new Uint8Array(0), WALL)).toMatchObject({ signed: true })
    const late = judge(signed.bytes, KEY, '192.0.2.1', WALL + 1_000)
    expect(new TsigVerifier(KEY, signed.mac).take(late?.reply ?? new Uint8Array(0), WALL)).toEqual({
      error: 'the server says BADTIME: one of the clocks is wrong',
    })
  })

  test.each<[string, Uint8Array, readonly (TsigKey | null)[], string, readonly number[]]>([
    ['unsigned is for those without a key', notify(), [KEY, null, null], 'NOERROR', [1, 2]],
    ['signed is for those with its key, and those without', signed.bytes, [KEY, OTHER_KEY, null], 'NOERROR', [0, 2]],
    ['signed with the key of none is for none', signed.bytes, [OTHER_KEY, OTHER_SECRET], 'NOTAUTH', []],
    ['unsigned is for none where all have keys', notify(), [KEY, OTHER_KEY], 'REFUSED', []],
  ])('of a zone that several views have, %s', (_what, bytes, keys, rcode, accepted) => {
    if (PRIMARY === null) throw new Error('no address')
    const zones = keys.map((key, index) => ({ zone: ZONE, key, maySend: () => true, index }))
    const judged = judgeNotify(bytes, PRIMARY, () => zones, WALL)
    expect(judged?.accepted.map(({ index }) => index)).toEqual(accepted)
    const decoded = decodeMessage(judged?.reply ?? new Uint8Array(0))
    expect(decoded.kind === 'message' ? rcodeName(decoded.message.rcode) : '').toBe(rcode)
  })

  test('that cannot be read gets no reply', () => {
    expect(judge(notify().subarray(0, 20), null)).toBeNull()
  })
})
