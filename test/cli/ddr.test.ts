import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { designationOf } from '../../src/config/designation.ts'
import { runDdr, designationText } from '../../src/cli/ddr.ts'
import { bindingsOf } from '../../src/config/bindings.ts'
import { readConfig } from '../../src/config/read.ts'
import { makeCertificate } from '../../src/system/self-signed.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-ddr-'))
afterAll(() => rmSync(directory, { recursive: true }))
const now = Math.floor(Date.now() / 1_000)
const made = makeCertificate({ commonName: 'x', names: ['dns.example'], from: now - 60, until: now + 3_600 })
writeFileSync(join(directory, 'cert'), made.cert)
writeFileSync(join(directory, 'key'), made.key)

function run(config: object): { readonly code: number; readonly out: string; readonly err: string } {
  const file = { path: join(directory, 'resolver.config.json'), text: JSON.stringify(config) }
  let [out, err] = ['', '']
  const code = runDdr(readConfig({ file, overrides: [], directory }), {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

const tls = { certificate: 'cert', key: 'key' }

describe('rootwalk ddr', () => {
  test('prints records, and the options of DHCP and router advertisements', () => {
    const { code, out, err } = run({
      listen: ['tls://192.0.2.1', 'tls://[2001:db8::1]'],
      allow: ['192.0.2.0/24'],
      tls,
    })
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('_dns.resolver.arpa. 300 IN SVCB 2 dns.example. alpn=dot ipv4hint=192.0.2.1')
    // RFC 9463 section 5.1, by hand: length, priority 2, the name, one address, alpn (key 1) with "dot".
    const name = '03646e73076578616d706c6500'
    const option = `001d0002${'0d'}${name}04c0000201${'00010004'}03646f74`
    expect(out).toContain(`dhcp-option-force=162,${option.replace(/..(?=.)/g, '$&:')}\n`)
    expect(out).toContain(`"code": 162, "space": "dhcp4", "csv-format": false, "data": "${option.toUpperCase()}"`)
    const six = `0002000d${name}001020010db8000000000000000000000001${'00010004'}03646f74`
    expect(out).toContain(`dhcp-option=option6:144,${six.replace(/..(?=.)/g, '$&:')}\n`)
    expect(out).toContain("list dnr '2 dns.example 2001:db8::1,192.0.2.1 alpn=dot'")
  })

  test('fills router advertisements to eight octets, and says their length in that', () => {
    const designation = designationOf(bindingsOf(['tls://[2001:db8::1]', 'https://[2001:db8::1]']), ['dns.example'])
    if (designation === null) throw new Error('nothing is designated')
    const options = designationText(designation).flatMap(line => /^# ([0-9A-F]+)$/.exec(line)?.[1] ?? [])
    expect(options).toHaveLength(2)
    for (const option of options) {
      const octets = Buffer.from(option, 'hex')
      expect([octets[0], octets.length]).toEqual([144, (octets[1] ?? 0) * 8])
    }
  })

  test.each<[string, object, string]>([
    ['without encrypted listeners', {}, 'nothing is designated: that needs tls:// or https://'],
    [
      'with a self-signed certificate',
      { listen: ['tls://127.0.0.1'], tls: { certificate: 'self-signed' } },
      'that clients trust',
    ],
    [
      'behind a proxy',
      { listen: ['tls+proxy://127.0.0.1'], proxies: ['127.0.0.1'], tls },
      'no listener is reached directly',
    ],
    [
      'with a certificate that is missing',
      { listen: ['tls://127.0.0.1'], tls: { ...tls, key: 'no' } },
      'does not exist',
    ],
    ['with a setting that is wrong', { lisen: [] }, 'unknown key "lisen"'],
  ])('%s says why there is nothing', (_, config, why) => {
    const { code, out, err } = run(config)
    expect([code, out]).toEqual([78, ''])
    expect(err).toContain(why)
  })
})
