/** The addresses of the server that a query names. */
import { lookup } from 'node:dns/promises'
import { type IpAddress, parseIp } from '../../dns/address.ts'
import { isAddress } from './dig-args.ts'

/** Addresses of a server by name or address, of one family or both, in the order of the system. */
export async function addressesOf(server: string, family: 4 | 6 | null): Promise<readonly IpAddress[]> {
  const given = isAddress(server) ? parseIp(server) : null
  if (given !== null) return family === null || given.family === family ? [given] : []
  try {
    const found = await lookup(server, { all: true, family: family ?? 0 })
    return found.flatMap(({ address }) => parseIp(address) ?? [])
  } catch {
    return []
  }
}
