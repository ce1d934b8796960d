import { setFlagsFromString } from 'node:v8'
import { afterEach, expect, it, vi } from 'vitest'
import { startServer } from '../../src/app/server.ts'
import { StartError } from '../../src/app/service/start-error.ts'
import { runServe } from '../../src/cli/serve.ts'
import { Exit } from '../../src/cli/startup-problems.ts'
import type { ConfigSources } from '../../src/config/types.ts'
import { defaultLimits } from '../../src/limits.ts'

vi.mock(import('node:v8'), async load => ({ ...(await load()), setFlagsFromString: vi.fn() }))
vi.mock(import('../../src/app/server.ts'), async load => ({ ...(await load()), startServer: vi.fn() }))
afterEach(() => vi.clearAllMocks())

const sources = (environment: Record<string, string>): ConfigSources => ({
  file: undefined,
  environment,
  flags: [],
  directory: import.meta.dirname,
})

function output() {
  const lines: string[] = []
  return { lines, out: (text: string) => void lines.push(text), err: (text: string) => void lines.push(text) }
}

it('bounds the growth of the heap before anything of the server is made', async () => {
  vi.mocked(startServer).mockImplementation(() => {
    expect(vi.mocked(setFlagsFromString).mock.calls).toEqual([
      [`--heap-growing-percent=${defaultLimits.server.heapGrowingPercent}`],
    ])
    return Promise.reject(new StartError({ kind: 'zones', problems: [] }))
  })
  const told = output()
  expect(await runServe(sources({}), told)).toBe(Exit.BadData)
  expect(told.lines).toEqual(['rootwalk: not started because of these problems\n'])
  expect(startServer).toHaveBeenCalledTimes(1)
})

it.each(['--heap-growing-percent=50', '--heap_growing_percent=50'])(
  'leaves the growth of the heap as said on the command line of Node (%s)',
  async word => {
    vi.mocked(setFlagsFromString).mockClear()
    vi.mocked(startServer).mockRejectedValue(new StartError({ kind: 'zones', problems: [] }))
    process.execArgv.push(word)
    try {
      expect(await runServe(sources({}), output())).toBe(Exit.BadData)
    } finally {
      process.execArgv.pop()
    }
    expect(setFlagsFromString).not.toHaveBeenCalled()
  },
)

it('changes nothing in a process that will not serve', async () => {
  expect(await runServe(sources({ ROOTWALK_LISTEN: 'nowhere' }), output())).toBe(Exit.BadConfig)
  expect(setFlagsFromString).not.toHaveBeenCalled()
})
