import { describe, expect, it } from 'vitest'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { parseScenario } from '../../src/simulation/scenario.ts'

const minimal = (body: string): string => `CONFIG_END\nSCENARIO_BEGIN t\n${body}\nSCENARIO_END\n`

const whole = `; a comment
server:
	qname-minimisation: "yes"   # another
	use-caps-for-id: yes
	do-ip6: no
	val-override-date: "20091012"
	limit: "budget.queries 7"
	local-data: "here.example. IN A 192.0.2.9"
stub-zone:
	name: "."
	stub-addr: 198.51.100.1 	# the root
	stub-addr: 2001:db8::1
CONFIG_END

SCENARIO_BEGIN What it is about

RANGE_BEGIN 0 100
	ADDRESS 198.51.100.1
	ADDRESS 198.51.100.2
ENTRY_BEGIN
MATCH opcode qtype qname UDP
ADJUST copy_id copy_query sleep=2
REPLY QR AA NOERROR
SECTION QUESTION
www.example.com. IN A
SECTION ANSWER
www.example.com. IN A 192.0.2.1
www.example.com. 60 IN A 192.0.2.2 ; with a TTL
SECTION AUTHORITY
SECTION ADDITIONAL
example.com. IN TXT "a ; in quotes" "# too"
ENTRY_END
RANGE_END

STEP 1 QUERY ADDRESS 127.0.0.1
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
www.EXAMPLE.com. A
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 10
STEP 3 TIMEOUT
STEP 4 NOTHING
STEP 5 CHECK_SENT 3
STEP 10 CHECK_ANSWER
ENTRY_BEGIN
MATCH all ttl ede=22
REPLY QR RD RA SERVFAIL
SECTION QUESTION
www.example.com. IN A
ENTRY_END
SCENARIO_END
`

describe('parseScenario', () => {
  const scenario = parseScenario(whole, 'whole.rpl')

  it('reads the configuration as far as it means something', () => {
    expect(scenario.config).toEqual({
      rootAddresses: ['198.51.100.1', '2001:db8::1'],
      minimise: 'relaxed',
      mixCase: true,
      ipv4: true,
      ipv6: false,
      hardenGlue: true,
      localData: ['here.example. IN A 192.0.2.9'],
      limits: [{ group: 'budget', name: 'queries', value: 7 }],
      ignored: ['val-override-date: 20091012'],
    })
    expect(scenario.title).toBe('What it is about')
  })

  it('the parser of scenarios reads ranges and their entries', () => {
    const [range] = scenario.ranges
    const [entry] = range?.entries ?? []
    expect([range?.from, range?.to, range?.addresses]).toEqual([0, 100, ['198.51.100.1', '198.51.100.2']])
    expect([...(entry?.match ?? [])]).toEqual(['opcode', 'qtype', 'qname', 'udp'])
    expect(entry?.adjust).toEqual([{ kind: 'copy-id' }, { kind: 'copy-query' }, { kind: 'sleep', seconds: 2 }])
    expect(entry?.reply).toMatchObject({
      response: true,
      authoritative: true,
      rcode: 0,
      question: { type: 1, class: 1 },
    })
    expect(entry?.reply.answer.map(formatRr)).toEqual([
      'www.example.com.\t3600\tIN\tA\t192.0.2.1',
      'www.example.com.\t60\tIN\tA\t192.0.2.2',
    ])
    expect(entry?.reply.additional.map(formatRr)).toEqual(['example.com.\t3600\tIN\tTXT\t"a ; in quotes" "# too"'])
  })

  it('the parser of scenarios reads steps', () => {
    expect(scenario.steps.map(step => [step.number, step.kind])).toEqual([
      [1, 'query'],
      [2, 'time-passes'],
      [3, 'timeout'],
      [4, 'nothing'],
      [5, 'check-sent'],
      [10, 'check-answer'],
    ])
    const [first, second, , , , last] = scenario.steps
    expect(first).toMatchObject({
      address: '127.0.0.1',
      entry: { reply: { recursionDesired: true, edns: { dnssecOk: true }, question: { type: 1 } } },
    })
    expect(second).toMatchObject({ seconds: 10 })
    expect(last).toMatchObject({ entry: { ede: 22, reply: { rcode: 2, recursionAvailable: true } } })
  })

  it('reads raw octets and further messages', () => {
    const text =
      minimal(`RANGE_BEGIN 0 1\nENTRY_BEGIN\nMATCH qname\nREPLY QR\nSECTION QUESTION\na. IN A\nHEX_ANSWER_BEGIN\n00 01 ; id\n8000\nHEX_ANSWER_END\nENTRY_END
ENTRY_BEGIN\nREPLY QR\nSECTION QUESTION\na. IN A\nEXTRA_PACKET\nREPLY QR AA\nSECTION ANSWER\na. 1 IN A 192.0.2.1\nENTRY_END\nRANGE_END`)
    const [raw, two] = parseScenario(text, 'x').ranges[0]?.entries ?? []
    expect(raw?.raw).toEqual(Uint8Array.of(0, 1, 0x80, 0))
    expect(two?.reply.answer).toEqual([])
    expect(two?.extra).toMatchObject([{ authoritative: true, answer: [{ ttl: 1 }] }])
  })

  it.each([
    ['SCENARIO_BEGIN x', 'x.rpl:1: the scenario has no SCENARIO_END'],
    [minimal('STEP x QUERY'), 'x.rpl:3: expected STEP number what'],
    [minimal('STEP 1 DANCE'), 'x.rpl:3: unknown step "DANCE"'],
    [minimal('STEP 1 QUERY'), 'x.rpl:4: expected ENTRY_BEGIN after QUERY'],
    [minimal('STEP 2 NOTHING\nSTEP 1 NOTHING'), 'x.rpl:4: step 1 comes after step 2'],
    [minimal('RANGE_BEGIN 5 1\nRANGE_END'), 'x.rpl:3: expected RANGE_BEGIN first-step last-step'],
    [minimal('RANGE_BEGIN 0 1\nENTRY_BEGIN\nMATCH qnam\nENTRY_END\nRANGE_END'), 'x.rpl:5: MATCH does not know "qnam"'],
    [minimal('RANGE_BEGIN 0 1\nENTRY_BEGIN\nADJUST id\nENTRY_END\nRANGE_END'), 'x.rpl:5: ADJUST does not know "id"'],
    [minimal('RANGE_BEGIN 0 1\nENTRY_BEGIN\nREPLY OK\nENTRY_END\nRANGE_END'), 'x.rpl:5: REPLY does not know "OK"'],
    [minimal('RANGE_BEGIN 0 1\nENTRY_BEGIN\nSECTION ANSWER\nx. IN A 1.2.3\nENTRY_END\nRANGE_END'), /^x\.rpl:6: /],
    ['server:\nnonsense\nCONFIG_END\n', 'x.rpl:2: expected "option: value", found "nonsense"'],
  ])('names the line of what makes no sense: %#', (text, message) => {
    expect(() => parseScenario(text, 'x.rpl')).toThrow(message)
  })
})
