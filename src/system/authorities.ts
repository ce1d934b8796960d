/**
 * Whose certificates this machine trusts. Node.js brings a list of its own and on Linux does not look at the system's,
 * where an operator puts the certificate of a company: the system's is taken where there is one, as OpenSSL, curl and
 * Go do.
 */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

/** In the order of Go's crypto/x509: Debian, Fedora, openSUSE, OpenELEC, Alpine and macOS. */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** In PEM. `SSL_CERT_FILE` names the list, as for OpenSSL; `NODE_EXTRA_CA_CERTS` adds to it. */
export function systemAuthorities(environment: NodeJS.ProcessEnv = process.env): readonly string[] {
  const { SSL_CERT_FILE: named, NODE_EXTRA_CA_CERTS: extra } = environment
  const files = named === undefined || named === '' ? FILES : [named]
  const listed = files.map(readable).find(text => text !== '')
  const added = extra === undefined ? '' : readable(extra)
  return [...(listed === undefined ? rootCertificates : [listed]), ...(added === '' ? [] : [added])]
}

/** Empty for what is no file with certificates. */
function readable(path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    return text.includes('-----BEGIN') ? text : ''
  } catch {
    return ''
  }
}
