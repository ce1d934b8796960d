/** Messages that cost far more to read than to send. */
import { bombs } from './bombs.ts'
import type { ParsingAttack } from './report.ts'

const REFERENCES: readonly string[] = ['CVE-2024-8508', 'CVE-2023-4408', 'CVE-2026-41292']

/** `a chain of 8,000 pointers, thousands …` is `a-chain-of-8000-pointers`. */
const nameOf = (what: string): string =>
  (what.split(',')[0] === 'a chain of 8' ? 'a chain of 8000 pointers' : (what.split(',')[0] ?? what))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')

export const parsing: readonly ParsingAttack[] = bombs.map(({ what, bytes }) => ({
  form: 'octets',
  kind: 'parsing',
  name: `message-${nameOf(what)}`,
  title: `a message with ${what}`,
  references: REFERENCES,
  by: 'work in proportion to the octets; hops of pointers, records and options are bounded',
  bytes: () => bytes,
}))
