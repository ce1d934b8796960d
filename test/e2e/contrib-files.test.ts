/**
 * What `contrib/` ships for Docker and Kubernetes, as far as it can be held without either: everything that is named is
 * there, every variable is a setting, every command one of ours, and what is set up for Docker runs here.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../src/config/read.ts'
import { overridable, variableName } from '../../src/config/sources.ts'
import { PATIENT } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { needs } from '../tools.ts'
import { startRedis } from './redis.ts'
import { freePort, startServing } from './rootwalk.ts'

const contrib = join(root, 'contrib')
const made = mkdtempSync(join(tmpdir(), 'rootwalk-made-'))
afterAll(() => rmSync(made, { recursive: true, force: true }))

const anything = z.record(z.string(), z.unknown())
const variables: ReadonlySet<string> = new Set(overridable().map(({ path }) => variableName(path)))
const textOf = (path: string): string => readFileSync(join(contrib, path), 'utf8')
const textsIn = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsIn)
      : []

const configs = ['container/resolver.config.json', 'kubernetes/resolver.config.json', 'compose/resolver.config.json']
it.each(configs)('%s is a configuration', file => {
  const result = readConfig({
    file: { path: join(contrib, file), text: textOf(file) },
    overrides: [],
    directory: '/',
  })
  expect(result).toMatchObject({ kind: 'config', warnings: [] })
})

it('every variable that contrib/ sets is a setting, or read by the configuration of dnsdist', () => {
  const files = readdirSync(contrib, { recursive: true, encoding: 'utf8' }).filter(path => /\.(?:ya?ml|sh)$/.test(path))
  const named = new Set(files.flatMap(file => textOf(file).match(/ROOTWALK_\w+/g) ?? []))
  const read = new Set(textOf('dnsdist/rootwalk.conf').match(/ROOTWALK_\w+/g) ?? [])
  expect([...named].filter(name => !variables.has(name) && !read.has(name))).toEqual([])
  expect(named.size).toBeGreaterThan(3)
})

/** All documents of some files, in one go. */
const READ =
  'import json,sys,yaml;print(json.dumps([list(yaml.safe_load_all(open(f))) for f in sys.argv[1:]],default=str))'
const documents = (...files: readonly string[]): readonly Readonly<Record<string, unknown>>[] =>
  z
    .array(z.array(anything))
    .parse(
      JSON.parse(
        execFileSync('python3', ['-c', READ, ...files.map(file => join(contrib, file))], { encoding: 'utf8' }),
      ),
    )
    .flat()

const service = z.looseObject({
  volumes: z.array(z.string()).default([]),
  networks: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).default([]),
  depends_on: z.array(z.string()).default([]),
})
const composition = z.looseObject({
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
})

needs('python3', 'openssl')('contrib/compose.yaml', () => {
  it('names networks, volumes, services and files that are there', () => {
    execFileSync('sh', [join(contrib, 'compose/setup.sh'), made])
    const { services, networks, volumes } = composition.parse(documents('compose.yaml')[0])
    expect(Object.keys(services).sort()).toEqual(
      ['dnsdist', 'grafana', 'prometheus', 'rootwalk-a', 'rootwalk-b', 'valkey'].sort(),
    )
    for (const [name, one] of Object.entries(services)) {
      const joined = Array.isArray(one.networks) ? one.networks : Object.keys(one.networks)
      for (const network of joined) expect(Object.keys(networks), name).toContain(network)
      for (const other of one.depends_on) expect(Object.keys(services), name).toContain(other)
      for (const [from = ''] of one.volumes.map(volume => volume.split(':'))) {
        if (!from.startsWith('./')) expect(Object.keys(volumes), name).toContain(from)
        else expect(existsSync(join(contrib, from).replace(join(contrib, 'compose/made'), made)), from).toBe(true)
      }
    }
  })

  it('what its setup makes has no secret twice, and none that is shipped', () => {
    const again = mkdtempSync(join(tmpdir(), 'rootwalk-made-'))
    execFileSync('sh', [join(contrib, 'compose/setup.sh'), again])
    const secrets = (at: string): string[] =>
      ['rootwalk/shared-cache.secret', 'prometheus.token', 'users.acl', 'rootwalk/resolver.config.json'].map(file =>
        readFileSync(join(at, file), 'utf8'),
      )
    const [first, second] = [secrets(made), secrets(again)]
    rmSync(again, { recursive: true })
    for (const [i, text] of first.entries()) expect(text).not.toBe(second[i])
    expect([...first, ...second].filter(text => /CHANGE-ME|0{64}/.test(text))).toEqual([])
  })
})

