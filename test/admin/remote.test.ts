/** Calls from thread to thread, with both sides in this one. */
import { expect, it } from 'vitest'
import { type Call, Callee, Caller, RemoteError, type Return } from '../../src/admin/remote.ts'
import type { Controls, ControlsOf, ControlStreams } from '../../src/admin/controls.ts'

const absent = (): never => {
  throw new Error('not in this test')
}

const idle: ControlsOf<Controls> = {
  cacheOf: absent,
  cachePage: absent,
  flush: absent,
  servers: absent,
  resolutions: absent,
  explain: absent,
  transfers: absent,
  refreshTransfer: absent,
  policyZones: absent,
  policyPrograms: absent,
  startPolicyTest: absent,
  policyTests: absent,
  policyTest: absent,
  policyTestChanges: absent,
  removePolicyTest: absent,
  why: absent,
  negativeAnchors: absent,
  setNegativeAnchor: absent,
  removeNegativeAnchor: absent,
  trustPoints: absent,
  zones: absent,
  zone: absent,
  zoneText: absent,
  zoneRrsets: absent,
  changeZone: absent,
  zoneRevisions: absent,
  zoneDifference: absent,
  queryPage: absent,
  querySummary: absent,
  limitedClients: absent,
  lookUp: absent,
  lists: absent,
  refreshLists: absent,
  configuration: absent,
  changeConfiguration: absent,
  configurationRevisions: absent,
  status: () => {
    throw new Error('no status today')
  },
  numbers: () => {
    throw new Error('nothing is counted here')
  },
  reload: () => ({ kind: 'done', problems: [] }),
  stop: () => Promise.resolve({ kind: 'done' }),
}

/** A walk of as many steps as its name says, one in each turn of the loop. */
const streams: ControlStreams = {
  async walk({ name }, emit, signal) {
    for (let step = 0; step < Number(name); step++) {
      await new Promise(resolve => setImmediate(resolve))
      if (signal.aborted) return { kind: 'cancelled' }
      emit({ step })
    }
    return { kind: 'done', outcome: `${name} steps` }
  },
}
const walk = (steps: number): Parameters<ControlStreams['walk']>[0] => ({
  name: String(steps),
  type: 'A',
  checkingDisabled: false,
})

/** Messages are handed over as the structured clone algorithm does it. */
function joined(controls: ControlsOf<Controls> = idle): { caller: Caller; sent: Call[] } {
  const sent: Call[] = []
  const callee = new Callee(controls, streams, (message: Return) => caller.take(structuredClone(message)))
  const caller: Caller = new Caller(call => {
    sent.push(call)
    void callee.take(structuredClone(call))
  })
  return { caller, sent }
}

it('a call ends with what the other side returns, at once or later', async () => {
  const { caller } = joined()
  expect(await caller.remote.reload(false)).toEqual({ kind: 'done', problems: [] })
  expect(await caller.remote.stop()).toEqual({ kind: 'done' })
})

it('what is thrown on the other side is an error here that says where', async () => {
  const { caller } = joined()
  const call = caller.remote.status()
  await expect(call).rejects.toThrow(RemoteError)
  await expect(call).rejects.toThrow(/no status today/)
})

it('a stream hands over its items in order and then its end', async () => {
  const { caller } = joined()
  const items: unknown[] = []
  const end = await caller.stream('walk', walk(3), item => items.push(item), new AbortController().signal)
  expect(items).toEqual([{ step: 0 }, { step: 1 }, { step: 2 }])
  expect(end).toEqual({ kind: 'done', outcome: '3 steps' })
})

it('a stream whose caller has gone ends on the other side', async () => {
  const { caller } = joined()
  const gone = new AbortController()
  const steps: unknown[] = []
  const take = (step: unknown): void => {
    steps.push(step)
    gone.abort()
  }
  expect(await caller.stream('walk', walk(1_000_000), take, gone.signal)).toEqual({ kind: 'cancelled' })
  expect(steps.length).toBeLessThan(1_000_000)
})

it('calls that are open when the other side ends fail', async () => {
  const caller = new Caller(() => {})
  const call = caller.remote.status()
  caller.gone()
  await expect(call).rejects.toThrow('the server is stopping')
})
