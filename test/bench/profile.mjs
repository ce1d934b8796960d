// @ts-check
/**
 * Where the time goes: `node --cpu-prof` over the cached, the TCP, the cold and the signed case, and the functions that
 * used most of it.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withNames } from './internet.mjs'
import { dnsperf } from './measure.mjs'
import { ADDRESS, CLIENT_CPU, hasSetting, startRootwalk } from './servers.mjs'

const TOLD = 30

/**
 * @param
 * {{ internet: import('./internet.mjs').BenchInternet, only: readonly string[], names: number, zones: number, coldNames: number, directory: string, tell: (text: string) => void }}
 * options
 */
export async function profileBench({ internet, only, names, zones, coldNames, directory, tell }) {
  const cases = [
    { name: 'cached', names: internet.host(names, names), load: { seconds: 8 } },
    {
      name: 'tcp',
      names: internet.host(names, names),
      load: { seconds: 8, tcp: true, clients: 100, outstanding: 1_000 },
    },
    // The same names; what is called signed has an internet of signed zones.
    { name: internet.anchor === null ? 'cold' : 'signed', names: internet.host(coldNames, zones), load: { runs: 1 } },
  ]
  for (const { name, names: asked, load } of cases.filter(({ name }) => only.includes(name))) {
    const into = join(directory, `profile-${name}-${process.pid}`)
    mkdirSync(into, { recursive: true })
    // What is made up is not to be told with what is asked.
    const settings = (await hasSetting(['warmUp'])) ? { warmUp: false } : {}
    const server = await startRootwalk({
      ...internet,
      settings,
      nodeOptions: ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${into}`],
    })
    try {
      await withNames(asked, file =>
        dnsperf({
          address: ADDRESS,
          port: server.port,
          file,
          outstanding: 200,
          cpu: CLIENT_CPU,
          limitSeconds: 300,
          ...load,
        }),
      )
    } finally {
      await server.stop()
    }
    for (const file of readdirSync(into))
      tell(`${name}: ${join(into, file)}\n${hottest(JSON.parse(readFileSync(join(into, file), 'utf8')))}`)
  }
}

/**
 * The share of samples of each function, idle time left out.
 * @param
 * {{ nodes: { id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[], samples: number[] }}
 * profile
 */
export function hottest({ nodes, samples }) {
  const byId = new Map(
    nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || '(anonymous)'} ${callFrame.url.replace(/^.*\/dist\//, '')}:${callFrame.lineNumber + 1}`,
    ]),
  )
  /** @type {Map<string, number>} */
  const counts = new Map()
  let busy = 0
  for (const id of samples) {
    const name = byId.get(id) ?? '?'
    if (name.startsWith('(idle)')) continue
    busy++
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, TOLD)
  return sorted.map(([name, count]) => `${((100 * count) / busy).toFixed(1).padStart(6)} %  ${name}`).join('\n')
}
