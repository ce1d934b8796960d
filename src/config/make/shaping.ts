/** DNS64, the rebinding guard, the canary names and the TTLs of single zones, from what is written. */
import type { ZoneTtl } from '../../cache/ttl.ts'
import { inPrefix, parsePrefix, type Prefix } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import { parseNat64Prefix, WELL_KNOWN_PREFIX } from '../../policy/shaping/nat64.ts'
import { addressRanges, parseRange } from '../../policy/shaping/private-addresses.ts'
import type { Shaping, ViewShaping } from '../../policy/shaping/stages.ts'
import type { JsonPath } from '../json.ts'
import type { RawConfig } from '../raw.ts'

interface ShapingReports {
  readonly name: (text: string, at: JsonPath) => Name | null
  readonly warn: (path: JsonPath, message: string) => void
}

export function shapingOf(raw: RawConfig, reports: ShapingReports): Shaping {
  const prefix = natPrefix(raw)
  const { canary, dns64, rebinding } = raw
  const blocks = (texts: readonly string[]): readonly Prefix[] => texts.flatMap(text => parseRange(text) ?? [])
  warnOfWellKnown(raw, prefix, reports)
  const isForAll = ['0.0.0.0/0', '::/0'].every(all => dns64.clients.includes(all))
  return {
    canaries: canary.firefoxDoh || canary.privateRelay ? canary : null,
    dns64:
      prefix === null
        ? null
        : {
            prefix,
            clients: isForAll ? null : dns64.clients.flatMap(text => parsePrefix(text) ?? []),
            exclude: blocks(dns64.exclude),
          },
    rebinding:
      rebinding.ranges.length === 0
        ? null
        : {
            ranges: addressRanges(blocks(rebinding.ranges), prefix),
            allow: rebinding.allow.flatMap((text, index) => reports.name(text, ['rebinding', 'allow', index]) ?? []),
          },
  }
}

/** Null: as for all. What it leaves out is as for all, and `false` is none. */
export function viewShaping(
  raw: RawConfig,
  { dns64, rebinding }: Pick<RawConfig['views'][number], 'dns64' | 'rebinding'>,
  { name, warn }: ShapingReports,
): ViewShaping | null {
  if (dns64 === undefined && rebinding === undefined) return null
  const none = { dns64: { clients: [], exclude: [] }, rebinding: { ranges: [], allow: [] } }
  const view = {
    ...raw,
    dns64: dns64 === false ? none.dns64 : (dns64 ?? raw.dns64),
    rebinding: rebinding === false ? none.rebinding : (rebinding ?? raw.rebinding),
  }
  // What is as for all was warned of there.
  return shapingOf(view, { name, warn: dns64 === undefined ? () => {} : warn })
}

function natPrefix({ dns64 }: RawConfig): Prefix | null {
  const prefix = dns64.prefix === undefined ? null : parseNat64Prefix(dns64.prefix)
  return prefix === null || 'error' in prefix ? null : prefix
}

/** RFC 6052 section 3.1: a NAT64 at the well-known prefix must not translate addresses that are not global. */
function warnOfWellKnown({ dns64 }: RawConfig, prefix: Prefix | null, { warn }: ShapingReports): void {
  if (prefix?.length !== WELL_KNOWN_PREFIX.length || !prefix.bytes.every((o, at) => o === WELL_KNOWN_PREFIX.bytes[at]))
    return
  const blocks = dns64.exclude.flatMap(text => parsePrefix(text) ?? [])
  const missing = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].filter(text => {
    const block = parsePrefix(text)
    return block !== null && !blocks.some(one => one.length <= block.length && inPrefix({ ...block, text: '' }, one))
  })
  if (missing.length > 0)
    warn(
      ['dns64', 'exclude'],
      `has no ${missing.join(', ')}: private addresses must not be under 64:ff9b::/96 (RFC 6052 section 3.1); ` +
        'use a prefix of your own, or add them',
    )
}

interface TtlReports {
  readonly name: (text: string, at: JsonPath) => Name | null
  readonly complain: (path: JsonPath, message: string) => void
}

/** Each zone once, and no minimum above the maximum that holds for it. */
export function zoneTtls({ ttl, cache }: RawConfig, { name, complain }: TtlReports): readonly ZoneTtl[] {
  const seen = new Map<Name, number>()
  return ttl.flatMap(({ zone, minS, maxS, negativeMaxS }, index) => {
    const folded = name(zone, ['ttl', index, 'zone'])
    if (folded === null) return []
    const before = seen.get(folded)
    if (before !== undefined) complain(['ttl', index, 'zone'], `is there already, as ttl[${before}]: put all into one`)
    seen.set(folded, before ?? index)
    const [least, most] = [minS ?? cache.minTtl, maxS ?? cache.maxTtl]
    if (least > most)
      complain(['ttl', index], `minS (${least}) is above maxS (${most}); without one of them that of "cache" holds`)
    return [
      {
        zone: folded,
        ...(minS === undefined ? {} : { minTtl: minS }),
        ...(maxS === undefined ? {} : { maxTtl: maxS }),
        ...(negativeMaxS === undefined ? {} : { maxNegativeTtl: negativeMaxS }),
      },
    ]
  })
}
