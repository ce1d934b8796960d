import { describe, expect, test } from 'vitest'
import { EdeCode } from '../../src/dns/types.ts'
import { failure, failureFacts, isRelative } from '../../src/resolver/outcome.ts'
import type { FailureReason } from '../../src/steps.ts'

type Row = readonly [ede: number, relative: boolean, remembered: string, heldAgainst: string]

const rows: Readonly<Record<FailureReason, Row>> = {
  unreachable: [EdeCode.NoReachableAuthority, false, 'always', 'everyone'],
  'all-servers-lame': [EdeCode.NoReachableAuthority, false, 'always', 'everyone'],
  'refused-by-servers': [EdeCode.NetworkError, false, 'always', 'everyone'],
  'upstreams-unreachable': [EdeCode.NetworkError, false, 'always', 'everyone'],
  bogus: [EdeCode.DnssecBogus, false, 'always', 'validating'],
  'alias-chain': [EdeCode.Other, false, 'always', 'everyone'],
  cycle: [EdeCode.Other, true, 'at-top', 'everyone'],
  budget: [EdeCode.Other, true, 'at-top', 'everyone'],
  deadline: [EdeCode.NoReachableAuthority, true, 'at-top', 'everyone'],
  overload: [EdeCode.Other, true, 'never', 'nobody'],
  'name-too-long': [EdeCode.Other, false, 'never', 'nobody'],
  'zone-not-loaded': [EdeCode.NotReady, false, 'never', 'nobody'],
  'zone-expired': [EdeCode.InvalidData, false, 'never', 'nobody'],
  'not-recursive': [EdeCode.NotAuthoritative, false, 'never', 'nobody'],
  cached: [EdeCode.CachedError, false, 'never', 'nobody'],
  bug: [EdeCode.Other, false, 'never', 'nobody'],
}

describe('the table of failure reasons', () => {
  test.each(Object.entries(rows))('%s: code, asker, memory', (why, row) => {
    const { ede, relative, remembered, heldAgainst } = failureFacts[why as FailureReason]
    expect([ede, relative, remembered, heldAgainst]).toEqual(row)
    const made = failure(why as FailureReason, 'text')
    expect([made.ede, isRelative(made)]).toEqual([ede, relative])
  })

  test('has a row for each reason and no other', () => {
    expect(Object.keys(failureFacts).sort()).toEqual(Object.keys(rows).sort())
  })

  test('keeps nothing for others that speaks of one asker only', () => {
    for (const { relative, remembered } of Object.values(failureFacts))
      expect(relative && remembered === 'always').toBe(false)
  })
})
