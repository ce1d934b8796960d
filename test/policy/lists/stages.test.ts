import { describe, expect, test } from 'vitest'
import { makeRRset, type RRset } from '../../../src/dns/rrset.ts'
import { nameBytes } from '../../../src/dns/name.ts'
import { ipOf, readSoa } from '../../../src/dns/rdata.ts'
import { rcodeName, RrClass, RrType, typeName, typeNumber } from '../../../src/dns/types.ts'
import type { Answer, Handler, Query } from '../../../src/policy/handler.ts'
import { makeLists, makeListsAnswer } from '../../../src/policy/lists/stages.ts'
import type { RuleSet } from '../../../src/policy/lists/rule-set.ts'
import { formatName } from '../../../src/presentation/text.ts'
import { chain } from '../../../src/server/pipeline.ts'
import { contentOf } from '../../../src/server/respond.ts'
import type { Outcome, Security } from '../../../src/steps.ts'
import { ip, type ListText, name, ruleSet } from './made.ts'

const insecure: Security = { kind: 'insecure' }
const a = (owner: string, ...addresses: string[]): RRset =>
  makeRRset(
    name(owner),
    RrType.A,
    RrClass.IN,
    300,
    addresses.map(text => ip(text).bytes),
  )
const cname = (owner: string, target: string): RRset => {
  const set = makeRRset(name(owner), RrType.CNAME, RrClass.IN, 300, [nameBytes(name(target))])
  return { ...set, signatures: [Uint8Array.of(1)] }
}
const answer = (rrsets: readonly RRset[], security: Security = insecure): Outcome => ({
  kind: 'answer',
  rrsets,
  proof: [],
  security,
  authoritative: false,
  additional: [],
})
const denied = (kind: 'nodata' | 'nxdomain', rrsets: readonly RRset[] = []): Outcome => ({
  kind,
  rrsets,
  soa: null,
  proof: [],
  security: insecure,
  authoritative: false,
})
const failed: Outcome = { kind: 'failure', rrsets: [], why: 'bogus', ede: 6, text: 'bogus' }

interface Given {
  readonly type?: string
  readonly client?: string
  readonly view?: number
  readonly enabled?: (view: number) => Uint8Array | null
  readonly isLocal?: boolean
}

interface Got {
  readonly answer: Answer
  /** Whether the resolver was asked. */
  readonly asked: boolean
}

async function ask(set: RuleSet, text: string, outcome: Outcome, given: Given = {}): Promise<Got> {
  let asked = false
  const last: Handler = () => {
    asked = true
    return Promise.resolve({ kind: 'resolved', outcome, by: 'recursion', shareable: true })
  }
  const lists = { current: () => set, enabled: given.enabled ?? (() => null) }
  const query: Query = {
    question: { name: name(text), type: typeNumber(given.type ?? 'A') ?? 1, class: RrClass.IN },
    client: { ip: ip(given.client ?? '192.0.2.1'), port: 53, transport: 'udp' },
    view: given.view ?? 0,
    recursionDesired: true,
    checkingDisabled: false,
    dnssecOk: true,
    receivedAt: 0,
  }
  const stages = [makeListsAnswer(lists), makeLists(lists)]
  return { answer: await chain(stages, () => given.isLocal === true, last)(query), asked }
}

const setText = ({ owner, type, ttl, rdatas }: RRset): string =>
  `${formatName(owner)} ${ttl} ${typeName(type)} ${rdatas.map(rdata => ipOf(type, rdata)?.text ?? '').join(',')}`.trim()

/** The reply in short. */
function shown({ answer: got }: Got): string {
  const content = contentOf(got, false)
  if (content === null) return 'nothing'
  expect([content.secure, content.authoritative]).toEqual([false, false])
  const sets = [...content.answer, ...content.authority].map(setText)
  return [rcodeName(content.rcode), ...sets].join(' | ')
}

const found = answer([a('x.test', '198.51.100.1')])
const blocking = (answerOf: ListText['answer']): RuleSet =>
  ruleSet(answerOf === undefined ? '||x.test^' : { text: '||x.test^', answer: answerOf })

