/** What all changes to zones have in common: the conditions they come with, and how what came of them is answered. */
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { formatName } from '../../presentation/text.ts'
import type { Name } from '../../dns/name.ts'
import type { AdminContext, Env } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import type { Difference, Refusal, ZoneAction, ZoneChanged, ZoneEntry } from '../zone-controls.ts'
import { type DocumentedProblem, dnsName, fault, flag, keyed, place, withBody } from '../forms/schemas.ts'

export const ZONES = '/api/v1/zones' as const

type Plain<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

export const zoneEntry: z.ZodType<Plain<ZoneEntry>> = z
  .object({
    name: z.string(),
    source: z
      .enum(['file', 'api', 'transfer'])
      .describe('Read from a file of the configuration, made through the API, or sent by other servers.'),
    file: z.string().nullable(),
    editable: z.boolean().describe('Of a file: are changes written into it? Else they are laid over it.'),
    changed: z.boolean().describe('Is it served other than its file has it?'),
    records: z.number(),
    serial: z.number().nullable(),
    revision: z.number().describe('The last one; 0: it was never changed here.'),
  })
  .openapi('Zone')

export const difference: z.ZodType<Plain<Difference>> = z
  .object({
    removed: z.array(z.string()).describe('Records as lines of a zone file, the first thousand.'),
    added: z.array(z.string()),
    removedCount: z.number(),
    addedCount: z.number(),
  })
  .openapi('ZoneDifference')

interface ChangedBody {
  readonly dryRun: boolean
  readonly zone: ZoneEntry | null
  readonly difference: Plain<Difference>
  readonly warnings: { pointer: string; line?: number | undefined; column?: number | undefined; detail: string }[]
}

export const changedZone: z.ZodType<ChangedBody> = z
  .object({
    dryRun: z.boolean(),
    zone: zoneEntry.nullable().describe('As it is now, or would be; null: there is none.'),
    difference,
    warnings: z.array(place),
  })
  .openapi('ZoneChange')

export const zoneParam: z.ZodObject<{ zone: typeof dnsName }> = z.object({ zone: dnsName })

/** With every change. */
export const changeQuery: z.ZodObject<{ dryRun: typeof flag; comment: z.ZodOptional<z.ZodString> }> = z.object({
  dryRun: flag,
  comment: z.string().min(1).max(adminLimits.commentCharacters).optional().describe('Why, for the history.'),
})
export const conditions: z.ZodObject<{ 'if-match': z.ZodOptional<z.ZodString> }> = z.object({
  'if-match': z.string().max(adminLimits.tagCharacters).optional().describe('Only if the zone still has this ETag.'),
})

/** Of a POST. */
export const keyedConditions: z.ZodObject<typeof conditions.shape & typeof keyed.shape> = conditions.extend(keyed.shape)

export const absent: DocumentedProblem = fault('There is no such zone.')
const NOT_WRITTEN = fault(
  'The state directory or the file cannot be written, nothing has changed; or the server is stopping.',
)

export const CHANGE_FAULTS: typeof withBody & Readonly<Record<409 | 412 | 503, DocumentedProblem>> = {
  ...withBody,
  409: fault('It cannot be changed here; `detail` says why.'),
  412: fault('The zone is another one by now, or there is one already.'),
  503: NOT_WRITTEN,
}

/** Of what is made, which has no condition. */
export const NEW_FAULTS: Omit<typeof CHANGE_FAULTS, 412> = without(CHANGE_FAULTS, 412)
/** Of what takes no content that could be wrong. */
export const DELETE_FAULTS: Omit<typeof CHANGE_FAULTS, 422> = without(CHANGE_FAULTS, 422)

function without<T extends object, K extends keyof T>(all: T, key: K): Omit<T, K> {
  const { [key]: _left, ...rest } = all
  return rest
}

interface Asked {
  readonly zone: Name
  readonly action: ZoneAction
  readonly what: string
  readonly query: { readonly dryRun: boolean; readonly comment?: string | undefined }
  readonly ifMatch: string | undefined
}

/** Does it, with its line in the log of changes; throws what is answered when it is refused. */
export async function changeZone(
  c: Context<Env>,
  { remote, audit }: AdminContext,
  { zone, action, what, query: { dryRun, comment }, ifMatch }: Asked,
): Promise<ZoneChanged> {
  const author = c.get('principal').name
  const { arrival } = c.env
  const changed = await remote.changeZone({
    ...{ zone, action, author, comment: comment ?? null, dryRun, requestId: arrival.requestId },
    ifMatch: tagsOf(ifMatch),
  })
  if (changed.kind !== 'changed') return refuseZone(changed)
  if (!dryRun) audit(author, `zone ${formatName(zone)} ${what}${revisionText(changed)}`, arrival)
  if (changed.etag !== null) c.header('ETag', changed.etag)
  return changed
}

const revisionText = ({ zone }: ZoneChanged): string => (zone === null ? '' : `, revision ${zone.revision}`)

/** Null: no condition. */
const tagsOf = (header: string | undefined): readonly string[] | null =>
  header === undefined ? null : header.split(',').map(tag => tag.trim())

export const bodyOf = (changed: ZoneChanged, dryRun: boolean): ChangedBody => ({
  dryRun,
  zone: changed.zone,
  difference: plainDifference(changed.difference),
  warnings: [...changed.warnings],
})

export const plainDifference = ({ removed, added, ...counts }: Difference): Plain<Difference> => ({
  ...counts,
  removed: [...removed],
  added: [...added],
})

export function refuseZone(refusal: Refusal): never {
  switch (refusal.kind) {
    case 'absent':
      return refuse({ status: 404, detail: 'There is no zone of this name here; GET /api/v1/zones has all.' })
    case 'no-revision':
      return refuse({ status: 404, detail: 'There is no revision of this number, or not any more.' })
    case 'exists':
      return refuse({ status: 409, detail: 'There is a zone of this name: PUT replaces it, PATCH changes it.' })
    case 'nothing-to-undo':
      return refuse({ status: 409, detail: 'Nothing was changed here that could be undone.' })
    case 'mismatch':
      return refuse({
        status: 412,
        detail: 'It was changed meanwhile: read it again, and see whether your change still fits.',
        headers: refusal.etag === null ? {} : { etag: refusal.etag },
      })
    case 'invalid':
      return refuse({
        status: 422,
        detail: `The zone would not be served like this: ${refusal.faults.length} of its parts are wrong.`,
        errors: refusal.faults,
      })
    case 'refused':
      return refuse({ status: 409, detail: `${refusal.why}.` })
    case 'not-written':
      return refuse({ status: 503, detail: `${refusal.message}.`, headers: { 'retry-after': '30' } })
    default:
      return refusal satisfies never
  }
}