/** The body, over TLS with a certificate that nobody signed. */
const get = (url: string, token: string): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` } }, reply => {
      let text = ''
      reply.setEncoding('utf8').on('data', part => {
        text += part
      })
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text }))
    })
    asked.on('error', reject).end()
  })

needs('redis-server', 'openssl')('what the setup of contrib/compose.yaml makes', () => {
  it('runs: the user of the server may do what is needed, and Prometheus gets its figures', async () => {
    execFileSync('sh', [join(contrib, 'compose/setup.sh'), made])
    const redis = await startRedis(['--aclfile', join(made, 'users.acl')])
    const config = anything.parse(JSON.parse(readFileSync(join(made, 'rootwalk/resolver.config.json'), 'utf8')))
    const [url = ''] = textsIn(config).filter(text => text.startsWith('redis://'))
    const port = await freePort()
    const { listen: _, admin, ...rest } = config
    const instance = await startServing({
      hints: '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.9\n',
      config: {
        ...rest,
        state: 'state',
        drainS: 0,
        sharedCache: {
          url: url.replace('valkey:6379', `127.0.0.1:${redis.port}`),
          secretFile: join(made, 'rootwalk/shared-cache.secret'),
        },
        admin: { ...anything.parse(admin), listen: [`https://127.0.0.1:${port}`] },
      },
    })
    try {
      const token = readFileSync(join(made, 'prometheus.token'), 'utf8')
      const metrics = async (): Promise<string> =>
        (await get(`https://127.0.0.1:${port}/metrics`, token).catch(() => ({ text: '' }))).text
      await expect.poll(metrics, PATIENT).toMatch(/^rootwalk_shared_cache_up 1$/m)
      const status = `https://127.0.0.1:${port}/api/v1/status`
      expect((await get(status, token)).status).toBe(200)
      expect((await get(status, 'rw_another')).status).toBe(401)
    } finally {
      await instance.stop()
      await redis.stop()
    }
  })
})

needs('promtool')('contrib/prometheus', () => {
  it.each([
    ['rules', 'alerts.yml'],
    ['config', 'prometheus.yml'],
  ])('promtool takes the %s', (what, file) => {
    const args = ['check', what, ...(what === 'config' ? ['--syntax-only'] : []), join(contrib, 'prometheus', file)]
    expect(execFileSync('promtool', args, { encoding: 'utf8' })).toMatch(/SUCCESS/)
  })
})

const labels = z.record(z.string(), z.string())
const container = z.looseObject({
  image: z.string(),
  args: z.array(z.string()).default([]),
  volumeMounts: z.array(z.looseObject({ name: z.string() })).default([]),
})
const podTemplate = z.looseObject({
  metadata: z.looseObject({ labels }),
  spec: z.looseObject({
    containers: z.array(container),
    initContainers: z.array(container).default([]),
    volumes: z.array(z.looseObject({ name: z.string() })).default([]),
  }),
})
const workload = z.looseObject({
  spec: z.looseObject({ selector: z.looseObject({ matchLabels: labels }), template: podTemplate }),
})
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }).optional(),
})

