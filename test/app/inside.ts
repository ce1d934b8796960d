/** The server in front of a small internet inside the process: no latency, nothing leaves the machine. */
import { startServer, type RunningServer, type ServerOptions } from '../../src/app/server.ts'
import { readConfig } from '../../src/config/read.ts'
import type { Config } from '../../src/config/types.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { problemText } from '../../src/render/problem.ts'
import { buildInternet, type InternetSource } from '../../src/simulation/internet.ts'
import { embeddedNetwork } from '../../src/simulation/network.ts'

const soa = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'

export const smallInternet: InternetSource = {
  zones: [
    {
      origin: '.',
      at: ['10.53.0.1'],
      text: `${soa}@ 3600 NS a.root.\na.root. 3600 A 10.53.0.1\nshop. 3600 NS ns.shop.\nns.shop. 3600 A 10.53.0.2\nslow. 3600 NS ns.slow.\nns.slow. 3600 A 10.53.0.9\n`,
    },
    {
      origin: 'shop.',
      at: ['10.53.0.2'],
      text: `${soa}@ 3600 NS ns\nns 3600 A 10.53.0.2\nwww 300 A 192.0.2.80\nalias 300 CNAME www\nmany 300 TXT ${Array.from({ length: 60 }, (_, i) => `"${String(i).padStart(40, 'x')}"`).join(' ')}\n`,
    },
  ],
  // Nobody is at 10.53.0.9.
  servers: [
    { at: ['10.53.0.1'], latencyMs: 0 },
    { at: ['10.53.0.2'], latencyMs: 0 },
  ],
}

export function configOf(settings: object, directory = '/'): Config {
  const text = JSON.stringify({ listen: ['127.0.0.1:0'], ...settings })
  const result = readConfig({ file: { path: `${directory}/resolver.config.json`, text }, overrides: [], directory })
  if (result.kind === 'invalid') throw new Error(result.problems.map(problemText).join('\n'))
  return result.config
}

export interface Inside {
  readonly server: RunningServer
  readonly events: Event[]
  readonly port: number
}

export async function startInside(
  settings: object = {},
  options: ServerOptions & { readonly directory?: string } = {},
): Promise<Inside> {
  const { directory, ...rest } = options
  const events: Event[] = []
  const random = systemRandom()
  const { hosts, hints } = buildInternet(smallInternet, random)
  const network = embeddedNetwork(systemClock(), random, defaultLimits.upstream, hosts)
  const server = await startServer(configOf(settings, directory), {
    network,
    hints,
    anchors: [],
    events: event => events.push(event),
    ...rest,
  })
  return { server, events, port: server.addresses[0]?.port ?? 0 }
}
