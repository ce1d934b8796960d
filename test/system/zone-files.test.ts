import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Problem } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { expandPatterns, isPattern, nameMatcher, readZoneFile, ZoneReader } from '../../src/system/zone-files.ts'
import { type ZoneFileChanges, ZoneWatcher } from '../../src/system/zone-watcher.ts'
import { watchedPaths } from '../../src/system/watched-paths.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { atEnd, cleanUp, settle, until } from '../net/support.ts'

afterEach(cleanUp)

function directory(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'rootwalk-zones-'))
  atEnd(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

describe('nameMatcher', () => {
  it.each([
    ['*.zone', 'a.zone', true],
    ['*.zone', '.zone', false],
    ['*.zone', 'a.zone~', false],
    ['*.zone', '.#a.zone', false],
    ['.*.zone', '.a.zone', true],
    ['*', 'anything', true],
    ['*', '.hidden', false],
    ['db.?', 'db.a', true],
    ['db.?', 'db.', false],
    ['db.?', 'db.ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*bb*c', 'abc', false],
    ['*?x', 'x', false],
    ['*?x', 'ax', true],
    ['a.(b+)*', 'a.(b+)c', true],
    ['a.(b+)*', 'axbbc', false],
    ['plain', 'plain', true],
    ['plain', 'plainer', false],
    ['./zones/*.zone', 'b.zone', true],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(nameMatcher(pattern)(name)).toBe(expected)
  })

  it('takes no longer for patterns made to be slow', () => {
    // CPU time: other programs take the core. One that tries all ways takes longer than the world has been.
    const before = process.cpuUsage().user
    expect(nameMatcher(`${'*a'.repeat(100)}*b`)('a'.repeat(255))).toBe(false)
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(1_000)
  })

  it('is asked for only when the last segment has a star or question mark', () => {
    expect(['zones/*.zone', 'z?', 'zones*/a.zone', 'a.zone'].map(isPattern)).toEqual([true, true, false, false])
  })
})

describe('expandPatterns', () => {
  it('finds files once, sorted, seen from the directory of the configuration', () => {
    const base = directory({
      'zones/b.zone': '',
      'zones/a.zone': '',
      'zones/.c.zone': '',
      'zones/readme': '',
      'other.zone': '',
    })
    mkdirSync(join(base, 'zones/dir.zone'))
    symlinkSync('a.zone', join(base, 'zones/link.zone'))
    expect(expandPatterns(['zones/*.zone', 'zones/a.zone', 'missing.zone', join(base, 'other.zone')], base)).toEqual({
      files: ['missing.zone', 'other.zone', 'zones/a.zone', 'zones/b.zone', 'zones/link.zone'].map(name =>
        join(base, name),
      ),
      problems: [],
    })
  })

  it('reports a missing directory and does not mind one without matches', () => {
    const base = directory({ 'empty/readme': '', file: '' })
    expect(expandPatterns(['empty/*.zone'], base)).toEqual({ files: [], problems: [] })
    expect(expandPatterns(['none/*.zone'], base)).toMatchObject({
      files: [],
      problems: [
        { file: join(base, 'none/*.zone'), severity: 'warning', message: `${join(base, 'none')} does not exist` },
      ],
    })
    expect(expandPatterns(['file/*.zone'], base)).toMatchObject({ files: [], problems: [{ severity: 'error' }] })
  })
})

describe('readZoneFile', () => {
  const read = (path: string, fileBytes = 1_000): ReturnType<typeof readZoneFile> =>
    readZoneFile(path, { ...defaultLimits.zone, fileBytes })

  it('gives text and hash; a byte order mark is not text', () => {
    const base = directory({ a: '\ufeff$TTL 60 ; ä\r\n', b: '$TTL 60 ; ä\r\n', c: '$TTL 60 ; ä\r\n' })
    const [a, b, c] = ['a', 'b', 'c'].map(name => read(join(base, name)))
    expect(a).toMatchObject({ kind: 'text', text: '$TTL 60 ; ä\r\n' })
    expect(b).toMatchObject({ kind: 'text', text: '$TTL 60 ; ä\r\n' })
    expect(b?.kind === 'text' && c?.kind === 'text' && b.hash === c.hash).toBe(true)
    expect(a?.kind === 'text' && b?.kind === 'text' && a.hash !== b.hash).toBe(true)
  })

  it.each<[string, (base: string) => string, Partial<Problem>]>([
    ['a file that is not there', base => join(base, 'none'), { message: 'does not exist' }],
    ['a directory', base => base, { message: 'is a directory' }],
    ['a device without end', () => '/dev/zero', { message: 'is not a regular file' }],
    [
      'a file beyond the limit',
      base => join(base, 'large'),
      { message: 'has 2000 octets, more than the limit of 1000' },
    ],
    ['a file as a directory', base => join(base, 'large', 'x'), { message: 'is not in a directory' }],
  ])('says what is wrong with %s', (_what, path, expected) => {
    const base = directory({ large: 'x'.repeat(2_000) })
    expect(read(path(base))).toMatchObject({
      kind: 'unreadable',
      problem: { file: path(base), severity: 'error', ...expected },
    })
  })
})

describe('a file that is not UTF-8', () => {
  const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
  const read = (octets: Buffer): ReturnType<typeof readZoneFile> =>
    readZoneFile(join(directory({ zone: octets }), 'zone'), defaultLimits.zone)

  it.each<[string, Buffer, string, number, number, string]>([
    ['in a comment', latin1('; caf\xe9\na'), '; caf\udce9\na', 1, 6, '233'],
    ['after UTF-8', Buffer.concat([Buffer.from('; ä\nß: '), latin1('\xe9t\n')]), '; ä\nß: \udce9t\n', 2, 4, '233'],
    ['at the end', latin1('a\xff'), 'a\udcff', 1, 2, '255'],
    [
      'cut inside a character',
      Buffer.concat([Buffer.from('a '), Buffer.from('€').subarray(0, 2)]),
      'a \udce2\udc82',
      1,
      3,
      '226',
    ],
    ['after a byte order mark', Buffer.concat([Buffer.from('\ufeffa\n'), latin1('\xe9')]), 'a\n\udce9', 2, 1, '233'],
    [
      'with a character outside the BMP before it',
      Buffer.concat([Buffer.from('😀'), latin1('\xe9')]),
      '😀\udce9',
      1,
      3,
      '233',
    ],
  ])('%s keeps its octets, with one warning', (_what, octets, text, line, column, octet) => {
    const found = read(octets)
    expect(found).toMatchObject({ kind: 'text', text, warning: { line, column, severity: 'warning' } })
    expect(found.kind === 'text' && found.warning?.message).toContain(`\\${octet}`)
  })

  it('has no warning when it is', () =>
    expect(read(Buffer.from('; café'))).toMatchObject({ kind: 'text', warning: null }))

  it('gives warnings for each file of a zone', () => {
    const base = directory({ a: latin1('; \xe9'), b: '; fine', c: latin1('; \xe8') })
    const reader = new ZoneReader(defaultLimits.zone)
    for (const name of ['a', 'b', 'c']) reader.read(join(base, name))
    expect(reader.warnings.map(({ file }) => file)).toEqual([join(base, 'a'), join(base, 'c')])
  })
})

describe('ZoneReader', () => {
  it('reads includes from where they are named, and remembers what it looked at', () => {
    const base = directory({ 'zones/a.zone': 'A', 'zones/parts/hosts': 'H', 'shared/ns': 'N' })
    const reader = new ZoneReader(defaultLimits.zone)
    reader.read(join(base, 'zones/a.zone'))
    expect(reader.include('parts/hosts', join(base, 'zones/a.zone'))).toMatchObject({
      file: join(base, 'zones/parts/hosts'),
      text: 'H',
    })
    expect(reader.include('../../shared/ns', join(base, 'zones/parts/hosts'))).toMatchObject({
      file: join(base, 'shared/ns'),
      text: 'N',
    })
    expect(reader.include(join(base, 'none'), join(base, 'zones/a.zone'))).toEqual({
      error: `${join(base, 'none')} does not exist`,
    })
    expect([...reader.files].map(([file, hash]) => [file.slice(base.length + 1), hash !== null])).toEqual([
      ['zones/a.zone', true],
      ['zones/parts/hosts', true],
      ['shared/ns', true],
      ['none', false],
    ])
  })
})

describe('watchedPaths', () => {
  it('names the directory of a file, of the links on the way, and of the first part that is missing', () => {
    const base = directory({ 'v1/a.zone': '', 'v1/other': '' })
    symlinkSync('v1', join(base, 'current'))
    const watched = (path: string): [string, string[]][] =>
      watchedPaths(join(base, path))
        .filter(w => w.directory.startsWith(base))
        .map(w => [
          w.directory.slice(base.length),
          ['a.zone', 'b.zone', 'current', 'v1', 'new', 'x'].filter(w.concerns),
        ])
    expect(watched('v1/a.zone')).toEqual([['/v1', ['a.zone']]])
    expect(watched('v1/*.zone')).toEqual([
      ['', ['v1']],
      ['/v1', ['a.zone', 'b.zone']],
    ])
    expect(watched('current/a.zone')).toEqual([
      ['', ['current']],
      ['/v1', ['a.zone']],
    ])
    expect(watched('new/x/a.zone')).toEqual([['', ['new']]])
    expect(watched('new/*.zone')).toEqual([['', ['new']]])
    symlinkSync('loop', join(base, 'loop'))
    expect(watched('loop/*.zone').every(([path]) => path === '')).toBe(true)
  })
})

describe('ZoneWatcher', () => {
  interface Watching {
    readonly base: string
    readonly clock: SimClock
    readonly watcher: ZoneWatcher
    readonly reported: ZoneFileChanges[]
    readonly troubles: Problem[]
    /** Waits for the event of the file system, lets the debounce pass, and gives the change by file name. */
    change(): Promise<{ added: string[]; changed: string[]; removed: string[] }>
  }

  async function watching(
    files: Readonly<Record<string, string>>,
    patterns: readonly string[],
    includes: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<Watching> {
    const base = directory(files)
    const clock = new SimClock()
    const reported: ZoneFileChanges[] = []
    const troubles: Problem[] = []
    const watcher = new ZoneWatcher({
      patterns,
      directory: base,
      clock,
      limits: defaultLimits.zone,
      onChange: c => reported.push(c),
      onError: p => troubles.push(p),
    })
    atEnd(() => watcher.close())
    const loaded = expandPatterns(patterns, base).files.map(file => {
      const reader = new ZoneReader(defaultLimits.zone)
      reader.read(file)
      for (const include of includes[file.slice(base.length + 1)] ?? []) reader.include(include, file)
      return [file, reader.files] as const
    })
    watcher.update(new Map(loaded))
    await watcher.look()
    expect(reported).toEqual([])
    const names = (list: readonly string[]): string[] => list.map(file => file.slice(base.length + 1))
    const change: Watching['change'] = async () => {
      const before = reported.length
      await until(() => {
        clock.advance(defaultLimits.zone.watchDebounceMs)
        return reported.length > before
      }, 'a report')
      const { added, changed, removed } = reported[before] ?? { added: [], changed: [], removed: [] }
      return { added: names(added), changed: names(changed), removed: names(removed) }
    }
    return { base, clock, watcher, reported, troubles, change }
  }

  const none = { added: [], changed: [], removed: [] }

  it('notices writes, atomic renames, new and deleted files', async () => {
    const { base, change, reported } = await watching({ 'zones/a.zone': '1', 'zones/b.zone': '1' }, ['zones/*.zone'])
    writeFileSync(join(base, 'zones/a.zone'), '2')
    expect(await change()).toEqual({ ...none, changed: ['zones/a.zone'] })
    for (const text of ['3', '4']) {
      writeFileSync(join(base, 'zones/.a.tmp'), text)
      renameSync(join(base, 'zones/.a.tmp'), join(base, 'zones/a.zone'))
      expect(await change()).toEqual({ ...none, changed: ['zones/a.zone'] })
    }
    writeFileSync(join(base, 'zones/c.zone'), '1')
    expect(await change()).toEqual({ ...none, added: ['zones/c.zone'] })
    unlinkSync(join(base, 'zones/b.zone'))
    expect(await change()).toEqual({ ...none, removed: ['zones/b.zone'] })
    expect(reported.length).toBe(5)
  })

  it('gathers many events into one report, and goes by content', async () => {
    const { base, clock, watcher, reported, change } = await watching({ 'a.zone': '1', 'b.zone': '1' }, ['*.zone'])
    await settle()
    clock.advance(10_000)
    await watcher.look()
    for (const text of ['2', '3', '1']) writeFileSync(join(base, 'a.zone'), text)
    await until(() => clock.pending > 0, 'an event')
    clock.advance(10_000)
    await watcher.look()
    expect(reported).toEqual([])
    for (const name of ['a.zone', 'b.zone', 'c.zone']) writeFileSync(join(base, name), '9')
    await until(() => clock.pending > 0, 'an event')
    await settle()
    expect(await change()).toEqual({ added: ['c.zone'], changed: ['a.zone', 'b.zone'], removed: [] })
  })

  it('looks in time although the events do not stop, and not for files that do not matter', async () => {
    const { base, clock, watcher, reported } = await watching({ 'a.zone': '1', log: '' }, ['*.zone'])
    clock.advance(10_000)
    await watcher.look()
    const seen: unknown[] = []
    const witness = watch(base, (_kind, name) => seen.push(name))
    atEnd(() => witness.close())
    writeFileSync(join(base, 'log'), 'x')
    await until(() => seen.includes('log'), 'an event')
    await settle()
    expect(clock.pending).toBe(0)
    for (let i = 0; i < 60 && reported.length === 0; i++) {
      writeFileSync(join(base, 'a.zone'), `version ${i}`)
      await until(() => clock.pending > 0, 'an event')
      await settle(3)
      clock.advance(defaultLimits.zone.watchDebounceMs - 1)
      await settle(10)
    }
    expect(reported.length).toBe(1)
  })

  it('reports the zones that include a changed file, also when it was missing', async () => {
    const { base, change } = await watching(
      { 'a.zone': '1', 'b.zone': '1', 'c.zone': '1', 'parts/ns': '1' },
      ['*.zone'],
      {
        'a.zone': ['parts/ns'],
        'b.zone': ['parts/ns', 'parts/late'],
      },
    )
    writeFileSync(join(base, 'parts/ns'), '2')
    expect(await change()).toEqual({ ...none, changed: ['a.zone', 'b.zone'] })
    writeFileSync(join(base, 'parts/late'), '1')
    expect(await change()).toEqual({ ...none, changed: ['b.zone'] })
  })

  it('follows links: one that is swapped above the files changes them all', async () => {
    const base = directory({ 'v1/a.zone': '1', 'v2/a.zone': '2', 'v2/b.zone': '2' })
    symlinkSync('v1', join(base, 'current'))
    const clock = new SimClock()
    const reported: ZoneFileChanges[] = []
    const watcher = new ZoneWatcher({
      patterns: ['current/*.zone'],
      directory: base,
      clock,
      limits: defaultLimits.zone,
      onChange: c => reported.push(c),
      onError: () => {},
    })
    atEnd(() => watcher.close())
    const reader = new ZoneReader(defaultLimits.zone)
    reader.read(join(base, 'current/a.zone'))
    watcher.update(new Map([[join(base, 'current/a.zone'), reader.files]]))
    symlinkSync('v2', join(base, 'next'))
    renameSync(join(base, 'next'), join(base, 'current'))
    const seen = async (count: number): Promise<void> =>
      until(() => {
        clock.advance(100)
        return reported.length === count
      }, 'a report')
    await seen(1)
    expect(reported).toEqual([
      { added: [join(base, 'current/b.zone')], changed: [join(base, 'current/a.zone')], removed: [] },
    ])
    // And the new place is watched.
    writeFileSync(join(base, 'v2/b.zone'), '3')
    await seen(2)
    expect(reported[1]).toEqual({ ...none, changed: [join(base, 'current/b.zone')] })
  })

  it('waits for a directory that is not there, and survives its being replaced', async () => {
    const { base, change, troubles } = await watching({ readme: '' }, ['conf/zones/*.zone'])
    mkdirSync(join(base, 'conf/zones'), { recursive: true })
    writeFileSync(join(base, 'conf/zones/a.zone'), '1')
    expect(await change()).toEqual({ ...none, added: ['conf/zones/a.zone'] })
    mkdirSync(join(base, 'fresh'))
    writeFileSync(join(base, 'fresh/b.zone'), '1')
    renameSync(join(base, 'conf/zones'), join(base, 'old'))
    renameSync(join(base, 'fresh'), join(base, 'conf/zones'))
    expect(await change()).toEqual({ added: ['conf/zones/b.zone'], changed: [], removed: ['conf/zones/a.zone'] })
    writeFileSync(join(base, 'conf/zones/b.zone'), '2')
    expect(await change()).toEqual({ ...none, changed: ['conf/zones/b.zone'] })
    expect(troubles).toEqual([])
  })

  it('keeps a file that is named in full: its loss is a change', async () => {
    const { base, change } = await watching({ 'a.zone': '1' }, ['a.zone'])
    unlinkSync(join(base, 'a.zone'))
    expect(await change()).toEqual({ ...none, changed: ['a.zone'] })
    writeFileSync(join(base, 'a.zone'), '1')
    expect(await change()).toEqual({ ...none, changed: ['a.zone'] })
  })

  it('does not report what was loaded meanwhile, and is silent after close', async () => {
    const { base, clock, watcher, reported } = await watching({ 'a.zone': '1' }, ['*.zone'])
    writeFileSync(join(base, 'a.zone'), '2')
    const reader = new ZoneReader(defaultLimits.zone)
    reader.read(join(base, 'a.zone'))
    watcher.update(new Map([[join(base, 'a.zone'), reader.files]]))
    await watcher.look()
    expect(reported).toEqual([])
    writeFileSync(join(base, 'a.zone'), '3')
    const look = watcher.look()
    watcher.close()
    await look
    await settle()
    clock.advance(10_000)
    expect(reported).toEqual([])
    expect(clock.pending).toBe(0)
  })
})
