import { describe, expect, it } from 'vitest'
import { nameBytes, ROOT } from '../../src/dns/name.ts'
import {
  hinfoRdata,
  ipOf,
  mxExchange,
  nameRdata,
  nsRdata,
  readSoa,
  soaRdata,
  srvTarget,
  targetOf,
} from '../../src/dns/rdata.ts'
import { fitsPlan, planOf, plainNameEnd } from '../../src/dns/rdata-wire.ts'
import { RrType } from '../../src/dns/types.ts'
import { hex, join, mxRdata, octets, toHex, wire } from './make.ts'

const target = wire('Mail.example.com')

describe('names', () => {
  it('are read with their case', () => {
    expect(targetOf(nameRdata(target))).toBe(target)
    expect(nsRdata(target)).toEqual(nameBytes(target))
    expect(targetOf(hex('00'))).toBe(ROOT)
    expect(mxExchange(mxRdata(10, target))).toBe(target)
    const srv = join(hex('0001 0002 1f90'), nameRdata(target))
    expect(srvTarget(srv)).toBe(target)
  })

  it.each([
    ['nothing', ''],
    ['no end', '0161'],
    ['an octet behind', '016100ff'],
    ['a pointer', 'c000'],
    ['a label of 64', `40${'61'.repeat(64)}00`],
    ['256 octets', `${`3f${'61'.repeat(63)}`.repeat(4)}00`],
  ])('%s is no name', (_what, rdata) => {
    expect(targetOf(hex(rdata))).toBeNull()
    expect(mxExchange(join(hex('0001'), hex(rdata)))).toBeNull()
    expect(srvTarget(join(hex('0001 0001 0001'), hex(rdata)))).toBeNull()
    expect(plainNameEnd(hex(rdata), 0, hex(rdata).length)).not.toBe(hex(rdata).length)
  })

  it('RDATA too short for its numbers is none', () => {
    expect([mxExchange(hex('00')), mxExchange(hex('')), srvTarget(hex('0001'))]).toEqual([null, null, null])
  })
})

describe('SOA', () => {
  const soa = {
    mname: wire('ns.test'),
    rname: wire('Host.test'),
    serial: 0xffff_ffff,
    refresh: 7_200,
    retry: 3_600,
    expire: 1_209_600,
    minimum: 300,
  }

  it('an SOA that is encoded reads back as itself', () => {
    expect(readSoa(soaRdata(soa))).toEqual(soa)
    expect(toHex(soaRdata({ ...soa, mname: ROOT, rname: ROOT }))).toBe(
      '0000ffffffff00001c2000000e1000127500000' + '0012c',
    )
  })

  it.each([
    ['an octet less', -1],
    ['an octet more', 1],
    ['half', -16],
  ])('%s is none', (_what, change) => {
    const rdata = soaRdata(soa)
    expect(readSoa(change < 0 ? rdata.subarray(0, change) : join(rdata, hex('00')))).toBeNull()
  })

  it('RDATA of no octets, or of zeros alone, is no SOA', () => {
    expect(readSoa(hex(''))).toBeNull()
    expect(readSoa(new Uint8Array(20))).toBeNull()
  })
})

describe('addresses', () => {
  it.each([
    [RrType.A, 'c0000201', '192.0.2.1'],
    [RrType.AAAA, '20010db8000000000000000000000001', '2001:db8::1'],
    [RrType.AAAA, '00000000000000000000ffffc0000201', '192.0.2.1'],
    [RrType.A, 'c00002', null],
    [RrType.A, '20010db8000000000000000000000001', null],
    [RrType.AAAA, 'c0000201', null],
    [RrType.TXT, 'c0000201', null],
  ])('type %i, %s', (type, rdata, text) => {
    expect(ipOf(type, hex(rdata))?.text ?? null).toBe(text)
  })
})

describe('texts', () => {
  it('HINFO as RFC 8482 answers ANY', () => {
    expect(hinfoRdata('RFC8482', '')).toEqual(join(hex('07'), octets('RFC8482'), hex('00')))
    expect(hinfoRdata('x'.repeat(300), '').length).toBe(257)
  })
})

const fits = (type: number, rdata: Uint8Array): boolean => {
  const plan = planOf(type, 1)
  return plan === undefined || fitsPlan(plan, rdata, 0, rdata.length)
}

describe('layout', () => {
  it('knows exact lengths and where names are', () => {
    expect(planOf(RrType.A, 1)).toMatchObject({ exact: 4, hasNames: false, compresses: false })
    expect(planOf(RrType.AAAA, 1)).toMatchObject({ exact: 16, hasNames: false })
    expect(planOf(RrType.SOA, 1)).toMatchObject({ exact: -1, hasNames: true, compresses: true })
    expect(planOf(RrType.SRV, 1)).toMatchObject({ hasNames: true, compresses: false })
    expect(planOf(65_280, 1)).toBeUndefined()
    expect(planOf(RrType.A, 3)).toBeUndefined()
    expect(planOf(RrType.TXT, 3)).toMatchObject({ hasNames: false })
  })

  it('no type has more than two names: the decoder relies on it', () => {
    const counts = Object.values(RrType).map(
      type => planOf(type, 1)?.fields.filter(field => field === 'name' || field === 'compressed-name').length ?? 0,
    )
    expect(Math.max(...counts)).toBe(2)
  })

  it('what this file makes fits', () => {
    expect(fits(RrType.HINFO, hinfoRdata('a', 'b'))).toBe(true)
    expect(fits(RrType.MX, mxRdata(1, target))).toBe(true)
    expect(fits(RrType.NS, nameRdata(target))).toBe(true)
  })
})
