/** What is known of one hop besides its times: TLS and its certificate, services, headers that matter later. */
import type { ComponentChildren, VNode } from 'preact'
import type { Certificate, Hop, Tls } from '../model/visit.ts'
import { Tag } from '../parts/small.tsx'

export function HopFacts({ hop: { connection, tls, response, services } }: { readonly hop: Hop }): VNode | null {
  if (connection === null && tls === null && response === null) return null
  const header = (wanted: string): string | undefined =>
    response?.headers.find(({ name }) => name.toLowerCase() === wanted)?.value
  const [type, hsts, cache] = ['content-type', 'strict-transport-security', 'cache-control'].map(header)
  return (
    <dl class="facts hop-facts">
      {connection === null ? null : (
        <Fact name="connection">
          {connection.remote}, port {connection.port}
          {connection.isReused ? ', open already' : ''}
        </Fact>
      )}
      {tls === null ? null : <TlsFacts tls={tls} />}
      {services.map(({ priority, target }) => (
        <Fact key={target} name="HTTPS record">
          {priority} {target}
        </Fact>
      ))}
      {type === undefined ? null : <Fact name="content">{type}</Fact>}
      {hsts === undefined ? null : <Fact name="HSTS">{hsts}</Fact>}
      {cache === undefined ? null : <Fact name="may be cached">{cache}</Fact>}
    </dl>
  )
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }): VNode => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
)

function TlsFacts({ tls: { version, cipher, group, alpn, isResumed, chain, verdict } }: { readonly tls: Tls }): VNode {
  const leaf = chain[0]
  return (
    <>
      <Fact name="TLS">
        {version}, {cipher}
        {group === null ? '' : `, ${group}`}
        {alpn === null ? '' : `, ALPN ${alpn}`}
        {isResumed ? ', session resumed' : ''}
      </Fact>
      {leaf === undefined ? null : (
        <Fact name="certificate">
          <CertificateFacts certificate={leaf} />{' '}
          {verdict.kind === 'verified' ? (
            <Tag mood="good">verified</Tag>
          ) : (
            <Tag mood="bad">not verified: {verdict.reason ?? ''}</Tag>
          )}
        </Fact>
      )}
    </>
  )
}

/** Sooner than that it is worth a word. */
const SOON_DAYS = 14

const CertificateFacts = ({
  certificate: { subject, issuer, names, notAfter, daysLeft, key },
}: {
  readonly certificate: Certificate
}): VNode => (
  <>
    {subject} <span class="dim">by</span> {issuer} <span class="dim">for</span> {names.join(', ')}{' '}
    <span class="dim">until</span> {notAfter.slice(0, 'yyyy-mm-dd'.length)},{' '}
    <span class={daysLeft < SOON_DAYS ? 'failing' : ''}>{leftText(daysLeft)}</span>, {key}
  </>
)

const leftText = (days: number): string => (days < 0 ? 'expired' : `${days} days left`)
