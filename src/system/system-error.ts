/** What the codes of system errors mean for an exchange. Pure; codes are the names of errno(3). */
import type { ExchangeResult } from '../ports.ts'

/** The code of a system error (`ECONNREFUSED`), or an empty string. */
export const errorCode = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : ''

const familyErrors: ReadonlySet<string> = new Set([
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'ENETDOWN',
  'EPROTONOSUPPORT',
])
const exhaustionErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

/** No way out for the whole address family, as opposed to one server that cannot be reached. */
const isFamilyError = (code: string): boolean => familyErrors.has(code)

/** The process or the machine has no descriptor or buffer left. */
export const isExhaustion = (code: string): boolean => exhaustionErrors.has(code)

/** The result of an exchange that the system refused. */
export const refusal = (code: string): ExchangeResult =>
  isExhaustion(code)
    ? { kind: 'not-sent', reason: code }
    : { kind: 'unreachable', reason: code, family: isFamilyError(code) }
