/**
 * The private place in which `rootwalk exec` runs a command: namespaces of user, network and mounts whose only network
 * is loopback and whose /etc says that port 53 of 127.0.0.1 is the name server. Texts and decisions; processes are
 * started by `exec.ts`.
 *
 * Invariant: nothing is written outside the namespaces. The private files are on a tmpfs that exists only inside, and
 * that the kernel drops together with the last process there, however it ends.
 */

/** Arguments of the shell in the new namespaces, in order. */
export interface Inside {
  /** A directory that is covered for a moment while the files are made. */
  readonly scratch: string
  readonly resolvConf: string
  readonly hosts: string
  /** Empty: the system has none, and its defaults ask the name server. */
  readonly nsswitch: string
  /** The program that goes on: node, its script, its arguments. */
  readonly program: readonly string[]
}

/** `sh -c` and what follows. */
export const shellWords = ({ scratch, resolvConf, hosts, nsswitch, program }: Inside): readonly string[] => [
  '-c',
  SCRIPT,
  'rootwalk',
  scratch,
  resolvConf,
  hosts,
  nsswitch,
  ...program,
]

/**
 * What the shell says on descriptor 3 when everything is in place, and what the process inside says when it can take
 * signals.
 */
const FILES_READY = 'f'
export const READY = 'r'

/** The exit code of the shell when the namespaces exist but could not be furnished. */
export const NOT_FURNISHED = 97

/**
 * An address of each family besides loopback, or AI_ADDRCONFIG of getaddrinfo hides the whole family, "localhost"
 * included: the dummy address of RFC 7600 section 4.8 and a unique local one (RFC 4193). They exist in this namespace
 * only, and no program answers there.
 */
const DUMMY_ADDRESSES = ['192.0.0.8/32', 'fd53::53/128'] as const

/**
 * Whoever sets up the network may do without iproute2, but one of the tools is needed: Node has no call for it. The
 * files appear as single bind mounts, so that everything else in /etc stays as it is. A name service cache daemon would
 * answer in the place of the stub, so its socket is hidden. Descriptor 4 is the real standard error; what is written
 * before is for rootwalk.
 */
const SCRIPT = `
(
  set -eu
  umask 022
  PATH="\${PATH:-}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
  scratch=$1
  if command -v ip >/dev/null; then
    ip link set lo up
    ip addr add ${DUMMY_ADDRESSES[0]} dev lo || :
    ip -6 addr add ${DUMMY_ADDRESSES[1]} dev lo nodad 2>/dev/null || ip -6 addr add ${DUMMY_ADDRESSES[1]} dev lo || :
  elif command -v ifconfig >/dev/null; then
    ifconfig lo 127.0.0.1 netmask 255.0.0.0 up
    ifconfig lo:1 ${DUMMY_ADDRESSES[0].replace('/32', '')} netmask 255.255.255.255 || :
    ifconfig lo add ${DUMMY_ADDRESSES[1]} 2>/dev/null || ifconfig lo inet6 add ${DUMMY_ADDRESSES[1]} || :
  elif command -v busybox >/dev/null; then
    busybox ip link set lo up
    busybox ip addr add ${DUMMY_ADDRESSES[0]} dev lo || :
    busybox ip addr add ${DUMMY_ADDRESSES[1]} dev lo || :
  else
    echo "none of ip, ifconfig and busybox is installed"
    exit 1
  fi
  { echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || :
  mount -t tmpfs -o mode=755,size=1m tmpfs "$scratch"
  place() {
    [ -n "$2" ] && [ -e "/etc/$1" ] || return 0
    printf '%s' "$2" > "$scratch/$1"
    mount --bind "$scratch/$1" "/etc/$1"
  }
  place resolv.conf "$2"
  place hosts "$3"
  place nsswitch.conf "$4"
  umount "$scratch" || umount -l "$scratch"
  if [ -S /run/nscd/socket ]; then mount -t tmpfs -o mode=755,size=4k tmpfs /run/nscd; fi
) >&2
[ $? -eq 0 ] || exit ${NOT_FURNISHED}
shift 4
printf ${FILES_READY} >&3
exec "$@" 2>&4 4>&-
`