needs('python3')('contrib/kubernetes', () => {
  const folder = (at: string): readonly string[] =>
    readdirSync(join(contrib, at)).flatMap(file => (file.endsWith('.yaml') ? [`${at}/${file}`] : []))
  const all = (): readonly z.infer<typeof manifest>[] =>
    documents(...folder('kubernetes'), ...folder('kubernetes/shared-cache')).map(one => manifest.parse(one))
  const isWithin = (some: Readonly<Record<string, string>>, whole: Readonly<Record<string, string>>): boolean =>
    Object.entries(some).every(([key, value]) => whole[key] === value)

  it('lists every file of a folder, and files that are there', () => {
    for (const at of ['kubernetes', 'kubernetes/shared-cache']) {
      const [kustomization = {}] = documents(`${at}/kustomization.yaml`)
      const named = textsIn([kustomization.resources, kustomization.patches]).filter(name => name.endsWith('.yaml'))
      expect(named.map(name => `${at}/${name}`).toSorted()).toEqual(
        folder(at)
          .filter(path => !path.endsWith('kustomization.yaml'))
          .toSorted(),
      )
    }
  })

  it('workloads select the pods that they make, and mount volumes that they have', () => {
    const workloads = all().filter(
      ({ kind, spec }) => (kind === 'Deployment' || kind === 'DaemonSet') && 'selector' in anything.parse(spec),
    )
    expect(workloads).toHaveLength(3)
    for (const one of workloads) {
      const { selector, template } = workload.parse(one).spec
      const name = one.metadata?.name ?? ''
      expect(isWithin(selector.matchLabels, template.metadata.labels), name).toBe(true)
      const { containers, initContainers, volumes } = template.spec
      const mounted = [...containers, ...initContainers].flatMap(({ volumeMounts }) => volumeMounts.map(at => at.name))
      expect(new Set(mounted), name).toEqual(new Set(volumes.map(volume => volume.name)))
    }
  })

  it('services, budgets and policies are about pods that there are', () => {
    const pods = all().flatMap(one => {
      const read = workload.safeParse(one)
      return read.success ? [read.data.spec.template.metadata.labels] : []
    })
    const selecting = all().flatMap(({ kind, metadata, spec }): [string, Readonly<Record<string, string>>][] => {
      const { selector, podSelector } = spec === undefined ? {} : anything.parse(spec)
      const found = kind === 'Service' ? selector : kind === 'PodDisruptionBudget' ? selector : podSelector
      if (found === undefined) return []
      const plain = labels.safeParse(found)
      const matched = z.looseObject({ matchLabels: labels }).safeParse(found)
      const wanted = plain.success ? plain.data : matched.success ? matched.data.matchLabels : null
      return wanted === null ? [] : [[`${kind} ${metadata?.name}`, wanted]]
    })
    expect(selecting.length).toBeGreaterThanOrEqual(7)
    for (const [name, wanted] of selecting)
      expect(
        pods.some(pod => isWithin(wanted, pod)),
        name,
      ).toBe(true)
  })

  it('probes run a command that there is', () => {
    const commands = all().flatMap(one => textsIn(one.spec).filter(text => text.endsWith('/cli.js')))
    expect(commands.length).toBeGreaterThan(3)
    const text = textOf('kubernetes/deployment.yaml') + textOf('kubernetes/node-local.yaml')
    for (const [, command] of text.matchAll(/cli\.js, ([\w-]+),/g)) expect(command).toBe('query')
  })
})

const workflow = z.looseObject({
  jobs: z.record(
    z.string(),
    z.looseObject({ steps: z.array(z.looseObject({ run: z.string().optional(), uses: z.string().optional() })) }),
  ),
})

needs('python3')('the workflows of hosted CI', () => {
  const scripts = z
    .looseObject({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).scripts

  it.each(['ci.yml', 'publish.yml'])('%s runs what is there', file => {
    const [one] = documents(`../.github/workflows/${file}`)
    const steps = Object.values(workflow.parse(one).jobs).flatMap(job => job.steps)
    const runs = steps.flatMap(({ run }) => (run === undefined ? [] : [run]))
    expect(runs.length).toBeGreaterThan(2)
    for (const step of steps) expect(Number(step.run !== undefined) + Number(step.uses !== undefined)).toBe(1)
    for (const run of runs) {
      // The shell reads it, and every file and script of ours that it names is one.
      execFileSync('sh', ['-n', '-c', run.replaceAll(/\$\{\{.*?\}\}/g, 'word')])
      for (const [, name = ''] of run.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(name)
      for (const [, path = ''] of run.matchAll(/(?:^|\s)((?:\.ci|contrib|scripts)\/[\w./-]+)/gm))
        expect(existsSync(join(root, path)), path).toBe(true)
    }
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[\w-]+@v\d+$/)
  })
})
