/**
 * The invariants of the code as tests: who may import whom, which words do not occur where, how long things may get.
 * Regular expressions over the source with comments and texts taken out, where those would mislead.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../src/limits.ts'

const root = fileURLToPath(new URL('../src', import.meta.url))

interface Source {
  /** From `src/`, with forward slashes. */
  readonly path: string
  readonly folder: string
  readonly text: string
  /** Without comments and without what stands in texts and regular expressions. */
  readonly code: string
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[]
}

/** Where a `/` begins a regular expression and not a division. */
const BEFORE_REGEX = /(?:^|[=(,:!&|?{};[\n]|=>|\breturn|\bcase)\s*$/

const sources: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(path => /\.tsx?$/.test(path))
  .map(path => read(relative(root, join(root, path)).replaceAll('\\', '/')))
const byPath = new Map(sources.map(source => [source.path, source]))

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const imports = [...text.matchAll(/^(?:import|export)(?<type> type)?\b(?:[^'"`;]*?\bfrom)? '(?<from>[^']+)'/gm)].map(
    match => ({ from: match.groups?.from ?? '', typeOnly: match.groups?.type !== undefined }),
  )
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g)) imports.push({ from: match[1] ?? '', typeOnly: false })
  return { path, folder: path.includes('/') ? dirname(path) : '', text, code: codeOf(text), imports }
}

function codeOf(text: string): string {
  let code = ''
  for (let at = 0; at < text.length; ) {
    const two = text.slice(at, at + 2)
    const c = text.charAt(at)
    if (two === '//') at = endOf(text, at, '\n')
    else if (two === '/*') {
      const end = endOf(text, at, '*/') + 2
      code += '\n'.repeat(text.slice(at, end).split('\n').length - 1)
      at = end
    } else if (c === "'" || c === '"') {
      at = afterQuoted(text, at, c)
      code += `${c}${c}`
    } else if (c === '`') {
      const template = afterTemplate(text, at)
      code += `\`${template.code}\``
      at = template.end
    } else if (c === '/' && BEFORE_REGEX.test(code.slice(-20))) {
      at = afterRegex(text, at)
      code += '/ /'
    } else {
      code += c
      at++
    }
  }
  return code
}

function endOf(text: string, from: number, what: string): number {
  const found = text.indexOf(what, from)
  return found < 0 ? text.length : found
}

function afterQuoted(text: string, from: number, quote: string): number {
  let at = from + 1
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** What stands in `${…}` is code. */
function afterTemplate(text: string, from: number): { readonly end: number; readonly code: string } {
  let code = ''
  for (let at = from + 1; at < text.length; ) {
    if (text[at] === '`') return { end: at + 1, code }
    if (text[at] === '\\') at += 2
    else if (text.startsWith('${', at)) {
      let depth = 1
      let end = at + 2
      while (depth > 0 && end < text.length) {
        const c = text.charAt(end)
        if (c === '`') end = afterTemplate(text, end).end
        else if (c === "'" || c === '"') end = afterQuoted(text, end, c)
        else {
          depth += c === '{' ? 1 : c === '}' ? -1 : 0
          end++
        }
      }
      code += `(${codeOf(text.slice(at + 2, end - 1))})`
      at = end
    } else {
      if (text[at] === '\n') code += '\n'
      at++
    }
  }
  return { end: text.length, code }
}

function afterRegex(text: string, from: number): number {
  let inClass = false
  for (let at = from + 1; at < text.length; at++) {
    const c = text[at]
    if (c === '\\') at++
    else if (c === '\n') return from + 1
    else if (c === '[') inClass = true
    else if (c === ']') inClass = false
    else if (c === '/' && !inClass) return at + 1
  }
  return text.length
}

/** `file:line: text` of every match, so that a failure says where. */
const found = (source: Source, pattern: RegExp, where: 'text' | 'code' = 'code'): string[] =>
  source[where]
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}`] : []))

const inFolders = (...folders: string[]): readonly Source[] => sources.filter(source => folders.includes(source.folder))
const PURE = [
  'dns',
  'presentation',
  'fairness',
  'cache',
  'cache/servers',
  'cache/snapshot',
  'zone',
  'dnssec',
  'resolver',
  'resolver/asking',
  'resolver/validation',
  'resolver/running',
  'transfer',
  'resolver/stale',
] as const

/** Files of `src/` itself. */
const CONTRACT = ['limits.ts', 'ports.ts', 'steps.ts', 'events.ts'] as const
const WAYS_IN = ['cli.ts', 'index.ts'] as const

/** What a file of a room sees besides its own room. A wing is a room. */
const rooms: ReadonlyMap<string, { readonly rooms: readonly string[]; readonly files: readonly string[] }> = (() => {
  const low = ['dns', 'dns/cookies', 'presentation', 'contract']
  const net = ['dns', 'dns/cookies', 'contract', 'fairness', 'system', 'net']
  const resolver = [
    ...low,
    'fairness',
    'zone',
    'dnssec',
    'cache',
    'cache/servers',
    'cache/snapshot',
    'resolver',
    'resolver/asking',
    'resolver/validation',
    'resolver/running',
    'resolver/stale',
  ]
  /** What the server has besides, each a part that can be left out. */
  const appWings = [
    'app/persistence',
    'app/service',
    'app/views',
    'app/revisions',
    'app/transfer',
    'app/lists',
    'app/policy',
    'app/shared',
  ]
  /** Stages and what they decide by. */
  const policies = [
    'policy',
    'policy/views',
    'policy/lists',
    'policy/shaping',
    'policy/rpz',
    'policy/limits',
    'policy/cookies',
    'policy/code',
  ]
  const server = [...resolver, ...policies]
  const visit = [...resolver, 'system', 'visit', 'visit/http', 'visit/records']
  const config = [...server, 'server', 'render']
  const app = [
    ...config,
    'engine',
    'http',
    'input',
    'config',
    'config/make',
    'config/schema',
    'system',
    'transfer',
    'net',
    'net/linux',
    'net/upstream',
    'net/batch',
    'net/doh',
    'net/listen',
  ]
  const admin = [
    ...config,
    'server',
    'http',
    'system',
    'visit',
    'visit/http',
    'visit/records',
    'admin',
    'admin/visits',
    'admin/live',
    'admin/now',
    'admin/metrics',
    'admin/history',
    'admin/forms',
    'admin/policy-tests',
    'admin/requests',
    'admin/routes',
  ]
  // What goes over the wire is all that pages share with the API: types, and names of columns.
  const controls = ['cache', 'anchor', 'config'].map(of => `admin/${of}-controls.ts`)
  const wire = ['admin/messages.ts', 'admin/live/records.ts', ...controls]
  const pageWings = ['dashboard/screens', ...['settings', 'policy', 'visit'].map(of => `dashboard/${of}`)]
  const page = ['dashboard', 'dashboard/model', 'dashboard/parts', ...pageWings, 'admin/now']
  const kit = [...app, 'signing', 'simulation', 'attacks', 'testing/input']
  const wings = ['testing/stub', 'testing/node-dns', 'testing/control', 'testing/internet']
  const programs = [
    ...kit,
    ...wings,
    'testing',
    'app',
    'app/admin',
    'app/history',
    'app/dnstap',
    'app/diagnostics',
    ...appWings,
    'admin',
    'admin/history',
    'admin/live',
    'admin/metrics',
    'admin/now',
    'admin/forms',
    'admin/policy-tests',
    'admin/requests',
    'admin/routes',
    'warm-up',
    'visit',
    'visit/look-ups',
    'cli',
    'cli/query',
    'cli/admin',
    'cli/commands',
    'cli/doctor',
    'cli/attack',
    'cli/policy',
    'app/rehearsal',
    'demo',
    'ways in',
  ]
  const seen: readonly (readonly [string, readonly string[], (readonly string[])?])[] = [
    ['dns', []],
    ['dns/cookies', ['dns']],
    ['http', []],
    ['contract', ['dns']],
    ['presentation', ['dns']],
    ['fairness', ['dns', 'contract']],
    ['input', low],
    ['zone', low],
    // What a transfer says and what becomes of a zone by it; who asks for it, and when, is in `app/transfer`.
    ['transfer', [...low, 'zone']],
    ['system', low],
    ['net', net],
    ['net/linux', net],
    ['net/upstream', [...net, 'net/linux']],
    ['net/batch', [...net, 'net/linux']],
    // What HTTP says is as pure as the messages that it carries.
    ['net/doh', [...low, 'system', 'net']],
    ['net/listen', [...net, 'net/linux', 'net/batch', 'net/doh']],
    ['dnssec', low],
    ['cache', [...low, 'dnssec', 'cache/servers']],
    ['cache/servers', [...low, 'cache']],
    // Octets in and out: what it knows of the stores they tell it, and not the other way round.
    ['cache/snapshot', [...low, 'dnssec', 'cache', 'cache/servers']],
    ['signing', [...low, 'zone', 'dnssec']],
    ['resolver', resolver],
    // The walk and the validation of what it finds ask each other; that no files go in a circle is held below.
    ['resolver/asking', resolver],
    ['resolver/validation', resolver],
    ['resolver/running', resolver],
    ['resolver/stale', resolver],
    ...policies.map(room => [room, server] as const),
    // DNS comes in as a port; its adapters are in the wing, which sees the engine put together.
    ['visit', visit],
    ['visit/http', visit],
    ['visit/records', visit],
    ['render', [...resolver, 'visit', 'visit/records']],
    // Ports come in: what it is made of is no file and no socket.
    ['engine', resolver],
    ['server', server],
    ['config', [...config, 'config/schema', 'config/make']],
    ['config/schema', [...config, 'config']],
    ['config/make', [...config, 'config']],
    // Simulated servers are believed by the same rule as real ones.
    ['simulation', [...server, 'server', 'signing', 'render', 'engine'], ['net/upstream/match-reply.ts']],
    ['dashboard', page, wire],
    ['dashboard/model', []],
    ['dashboard/parts', page, wire],
    ...pageWings.map(room => [room, page, wire] as const),
    ['attacks', [...low, 'signing', 'simulation']],
    ['admin', admin],
    ['admin/now', admin],
    ['admin/live', admin],
    ['admin/metrics', admin],
    ['admin/forms', admin],
    ['admin/policy-tests', admin],
    ['admin/requests', admin],
    ['admin/routes', admin],
    ['admin/history', admin],
    ['admin/visits', admin],
    // Where a library's thread is started and what it may ask of the server.
    ['app', [...app, 'admin', 'app/admin', 'app/history', 'app/dnstap', 'app/diagnostics', ...appWings]],
    ['app/diagnostics', config],
    ['app/dnstap', [...low, 'config', 'app']],
    ['app/history', [...app, 'admin', 'admin/history', 'app', 'app/admin', 'app/dnstap', 'app/diagnostics']],
    ...appWings
      .filter(room => room !== 'app/shared')
      .map(room => [room, [...app, 'cache/snapshot', 'admin', 'app']] as const),
    // What is changed everywhere is changed in caches of views and in anchors that are kept.
    ['app/shared', [...app, 'cache/snapshot', 'admin', 'app', 'app/persistence', 'app/views', 'app/service']],
    // It opens the others.
    ['app/service', [...app, 'app', ...appWings]],
    // What the caches of another thread have is handed over as instances hand it over.
    ['app/rehearsal', [...app, 'cache/snapshot', 'admin', 'admin/history', 'admin/policy-tests', 'app', ...appWings]],
    [
      'app/admin',
      [...app, 'visit', 'admin', 'admin/live', 'admin/history', 'app', 'app/history', 'app/rehearsal', ...appWings],
    ],
    ['testing/input', kit],
    ['testing/stub', kit],
    ['testing/node-dns', [...kit, 'testing/stub']],
    ['testing/control', [...kit, 'testing/stub']],
    ['testing/internet', [...kit, 'testing/stub']],
    ['testing', [...kit, ...wings]],
    ['warm-up', [...app, 'app', 'app/admin', ...appWings]],
    ['visit/look-ups', [...app, 'app', 'app/transfer', 'visit']],
    ['cli/query', programs],
    ['cli/admin', programs],
    ['cli/commands', programs],
    ['cli/doctor', programs],
    ['cli/attack', programs],
    ['cli/policy', programs],
    ['cli', programs],
    ['demo', programs],
    ['ways in', programs],
  ]
  return new Map(seen.map(([room, others, files = []]) => [room, { rooms: others, files }]))
})()

const roomOf = ({ path, folder }: Source): string => {
  if (folder !== '') return folder
  return CONTRACT.some(file => file === path) ? 'contract' : 'ways in'
}

/** Of one file, the files of `src/` that it imports. */
const targets = (source: Source): Source[] =>
  source.imports
    .filter(({ from }) => from.startsWith('.') && !from.endsWith('.css'))
    .map(({ from }) => {
      const path = posix.normalize(posix.join(posix.dirname(source.path), from))
      const target = byPath.get(path)
      if (target === undefined) throw new Error(`${source.path} imports ${from}, which is no file of src/`)
      return target
    })

describe('rooms', () => {
  test('every folder of src/ is a room or a wing of one, and nothing is deeper', () => {
    expect(sources.map(roomOf).filter(room => !rooms.has(room))).toEqual([])
    expect(sources.filter(({ path }) => path.split('/').length > 3).map(({ path }) => path)).toEqual([])
    expect(sources.length).toBeGreaterThan(200)
  })

  test('src/ itself holds the contract and the two ways in', () => {
    const loose = sources.filter(({ folder }) => folder === '').map(({ path }) => path)
    expect(loose.sort()).toEqual([...CONTRACT, ...WAYS_IN].sort())
  })

  test('no folder of src/ has more than 20 files', () => {
    const counts = new Map<string, number>()
    for (const { folder } of sources) counts.set(folder, (counts.get(folder) ?? 0) + 1)
    expect([...counts].filter(([, count]) => count > 20).map(([room, count]) => `${room}: ${count}`)).toEqual([])
  })
})

describe('imports', () => {
  function mayImport(source: Source, target: Source): boolean {
    const [own, other] = [roomOf(source), roomOf(target)]
    const row = rooms.get(own)
    return own === other || row?.rooms.includes(other) === true || row?.files.includes(target.path) === true
  }

  test('see only the rooms of their row', () => {
    expect(
      sources.flatMap(source =>
        targets(source)
          .filter(target => !mayImport(source, target))
          .map(target => `${source.path} imports ${target.path}`),
      ),
    ).toEqual([])
  })

  test('make no cycle', () => {
    const state = new Map<Source, 'open' | 'done'>()
    const cycles: string[] = []
    const visit = (source: Source, trail: readonly string[]): void => {
      if (state.get(source) === 'done') return
      if (state.get(source) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(source.path)), source.path].join(' → '))
        return
      }
      state.set(source, 'open')
      for (const target of targets(source)) visit(target, [...trail, source.path])
      state.set(source, 'done')
    }
    for (const source of sources) visit(source, [])
    expect(cycles).toEqual([])
  })

  test('node: is for the edges', () => {
    const edges =
      /^(?:system|net|http|admin|input|config|app|visit|signing|simulation|testing|warm-up|cli|demo)\/|^(?:cli|index)\.ts$/
    const files = /^(?:system|config|admin|app|simulation|testing|cli)\/|^net\/batch\/|^cli\.ts$/
    const imported = (allowed: RegExp, modules: RegExp): string[] =>
      sources
        .filter(
          ({ path }) => !allowed.test(path) && path !== 'dnssec/algorithms.ts' && path !== 'transfer/tsig-record.ts',
        )
        .flatMap(({ path, imports }) =>
          imports.filter(({ from }) => modules.test(from)).map(({ from }) => `${path}: ${from}`),
        )
    expect(imported(edges, /^node:/)).toEqual([])
    expect(imported(files, /^node:fs\b/)).toEqual([])
  })

  test('packages stay where they belong', () => {
    const homes: Readonly<Record<string, (path: string) => boolean>> = {
      'lru-cache': path => path.startsWith('cache/'),
      pino: path => path.startsWith('app/'),
      iovalkey: path => path === 'app/shared/client.ts',
      'pino-pretty': path => path.startsWith('app/'),
      vitest: path => path === 'testing/vitest.ts',
      yargs: path => path === 'cli.ts' || path.startsWith('cli/commands/'),
      'dns-packet': path => path === 'input/packet-data.ts',
      hono: path => path.startsWith('admin/'),
      '@hono/zod-openapi': path => path.startsWith('admin/'),
      '@hono/node-server': path => path.startsWith('admin/'),
      ws: path => path === 'admin/listen.ts' || /^admin\/(?:live|routes)\//.test(path),
      preact: path => path.startsWith('dashboard/'),
      'preact/hooks': path => path.startsWith('dashboard/'),
      '@preact/signals': path => path.startsWith('dashboard/'),
      'uplot/dist/uPlot.min.css': path => path === 'dashboard/parts/chart.tsx',
      uplot: path => path === 'dashboard/parts/chart.tsx',
      'prom-client': path => path === 'admin/metrics/registry.ts',
      'hono/http-exception': path => path.startsWith('admin/'),
      'hono/utils/url': path => path.startsWith('admin/'),
      zod: path => path.startsWith('config/schema/') || path === 'simulation/internet.ts',
    }
    const strays = sources.flatMap(source =>
      source.imports
        .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:') && homes[from]?.(source.path) !== true)
        .map(({ from }) => `${source.path}: ${from}`),
    )
    expect(strays).toEqual([])
  })

  test('lru-cache never has a ttl: its 0 means for ever, and its timer is a real one', () => {
    expect(
      inFolders('cache')
        .filter(source => source.imports.some(({ from }) => from === 'lru-cache'))
        .flatMap(source => found(source, /\bttl(?:Autopurge|Resolution)?\s*:/)),
    ).toEqual([])
  })

  test('no default exports; only index.ts hands on what others export', () => {
    expect(sources.flatMap(source => found(source, /^export default\b/))).toEqual([])
    expect(
      sources
        .filter(({ path }) => !['index.ts', 'testing/index.ts', 'policy/code/index.ts'].includes(path))
        .flatMap(source => found(source, /^export (?:type )?(?:\*|\{[^}]*\}) from /)),
    ).toEqual([])
  })
})

describe('words', () => {
  test('time, chance and the process do not occur in the core, not even in comments', () => {
    const words = /\b(?:Date|performance|setTimeout|setInterval)\b|\bMath\.random\b|\b(?:process|console)\./
    expect(
      inFolders(...PURE, 'policy', 'policy/shaping', 'server').flatMap(source => found(source, words, 'text')),
    ).toEqual([])
  })

  test('the engine is synchronous', () => {
    expect(inFolders(...PURE).flatMap(source => found(source, /\b(?:async|await|Promise)\b/, 'text'))).toEqual([])
  })

  test('no module-level let, enum, namespace or any', () => {
    expect(
      sources.flatMap(source =>
        found(
          source,
          /^(?:export )?(?:let|var)\b|^\s*(?:export )?(?:declare )?(?:const )?enum\s|^\s*(?:export )?namespace\s/,
        ),
      ),
    ).toEqual([])
    expect(sources.flatMap(source => found(source, /(?:[:<,]|(?<![|&])[|&]|\bas)\s*any\b(?!\s*[:(?.])/))).toEqual([])
  })

  test('types are asserted only by the steps, by calls between threads and by the constructors of branded types', () => {
    const assertion = /\bas (?!const\b)[\w{[(]/
    const rename = /^\s*(?:import|export)\b|^\s*\*/
    const strays = sources
      .filter(({ path }) => path !== 'steps.ts' && path !== 'dns/name.ts' && path !== 'admin/remote.ts')
      .flatMap(source => found(source, assertion))
    expect(strays.filter(stray => !rename.test(stray.replace(/^[^ ]+ /, '')))).toEqual([])
  })

  test('no code is marked for later, none is switched off', () => {
    expect(
      sources.flatMap(source =>
        found(source, /\b(?:TODO|FIXME|XXX|HACK)\b|@ts-(?:ignore|expect-error|nocheck)/, 'text'),
      ),
    ).toEqual([])
    expect(sources.flatMap(source => found(source, /^\s*debugger\b/))).toEqual([])
  })
})

/** The first line of a function or method: whole, or up to the bracket of its parameters. */
const HEAD = (() => {
  const forms = [
    String.raw`(?:async )?function\b.*[({]`,
    String.raw`(?:static |async |private |override |\*|get |set )*#?\w+(?:<[^>]*>)?\((?:[^;]*\).*\{)?`,
    String.raw`const \w+ = .*(?:=> \{|\()`,
  ]
  return new RegExp(`^(?<indent> *)(?:export )?(?:${forms.join('|')})$`)
})()
const NO_FUNCTION = /^\s*(?:if|for|while|switch|return|describe|test)\b/

describe('sizes', () => {
  // Tables, every line of which has its reason or its description next to it.
  const tables = ['limits.ts', 'config/schema/schema.ts']

  test('no file but a table is above 600 lines', () => {
    expect(
      sources
        .filter(({ path }) => !tables.includes(path))
        .map(source => [source.path, source.text.split('\n').length - 1] as const)
        .filter(([, lines]) => lines > 600),
    ).toEqual([])
  })

  test('lines are at most 120 columns wide, texts too, which the formatter leaves alone', () => {
    const wide = sources.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => (line.length > 120 ? [`${path}:${index + 1}`] : [])),
    )
    expect(wide).toEqual([])
  })

  // One table of all settings, a line each.
  const longTables = ['config/make.ts']

  test('no function but a table is of 70 lines', () => {
    expect(sources.filter(({ path }) => !longTables.includes(path)).flatMap(longFunctions)).toEqual([])
  })

  /** By indentation: a function or method ends where its first line's indentation comes back with a brace. */
  function longFunctions(source: Source): string[] {
    const lines = source.code.split('\n')
    return lines.flatMap((line, start) => {
      const indent = HEAD.exec(line)?.groups?.indent
      if (indent === undefined || NO_FUNCTION.test(line)) return []
      // The parameters may take lines of their own.
      const opening = line.endsWith('(')
        ? lines.findIndex((other, at) => at > start && other.startsWith(`${indent})`))
        : start
      if (lines[opening]?.endsWith('{') !== true) return []
      const length = lines.slice(opening + 1).findIndex(other => other.startsWith(`${indent}}`)) + 2
      return length >= 70 ? [`${source.path}:${start + 1}: ${length} lines`] : []
    })
  }
})

