/**
 * A DNS reply in the JSON form of Google and Cloudflare: names, types as numbers, data in presentation format, so that
 * every octet that is no plain character is escaped. `Comment` has the texts of Extended DNS Errors (RFC 8914).
 */
import { readExtendedErrors } from '../../dns/edns.ts'
import type { Message } from '../../dns/message.ts'
import type { Rr } from '../../dns/rrset.ts'
import { edeName } from '../../dns/types.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { formatName } from '../../presentation/text.ts'

const recordOf = ({ owner, type, ttl, rdata }: Rr): object => ({
  name: formatName(owner),
  type,
  TTL: ttl,
  data: formatRdata(type, rdata),
})

export function jsonText(message: Message): string {
  const { question, answer, authority, edns } = message
  const errors = edns === null ? [] : readExtendedErrors(edns)
  const body = {
    Status: message.rcode,
    TC: message.truncated,
    RD: message.recursionDesired,
    RA: message.recursionAvailable,
    AD: message.authenticData,
    CD: message.checkingDisabled,
    Question: question === null ? [] : [{ name: formatName(question.cased), type: question.type }],
    ...(answer.length === 0 ? {} : { Answer: answer.map(recordOf) }),
    ...(authority.length === 0 ? {} : { Authority: authority.map(recordOf) }),
    ...(errors.length === 0
      ? {}
      : { Comment: errors.map(({ code, text }) => (text === '' ? edeName(code) : `${edeName(code)}: ${text}`)) }),
  }
  return `${JSON.stringify(body)}\n`
}
