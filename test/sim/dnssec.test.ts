/**
 * Every way of signing a zone, in order, out of order and on purpose, and what becomes of its data: never data that is
 * wrong, never an honest zone that is refused.
 */
import { describe, expect, it } from 'vitest'
import { edeName, EdeCode } from '../../src/dns/types.ts'
import type { Outcome } from '../../src/steps.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'
import { addressOf, honestSigns, nameIn, questions, signedWorld } from './signed-world.ts'
import { lines } from './support.ts'

const world = (
  sign: string,
  more: Partial<WorldOptions> = {},
  servers: Parameters<typeof signedWorld>[1] = [],
): World => simulate({ ...signedWorld({ zone: sign }, servers), ...more })

/** `NOERROR secure`, or `bogus 7`, with a line that says more when it fails. */
function says(outcome: Outcome): string {
  if (outcome.kind === 'failure') return `${outcome.why} ${edeName(outcome.ede)}`
  return `${outcome.kind === 'nxdomain' ? 'NXDOMAIN' : 'NOERROR'} ${outcome.security.kind}`
}

describe('honest zones', () => {
  it.each(['', 'ed25519 nsec3(5) salt(beef)', 'rsasha256 ecdsap256sha256'])('cold: "%s"', sign => {
    const found = questions.map(
      ([name, type]) => `${name} ${type} ${says(world(sign).resolve(nameIn('zone', name), type))}`,
    )
    expect(found).toEqual(questions.map(([name, type, rcode, security]) => `${name} ${type} ${rcode} ${security}`))
  })

  it.each(Object.entries({ plain: '', ...honestSigns }))('one question after the other, twice: %s', (_, sign) => {
    const one = world(sign)
    for (const round of [1, 2]) {
      const found = questions.map(([name, type]) => `${name} ${type} ${says(one.resolve(nameIn('zone', name), type))}`)
      expect(found, `round ${round}`).toEqual(
        questions.map(([name, type, rcode, security]) => `${name} ${type} ${rcode} ${security}`),
      )
    }
  })
})

/** Data that is there, that is not, that a wildcard makes, and behind the zone. */
const DATA = 'www A'
const DENIALS = ['www TXT', 'nothing.ent A', 'x.wild AAAA', 'insecure DS', 'x.known.wild A'] as const
const EXPANSION = 'x.wild A'
const BELOW = ['www.secure A', 'x.secure A', 'www.insecure A'] as const

