/** What the reason for a resolution means for it, and which resolutions are one. */
import { questionKey, type Question } from '../../dns/message.ts'
import type { Because } from '../../steps.ts'

export const isFresh = (because: Because): boolean => because === 'prefetch' || because === 'trust-anchor'

export const followsAliases = (because: Because): boolean =>
  because !== 'ds' && because !== 'dnskey' && because !== 'trust-anchor'

/** Does it look up the address of a server that is forwarded to, without that server? */
export const isOutside = (because: Because): boolean => because === 'upstream-address'

/** Equal for resolutions that may be shared: those that validate and those that do not are two. */
export const keyOf = (question: Question, because: Because, checking: boolean, outside: boolean): string =>
  `${questionKey(question)}${checking ? 'v' : ''}${isFresh(because) ? 'f' : ''}` +
  `${followsAliases(because) ? '' : 'n'}${outside ? 'o' : ''}`

/** Addresses of servers are only used to ask, and what comes from there is validated, or comes over TLS. */
export const isValidated = (because: Because): boolean => because !== 'server-address' && because !== 'upstream-address'
