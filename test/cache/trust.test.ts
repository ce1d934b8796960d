import { describe, expect, it } from 'vitest'
import { mayAnswer, mayReplace, Trust } from '../../src/cache/trust.ts'
import type { Security } from '../../src/steps.ts'
import { BOGUS, INSECURE, SECURE, UNJUDGED } from './made.ts'

const ladder = [
  Trust.Additional,
  Trust.NonAuthoritativeAnswer,
  Trust.ZoneGlue,
  Trust.AuthorityOfAuthoritative,
  Trust.AuthoritativeAnswer,
  Trust.ZoneTransfer,
  Trust.ZoneFile,
] as const
const LIVE = 2000
const NOW = 1000

describe('RFC 2181 section 5.4.1', () => {
  it('orders the seven ranks as the RFC lists them', () => {
    expect([...ladder].sort((x, y) => x - y)).toEqual(ladder)
    expect(Object.values(Trust)).toEqual(ladder)
  })

  it('answers clients from all ranks but glue and additional data', () => {
    expect(ladder.map(mayAnswer)).toEqual([false, true, false, true, true, true, true])
  })

  // Rows: what is in the cache; columns: what comes. "+" replaces.
  const wanted = ['+++++++', '-++++++', '--+++++', '---++++', '----+++', '-----++', '------+']
  for (const security of [INSECURE, UNJUDGED, SECURE, BOGUS]) {
    it(`never lets lower trust replace what lives, and lets equal trust (${security.kind})`, () => {
      const table = ladder.map(old =>
        ladder
          .map(fresh =>
            mayReplace({ trust: old, security, expiresAt: LIVE }, { trust: fresh, security, expiresAt: LIVE }, NOW)
              ? '+'
              : '-',
          )
          .join(''),
      )
      expect(table).toEqual(wanted)
    })
  }

  it('protects nothing that has expired, at the very moment of expiry', () => {
    for (const old of ladder) {
      for (const fresh of ladder) {
        for (const security of [INSECURE, SECURE]) {
          expect(
            mayReplace(
              { trust: old, security, expiresAt: NOW },
              { trust: fresh, security: BOGUS, expiresAt: LIVE },
              NOW,
            ),
          ).toBe(true)
        }
      }
    }
  })
})

describe('validation against trust', () => {
  const kinds: readonly Security[] = [BOGUS, UNJUDGED, INSECURE, SECURE]
  // Rows: security in the cache; columns: security that comes; low trust comes upon high trust, then high upon low.
  const lowUponHigh = ['-+++', '---+', '---+', '----']
  const highUponLow = ['++++', '-+++', '-+++', '---+']
  const table = (old: Trust, fresh: Trust): string[] =>
    kinds.map(was =>
      kinds
        .map(is =>
          mayReplace(
            { trust: old, security: was, expiresAt: LIVE },
            { trust: fresh, security: is, expiresAt: LIVE },
            NOW,
          )
            ? '+'
            : '-',
        )
        .join(''),
    )

  it('lets validated data win whatever the trust, and bogus data lose', () => {
    expect(table(Trust.AuthoritativeAnswer, Trust.Additional)).toEqual(lowUponHigh)
    expect(table(Trust.Additional, Trust.AuthoritativeAnswer)).toEqual(highUponLow)
  })
})
