import { describe, expect, it } from 'vitest'
import { WalkPrinter } from '../../src/demo/walk-printer.ts'
import type { TraceStep } from '../../src/resolver/trace.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { ip, nameOf, question } from '../../src/simulation/records.ts'
import { readInternet } from '../../src/simulation/internet.ts'
import { simulate } from '../../src/simulation/world.ts'

const client = { ip: ip('127.0.0.1'), port: 5_353, transport: 'udp' } as const

const entryOf = (name: string): QueryLogEntry => ({
  client,
  view: 0,
  name: nameOf(name),
  type: 1,
  class: 1,
  rcode: 2,
  octets: 60,
  tookMs: 1_900,
  by: 'not-yet',
  wall: 0,
})

function printed(name: string): {
  readonly steps: readonly TraceStep[]
  readonly printer: WalkPrinter
  readonly text: () => string
} {
  const world = simulate(readInternet())
  world.resolve(name)
  let text = ''
  const printer = new WalkPrinter(
    more => {
      text += more
    },
    (_style, plain) => plain,
  )
  return { steps: world.trace, printer, text: () => text }
}

describe('the walk of a query', () => {
  it.each([
    ['www.all-silent.example.', 'silent: no answer'],
    ['www.example.com.', 'answer, A x1 ttl 300'],
  ])('is printed to its last line, though the reply was sent before: %s', (name, last) => {
    const { steps, printer, text } = printed(name)
    for (const before of [1, Math.ceil(steps.length / 2), steps.length]) {
      const from = text().length
      const watch = printer.watch({
        client,
        question: question(name, 'A'),
        recursionDesired: true,
        checkingDisabled: false,
        dnssecOk: false,
        view: 0,
        receivedAt: 0,
      })
      for (const step of steps.slice(0, before)) watch?.(step)
      // A reply is one line alone as long as no server has been asked.
      if (before > 1) printer.onQuery(entryOf(name))
      for (const step of steps.slice(before)) watch?.(step)
      if (before === 1) printer.onQuery(entryOf(name))
      const lines = text().slice(from).trim().split('\n')
      expect(lines.slice(-8).join('\n')).toContain(last)
      expect(lines.at(-1)).toBe(`${name} A sent: SERVFAIL, 60 octets over UDP [1900 ms]`)
    }
  })
})
