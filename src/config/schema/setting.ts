/** The forms that several settings share, and what the list of settings says of each. */
import { z } from 'zod'
import { parsePrefix } from '../../dns/address.ts'
import { defaultLimits } from '../../limits.ts'
import { readBinding } from '../bindings.ts'
import { MEBIBYTE } from '../values.ts'
import type { TakesEffect } from '../raw.ts'

export const prefixText: z.ZodType<string> = z.string().refine(text => parsePrefix(text) !== null, {
  error: 'expected an address or block such as 192.168.0.0/16 or 2001:db8::/32, without bits after the prefix',
})
export const bindingText: z.ZodType<string> = z
  .string()
  .refine(text => readBinding(text).kind === 'binding', { error: issue => bindingProblem(String(issue.input)) })
const bindingProblem = (text: string): string => {
  const read = readBinding(text)
  return read.kind === 'error' ? read.message : ''
}
/** As a browser sends it (RFC 6454 section 6.2): lower case, no path. */
export const originText: z.ZodType<string> = z
  .string()
  .refine(text => text === '*' || (URL.canParse(text) && new URL(text).origin === text), {
    error:
      'expected the origin of a web page such as https://dns.example or http://localhost:8080, without a path, or "*"',
  })
const bytesError = { error: 'expected a number of octets from 1048576, or text such as "64MiB"' }
export const bytes: z.ZodType<number | string> = z.union(
  [z.int(bytesError).min(MEBIBYTE, bytesError), z.string().regex(/^\d{1,6}\s*(KiB|MiB|GiB)$/, bytesError)],
  bytesError,
)
export const seconds: z.ZodInt = z.int().min(0).max(defaultLimits.cache.maxTtl)
export const count: z.ZodInt = z.int().min(1)
/** What the list of settings (`docs/settings.md`) says of one, besides what its schema says. */
interface SettingFacts {
  /** Of a number. */
  readonly unit?: string
  /** A value other than the default. */
  readonly example: unknown
}

type SettingMeta = (description: string, facts: SettingFacts) => Readonly<Record<string, unknown>>

/** What needs a restart is decided by `restartKeys` in `read.ts`; a test compares. The keys with `x-` are ours. */
const settingMeta =
  (takesEffect: TakesEffect): SettingMeta =>
  (description, { unit, example }) => ({
    description,
    examples: [example],
    'x-takes-effect': takesEffect,
    ...(unit === undefined ? {} : { 'x-unit': unit }),
  })
export const onReload: SettingMeta = settingMeta('reload')
export const atStart: SettingMeta = settingMeta('restart')
