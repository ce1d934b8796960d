import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Event, Problem } from '../../src/events.ts'
import { defaultLimits, type ZoneLimits } from '../../src/limits.ts'
import { systemClock } from '../../src/system/system.ts'
import { readZone } from '../../src/app/zone-reading.ts'
import { ZoneStore } from '../../src/app/zone-store.ts'
import { formatCanonicalZone } from '../../src/zone/zone-check.ts'
import { bundled } from '../net/batch/support.ts'
import { needs } from '../tools.ts'
import { n } from '../zone/made.ts'

const started: { thread: Promise<URL> | null } = { thread: null }
const builtThread = (): Promise<URL> => (started.thread ??= bundled('src/app/zone-thread.ts'))
const directories: string[] = []
const stores: ZoneStore[] = []
afterEach(() => {
  for (const store of stores.splice(0)) store.close()
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

function file(name: string, content: string | Buffer): string {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-zones-'))
  directories.push(directory)
  writeFileSync(join(directory, name), content)
  return join(directory, name)
}

const top = '$TTL 300\n@ SOA ns h 1 1h 1h 1w 1h\n@ NS ns\nns A 192.0.2.1\n'
const latin1 = Buffer.concat([
  Buffer.from(`; ä\n${top}`),
  Buffer.from('; caf\xe9\na TXT caf\xe9 "\xe9 x"\ncaf\xe9 A 192.0.2.2\nb TXT ', 'latin1'),
  Buffer.from('é\n'),
])

const clock = systemClock()
const big = (count: number, more = ''): string =>
  `${top}${Array.from({ length: count }, (_, i) => `h${i} A 192.0.2.${i & 255}\n`).join('')}${more}`

interface Opened {
  readonly store: ZoneStore
  readonly events: Event[]
  /** How often the set was replaced. */
  readonly changes: () => number
  load(...files: readonly string[]): Promise<readonly Problem[]>
  answer(name: string): string
  /** Resolves when so many zones were loaded in all. */
  whenLoaded(times: number): Promise<void>
}

async function opened(limits: Partial<ZoneLimits> = {}): Promise<Opened> {
  const events: Event[] = []
  const counts = { changes: 0 }
  const lookers: (() => void)[] = []
  const store = new ZoneStore({
    clock,
    limits: { ...defaultLimits.zone, progressMs: 0, ...limits },
    events: event => events.push(event),
    onChange: () => {
      counts.changes++
      for (const look of lookers) look()
    },
    thread: await builtThread(),
  })
  stores.push(store)
  return {
    store,
    events,
    changes: () => counts.changes,
    load: (...files) =>
      store.loadBeside({
        zones: files.map(pattern => ({ pattern, origin: null })),
        records: [],
        specialUseOff: 'all',
        reverse: false,
      }),
    answer: name => {
      const question = { name: n(name), type: RrType.A, class: RrClass.IN }
      const answer = store.current().find(question)?.answer(question)
      return answer === undefined
        ? 'not here'
        : answer.kind === 'answer'
          ? (answer.rrsets[0]?.rdatas[0]?.join('.') ?? '')
          : answer.kind
    },
    whenLoaded: times =>
      new Promise(resolve => {
        const look = (): void => {
          if (events.filter(({ kind }) => kind === 'zone-loaded').length >= times) resolve()
        }
        lookers.push(look)
        look()
      }),
  }
}

const kinds = (events: readonly Event[]): string[] =>
  events.map(({ kind }) => kind).filter((kind, i, all) => kind !== all[i - 1])

describe('zones next to serving', () => {
  it('a small zone is read at once, without a thread', async () => {
    const { load, answer, events } = await opened()
    const done = load(file('a.example.zone', big(3)))
    // Before anything else has run.
    expect(answer('h1.a.example.')).toBe('192.0.2.1')
    expect(await done).toEqual([])
    expect(events).toMatchObject([{ kind: 'zone-loaded', zone: 'a.example.', records: 6 }])
  })

  it('a large zone comes from a thread, flat, with progress and its end told', async () => {
    const { load, answer, events, store } = await opened()
    const done = load(file('a.example.zone', big(20_000)))
    expect(answer('h1.a.example.')).toBe('not here')
    expect(await done).toEqual([])
    expect(answer('h19999.a.example.')).toBe('192.0.2.31')
    expect(kinds(events)).toEqual(['zone-loading', 'zone-loaded'])
    expect(events.at(-1)).toMatchObject({ kind: 'zone-loaded', zone: 'a.example.', records: 20_003 })
    expect(store.current().zones[0]?.flat?.recordCount).toBe(20_003)
  })

  it.each<[string, (directory: string) => string]>([
    ['many records out of one line', () => `${top}$GENERATE 1-60000 g$ A 192.0.2.1\n`],
    [
      'a large file included',
      directory => {
        writeFileSync(join(directory, 'hosts'), 'g7 A 192.0.2.1\n; padding\n'.repeat(5_000))
        return `${top}$INCLUDE hosts\n`
      },
    ],
  ])('%s are for the thread as well', async (_what, text) => {
    const { load, answer, store } = await opened()
    const path = file('a.example.zone', '')
    writeFileSync(path, text(dirname(path)))
    expect(await load(path)).toEqual([])
    expect(answer('g7.a.example.')).toBe('192.0.2.1')
    expect(store.current().zones[0]?.flat).not.toBeNull()
  })

  it('a large zone that breaks leaves its last good version, and says what is wrong', async () => {
    const { load, answer, events } = await opened()
    const path = file('a.example.zone', big(5_000))
    await load(path)
    writeFileSync(path, big(5_000, 'x A nothing\n'))
    expect(await load(path)).toMatchObject([{ severity: 'error', line: 5_005 }])
    expect(events.at(-1)).toMatchObject({ kind: 'zone-rejected', kept: true })
    expect(answer('h4999.a.example.')).toBe('192.0.2.135')
    writeFileSync(path, big(5_000, 'x A 192.0.2.77\n'))
    expect(await load(path)).toEqual([])
    expect(answer('x.a.example.')).toBe('192.0.2.77')
  })

  it('a large zone that did not change is not read again', async () => {
    const { load, store, events } = await opened()
    const path = file('a.example.zone', big(5_000))
    await load(path)
    const [before] = store.current().zones
    await load(path)
    expect(store.current().zones[0]).toBe(before)
    expect(events.filter(({ kind }) => kind === 'zone-loaded')).toHaveLength(1)
  })

  it('loads that overlap are done in turn, and the last one holds', async () => {
    const { load, answer, changes } = await opened()
    const [a, b] = [file('a.example.zone', big(5_000)), file('b.example.zone', big(2))]
    const both = [load(a), load(a, b), load(b)]
    expect((await Promise.all(both)).flat()).toEqual([])
    expect(changes()).toBe(3)
    expect([answer('h1.a.example.'), answer('h1.b.example.')]).toEqual(['not here', '192.0.2.1'])
  })

  it('many small zones are read with turns of the loop between them', async () => {
    const { load, answer } = await opened({ hereRecords: 100 })
    const files = Array.from({ length: 20 }, (_, i) => file(`z${i}.example.zone`, big(60)))
    const turns = { count: 0, over: false }
    const count = (): void => {
      turns.count++
      if (!turns.over) setImmediate(count)
    }
    setImmediate(count)
    expect(await load(...files)).toEqual([])
    turns.over = true
    // 113 records each with the price of a file, 100 in a turn.
    expect(turns.count).toBeGreaterThanOrEqual(19)
    expect(answer('h1.z19.example.')).toBe('192.0.2.1')
  })

  it('a thread that fails is a problem of its file, and the last good version stays', async () => {
    const broken = file('broken.mjs', 'throw new Error("out of order")')
    const events: Event[] = []
    const store = new ZoneStore({
      clock,
      limits: defaultLimits.zone,
      events: event => events.push(event),
      onChange: () => {},
      thread: pathToFileURL(broken),
    })
    stores.push(store)
    const problems = await store.loadBeside({
      zones: [{ pattern: file('a.example.zone', big(5_000)), origin: null }],
      records: [],
      specialUseOff: 'all',
      reverse: false,
    })
    expect(problems).toMatchObject([{ message: 'could not be loaded: out of order' }])
  })

  it('a record changed in a large file is served, and the rest with it', async () => {
    const { load, answer, store, whenLoaded } = await opened({ watchDebounceMs: 10 })
    const path = file('a.example.zone', big(10_000))
    await load(path)
    store.watch()
    writeFileSync(path, big(10_000, 'new A 192.0.2.200\n'))
    await whenLoaded(2)
    expect(answer('new.a.example.')).toBe('192.0.2.200')
    expect(answer('h9999.a.example.')).toBe('192.0.2.15')
  })

  it('closing ends a load, and nothing changes any more', async () => {
    const { load, store, changes } = await opened()
    const done = load(file('a.example.zone', big(50_000)))
    store.close()
    expect(await done).toEqual([])
    expect(changes()).toBe(0)
  })
})

describe('a zone file in Latin-1', () => {
  it('is read with one warning, its octets as they are and UTF-8 next to them', () => {
    const { zone, problems } = readZone(file('l1.example.zone', latin1), null, defaultLimits.zone)
    expect(problems).toMatchObject([{ severity: 'warning', line: 6, column: 6 }])
    const text = zone === null ? '' : formatCanonicalZone(zone)
    expect(text).toContain('"caf\\233" "\\233 x"')
    expect(text).toContain('caf\\233.l1.example.')
    expect(text).toContain('"\\195\\169"')
  })
})

needs('named-compilezone')('a zone file in Latin-1 with BIND', () => {
  it('has the same records', () => {
    const path = file('l1.example.zone', latin1)
    const { zone } = readZone(path, null, defaultLimits.zone)
    const theirs = execFileSync(
      'named-compilezone',
      ['-q', '-k', 'ignore', '-i', 'none', '-s', 'full', '-o', '-', 'l1.example.', path],
      { encoding: 'utf8' },
    )
    const sorted = (text: string): string[] => text.split('\n').sort()
    expect(sorted(zone === null ? '' : formatCanonicalZone(zone))).toEqual(sorted(theirs))
  })
})
