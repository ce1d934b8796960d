/** What `contrib/` ships for several instances: YAML that can be read, and dnsdist over three instances. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { RrType } from '../../src/dns/types.ts'
import { question } from '../../src/simulation/records.ts'
import { answers } from '../daemons.mjs'
import { LONG_TEST_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { needs } from '../tools.ts'
import { DNSDIST_CONFIG, startDnsdist } from './dnsdist.ts'
import { startServing } from './rootwalk.ts'
import { askUdp } from './wire-client.ts'

const contrib = join(root, 'contrib')

interface Manifest {
  readonly kind?: string
  readonly [key: string]: unknown
}

/** Every document of a file. A key that stands twice is a mistake that most readers pass over. */
const READ = `
import json, sys, yaml
class Strict(yaml.SafeLoader): pass
def mapping(loader, node):
    keys = [k.value for k, _ in node.value if k.tag != 'tag:yaml.org,2002:merge']
    if len(keys) != len(set(keys)): raise ValueError('a key stands twice: ' + ', '.join(keys))
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, True)
Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
print(json.dumps(list(yaml.load_all(open(sys.argv[1]), Strict)), default=str))`

const documents = (path: string): readonly Manifest[] =>
  JSON.parse(execFileSync('python3', ['-c', READ, path], { encoding: 'utf8' }))

needs('python3')('the YAML of contrib/', () => {
  const files = readdirSync(contrib, { recursive: true, encoding: 'utf8' }).filter(path => /\.ya?ml$/.test(path))
  it.each(files)('%s can be read', file => expect(documents(join(contrib, file)).length).toBeGreaterThan(0))

  it('Kubernetes gets a deployment and a cache on each node, with what keeps them running', () => {
    const kinds = files
      .filter(file => file.startsWith('kubernetes/'))
      .flatMap(file => documents(join(contrib, file)).map(({ kind }) => kind))
    expect(kinds).toEqual(
      expect.arrayContaining([
        'Deployment',
        'DaemonSet',
        'PodDisruptionBudget',
        'NetworkPolicy',
        'ServiceMonitor',
        'Service',
      ]),
    )
    const text = readFileSync(join(contrib, 'kubernetes/deployment.yaml'), 'utf8')
    for (const part of ['readOnlyRootFilesystem: true', 'runAsNonRoot: true', 'drop: [ALL]', 'maxUnavailable: 0'])
      expect(text).toContain(part)
  })

  it.each(['kubernetes/resolver.config.json', 'container/resolver.config.json'])('%s is a configuration', file => {
    const text = readFileSync(join(contrib, file), 'utf8')
    const result = readConfig({ file: { path: join(contrib, file), text }, overrides: [], directory: '/' })
    expect(result).toMatchObject({ kind: 'config', warnings: [] })
  })
})

needs('dnsdist')('dnsdist', () => {
  const NAMES = 60

  it(
    'takes the configuration, and sends equal names to the same of three instances, also when one goes',
    async () => {
      const hints = '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.9\n'
      const zone = '$ORIGIN lan.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'
      const instances = await Promise.all(
        ['a', 'b', 'c'].map(name =>
          startServing({
            hints,
            config: { zones: ['lan.zone'] },
            // The same name, and in each instance an answer of its own: who answered is seen.
            files: { 'lan.zone': `${zone}* TXT "${name}"\n` },
          }),
        ),
      )
      expect(execFileSync('dnsdist', ['--check-config', '--config', DNSDIST_CONFIG], { encoding: 'utf8' })).toContain(
        'OK',
      )
      const { port, gone, stop } = await startDnsdist(instances.map(({ endpoint }) => endpoint))
      /** Of each name the instance that answered; one after the other, as a burst is spread over the others too. */
      const whoAnswers = async (): Promise<readonly string[]> => {
        const who: string[] = []
        for (let n = 0; n < NAMES; n++) who.push(await instanceFor(`n${n}.lan.`, port))
        return who
      }
      try {
        expect(await answers('127.0.0.1', port, gone)).toBe(true)
        await expect.poll(async () => new Set(await whoAnswers()).size, { timeout: 20_000 }).toBe(3)
        const first = await whoAnswers()
        expect(await whoAnswers()).toEqual(first)
        for (const name of ['a', 'b', 'c'])
          expect(first.filter(one => one === name).length, name).toBeGreaterThan(NAMES / 10)
        await instances[1]?.stop()
        await expect
          .poll(async () => (await whoAnswers()).every(one => one === 'a' || one === 'c'), { timeout: 30_000 })
          .toBe(true)
        // Of the others' names none has moved.
        const after = await whoAnswers()
        expect(after.filter((one, n) => first[n] !== 'b' && one !== first[n])).toEqual([])
      } finally {
        await stop()
        await Promise.all(instances.map(instance => instance.stop()))
      }
    },
    LONG_TEST_MS,
  )
})

/** The text of a TXT record, which in each instance is another letter. */
async function instanceFor(name: string, port: number): Promise<string> {
  const id = Number(/\d+/.exec(name)?.[0])
  const query = encodeQuery({ id, question: question(name, 'TXT'), recursionDesired: true, edns: null })
  const bytes = await askUdp({ address: '127.0.0.1', port }, query, ANSWER_MS)
  const decoded = bytes === null ? null : decodeMessage(bytes)
  const record =
    decoded?.kind === 'message' ? decoded.message.answer.find(({ type }) => type === RrType.TXT) : undefined
  return record === undefined ? '?' : String.fromCharCode(...record.rdata.subarray(1))
}

const ANSWER_MS = 5_000