describe('a blocked name', () => {
  const addresses = { kind: 'addresses', ipv4: [Uint8Array.of(192, 0, 2, 9)], ipv6: [] } as const
  const soa = 'x.test. 30 SOA'
  test.each([
    ['nxdomain', 'A', `NXDOMAIN | ${soa}`],
    ['nxdomain', 'AAAA', `NXDOMAIN | ${soa}`],
    ['nxdomain', 'HTTPS', `NXDOMAIN | ${soa}`],
    ['nxdomain', 'TXT', `NXDOMAIN | ${soa}`],
    ['nodata', 'A', `NOERROR | ${soa}`],
    ['nodata', 'HTTPS', `NOERROR | ${soa}`],
    ['null', 'A', 'NOERROR | w.x.test. 30 A 0.0.0.0'],
    ['null', 'AAAA', 'NOERROR | w.x.test. 30 AAAA ::'],
    ['null', 'HTTPS', `NOERROR | ${soa}`],
    ['null', 'ANY', 'NOERROR | w.x.test. 30 A 0.0.0.0'],
    ['refused', 'A', 'REFUSED'],
    ['refused', 'MX', 'REFUSED'],
    ['addresses', 'A', 'NOERROR | w.x.test. 30 A 192.0.2.9'],
    ['addresses', 'AAAA', `NOERROR | ${soa}`],
    ['addresses', 'HTTPS', `NOERROR | ${soa}`],
  ] as const)('with the answer %s, for %s: %s', async (kind, type, expected) => {
    const got = await ask(blocking(kind === 'addresses' ? addresses : { kind }), 'w.x.test', found, { type })
    expect(shown(got)).toBe(expected)
    expect(got.asked).toBe(false)
  })

  test('has an SOA whose minimum is the TTL, and an Extended DNS Error with the list', async () => {
    const { answer: got } = await ask(blocking(undefined), 'x.test', found)
    const content = contentOf(got, false)
    expect(content?.ede).toEqual({ code: 15, text: 'blocked by the list "list 1", line 1' })
    const [soa] = content?.authority ?? []
    expect(readSoa(soa?.rdatas[0] ?? new Uint8Array())).toMatchObject({ minimum: 30, mname: name('x.test') })
    expect(got.decisions).toEqual([
      { stage: 'lists', rule: '||x.test^', source: 'list 1', at: '/lists/1.txt:1', lost: [] },
    ])
  })

  test('by a rule for some types is not denied as a whole', async () => {
    const set = ruleSet('||x.test^$dnstype=A')
    expect(shown(await ask(set, 'x.test', found))).toBe('NOERROR | x.test. 30 SOA')
    expect((await ask(set, 'x.test', denied('nodata'), { type: 'AAAA' })).asked).toBe(true)
  })

  test('of a local zone is answered by the zone', async () => {
    expect((await ask(blocking(undefined), 'x.test', found, { isLocal: true })).asked).toBe(true)
  })

  test('is blocked in the views whose lists say so', async () => {
    const enabled = (view: number): Uint8Array => Uint8Array.of(view)
    expect((await ask(blocking(undefined), 'x.test', found, { view: 1, enabled })).asked).toBe(false)
    expect((await ask(blocking(undefined), 'x.test', found, { view: 0, enabled })).asked).toBe(true)
  })
})

