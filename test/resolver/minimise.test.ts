import { describe, expect, test } from 'vitest'
import { formatName } from '../../src/presentation/text.ts'
import { labelCount } from '../../src/dns/name.ts'
import { typeName } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import { minimise, type MinimiseMode } from '../../src/resolver/minimise.ts'
import { question } from '../../src/simulation/records.ts'

/** All questions asked for a name when every server says "go on" and nothing is a cut. */
function walk(name: string, type: string, known: number, mode: MinimiseMode): string[] {
  const asked: string[] = []
  for (let step = 0; ; step++) {
    const next = minimise(question(name, type), known, step, mode, defaultLimits.engine)
    asked.push(`${formatName(next.question.name)} ${typeName(next.question.type)}`)
    if (next.final) return asked
    known = labelCount(next.question.name)
  }
}

describe('QNAME minimisation', () => {
  test.each<[string, string, number, MinimiseMode, string[]]>([
    ['www.example.com.', 'AAAA', 0, 'relaxed', ['com. A', 'example.com. A', 'www.example.com. AAAA']],
    ['www.example.com.', 'AAAA', 2, 'relaxed', ['www.example.com. AAAA']],
    ['www.example.com.', 'AAAA', 0, 'off', ['www.example.com. AAAA']],
    ['.', 'NS', 0, 'strict', ['. NS']],
    ['com.', 'NS', 0, 'strict', ['com. NS']],
    ['_443._tcp.example.com.', 'TLSA', 2, 'relaxed', ['_443._tcp.example.com. TLSA']],
    ['_443._tcp.example.com.', 'TLSA', 2, 'strict', ['_tcp.example.com. A', '_443._tcp.example.com. TLSA']],
  ])('%s %s from %i labels, %s', (name, type, known, mode, expected) => {
    expect(walk(name, type, known, mode)).toEqual(expected)
  })

  test('a long name takes four single labels and ten steps at most (RFC 9156 section 2.3)', () => {
    const name = `${Array.from({ length: 32 }, (_, i) => (i % 10).toString()).join('.')}.ip6.arpa.`
    const asked = walk(name, 'PTR', 2, 'strict')
    expect(asked.length).toBeLessThanOrEqual(11)
    expect(asked.slice(0, 4).map(text => text.split('.').length - 1)).toEqual([3, 4, 5, 6])
    expect(asked.at(-1)).toBe(`${name} PTR`)
  })
})
