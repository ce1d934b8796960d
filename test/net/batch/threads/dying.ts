/** A listener thread that answers with what it got, and dies of datagrams whose first octet is 0xdd. A test program. */
import { runListenerThread } from '../../../../src/net/batch/thread.ts'

runListenerThread(() => ({
  note: 0,
  reportValue: 0,
  updateSettings() {},
  begin() {},
  lost() {},
  take(query, length, _peers, _at, _family, out, outAt) {
    if (query[0] === 0xdd) process.exit(7)
    if (query[0] === 0xee) throw new Error('a bug of the handler')
    out.set(query.subarray(0, length), outAt)
    return length
  },
}))
