/** Failures as exit codes of curl(1), so that scripts can tell the phases apart. */
import type { Failure, Visit } from './types.ts'

/** Of the first pass that failed; 0 when none did. `failsOnStatus`: 22 for a status of 400 or above, as `curl -f`. */
export function exitCodeOf({ passes }: Pick<Visit, 'passes'>, failsOnStatus: boolean): number {
  const ends = passes.flatMap(({ hops }) => hops.slice(-1))
  const failed = ends.flatMap(({ end }) => (end.kind === 'failed' ? [end.failure] : []))[0]
  if (failed !== undefined) return codeOf(failed)
  return failsOnStatus && ends.some(({ response }) => (response?.status ?? 0) >= 400) ? CURL.httpReturnedError : 0
}

/** The names of curl's codes without `CURLE_`. */
const CURL = {
  unsupportedProtocol: 1,
  urlMalformed: 3,
  couldNotResolveHost: 6,
  couldNotConnect: 7,
  weirdServerReply: 8,
  remoteAccessDenied: 9,
  http2: 16,
  partialFile: 18,
  httpReturnedError: 22,
  operationTimedout: 28,
  sslConnectError: 35,
  tooManyRedirects: 47,
  gotNothing: 52,
  recvError: 56,
  peerFailedVerification: 60,
  tooLarge: 100,
} as const

/** Of a URL that cannot be visited. */
export const urlExitCode = (why: 'malformed' | 'scheme'): number =>
  why === 'scheme' ? CURL.unsupportedProtocol : CURL.urlMalformed

function codeOf(failure: Failure): number {
  switch (failure.kind) {
    case 'names':
      return CURL.couldNotResolveHost
    case 'refused-target':
      return CURL.remoteAccessDenied
    case 'connect':
      return CURL.couldNotConnect
    case 'time-out':
      return CURL.operationTimedout
    case 'tls':
      return CURL.sslConnectError
    case 'certificate':
      return CURL.peerFailedVerification
    case 'empty-reply':
      return CURL.gotNothing
    case 'bad-reply':
      return failure.protocol === 'HTTP/2' ? CURL.http2 : CURL.weirdServerReply
    case 'header-too-large':
      return CURL.tooLarge
    case 'broken-off':
      return CURL.recvError
    case 'incomplete-content':
      return CURL.partialFile
    case 'too-many-redirects':
      return CURL.tooManyRedirects
    case 'bad-redirect':
      return urlExitCode(failure.why)
    default:
      return failure satisfies never
  }
}
