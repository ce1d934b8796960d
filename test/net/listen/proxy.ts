/** PROXY headers (version 2), right ones and others. */
import { parseIpv4, parseIpv6 } from '../../../src/dns/address.ts'

export const SIGNATURE: Buffer = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

export interface HeaderShape {
  readonly command?: number
  readonly family?: number
  readonly additions?: Uint8Array
}

/** Says that the connection is of `address`. */
export function proxyHeader(address: string, port: number, shape: HeaderShape = {}): Buffer {
  const ip = parseIpv4(address) ?? parseIpv6(address)
  if (ip === null) throw new Error(`no address: ${address}`)
  const { command = 0x21, family = ip.length === 4 ? 0x11 : 0x21, additions = new Uint8Array(0) } = shape
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(port, 0)
  const body = Buffer.concat([ip, Buffer.alloc(ip.length), ports, additions])
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, body.length >> 8, body.length & 0xff), body])
}
