import { expect, test } from 'vitest'
import { RrType } from '../../src/dns/types.ts'
import { madeUpSoa } from '../../src/policy/made-up.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { name } from '../dns/make.ts'

test('the SOA of a denial that no server made lets clients keep it for its TTL, and names no mailbox', () => {
  const { name: owner, type, ttl, rdatas } = madeUpSoa(name('blocked.example'), 60)
  expect([owner, type, ttl]).toEqual([name('blocked.example'), RrType.SOA, 60])
  expect(rdatas.map(rdata => formatRdata(RrType.SOA, rdata))).toEqual([
    'blocked.example. nobody.invalid. 1 3600 1200 604800 60',
  ])
})
