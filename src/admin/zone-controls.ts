/** What the API asks of the zones that are served from here. Names in presentation format but where they are asked. */
import type { Name } from '../dns/name.ts'

export interface ZoneEntry {
  readonly name: string
  /** Read from a file of the configuration, made through the API, or sent by other servers. */
  readonly source: 'file' | 'api' | 'transfer'
  readonly file: string | null
  /** Are changes written into the file? */
  readonly editable: boolean
  /** Is it served other than its file has it? */
  readonly changed: boolean
  readonly records: number
  readonly serial: number | null
  /** The last one; 0: it was never changed here. */
  readonly revision: number
}

/** Names are absolute; data in presentation format. */
export interface RrsetText {
  readonly name: string
  readonly type: string
  /** Seconds; null: as the set that it replaces or joins, else an hour. */
  readonly ttl: number | null
  readonly data: readonly string[]
}

export type ZoneContentText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'rrsets'; readonly rrsets: readonly RrsetText[] }

export type ZoneAction =
  /** `mustBeNew`: there must be none. */
  | { readonly kind: 'put'; readonly content: ZoneContentText; readonly mustBeNew: boolean }
  | {
      readonly kind: 'patch'
      /** Sets that replace those of their name and type. */
      readonly set: readonly RrsetText[]
      /** Records that join their sets. */
      readonly add: readonly RrsetText[]
      /** Records, or with null the whole set, or with a null type all of a name. */
      readonly remove: readonly {
        readonly name: string
        readonly type: string | null
        readonly data: readonly string[] | null
      }[]
    }
  | { readonly kind: 'delete' }
  | { readonly kind: 'undo' }
  | { readonly kind: 'revert'; readonly revision: number }

export interface ZoneChangeRequest {
  readonly zone: Name
  readonly action: ZoneAction
  /** Entity tags, one of which the zone must have; `*`: any; null: whatever it has. */
  readonly ifMatch: readonly string[] | null
  readonly author: string
  readonly comment: string | null
  readonly requestId: string
  readonly dryRun: boolean
}

/** What is wrong: in a text with its line and column, in a body with its pointer. */
export interface Fault {
  readonly pointer: string
  readonly line?: number
  readonly column?: number
  readonly detail: string
}

/** Records as lines, at most some; the counts are of all. */
export interface Difference {
  readonly removed: readonly string[]
  readonly added: readonly string[]
  readonly removedCount: number
  readonly addedCount: number
}

export type Refusal =
  | { readonly kind: 'absent' | 'exists' | 'no-revision' | 'nothing-to-undo' }
  | { readonly kind: 'mismatch'; readonly etag: string | null }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }
  /** It cannot be changed here; `line` and `column` of its file, or 0. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'not-written'; readonly message: string }

export interface ZoneChanged {
  readonly kind: 'changed'
  readonly created: boolean
  /** Null: there is none now. */
  readonly zone: ZoneEntry | null
  readonly etag: string | null
  readonly difference: Difference
  readonly warnings: readonly Fault[]
}

export interface RevisionEntry {
  readonly number: number
  /** Seconds since 1970 UTC. */
  readonly at: number
  readonly author: string
  readonly comment: string | null
  readonly requestId: string
  /** It brought back the state after that one. */
  readonly restores: number | null
}

export interface ZoneControls {
  zones(page: { readonly after: string | null; readonly limit: number }): {
    readonly zones: readonly ZoneEntry[]
    readonly next: string | null
  }
  zone(name: Name): { readonly zone: ZoneEntry; readonly etag: string } | null
  zoneText(name: Name): { readonly kind: 'text'; readonly text: string; readonly etag: string } | Refusal
  zoneRrsets(page: {
    readonly zone: Name
    /** Only those of this name. */
    readonly name: Name | null
    readonly type: number | null
    readonly after: string | null
    readonly limit: number
  }): { readonly rrsets: readonly RrsetText[]; readonly next: string | null; readonly etag: string } | null
  changeZone(request: ZoneChangeRequest): Promise<ZoneChanged | Refusal>
  /** Newest first. */
  zoneRevisions(zone: Name): readonly RevisionEntry[] | null
  /** Between the states after two revisions; 0 is before the first. */
  zoneDifference(
    zone: Name,
    from: number,
    to: number,
  ): { readonly kind: 'difference'; readonly difference: Difference } | Refusal
}
