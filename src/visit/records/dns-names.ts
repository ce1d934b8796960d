/** Names under which things about a host and port are published. */
import { type Name, foldName, prependLabel, type WireName } from '../../dns/name.ts'
import { HTTPS_PORT } from '../target.ts'

/** Where the HTTPS records of an origin are (RFC 9460 section 9.1); `_8443._https.www.example.com.` */
export const serviceName = (host: Name, port: number): Name =>
  port === HTTPS_PORT ? host : below([`_${port}`, '_https'], host)

/** Where the TLSA records are (RFC 6698 section 3). */
export const tlsaName = (host: Name, port: number): Name => below([`_${port}`, '_tcp'], host)

/** The host itself when the name would be too long: nothing is published there then. */
function below(labels: readonly string[], host: Name): Name {
  const name = labels.reduceRight<WireName | null>(
    (above, label) => (above === null ? null : prependLabel(label, above)),
    host,
  )
  return name === null ? host : foldName(name)
}
