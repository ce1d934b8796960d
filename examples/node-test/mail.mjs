/**
 * Code under test: the servers that take mail for a domain, best first; the domain itself when it names none (RFC 5321
 * section 5.1).
 */
import { resolveMx } from 'node:dns/promises'

/** @param {string} domain */
export async function mailServers(domain) {
  try {
    const records = await resolveMx(domain)
    return records.sort((a, b) => a.priority - b.priority).map(({ exchange }) => exchange)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENODATA') return [domain]
    throw error
  }
}
