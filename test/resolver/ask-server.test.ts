import { describe, expect, test } from 'vitest'
import type { Question } from '../../src/dns/message.ts'
import { nameOf, question } from '../../src/simulation/records.ts'
import { simulate, type World } from '../../src/simulation/world.ts'
import { zoneFailureText, type Trouble } from '../../src/resolver/asking/failure-text.ts'

const SOA = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
const AT = '10.54.0.2'

/** A root, and the zone `x.` on one server that behaves like this. */
const world = (...does: string[]): World =>
  simulate({
    zones: [
      {
        origin: '.',
        at: ['10.54.0.1'],
        text: `${SOA}@ 3600 NS a.root.\na.root. 3600 A 10.54.0.1\nx. 3600 NS ns.x.\nns.x. 3600 A ${AT}\n`,
      },
      {
        origin: 'x.',
        at: [AT],
        text: `${SOA}@ 3600 NS ns\nns 3600 A ${AT}\nwww 300 A 192.0.2.1\nalias 300 CNAME www.elsewhere.\n`,
      },
    ],
    servers: [{ at: [AT], does }],
    settings: { minimise: 'off' },
  })

/** What was done after each message to the server, and over what. */
const decisions = (on: World, name: string): string[] => {
  on.resolve(name)
  return on.trace.flatMap(step =>
    step.kind === 'exchange' && step.server.ip.text === AT
      ? [`${step.transport} ${step.came.kind} ${step.verdict?.kind ?? '-'}: ${step.decided}`]
      : [],
  )
}

describe('the trace says what was decided', () => {
  test.each<[string, string[], string, string[]]>([
    ['an answer is used', [], 'www.x.', ['udp reply answer: use']],
    ['an alias is followed', [], 'alias.x.', ['udp reply alias: follow-alias']],
    [
      'a denial stands when plain letters get it as well',
      [],
      'nothing.x.',
      ['udp reply nxdomain: ask-unmodified', 'udp reply nxdomain: accept-denial'],
    ],
    [
      'after truncation TCP is used',
      ['truncates'],
      'www.x.',
      ['udp reply truncated: ask-over-tcp', 'tcp reply answer: use'],
    ],
    [
      'truncation over TCP ends it',
      ['truncatesForever'],
      'www.x.',
      ['udp reply truncated: ask-over-tcp', 'tcp reply truncated: other-server'],
    ],
    [
      'guessed IDs lead to TCP',
      ['spoofs(40)'],
      'www.x.',
      ['udp spoofing-suspected -: ask-over-tcp', 'tcp reply answer: use'],
    ],
    [
      'guessed IDs of a server without TCP leave it another try',
      ['spoofs(40)', 'tcpRefused'],
      'www.x.',
      [
        'udp spoofing-suspected -: ask-over-tcp',
        'tcp unreachable -: other-server-or-retry',
        'udp spoofing-suspected -: ask-over-tcp',
        'tcp unreachable -: other-server-or-retry',
      ],
    ],
    [
      'FORMERR without OPT leads to a query without EDNS',
      ['formerrOnEdns'],
      'www.x.',
      ['udp reply formerr: ask-without-edns', 'udp reply answer: use'],
    ],
    [
      'a question in other letter case is repeated as it is until two replies agree',
      ['wrongCase'],
      'www.x.',
      ['udp reply -: ask-unmodified', 'udp reply answer: ask-again', 'udp reply answer: use'],
    ],
    [
      'other letter case, no EDNS and truncation together end in an answer over TCP',
      ['wrongCase', 'formerrOnEdns', 'truncates'],
      'www.x.',
      [
        'udp reply -: ask-unmodified',
        'udp reply formerr: ask-without-edns',
        'udp reply truncated: ask-over-tcp',
        'tcp reply answer: use',
      ],
    ],
    ['a lame server is left', ['lame'], 'www.x.', ['udp reply lame: other-server']],
    [
      'a server that refuses plain letters as well is left',
      ['refuses'],
      'www.x.',
      ['udp reply refused: ask-unmodified', 'udp reply refused: other-server'],
    ],
    ['data without AA and RA is used', ['clearsAa'], 'www.x.', ['udp reply answer: use']],
    [
      'silence leaves the server another try',
      ['silent'],
      'www.x.',
      ['udp timeout -: other-server-or-retry', 'udp timeout -: other-server-or-retry'],
    ],
    ['a closed port is unreachable', ['portClosed'], 'www.x.', ['udp unreachable -: other-server']],
  ])('%s', (_, does, name, wanted) => {
    expect(decisions(world(...does), name).slice(0, wanted.length)).toEqual(wanted)
  })
})

