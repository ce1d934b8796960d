/**
 * Why the server could not start, in words that help: each problem says what happened, the likely cause and the remedy.
 * Only texts and exit codes; nothing is changed on the system, least of all `/etc/resolv.conf`.
 */
import { errorText } from '../events.ts'
import { errorCode } from '../system/system-error.ts'
import { formatEndpoint } from '../dns/address.ts'
import type { PortHolder } from '../system/port-holder.ts'
import type { ListenFailure } from '../net/listener.ts'

/** Suggested when another port is taken: above 1024, and what the examples use. */
const FREE_PORT = 5_300

/** sysexits(3), as far as they fit; 130 and 143 are 128 + signal. */
export const Exit = {
  Ok: 0,
  Failure: 1,
  Usage: 64,
  BadData: 65,
  NoInput: 66,
  Unavailable: 69,
  NoPermission: 77,
  BadConfig: 78,
  Interrupted: 130,
  Terminated: 143,
} as const

export interface Explanation {
  readonly text: string
  readonly exitCode: number
}

/** What a refused socket threw, explained; what no system call gave is a bug and is thrown again. */
export function explainRefusal(error: unknown, at: Pick<ListenFailure, 'transport' | 'address' | 'port'>): Explanation {
  const code = errorCode(error)
  if (code === '') throw error
  return explainListen({ kind: 'listen-failed', ...at, code, message: errorText(error) }, null)
}

/** `holder` is who has the port, when that could be found out. */
export function explainListen(failure: ListenFailure, holder: PortHolder | null): Explanation {
  const { transport, address, port, code } = failure
  const where = `${formatEndpoint(address, port)}/${transport}`
  switch (code) {
    case 'EADDRINUSE':
      return { text: taken(where, port, holder), exitCode: Exit.Unavailable }
    case 'EACCES':
    case 'EPERM':
      return { text: forbidden(where, port), exitCode: Exit.NoPermission }
    case 'EADDRNOTAVAIL':
      return {
        text: [
          `${where} cannot be used: this host has no such address.`,
          '  "ip address" lists those it has. IPv6 may also be switched off (sysctl net.ipv6.conf.all.disable_ipv6).',
          '',
        ].join('\n'),
        exitCode: Exit.Unavailable,
      }
    default:
      return { text: `${where} cannot be used: ${failure.message} (${code}).\n`, exitCode: Exit.Unavailable }
  }
}

function taken(where: string, port: number, holder: PortHolder | null): string {
  const who =
    holder === null
      ? 'another program'
      : holder.process === null
        ? `a program of user ${holder.uid}`
        : `${holder.process.name} (process ${holder.process.pid})`
  const bound = holder === null ? '' : `, bound to ${holder.address}`
  const lines = [`${where} is in use by ${who}${bound}.`]
  if (holder === null || holder.process === null) lines.push(`  To find it: sudo ss -lunpt 'sport = :${port}'`)
  // The kernel cuts names of processes to 15 characters.
  if (holder?.process?.name.startsWith('systemd-resolve') === true) lines.push(...resolvedRecipe)
  else
    lines.push(
      '  Stop it, or listen elsewhere: rootwalk serve --listen ' +
        `127.0.0.1:${port === FREE_PORT ? FREE_PORT + 1 : FREE_PORT}`,
    )
  return `${lines.join('\n')}\n`
}

const resolvedRecipe: readonly string[] = [
  '  It listens on 127.0.0.53, which does not clash with 127.0.0.1 or ::1: listen there and both can run.',
  '  To put rootwalk in its place:',
  '    sudo mkdir -p /etc/systemd/resolved.conf.d',
  "    printf '[Resolve]\\nDNS=127.0.0.1\\nDomains=~.\\nDNSStubListener=no\\n' | sudo tee " +
    '/etc/systemd/resolved.conf.d/rootwalk.conf',
  '    sudo ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf',
  '    sudo systemctl restart systemd-resolved',
  '  And back again:',
  '    sudo rm /etc/systemd/resolved.conf.d/rootwalk.conf',
  '    sudo ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf',
  '    sudo systemctl restart systemd-resolved',
]

function forbidden(where: string, port: number): string {
  return [
    `${where} needs a right that this process does not have: ports below 1024 are privileged.`,
    '  Any one of these helps:',
    '    run the systemd unit in contrib/systemd, which grants exactly this right (CAP_NET_BIND_SERVICE)',
    '    let systemd or a container publish the port and listen on a high one: docker run -p 53:5300/udp -p ' +
      '53:5300/tcp …',
    `    lower the first privileged port: sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
    '    start as root: sudo rootwalk serve',
    '  Or use a port that needs no right: rootwalk serve --listen 127.0.0.1:5300',
    '  (setcap on the node binary works too, but gives the right to every script that node runs.)',
    '',
  ].join('\n')
}

/**
 * Texts of which the advice, all but the first line, is given once: several addresses mostly fail for the same reason.
 */
export function explainedOnce(explanations: readonly Explanation[]): readonly string[] {
  const split = explanations.map(({ text }) => ({
    first: text.slice(0, text.indexOf('\n') + 1),
    advice: text.slice(text.indexOf('\n') + 1),
  }))
  return split.map(({ first, advice }, index) =>
    split.slice(index + 1).some(later => later.advice === advice) ? first : `${first}${advice}`,
  )
}