test('what holds for the whole process is set by programs, never by the library', () => {
  const setting = /\bsetFlagsFromString\b|\bprocess\.(?:title|exitCode|umask|chdir|setuid|setgid)\b/
  expect(
    sources
      .filter(({ path, code }) => path !== 'cli.ts' && !/^(?:cli|demo)\//.test(path) && setting.test(code))
      .map(({ path }) => path),
  ).toEqual([])
  expect(
    sources.filter(({ imports }) => imports.some(({ from }) => from === 'node:v8')).map(({ path }) => path),
  ).toEqual(['cli/serve.ts'])
})

test('only `rootwalk serve` warms up, and loads what that needs when it listens', () => {
  const isWarmUp = (path: string): boolean => path.startsWith('warm-up/')
  const importers = sources.filter(
    ({ path, imports }) =>
      !isWarmUp(path) && imports.some(({ from }) => isWarmUp(posix.normalize(posix.join(posix.dirname(path), from)))),
  )
  expect(importers.map(({ path }) => path)).toEqual(['cli/serve.ts'])
  expect(importers[0]?.text).toContain("await import('../warm-up/warm-up.ts')")
  expect(importers[0]?.text).not.toMatch(/^import .*warm-up/m)
})

describe('files', () => {
  test('open with a paragraph that says what they are', () => {
    expect(sources.filter(source => !/^(?:#!.*\n)?\/\*\*/.test(source.text)).map(source => source.path)).toEqual([])
  })

  test('every policy has its tests', () => {
    const tests = new Set(readdirSync(new URL('policy', import.meta.url), { recursive: true, encoding: 'utf8' }))
    expect(
      inFolders('policy')
        .map(source => `${source.path.slice('policy/'.length, -3)}.test.ts`)
        .filter(name => !tests.has(name)),
    ).toEqual([])
  })
})

describe('limits', () => {
  const limits = byPath.get('limits.ts')

  test('are frozen, all the way down', () => {
    expect(Object.isFrozen(defaultLimits)).toBe(true)
    for (const [group, values] of Object.entries(defaultLimits)) expect(Object.isFrozen(values), group).toBe(true)
  })

  test('each has its reason beside it', () => {
    const lines = limits?.text.split('\n') ?? []
    const bare = lines.flatMap((line, index) => {
      if (!/^ {2}readonly \w+: number$/.test(line)) return []
      // Bounds that belong together may share one reason.
      let above = index - 1
      while (above > index - 7 && /^ {2}readonly /.test(lines[above] ?? '')) above--
      return /\*\/$/.test(lines[above] ?? '') ? [] : [`limits.ts:${index + 1}: ${line.trim()}`]
    })
    expect(bare).toEqual([])
    expect(
      [...(limits?.text ?? '').matchAll(/^ {2}\/\*\*([\s\S]*?)\*\/\n {2}readonly/gm)]
        .filter(match => (match[1] ?? '').trim().length < 25)
        .map(match => match[1]),
    ).toEqual([])
  })

  test('times, counts of octets and durations are not written into the code that obeys them', () => {
    const obeying = [
      ...inFolders(...PURE, 'policy', 'policy/shaping', 'server', 'system'),
      ...sources.filter(({ path }) => path.startsWith('net/')),
    ]
    // A name that ends in its unit, or a timer, with a number of two digits or more.
    const literal =
      /\b\w+(?:Ms|Bytes|Seconds)\b\s*[:=]\s*[\d_]{2,}|\.after\(\s*[\d_]{2,}|\bsetTimeout\([^,]*,\s*[\d_]{2,}/
    expect(obeying.flatMap(source => found(source, literal))).toEqual([])
  })
})

test('the reader of code sees through texts, comments, templates and regular expressions', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source code as text
  expect(codeOf("a('x // y') // z\nb(/[/'\"]+/g, `t ${c('as any')} u`) /* d */ / 2")).toBe(
    "a('') \nb(/ /g, `(c(''))`)  / 2",
  )
})
