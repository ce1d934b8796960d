/**
 * Questions of type ANY where they are resolved ("any": "resolve"): all that the server gives of the name, an alias as
 * it is (RFC 1034 section 4.3.2), and the denial of a name that does not exist.
 */
import { describe } from 'vitest'
import { type Row, rows, replies, type Server, signedBy } from './world.ts'

const WWW = 'www.kab.test.'
const RECORDS = 'www A 192.0.2.1\nwww A 192.0.2.2\nwww TXT "text"\ngo CNAME www\n*.wild A 192.0.2.3\nold DNAME sub'
/** Servers answer ANY as they like; this one gives everything that it has of www. */
const all =
  (signed: boolean): Server =>
  ask => {
    const sets = `${WWW} A 192.0.2.1\n${WWW} A 192.0.2.2\n${WWW} TXT "text"`
    return ask.name === WWW && ask.type === 'ANY'
      ? replies('NOERROR', { answer: signed ? signedBy('kab.test.', sets) : sets })
      : undefined
  }
const kab = (signed: boolean, server = all(signed)): Row['zones'] => ({
  'kab.test.': { records: RECORDS, servers: [server], ...(signed ? { sign: '' } : {}) },
})

describe('a question for ANY', () => {
  rows(
    [false, true].flatMap((signed): Row[] => {
      const how = signed ? 'signed' : 'unsigned'
      const ad = signed ? ' AD' : ''
      return [
        {
          title: `gets all sets of the name, ${how}, which then answer for their types`,
          zones: kab(signed),
          script: [
            `${WWW} ANY -> NOERROR${ad} "text" | 192.0.2.1 | 192.0.2.2`,
            `${WWW} A -> NOERROR${ad} 192.0.2.1 | 192.0.2.2; 0 packets`,
            `${WWW} TXT -> NOERROR${ad} "text"; 0 packets`,
          ],
        },
        {
          title: `gets the alias of a name that is one, ${how}, cold and cached`,
          zones: kab(signed),
          script: [
            `go.kab.test. ANY -> NOERROR${ad} any`,
            'wait 301s',
            `go.kab.test. A -> NOERROR${ad} 192.0.2.1 | 192.0.2.2`,
            `go.kab.test. ANY -> NOERROR${ad} any`,
          ],
        },
        {
          title: `gets NXDOMAIN for a name that does not exist, ${how}, cold and cached`,
          zones: kab(signed),
          script: [`none.kab.test. ANY -> NXDOMAIN${ad}`, `none.kab.test. ANY -> NXDOMAIN${ad}; 0 packets`],
        },
        {
          title: `gets the data of a wildcard, ${how}`,
          zones: kab(signed),
          script: [`x.wild.kab.test. ANY -> NOERROR${ad} any`],
        },
        {
          title: `is answered over TCP, ${how}`,
          zones: kab(signed, ask =>
            ask.transport === 'udp' && ask.type === 'ANY' ? { truncated: true } : all(signed)(ask),
          ),
          script: [`${WWW} ANY -> NOERROR${ad} "text" | 192.0.2.1 | 192.0.2.2`],
        },
      ]
    }),
  )
  rows([
    {
      title: 'is bogus when one of the sets is not signed',
      zones: kab(true, ask =>
        ask.name === WWW && ask.type === 'ANY'
          ? replies('NOERROR', {
              answer: [
                ...signedBy('kab.test.', `${WWW} A 192.0.2.1`),
                ...signedBy('kab.test.', `${WWW} TXT "forged"`).slice(0, 1),
              ],
            })
          : undefined,
      ),
      script: [`${WWW} ANY -> SERVFAIL`, `${WWW} TXT -> NOERROR AD "text"`],
    },
  ])
})
