/**
 * A small internet of real name servers: every server of `internet.ts` is an NSD process on port 53 of an address of
 * its own in 127.53.0.0/16, so that referrals, truncation and refusals are those of a server we did not write. One
 * address is bound and never answers, one has nothing behind it.
 *
 * Invariant: `stop` leaves no process, socket or file behind, also when a server failed to start.
 */
import { createSocket, type Socket } from 'node:dgram'
import { claimNetwork, startNsd, whereIs, type Daemon } from '../daemons.mjs'
import { internetOf, type NsdServer } from './internet.ts'
import { signZone } from './sign.ts'

export interface RealInternet {
  /** Text of a hints file. */
  readonly hints: string
  readonly address: (n: number) => string
  stop(): Promise<void>
}

/** Why there can be no such internet here; null when there can. */
export async function whyNoInternet(): Promise<string | null> {
  const missing = ['nsd', 'dig', 'ldns-keygen', 'ldns-signzone'].filter(tool => whereIs(tool) === null)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  const network = await claimNetwork()
  if (typeof network === 'string') return `cannot bind ${network}`
  await network.release()
  return null
}

export async function startInternet(): Promise<RealInternet> {
  const network = await claimNetwork()
  if (typeof network === 'string') throw new Error(network)
  const running: Daemon[] = []
  const { address } = network
  const silent = createSocket('udp4')
  const stop = async (): Promise<void> => {
    await Promise.all([...running.map(daemon => daemon.stop()), network.release(), closed(silent)])
  }
  try {
    const { hints, servers, silentAddress } = internetOf(address, signZone)
    await new Promise<void>((resolve, reject) => silent.once('error', reject).bind(53, silentAddress, resolve))
    const started = await Promise.allSettled(servers.map(start))
    for (const result of started) if (result.status === 'fulfilled') running.push(result.value)
    for (const result of started) if (result.status === 'rejected') throw result.reason
    return { hints, address, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const start = ({ name, addresses, zones }: NsdServer): Promise<Daemon> => startNsd({ name, addresses, zones })

const closed = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    try {
      socket.close(resolve)
    } catch {
      // It never opened.
      resolve()
    }
  })