describe('an alias of a blocked name', () => {
  const cloaked = [cname('a.test', 'b.test'), cname('b.test', 'w.x.test'), a('w.x.test', '198.51.100.1')]
  const chainText = 'a.test. 300 CNAME | b.test. 300 CNAME'

  test.each([
    ['nxdomain', `NXDOMAIN | ${chainText} | x.test. 30 SOA`],
    ['nodata', `NOERROR | ${chainText} | x.test. 30 SOA`],
    ['null', `NOERROR | ${chainText} | w.x.test. 30 A 0.0.0.0`],
    ['refused', 'REFUSED'],
  ] as const)('with the answer %s: %s', async (kind, expected) => {
    const got = await ask(blocking({ kind }), 'a.test', answer(cloaked, { kind: 'secure' }))
    expect(shown(got)).toBe(expected)
    expect(got.answer.by).toBe('lists-answer')
    expect(contentOf(got.answer, true)?.answer.flatMap(({ signatures }) => signatures)).toEqual([])
  })

  test.each([
    ['data that does not exist', denied('nodata', cloaked.slice(0, 2))],
    ['a name that does not exist', denied('nxdomain', cloaked.slice(0, 2))],
  ])('which leads to %s is blocked too', async (_, outcome) => {
    expect(shown(await ask(blocking(undefined), 'a.test', outcome))).toContain('NXDOMAIN | a.test. 300 CNAME')
  })

  test('is given to who asks for the alias itself', async () => {
    const alone = answer([cname('a.test', 'w.x.test')])
    expect((await ask(blocking(undefined), 'a.test', alone, { type: 'CNAME' })).answer.by).toBe('recursion')
  })

  test.each([
    ['is allowed by name', '||x.test^\n@@||a.test^', 'recursion'],
    ['is blocked, whatever name between is allowed', '||x.test^\n@@||b.test^', 'lists-answer'],
    ['is given when its target is allowed', '||x.test^\n@@||w.x.test^', 'recursion'],
  ])('%s', async (_, text, by) => {
    expect((await ask(ruleSet(text), 'a.test', answer(cloaked))).answer.by).toBe(by)
  })

  test('that failed validation stays a failure', async () => {
    expect((await ask(blocking(undefined), 'a.test', failed)).answer).toMatchObject({
      kind: 'resolved',
      outcome: failed,
    })
    const bogus = answer(cloaked, { kind: 'bogus', ede: 6, text: 'bogus' })
    expect((await ask(blocking(undefined), 'a.test', bogus)).answer).toMatchObject({ outcome: bogus })
  })
})

describe('an answer', () => {
  const service = (target: string, ...params: number[]): Uint8Array =>
    Uint8Array.of(0, 1, ...nameBytes(name(target)), ...params)
  const https = (rdata: Uint8Array): Outcome =>
    answer([makeRRset(name('a.test'), RrType.HTTPS, RrClass.IN, 300, [rdata])])

  test('with a blocked address is denied, for its type alone', async () => {
    const set = ruleSet('198.51.100.0/24')
    expect(shown(await ask(set, 'a.test', answer([a('a.test', '192.0.2.1', '198.51.100.7')])))).toBe(
      'NOERROR | a.test. 30 SOA',
    )
    expect((await ask(set, 'a.test', answer([a('a.test', '192.0.2.1')]))).answer.by).toBe('recursion')
  })

  test.each([
    ['a blocked target', https(service('w.x.test')), 'lists-answer'],
    ['a blocked hint', https(service('.', 0, 4, 0, 4, 198, 51, 100, 7)), 'lists-answer'],
    ['another target and hint', https(service('y.test', 0, 4, 0, 4, 192, 0, 2, 1)), 'recursion'],
    ['its own name as target', https(service('.')), 'recursion'],
    ['malformed parameters', https(service('y.test', 0, 4, 0, 9, 1)), 'recursion'],
  ])('of type HTTPS with %s', async (_, outcome, by) => {
    const set = ruleSet('||x.test^\n198.51.100.7')
    expect((await ask(set, 'a.test', outcome, { type: 'HTTPS' })).answer.by).toBe(by)
  })

  test('that an allow rule let pass says which', async () => {
    const { answer: got } = await ask(ruleSet('@@||x.test^'), 'x.test', found)
    expect(got).toMatchObject({
      kind: 'resolved',
      shareable: true,
      decisions: [{ stage: 'lists', rule: '@@||x.test^' }],
    })
  })

  test.each([
    ['y.test', found, true],
    ['x.test', found, false],
    ['z.test', answer([cname('z.test', 'x.test'), a('x.test', '192.0.2.1')]), false],
  ])('to %s is shared only when no rule for some clients was looked at', async (asked, outcome, shareable) => {
    const { answer: got } = await ask(ruleSet('||x.test^$client=192.0.2.99'), asked, outcome)
    expect(got).toMatchObject({ kind: 'resolved', shareable })
  })
})
