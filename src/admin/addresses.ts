/** Addresses as Node writes them, judged. */
import { inAnyPrefix, parseIp, parsePrefix } from '../dns/address.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128'].flatMap(text => parsePrefix(text) ?? [])

/** `::ffff:127.0.0.1` is 127.0.0.1. */
export function isLoopback(text: string): boolean {
  const ip = parseIp(text)
  return ip !== null && inAnyPrefix(ip, LOOPBACK)
}
