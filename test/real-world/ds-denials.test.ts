/**
 * A referral to an unsigned zone proves that it has no DS set (RFC 4035 section 3.1.4.1). Who then asks for that DS set,
 * as validating clients do, is answered from it (RFC 8198), once the SOA of the zone above is known.
 */
import { describe } from 'vitest'
import { type Row, rows } from './world.ts'

/** `packets`: for the DS set, after the referral. */
const row = (sign: string, packets: number): Row => ({
  title: `zone above signed ${sign === '' ? 'with NSEC' : `"${sign}"`}: ${packets} packets`,
  zones: {
    'test.': { records: 'zz A 192.0.2.9', sign },
    'kab.test.': { records: 'www A 192.0.2.1' },
    'signed.test.': { records: 'www A 192.0.2.2', sign: '' },
  },
  script: [
    'zz.test. MX -> NODATA AD',
    'www.kab.test. A -> NOERROR 192.0.2.1',
    `kab.test. DS -> NODATA${packets === 0 || sign !== 'nsec3(0) optOut' ? ' AD' : ''}; ${packets} packets`,
    'www.kab.test. AAAA -> NODATA',
    'kab.test. A -> NODATA',
    'kab.test. NS -> NOERROR any',
    'www.signed.test. A -> NOERROR AD 192.0.2.2',
    'signed.test. DS -> NOERROR AD any',
    'zz.test. A -> NOERROR AD 192.0.2.9',
  ],
})

describe('the denial of DS that came with a referral is used for the DS question', () => {
  rows([row('', 0), row('nsec3(0)', 0), row('nsec3(0) salt(beef)', 0), row('nsec3(0) optOut', 1)])
})
