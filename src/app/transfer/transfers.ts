/** What a server has by transfers: secondary zones, and the policy zones of files and of other servers. */
import type { Config } from '../../config/types.ts'
import type { FlatZone } from '../../zone/flat-zone.ts'
import type { Name } from '../../dns/name.ts'
import type { LoadedCopy } from './copies.ts'
import { PolicyZones } from './policy-zones.ts'
import { type SecondaryParts, type SecondarySource, SecondaryZones } from './secondary-zones.ts'

export interface TransfersParts extends Omit<SecondaryParts, 'onPolicy'> {
  /** Other rules hold now. */
  readonly onPolicy: () => void
  /** The good versions that another server of this process has of policy zones in files. */
  readonly heldFiles?: ReadonlyMap<Name, FlatZone> | undefined
}

/** All zones that a server has by transfers, and its policy zones, to be handed from thread to thread. */
export interface HeldZones {
  readonly held: ReadonlyMap<string, LoadedCopy>
  readonly heldFiles: ReadonlyMap<Name, FlatZone>
}

export class Transfers {
  readonly secondaries: SecondaryZones
  readonly policies: PolicyZones
  #started = false

  constructor(parts: TransfersParts) {
    this.policies = new PolicyZones({ ...parts, onChange: parts.onPolicy })
    this.secondaries = new SecondaryZones({
      ...parts,
      onPolicy: (zone, flat) => this.policies.transferred(zone, flat),
    })
  }

  get held(): HeldZones {
    return { held: this.secondaries.held, heldFiles: this.policies.heldFiles }
  }

  /** Resolves when copies are loaded and the rules that are here hold. */
  async configure({ rpz }: Pick<Config, 'rpz'>, sources: readonly SecondarySource[]): Promise<void> {
    await this.secondaries.configure(sources)
    await this.policies.configure(
      rpz.map(({ settings, required, source }) => ({
        settings,
        required,
        file: source.kind === 'file' ? source.file : null,
      })),
    )
    if (this.#started) this.policies.watch()
  }

  /** Primaries are asked and files watched from now on. */
  start(): void {
    if (!this.#started) this.secondaries.start()
    this.#started = true
    this.policies.watch()
  }

  close(): void {
    this.secondaries.close()
    this.policies.close()
  }
}
