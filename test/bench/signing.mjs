// @ts-check
/**
 * Signed zones as their operators make them: a P-256 key of its own for each zone, NSEC, signatures by ldns or by
 * BIND's tools.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory, whereIs } from '../daemons.mjs'

/** @typedef {import('../daemons.mjs').ZoneText} ZoneText */
/**
 * @typedef {{ zone: ZoneText, ds: string }} SignedZone The zone with its signatures, and the DS record for its parent.
 */
/** @typedef {(origin: string, text: string, directory: string) => Promise<SignedZone>} Sign */

const run = promisify(execFile)
const AT_ONCE = 2

/** The tools that are here; null when there are none. @returns {{ name: string, sign: Sign } | null} */
export function signer() {
  if (whereIs('ldns-keygen') !== null && whereIs('ldns-signzone') !== null)
    return { name: 'ldns-signzone', sign: signWithLdns }
  if (['dnssec-keygen', 'dnssec-signzone', 'dnssec-dsfromkey'].every(tool => whereIs(tool) !== null))
    return { name: 'dnssec-signzone', sign: signWithBind }
  return null
}

/**
 * @param {Sign} sign
 * @param {readonly ZoneText[]} zones
 * @returns {Promise<SignedZone[]>}
 */
export async function signAll(sign, zones) {
  const directory = temporaryDirectory('sign')
  try {
    /** @type {SignedZone[]} */
    const signed = []
    for (let from = 0; from < zones.length; from += AT_ONCE) {
      signed.push(
        ...(await Promise.all(
          zones.slice(from, from + AT_ONCE).map(({ origin, text }) => sign(origin, text, directory.path)),
        )),
      )
    }
    return signed
  } finally {
    directory.remove()
  }
}

/** @type {Sign} */
async function signWithLdns(origin, text, directory) {
  const file = join(directory, `zone-${origin}`)
  writeFileSync(file, text)
  const { stdout } = await run('ldns-keygen', ['-r', '/dev/urandom', '-k', '-a', 'ECDSAP256SHA256', origin], {
    cwd: directory,
  })
  const key = stdout.trim()
  await run('ldns-signzone', ['-o', origin, '-f', `${file}.signed`, file, key], { cwd: directory })
  return {
    zone: { origin, text: readFileSync(`${file}.signed`, 'utf8') },
    ds: readFileSync(join(directory, `${key}.ds`), 'utf8').trim(),
  }
}

/** @type {Sign} */
async function signWithBind(origin, text, directory) {
  const file = join(directory, `zone-${origin}`)
  const { stdout } = await run('dnssec-keygen', ['-q', '-f', 'KSK', '-a', 'ECDSAP256SHA256', origin], {
    cwd: directory,
  })
  const key = stdout.trim()
  writeFileSync(file, `${text}${readFileSync(join(directory, `${key}.key`), 'utf8')}`)
  await run('dnssec-signzone', ['-z', '-P', '-o', origin, '-f', `${file}.signed`, file, key], { cwd: directory })
  const ds = await run('dnssec-dsfromkey', ['-2', key], { cwd: directory })
  return { zone: { origin, text: readFileSync(`${file}.signed`, 'utf8') }, ds: ds.stdout.trim() }
}
