/**
 * The zones of `dnssec-zones.ts`, signed and served by NSD on port 53 of addresses in 127.53.0.0/16, one process for
 * each server. Nobody of ours has a hand in the signatures, the proofs or the answers.
 *
 * Invariant: `stop` leaves no process, socket or file behind, also when something failed to start.
 */
import { claimNetwork, startNsd, temporaryDirectory, whereIs, type Daemon, type ZoneText } from '../daemons.mjs'
import { inParallel, makeKeys, signWith, type ZoneKeyFiles } from './dnssec-sign.ts'
import { linesOf, textOf } from './dnssec-tamper.ts'
import { insecureChildOf, insecureChildren, recordsOf, Server, serverNameOf, type ZonePlan } from './dnssec-zones.ts'

export interface SignedInternet {
  /** Text of a hints file. */
  readonly hints: string
  /** Lines of DS and DNSKEY records. */
  readonly anchors: string
  readonly zones: readonly ZonePlan[]
  stop(): Promise<void>
}

interface KeyedZone {
  readonly plan: ZonePlan
  readonly keys: ZoneKeyFiles | null
  readonly other: ZoneKeyFiles | null
}

const TOOLS = ['nsd', 'ldns-keygen', 'ldns-signzone', 'dnssec-keygen', 'dnssec-signzone', 'dnssec-dsfromkey']
const DEFAULT_DIGEST = 2

/** Why there can be none here; null when there can. */
export async function whyNoSignedInternet(): Promise<string | null> {
  const missing = TOOLS.filter(tool => whereIs(tool) === null)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  const network = await claimNetwork()
  if (typeof network === 'string') return `cannot bind ${network}`
  await network.release()
  return null
}

export async function startSignedInternet(plans: readonly ZonePlan[]): Promise<SignedInternet> {
  const network = await claimNetwork()
  if (typeof network === 'string') throw new Error(network)
  const { address } = network
  const running: Daemon[] = []
  const work = temporaryDirectory('signing')
  const stop = async (): Promise<void> => {
    await Promise.all([...running.map(daemon => daemon.stop()), network.release()])
  }
  try {
    const wall = Math.floor(Date.now() / 1_000)
    const keyed = await inParallel(plans, plan => makeKeyed(work.path, plan))
    const texts = await inParallel(keyed, zone => zoneText(zone, keyed, address, wall))
    const served = plans.map((plan, index) => ({
      server: plan.server,
      zone: { origin: plan.origin, text: texts[index] ?? '' },
    }))
    const started = await Promise.allSettled(
      Object.values(Server).map(number => startServer(number, served, plans, address)),
    )
    for (const result of started) if (result.status === 'fulfilled') running.push(result.value)
    for (const result of started) if (result.status === 'rejected') throw result.reason
    return {
      hints: `. 3600000 NS ns.\nns. 3600000 A ${address(Server.ROOT)}\n`,
      anchors: anchorsOf(keyed),
      zones: plans,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  } finally {
    work.remove()
  }
}

async function makeKeyed(within: string, plan: ZonePlan): Promise<KeyedZone> {
  const { origin, signing, otherKeys } = plan
  return {
    plan,
    keys: signing === null ? null : await makeKeys(within, origin, signing),
    other: signing === null || otherKeys === undefined ? null : await makeKeys(within, origin, signing),
  }
}

const anchorsOf = (keyed: readonly KeyedZone[]): string =>
  `${keyed.flatMap(({ plan, keys }) => (plan.origin === '.' ? (keys?.ds.get(DEFAULT_DIGEST) ?? []) : plan.anchored === true ? (keys?.dnskeys ?? []) : [])).join('\n')}\n`

const isBelow = (name: string, origin: string): boolean =>
  name !== origin && (origin === '.' || name.endsWith(`.${origin}`))

/** The closest zone above. */
function parentOf(plan: ZonePlan, keyed: readonly KeyedZone[]): ZonePlan | undefined {
  return keyed
    .map(zone => zone.plan)
    .filter(({ origin }) => isBelow(plan.origin, origin))
    .sort((a, b) => b.origin.length - a.origin.length)[0]
}

async function zoneText(
  zone: KeyedZone,
  keyed: readonly KeyedZone[],
  address: (n: number) => string,
  wall: number,
): Promise<string> {
  const { plan, keys, other } = zone
  const children = keyed.filter(child => parentOf(child.plan, keyed) === plan)
  const cuts = children.flatMap(child => [
    `${child.plan.origin} NS ${serverNameOf(child.plan)}`,
    ...glueOf(child.plan, address),
    ...dsLines(child),
  ])
  const plain = `${recordsOf(plan, address)}${cuts.join('\n')}\n`
  if (plan.signing === null || keys === null) return plain
  const { origin, signing } = plan
  const signed = linesOf(await signWith(origin, plain, signing, other ?? keys, wall))
  const shown =
    plan.otherKeys === 'hidden'
      ? withKeysOf(signed, linesOf(await signWith(origin, plain, signing, keys, wall)))
      : signed
  return textOf(plan.tamper === undefined ? shown : plan.tamper(shown, origin))
}

const glueOf = (plan: ZonePlan, address: (n: number) => string): readonly string[] =>
  serverNameOf(plan) === `ns.${plan.origin}` ? [`ns.${plan.origin} A ${address(plan.server)}`] : []

const dsLines = ({ plan, keys }: KeyedZone): readonly string[] =>
  keys === null
    ? (plan.ds?.({ directory: '', keys: [], ds: new Map(), dnskeys: [] }) ?? [])
    : (plan.ds?.(keys) ?? keys.ds.get(DEFAULT_DIGEST) ?? [])

type Lines = ReturnType<typeof linesOf>
const isOfKeys = ({ type, covered }: Lines[number]): boolean => type === 'DNSKEY' || covered === 'DNSKEY'
const withKeysOf = (signed: Lines, own: Lines): Lines => [
  ...signed.filter(line => !isOfKeys(line)),
  ...own.filter(isOfKeys),
]

function startServer(
  number: number,
  served: readonly { server: number; zone: ZoneText }[],
  plans: readonly ZonePlan[],
  address: (n: number) => string,
): Promise<Daemon> {
  const usual = plans.filter(({ server }) => server !== Server.ROOT && server !== Server.TLD)
  const zones =
    number === Server.PLAIN
      ? usual.flatMap(({ origin }) =>
          insecureChildren.map(label => ({
            origin: `${label}.${origin}`,
            text: insecureChildOf(label, origin, address),
          })),
        )
      : served.filter(({ server }) => server === number).map(({ zone }) => zone)
  return startNsd({ name: `signed-${number}`, addresses: [address(number)], zones })
}
