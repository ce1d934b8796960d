/**
 * An attack against a resolver that runs: the servers of its internet are opened on loopback addresses, the resolver is
 * asked, and what it sends is counted there. The resolver has to begin at the root server of that internet.
 */
import type { AttackMeasure, AttackReport, WorldAttack } from '../../attacks/report.ts'
import { attackBounds } from '../../attacks/bounds.ts'
import { HONEST_ADDRESS, HONEST_NAME } from '../../attacks/zones.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { encodeQuery } from '../../dns/encode.ts'
import { foldName } from '../../dns/name.ts'
import { RrClass, typeNumber } from '../../dns/types.ts'
import { askByDatagram } from '../../net/query-client.ts'
import type { ServerAddress } from '../../ports.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { parseName } from '../../presentation/text.ts'
import { planted } from '../../simulation/forgery.ts'
import { KeyStore } from '../../simulation/key-store.ts'
import type { Host } from '../../simulation/network.ts'
import { systemClock, systemRandom } from '../../system/system.ts'
import { openLoopbackInternet } from '../../testing/internet/loopback.ts'

/** Apart from the demo's and the test kit's. */
const NETWORK = '127.54'
/** Where the root server is: the first address of the network. */
const ROOT_AT = `${NETWORK}.0.1`
/** Longer than any budget of a resolver. */
const ANSWER_MS = 15_000
const SPOOF_ATTEMPTS = 3
const REPEATS = 50

/** The root hints of the resolver that is attacked. */
export const liveHints: string = `. 3600000 IN NS a.root.\na.root. 3600000 IN A ${ROOT_AT}\n`

/** Attacks that need neither the trust anchors of this internet nor minutes of time. */
export const isLive = (attack: { readonly form: string }): attack is WorldAttack =>
  attack.form === 'world' && 'kind' in attack && attack.kind !== 'validation' && !('thenMs' in attack)

export type LiveResult =
  | { readonly kind: 'report'; readonly report: AttackReport }
  /** It does not resolve in this internet. */
  | { readonly kind: 'elsewhere' }

export async function attackLive(attack: WorldAttack, target: ServerAddress, port: number): Promise<LiveResult> {
  const counts = new Map<string, number>()
  const { zones, servers = [], ask, type = 'A', victims, by, probes = [] } = attack
  const random = systemRandom()
  const internet = await openLoopbackInternet({ zones, servers, keys: new KeyStore() }, systemClock(), random, {
    port,
    network: NETWORK,
    between: host => counting(host, counts),
  })
  const sent = (): number => [...counts.values()].reduce((sum, count) => sum + count, 0)
  const look = (name: string, of: string): Promise<Looked> => lookUp(target, name, of, random.below(0x1_0000))
  try {
    const honest = await look(`a${random.below(1e9)}.${HONEST_NAME}`.replace('www.', ''), 'A')
    if (honest.texts.join(' ') !== HONEST_ADDRESS) return { kind: 'elsewhere' }
    const before = sent()
    const first = await look(ask, type)
    const messages = sent() - before
    const toVictims = (victims ?? []).reduce((sum, address) => sum + (counts.get(internet.addressOf(address)) ?? 0), 0)
    for (let i = 0; i < REPEATS; i++) await look(ask, type)
    const repeated = sent() - before - messages
    let untrue = first.texts.filter(text => text === planted.address.text).length
    for (const probe of probes) {
      const { texts } = await look(probe.ask, probe.type ?? 'A')
      untrue += texts.filter(text => !probe.truth.includes(text)).length
    }
    const after = await look(`b${random.below(1e9)}.${HONEST_NAME}`.replace('www.', ''), 'A')
    const measure = (what: string, value: number, bound: number, unit: AttackMeasure['unit']): AttackMeasure => ({
      what,
      value,
      bound,
      unit,
      by,
    })
    const measures = [
      measure('messages to servers', messages, attackBounds.messages, 'messages'),
      ...(victims === undefined
        ? []
        : [measure('messages to the victim', toVictims, attackBounds.victimMessages, 'messages')]),
      measure('messages for 50 repeats', repeated, attackBounds.repeatFactor * messages, 'messages'),
      measure('untrue records trusted', untrue, 0, 'untrue records'),
      measure('time until an honest answer', after.tookMs, attackBounds.recoveryMs, 'ms'),
    ]
    const { name, title, kind, references } = attack
    const held = measures.every(({ value, bound }) => value <= bound)
    return { kind: 'report', report: { name, title, kind, references, held, measures } }
  } finally {
    await internet.close()
  }
}

function counting(host: Host, counts: Map<string, number>): Host {
  const { server } = host
  return {
    ...host,
    server: {
      name: server.name,
      react: (query, transport, at) => {
        counts.set(host.ip.text, (counts.get(host.ip.text) ?? 0) + 1)
        return server.react(query, transport, at)
      },
    },
  }
}

interface Looked {
  readonly texts: readonly string[]
  /** Never: Infinity. */
  readonly tookMs: number
}

async function lookUp(server: ServerAddress, text: string, of: string, id: number): Promise<Looked> {
  const cased = parseName(text, null)
  const type = typeNumber(of)
  if (typeof cased !== 'string' || type === null) throw new TypeError(`${text} ${of} is no question`)
  const question = { name: foldName(cased), type, class: RrClass.IN }
  const query = encodeQuery({ id, question, recursionDesired: true, edns: null })
  const heard = await askByDatagram({ server, from: null, timeoutMs: ANSWER_MS }, query, SPOOF_ATTEMPTS)
  if (heard.kind !== 'reply') return { texts: [], tookMs: Number.POSITIVE_INFINITY }
  const decoded = decodeMessage(heard.bytes)
  const answer = decoded.kind === 'message' ? decoded.message.answer : []
  const texts = answer.filter(record => record.type === type).map(record => formatRdata(record.type, record.rdata))
  return { texts, tookMs: heard.tookMs }
}
