/** Changes of zones that are too large for the thread that answers: worked out in a thread, with the same end. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Refusal, ZoneAction, ZoneChanged } from '../../src/admin/zone-controls.ts'
import { adminLimits } from '../../src/admin/limits.ts'
import { ZoneChanges } from '../../src/app/revisions/zone-changes.ts'
import { ZoneStore } from '../../src/app/zone-store.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { systemClock } from '../../src/system/system.ts'
import { bundled } from '../net/batch/support.ts'
import { n } from '../zone/made.ts'

const LARGE = adminLimits.zoneRecordsHere + 500
const zoneText = (count: number, serial = 1): string =>
  `$TTL 300\n@ SOA ns root ${serial} 7200 900 2419200 300\n@ NS ns ; of the office\nns A 192.0.2.53\n${Array.from(
    { length: count },
    (_, i) => `h${i} A 10.0.${i >> 8}.${i & 255}\n`,
  ).join('')}`

const threads: { work?: URL; read?: URL } = {}
const closers: (() => void)[] = []
beforeAll(async () => {
  threads.work = await bundled('src/app/revisions/zone-work-thread.ts')
  threads.read = await bundled('src/app/zone-thread.ts')
})
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

interface Opened {
  readonly changes: ZoneChanges
  readonly events: readonly Event[]
  readonly file: string
  readonly read: () => Promise<unknown>
  change(action: ZoneAction, dryRun?: boolean): Promise<ZoneChanged | Refusal>
  /** The last octet of the address of a name. */
  at(name: string): string
}

async function opened({ editable = false, count = LARGE, thread = threads.work } = {}): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-changes-'))
  closers.push(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'big.test.zone')
  writeFileSync(file, zoneText(count))
  const events: Event[] = []
  const parts = { clock: systemClock(), limits: defaultLimits.zone, events: (event: Event) => void events.push(event) }
  const changes = new ZoneChanges({ ...parts, state: join(directory, 'state'), wall: () => 1_790_000_000, thread })
  const store = new ZoneStore({
    ...parts,
    onChange: () => {},
    layer: changes,
    ...(threads.read === undefined ? {} : { thread: threads.read }),
  })
  closers.push(() => store.close())
  changes.attach(store)
  const settings = { zones: [{ pattern: file, origin: null, editable }], records: [], specialUseOff: 'all' as const }
  const read = (): Promise<unknown> => store.loadBeside({ ...settings, reverse: false })
  await read()
  const facts = { ifMatch: null, author: 'test', comment: null, requestId: '1' }
  return {
    changes,
    events,
    file,
    read,
    change: (action, dryRun = false) => changes.change({ zone: n('big.test.'), action, dryRun, ...facts }),
    at: name => {
      const question = { name: n(name), type: RrType.A, class: RrClass.IN }
      const answer = store.current().find(question)?.answer(question)
      return answer?.kind === 'answer' ? String(answer.rrsets[0]?.rdatas[0]?.at(-1)) : (answer?.kind ?? 'not here')
    },
  }
}

const one = (data: string) => ({ name: 'new.big.test.', type: 'A', ttl: 60, data: [data] })
const patch = (data: string): ZoneAction => ({ kind: 'patch', set: [], add: [one(data)], remove: [] })
const UNDO: ZoneAction = { kind: 'undo' }

