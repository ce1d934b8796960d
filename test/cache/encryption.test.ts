/** What is known of a server's TLS (RFC 9539), as a table of what happened and what is known then. */
import { describe, expect, test } from 'vitest'
import {
  currentEncryption,
  type Encryption,
  encryptionAfter,
  type EncryptionEvent,
} from '../../src/cache/servers/encryption.ts'
import { ServerStats } from '../../src/cache/server-stats.ts'
import { defaultLimits } from '../../src/limits.ts'

const { cache: limits } = defaultLimits
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = 1_000

const unknown: Encryption = { kind: 'unknown' }
const probing: Encryption = { kind: 'probing', until: START_MS + 4_000 }
const encrypted: Encryption = { kind: 'encrypted', repliedAt: START_MS, timeouts: 0 }
const shaky: Encryption = { kind: 'encrypted', repliedAt: START_MS, timeouts: 1 }
const failed: Encryption = { kind: 'failed', at: START_MS }

describe('what is known of a server over TLS', () => {
  const AT = 2_000
  const failedNow: Encryption = { kind: 'failed', at: AT }
  const worksNow: Encryption = { kind: 'encrypted', repliedAt: AT, timeouts: 0 }
  test.each<[Encryption, EncryptionEvent, Encryption]>([
    [unknown, 'tried', { kind: 'probing', until: AT + 4_000 }],
    [probing, 'replied', worksNow],
    [probing, 'timed-out', failedNow],
    [probing, 'broke', failedNow],
    [probing, 'not-sent', unknown],
    [encrypted, 'replied', worksNow],
    [encrypted, 'timed-out', shaky],
    [encrypted, 'broke', failedNow],
    [encrypted, 'contradicted', failedNow],
    [encrypted, 'not-sent', encrypted],
    [shaky, 'timed-out', failedNow],
    [shaky, 'replied', worksNow],
    [failed, 'replied', worksNow],
    [failed, 'timed-out', failedNow],
    [failed, 'not-sent', failed],
  ])('%j, when it %s, is %j', (known, event, then) => {
    expect(encryptionAfter(known, event, AT, limits)).toEqual(then)
  })

  test.each<[Encryption, number, Encryption['kind']]>([
    [unknown, DAY_MS, 'unknown'],
    [probing, 3_999, 'probing'],
    [probing, 4_000, 'unknown'],
    [encrypted, 3 * DAY_MS - 1, 'encrypted'],
    [encrypted, 3 * DAY_MS, 'unknown'],
    [failed, DAY_MS - 1, 'failed'],
    [failed, DAY_MS, 'unknown'],
  ])('%j is after %i ms %s', (known, afterMs, kind) => {
    expect(currentEncryption(known, START_MS + afterMs, limits).kind).toBe(kind)
  })
})

describe('first tries of servers over TLS', () => {
  const stats = (): ServerStats => new ServerStats(limits, defaultLimits.upstream, 1_000_000, 100_000)

  test('are begun once for each server', () => {
    const servers = stats()
    expect([servers.beginProbe('192.0.2.1#53', 1_000), servers.beginProbe('192.0.2.1#53', 1_001)]).toEqual([
      true,
      false,
    ])
    expect(servers.encryptionOf('192.0.2.1#53', 1_001).kind).toBe('probing')
  })

  test('are bounded in number, and those that are lost make room when their time is over', () => {
    const servers = stats()
    const begun = (now: number): number =>
      Array.from({ length: 200 }, (_, i) => servers.beginProbe(`${now} ${i}`, now)).filter(Boolean).length
    expect(begun(1_000)).toBe(limits.encryptionProbes)
    expect(begun(4_999)).toBe(0)
    expect(begun(5_000)).toBe(limits.encryptionProbes)
    servers.encryptionEvent('5000 0', 'broke', 5_100)
    expect(begun(5_100)).toBe(1)
  })

  test('are forgotten with everything else', () => {
    const servers = stats()
    servers.beginProbe('a', 1_000)
    servers.encryptionEvent('a', 'replied', 1_001)
    servers.clear()
    expect(servers.encryptionOf('a', 1_002).kind).toBe('unknown')
  })
})