/** What a flaw makes of which questions; anything else in the zone stays in order. */
const broken: readonly (readonly [sign: string, ede: keyof typeof EdeCode, questions: readonly string[]])[] = [
  ['expired', 'SignatureExpired', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['expired nsec3', 'SignatureExpired', [DATA, ...DENIALS, EXPANSION, ...BELOW]],
  ['notYetValid', 'SignatureNotYetValid', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['endsBeforeItBegins', 'SignatureExpiredBeforeValid', [DATA, ...DENIALS, EXPANSION, ...BELOW]],
  ['wrongDs', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['wrongDigest', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['brokenRollover', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['missingKeys', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION, ...BELOW, ' DNSKEY']],
  ['unknownKey', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION]],
  ['wrongKey', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['badSignatures', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['badSignatures nsec3', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['missingSignatures', 'RrsigsMissing', [DATA, ...DENIALS, EXPANSION]],
  ['missingKeySignature', 'RrsigsMissing', [DATA, ...DENIALS, EXPANSION, ' DNSKEY']],
  ['missingProofs', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['missingProofs nsec3', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['strippedDs', 'NsecMissing', [DATA, ...DENIALS, EXPANSION]],
  ['strippedDs nsec3', 'NsecMissing', [DATA, ...DENIALS, EXPANSION]],
  ['wrongNsec3', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['wrongTypes', 'DnssecBogus', ['www TXT', 'x.wild AAAA', 'insecure DS']],
  ['wrongTypes nsec3', 'DnssecBogus', ['www TXT', 'x.wild AAAA', 'insecure DS']],
  ['noZoneKeyBit', 'NoZoneKeyBitSet', [DATA, ...DENIALS, EXPANSION, ' DNSKEY']],
  // RFC 6840 section 5.11: an algorithm that the DS set names and that is supported has to be good for something.
  ['downgrade', 'RrsigsMissing', [DATA, ...DENIALS, EXPANSION, ' DNSKEY']],
]

/** On purpose. */
const attacks: typeof broken = [
  ['revokedKey', 'RrsigsMissing', [DATA, ...DENIALS, EXPANSION, ' DNSKEY']],
  ['keyTrap(20)', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['keyTrap(20) csk', 'DnskeyMissing', [DATA, ...DENIALS, EXPANSION, ' DNSKEY']],
  ['malformedKeys(10)', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['manySignatures(30)', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['labelsBelowSigner', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['labelsBelowSigner nsec3', 'DnssecBogus', [DATA, ...DENIALS, EXPANSION]],
  ['wildcardDs', 'NsecMissing', [DATA, ...DENIALS, EXPANSION]],
  ['nextOutsideZone', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['foreignProof', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['ancestorProof', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['ancestorProof nsec3', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['expandedNsec', 'NsecMissing', [...DENIALS, EXPANSION]],
  ['wildcardWithoutProof', 'NsecMissing', [EXPANSION, 'q SPF']],
  ['wildcardWithoutProof nsec3', 'NsecMissing', [EXPANSION, 'q SPF']],
  ['replayedWildcard', 'NsecMissing', ['www SPF']],
  ['replayedWildcard nsec3', 'NsecMissing', ['www SPF']],
]

const ask = (one: World, text: string): Outcome => {
  const [name = '', type = ''] = text.split(' ')
  return one.resolve(nameIn('zone', name), type)
}

for (const [what, table] of Object.entries({ 'broken zones': broken, attacks })) {
  describe(`${what} end in failure, with the reason`, () => {
    it.each(table)('%s: %s', (sign, ede, asked) => {
      for (const text of asked) {
        const one = world(sign)
        expect(`${text} ${says(ask(one, text))}`, one.traceText()).toBe(`${text} bogus ${edeName(EdeCode[ede])}`)
        expect(ask(one, text).kind, 'asked again').toBe('failure')
      }
    })

    it.each(table)(
      '%s: beside it everything is in order, and it gives data to whoever checks by himself',
      (sign, ede, asked) => {
        const one = world(sign)
        for (const text of asked) ask(one, text)
        expect(says(one.resolve('www.honest.', 'A'))).toBe('NOERROR secure')
        expect(says(one.resolve('nothing.ent.honest.', 'A'))).toBe('NXDOMAIN secure')
        if (sign !== 'missingKeys' && asked.includes(DATA))
          expect(one.resolve('www.zone.', 'A', { checkingDisabled: true }).kind, ede).toBe('answer')
      },
    )
  })
}

describe('zones that cannot be validated are insecure, and the client is told why', () => {
  const note = (outcome: Outcome): string =>
    outcome.kind !== 'failure' && outcome.security.kind === 'insecure'
      ? `${outcome.kind} ${outcome.security.note === undefined ? 'proven' : edeName(outcome.security.note.ede)}`
      : says(outcome)
  it.each([
    ['unsupportedAlgorithm', 'Unsupported Dnskey Algorithm'],
    ['unsupportedDigest', 'Unsupported Ds Digest Type'],
    ['noDs', 'proven'],
  ])('%s: %s', (sign, why) => {
    for (const [text, kind] of [
      [DATA, 'answer'],
      ['www TXT', 'nodata'],
      ['nothing.ent A', 'nxdomain'],
      [EXPANSION, 'answer'],
      ['www.secure A', 'answer'],
    ] as const)
      expect(note(ask(world(sign), text))).toBe(`${kind} ${why}`)
  })

  it('NSEC3 with more iterations than anybody should have (CVE-2023-50868)', () => {
    for (const iterations of [51, 2_500]) {
      for (const [text, kind] of [
        ['www TXT', 'nodata'],
        ['nothing.ent A', 'nxdomain'],
        [EXPANSION, 'answer'],
        ['www.insecure A', 'answer'],
      ] as const)
        expect(note(ask(world(`nsec3(${iterations})`), text))).toBe(`${kind} Unsupported Nsec3 Iterations`)
      expect(says(ask(world(`nsec3(${iterations})`), DATA))).toBe('NOERROR secure')
    }
    expect(says(ask(world('nsec3(50)'), 'www TXT'))).toBe('NOERROR secure')
  })

  it('opt-out: what an unsigned delegation could be behind is not secure', () => {
    for (const [text, expected] of [
      [DATA, 'NOERROR secure'],
      ['www TXT', 'NOERROR secure'],
      ['nothing.ent A', 'NXDOMAIN insecure'],
      [EXPANSION, 'NOERROR insecure'],
      ['www.insecure A', 'NOERROR insecure'],
      ['www.secure A', 'NOERROR secure'],
    ] as const)
      expect(`${text} ${says(ask(world('nsec3 optOut'), text))}`).toBe(`${text} ${expected}`)
  })
})

describe('a bad server does not make a zone bad', () => {
  it.each(['stripsSignatures', 'breaksSignatures', 'ignoresDo'])('one of two servers %s', does => {
    for (const seed of [1, 2, 3, 4]) {
      for (const sign of ['', 'nsec3']) {
        for (const text of [DATA, 'www TXT', 'nothing.ent A', EXPANSION, 'www.secure A', 'www.insecure A']) {
          const one = world(sign, { seed }, [{ at: [addressOf(1)], does: [does] }])
          expect(`${text} ${says(ask(one, text))}`, one.traceText()).toMatch(
            text === 'www.insecure A' ? / NOERROR insecure$/ : / (?:NOERROR|NXDOMAIN) secure$/,
          )
        }
      }
    }
  })

  it.each(['stripsSignatures', 'breaksSignatures', 'ignoresDo'])('both servers %s: bogus', does => {
    const at = Number(addressOf(1).split('.').at(-1))
    for (const text of [DATA, 'www TXT', 'nothing.ent A', EXPANSION]) {
      const one = world('', {}, [{ at: [addressOf(1), `198.51.100.${at + 1}`], does: [does] }])
      expect(`${text} ${says(ask(one, text))}`).toMatch(/ bogus /)
    }
  })
})

describe('where trust begins', () => {
  it('without a signed root nothing is validated', () => {
    const { zones } = signedWorld({ zone: 'expired' })
    const one = simulate({ zones: zones.map(zone => (zone.origin === '.' ? { ...zone, sign: undefined } : zone)) })
    expect(says(one.resolve('www.zone.', 'A'))).toBe('NOERROR indeterminate')
  })

  it('trust begins at the anchor of an island of security', () => {
    const one = world('noDs', { validation: { at: ['.', 'zone.'] } })
    expect(says(ask(one, DATA))).toBe('NOERROR secure')
    expect(says(ask(one, 'nothing.ent A'))).toBe('NXDOMAIN secure')
    const alone = world('noDs', { validation: { at: ['zone.'] } })
    expect(says(ask(alone, DATA))).toBe('NOERROR secure')
    expect(says(alone.resolve('www.honest.', 'A'))).toBe('NOERROR indeterminate')
  })

  it('a negative anchor, until it ends', () => {
    const one = world('expired', {
      validation: { negative: [{ name: nameOf('zone.'), until: 1_767_225_600 + 3_600 }] },
    })
    expect(says(ask(one, DATA))).toBe('NOERROR insecure')
    one.advance('2h')
    expect(says(ask(one, DATA))).toBe('bogus Signature Expired')
  })

  it('an algorithm that is not believed makes its zones insecure', () => {
    const rules = { disallowedAlgorithms: new Set([8]) }
    expect(says(ask(world('rsasha256', { validation: { rules } }), DATA))).toBe('NOERROR insecure')
    expect(says(ask(world('rsasha256 ed25519', { validation: { rules } }), DATA))).toBe('NOERROR secure')
  })

  it('nothing is secure when validation is switched off', () => {
    expect(world('expired', { validation: { validate: false } }).resolve('www.zone.', 'A').kind).toBe('answer')
  })
})

describe('time', () => {
  it('signatures are made again: an internet stays valid for months', () => {
    const one = world('nsec3')
    for (let month = 0; month < 6; month++) {
      expect(says(ask(one, DATA))).toBe('NOERROR secure')
      expect(says(ask(one, 'nothing.ent A'))).toBe('NXDOMAIN secure')
      one.advance('30d')
    }
  })

  it('what was bogus is forgotten within a minute', () => {
    const one = world('badSignatures')
    expect(says(ask(one, DATA))).toBe('bogus Dnssec Bogus')
    const before = one.exchanges.length
    expect(ask(one, DATA).kind).toBe('failure')
    expect(one.exchanges.length).toBe(before)
    one.advance('60s')
    ask(one, DATA)
    expect(one.exchanges.length).toBeGreaterThan(before)
  })
})

describe('aliases are judged link by link', () => {
  it('the CNAME that a server makes from a DNAME is made by us', () => {
    const outcome = ask(world('wrongDnameTarget'), 'www.old A')
    expect(lines(outcome)).toEqual([
      'old.zone. 3600 IN DNAME new.zone.',
      'www.old.zone. 3600 IN CNAME www.new.zone.',
      'www.new.zone. 3600 IN A 192.0.2.81',
    ])
    expect(says(outcome)).toBe('NOERROR secure')
  })

  it('a secure alias into an insecure zone is insecure, into a bogus one bogus', () => {
    expect(says(world('noDs').resolve('away.zone.', 'A'))).toBe('NOERROR insecure')
    for (const [sign, expected] of [
      ['noDs', 'NOERROR insecure'],
      ['expired', 'bogus Signature Expired'],
    ] as const) {
      const source = signedWorld({ zone: sign })
      const one = simulate({
        zones: source.zones.map(zone =>
          zone.origin === 'honest.' ? { ...zone, text: `${zone.text}there CNAME www.zone.\n` } : zone,
        ),
      })
      expect(says(one.resolve('there.honest.', 'A'))).toBe(expected)
    }
  })
})
