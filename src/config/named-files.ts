/**
 * The files and directories of this machine that a configuration names, as absolute paths; those of zones may have `*`
 * and `?` in them. Who may give a configuration and not read these files must not learn what is in them.
 */
import type { Config } from './types.ts'

function namedFiles(config: Config): ReadonlySet<string> {
  const { rootHints, dnssec, queryLog, state, history, cookies, tls, sharedCache, dnstap } = config
  const views = [config, ...config.views]
  const zones = views.flatMap(({ zones: sources }) => sources.map(({ pattern }) => pattern))
  const authorities = views.flatMap(({ forwarding }) => forwarding.flatMap(one => one.authorities))
  const lists = config.lists.flatMap(({ from }) => (from.kind === 'file' ? [from.path] : []))
  const rpz = config.rpz.flatMap(({ source }) => (source.kind === 'file' ? [source.file] : (source.tsig ?? [])))
  const keys = config.secondaries.flatMap(({ tsig }) => tsig ?? [])
  const anchors = dnssec.anchors.flatMap(one => (one.kind === 'file' ? [one.file] : []))
  const single = [
    ...[rootHints, dnssec.managedAnchors, queryLog?.file, state, history?.directory, cookies?.secret],
    ...(tls?.kind === 'files' ? [tls.certificate, tls.key] : []),
    ...(sharedCache === null ? [] : [sharedCache.secretFile, ...sharedCache.authorities]),
    dnstap?.text,
  ].flatMap(path => path ?? [])
  const programs = config.policies.map(({ file }) => file)
  return new Set([...zones, ...authorities, ...lists, ...rpz, ...keys, ...anchors, ...single, ...programs])
}

/** What a candidate names and the running configuration does not. */
export function strangeFiles(candidate: Config, running: Config): readonly string[] {
  const known = namedFiles(running)
  return [...namedFiles(candidate)].filter(file => !known.has(file))
}