/** `search .`: or glibc appends the host's own domain to every name that does not exist. */
export const resolvConfText = (address: string): string => `# rootwalk exec\nnameserver ${address}\nsearch .\n`

/** Only what a machine has by itself: names that somebody added by hand would answer in the place of the stub. */
export function hostsText(hostname: string): string {
  const own = hostname === '' || hostname === 'localhost' ? '' : ` ${hostname}`
  return `# rootwalk exec\n127.0.0.1 localhost${own}\n::1 localhost ip6-localhost ip6-loopback\n`
}

/**
 * The system's file with one line changed: hosts come from the file and the name server only. Modules such as `resolve`
 * and `mdns4` ask daemons outside through Unix sockets, which a network namespace does not stop.
 */
export function nsswitchText(systems: string): string {
  const others = systems
    .split('\n')
    .filter(line => !/^\s*hosts\s*:/.test(line))
    .join('\n')
  return `hosts: files dns\n${others.endsWith('\n') || others === '' ? others : `${others}\n`}`
}

/** What hinders, as far as the system says. */
export interface NamespaceFailure {
  /** What the tools said. */
  readonly said: string
  /** The namespaces were made, but not furnished. */
  readonly furnishing: boolean
  readonly root: boolean
  /** Switches of the kernel, null when it has no such switch: `/proc/sys/…`. */
  readonly switches: {
    readonly 'kernel.unprivileged_userns_clone': string | null
    readonly 'kernel.apparmor_restrict_unprivileged_userns': string | null
    readonly 'user.max_user_namespaces': string | null
  }
}

/** Why it could not be, what helps, and how to do without. */
export function explainHindrance({ said, furnishing, root, switches }: NamespaceFailure): string {
  const lines = [
    furnishing
      ? 'rootwalk exec: the private network could not be set up.'
      : `rootwalk exec: this system does not let ${root ? 'this process' : 'an ordinary user'} make a private network.`,
  ]
  lines.push(
    ...said
      .trim()
      .split('\n')
      .filter(line => line !== '')
      .map(line => `  ${line}`),
  )
  const remedies = [
    ...(said.includes('is installed') ? ['install iproute2 (or busybox)'] : []),
    ...(switches['kernel.unprivileged_userns_clone'] === '0' ? ['sudo sysctl kernel.unprivileged_userns_clone=1'] : []),
    ...(switches['kernel.apparmor_restrict_unprivileged_userns'] === '1'
      ? ['sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0']
      : []),
    ...(switches['user.max_user_namespaces'] === '0' ? ['sudo sysctl user.max_user_namespaces=10000'] : []),
    ...(root ? [] : ['run it as root: sudo rootwalk exec …']),
    'in a container: give it --cap-add SYS_ADMIN (and, where AppArmor or seccomp forbid mounts, ' +
      '--security-opt apparmor=unconfined --security-opt seccomp=unconfined)',
  ]
  return [...lines, '  Any one of these may help:', ...remedies.map(line => `    ${line}`), ...doWithout]
    .map(line => `${line}\n`)
    .join('')
}

/** For systems that have no such namespaces at all. */
export const explainElsewhere = (what: string): string =>
  [`rootwalk exec: ${what}.`, ...doWithout].map(line => `${line}\n`).join('')

const doWithout: readonly string[] = [
  '  Alternatives without a private network:',
  '    rootwalk stub --port 5353 --zone FILE   and point the program at the name server 127.0.0.1:5353 (in ' +
    'Node: dns.setServers)',
  '    a separate container, with the stub on port 53 of its own address: docker run --dns ADDRESS …',
]