describe('a zone with more records than are changed next to serving', () => {
  it.each([
    ['laid over its file', false],
    ['written into its file', true],
  ])('is changed, tried, compared, undone and brought back, %s', async (_how, editable) => {
    const { change, changes, at, file } = await opened({ editable })
    expect(await change(patch('192.0.2.7'), true)).toMatchObject({ kind: 'changed', difference: { addedCount: 2 } })
    expect(at('new.big.test.')).toBe('nxdomain')
    expect(await change(patch('192.0.2.7'))).toMatchObject({
      kind: 'changed',
      zone: { records: LARGE + 4, serial: 2 },
      difference: { addedCount: 2, removedCount: 1 },
    })
    expect([at('new.big.test.'), at(`h${LARGE - 1}.big.test.`)]).toEqual(['7', String((LARGE - 1) & 255)])
    expect(readFileSync(file, 'utf8').includes('new.big.test.')).toBe(editable)
    expect(readFileSync(file, 'utf8')).toContain('; of the office')
    const log = changes.log(n('big.test.'))
    const [last = 0] = (log?.facts() ?? []).map(({ number }) => number)
    const states = [last - 1, last].map(number => log?.stateAfter(number, { kind: 'none' }))
    const [before, after] = states
    if (before === null || before === undefined || after === null || after === undefined) throw new Error('no states')
    expect(await changes.difference(n('big.test.'), before, after)).toMatchObject({ addedCount: 2, removedCount: 1 })
    expect(await change(UNDO)).toMatchObject({ kind: 'changed', difference: { removedCount: 2 } })
    expect(at('new.big.test.')).toBe('nxdomain')
    expect(await change({ kind: 'revert', revision: last })).toMatchObject({ kind: 'changed' })
    expect(at('new.big.test.')).toBe('7')
  })

  it('says every fault of a change with its place', async () => {
    const { change } = await opened()
    const faulty = { ...one('192.0.2.7'), data: ['192.0.2.999', '192.0.2.998'] }
    expect(await change({ kind: 'patch', set: [faulty], add: [], remove: [] })).toMatchObject({
      kind: 'invalid',
      faults: [{ pointer: '/set/0/data/0' }, { pointer: '/set/0/data/1' }],
    })
  })

  it('has its changes laid over what its file has now, when it is read again', async () => {
    const { change, at, file, read, events } = await opened()
    await change(patch('192.0.2.7'))
    writeFileSync(file, zoneText(LARGE, 9).replace('h0 A 10.0.0.0', 'h0 A 10.0.0.99'))
    await read()
    expect([at('h0.big.test.'), at('new.big.test.')]).toEqual(['99', '7'])
    expect(events.filter(({ kind }) => kind === 'admin-state-failed')).toEqual([])
  })

  it('that its changes do not fit any more stays as it was served, which is reported once', async () => {
    const { change, at, file, read, events } = await opened()
    await change(patch('192.0.2.7'))
    writeFileSync(file, zoneText(LARGE, 9).replace('h0 A 10.0.0.0', 'h0 A 10.0.0.99\nnew CNAME h0'))
    await read()
    expect([at('h0.big.test.'), at('new.big.test.')]).toEqual(['0', '7'])
    await read()
    expect(events.filter(({ kind }) => kind === 'admin-state-failed')).toMatchObject([
      { message: expect.stringContaining('do not fit its file any more') },
    ])
  })

  it('made so by a change, or small after one, is the same', async () => {
    const { change, at } = await opened({ count: 10 })
    const add = Array.from({ length: LARGE }, (_, i) => ({ ...one('192.0.2.8'), name: `n${i}.big.test.` }))
    expect(await change({ kind: 'patch', set: [], add, remove: [] })).toMatchObject({ zone: { records: LARGE + 13 } })
    expect(at(`n${LARGE - 1}.big.test.`)).toBe('8')
    expect(await change(UNDO)).toMatchObject({ zone: { records: 13 } })
    expect([at('n0.big.test.'), at('h9.big.test.')]).toEqual(['nxdomain', '9'])
  })

  it('is not changed when the thread fails: that is said, and the next change works', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rootwalk-thread-'))
    closers.push(() => rmSync(directory, { recursive: true }))
    const broken = join(directory, 'broken.mjs')
    writeFileSync(broken, "throw new Error('out of memory')")
    const { change, at } = await opened({ thread: pathToFileURL(broken) })
    expect(await change(patch('192.0.2.7'))).toEqual({
      kind: 'refused',
      why: 'the change could not be worked out: out of memory',
    })
    expect(at('new.big.test.')).toBe('nxdomain')
  })
})