describe('a failure of all servers', () => {
  test.each<[string, string[], string, number]>([
    ['silent', ['silent'], 'unreachable', 22],
    ['unreachable', ['portClosed'], 'unreachable', 22],
    ['lame', ['lame'], 'all-servers-lame', 22],
    ['a referral upwards is lame', ['upwardReferral'], 'all-servers-lame', 22],
    ['refused', ['refuses'], 'refused-by-servers', 23],
    ['SERVFAIL', ['servfails'], 'refused-by-servers', 23],
    ['NOTIMP', ['notimp'], 'refused-by-servers', 23],
  ])('%s', (_, does, why, ede) => {
    expect(world(...does).resolve('www.x.')).toMatchObject({ kind: 'failure', why, ede })
  })

  const asked: Question = question('www.x.')
  const zone = nameOf('x.')
  test.each<[string, Trouble[], string]>([
    ['nobody to ask', [], 'none has an address that may be asked'],
    ['equal troubles are counted', [{ kind: 'timeout' }, { kind: 'timeout' }], 'silent: no answer (2 times)'],
    [
      'different ones are listed in the order of the tries',
      [
        { kind: 'reject', why: 'servfail', rcode: 2, lame: null },
        { kind: 'timeout' },
        { kind: 'reject', why: 'servfail', rcode: 2, lame: null },
      ],
      'error: SERVFAIL (2 times); silent: no answer',
    ],
    ['NOTAUTH is called so', [{ kind: 'reject', why: 'refused', rcode: 9, lame: null }], 'error: NOTAUTH'],
    [
      'what is lame about a server',
      [
        { kind: 'reject', why: 'lame', rcode: 0, lame: 'foreign-soa' },
        { kind: 'reject', why: 'lame', rcode: 3, lame: 'nxdomain-without-authority' },
        { kind: 'reject', why: 'lame', rcode: 0, lame: 'no-data' },
        { kind: 'reject', why: 'upward-referral', rcode: 0, lame: null },
      ],
      'lame: an SOA of another zone; lame: NXDOMAIN without authority; lame: no data and no authority; lame: a referral upwards or to itself',
    ],
    ['an error of the system', [{ kind: 'unreachable', reason: 'EHOSTUNREACH' }], 'unreachable: EHOSTUNREACH'],
    [
      'servers without an address',
      [{ kind: 'no-address', names: [nameOf('ns1.y.'), nameOf('ns2.y.')] }],
      'no address for ns1.y. ns2.y.',
    ],
    [
      'a server that is asked now and then only',
      [{ kind: 'throttled', server: '192.0.2.1#53', silentMs: 61_400 }],
      'silent: 192.0.2.1#53 has answered nothing for 61 s and is asked now and then only',
    ],
    ['a malformed reply', [{ kind: 'malformed' }], 'error: a malformed reply'],
    ['guesses over TCP too', [{ kind: 'spoofing-suspected' }], 'error: replies that do not match'],
  ])('in words: %s', (_, troubles, text) => {
    expect(zoneFailureText(zone, asked, troubles)).toBe(`servers of x. for www.x. A: ${text}`)
  })
})
