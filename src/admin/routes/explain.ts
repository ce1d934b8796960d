/** A question resolved while one looks: the walk as data, and where it fails its one cause first. */
import { createRoute, z } from '@hono/zod-openapi'
import { parseIp } from '../../dns/address.ts'
import { RrType, typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { type AdminContext, type App, needs } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { refuse } from '../problem.ts'
import { reportMermaid, reportSvg } from '../../render/explain-picture.ts'
import { readReport } from '../../render/explain-report.ts'
import { type Explanation, explanation } from '../forms/explanation.ts'
import { dnsName, fault, json, rrType, withBody } from '../forms/schemas.ts'

const request = z
  .strictObject({
    name: dnsName,
    type: rrType.optional(),
    checkingDisabled: z.boolean().default(false).describe('Take data whatever its signatures say (CD).'),
    fromRoot: z
      .boolean()
      .default(false)
      .describe('Forget what is known for this one: the whole walk. Nothing of it is kept.'),
    client: z
      .string()
      .min(1)
      .max(60)
      .optional()
      .describe('Who asks, an address: in the view of this client, with its rules. Default: 127.0.0.1.'),
    view: z
      .string()
      .max(adminLimits.viewCharacters)
      .optional()
      .describe('Instead of a client: what the view asks, without rules for single clients.'),
    deadlineMs: z
      .number()
      .int()
      .min(1)
      .max(adminLimits.explainMaxMs)
      .default(adminLimits.explainMs)
      .describe('Then the walk is given up.'),
  })
  .openapi('ExplainRequest')

const FORMATS = ['json', 'mermaid', 'svg'] as const
type Format = (typeof FORMATS)[number]
const MEDIA_TYPES = { json: 'application/json', mermaid: 'text/vnd.mermaid', svg: 'image/svg+xml' } as const
const asText = { schema: z.string() }

export function explainRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/explain',
      summary: 'Resolve a question with what is known now, or from the root on, and show every step.',
      ...needs('read'),
      request: {
        query: z.object({ format: z.enum(FORMATS).optional().describe('Default: by Accept, else json.') }),
        body: { required: true, content: json(request) },
      },
      responses: {
        200: {
          description: 'The walk and its end, be it a failure.',
          content: { ...json(explanation), [MEDIA_TYPES.mermaid]: asText, [MEDIA_TYPES.svg]: asText },
        },
        ...withBody,
        404: fault('There is no such view.'),
        503: fault('As many walks from the root as are allowed are under way, or the server is stopping.'),
        504: fault('The deadline came first.'),
      },
    }),
    async c => {
      const { name, type = RrType.A, checkingDisabled, fromRoot, view, deadlineMs, ...given } = c.req.valid('json')
      const { client = '127.0.0.1' } = given
      const ip = parseIp(client)
      if (ip === null || (view !== undefined && given.client !== undefined))
        return refuse({
          status: 422,
          detail: 'The body is not what is expected here.',
          errors: [{ pointer: '/client', detail: ip === null ? 'expected an address' : 'a client is in one view' }],
        })
      const walk = { name, type, checkingDisabled, fromRoot, deadlineMs }
      const explained = await remote.explain({ ...walk, client: ip, view: view ?? null })
      if (explained.kind === 'no-view')
        return refuse({ status: 404, detail: 'No view of the configuration has this name.' })
      if (explained.kind === 'explained') {
        // What was found is known now. A walk from the root leaves the cache as it was, and asking again would not.
        const hasRules = !fromRoot && view === undefined
        const said = !hasRules ? null : await remote.why({ name: formatName(name), type: typeName(type), client })
        const format = c.req.valid('query').format ?? formatFor(c.req.header('accept') ?? '')
        const policy = said?.kind === 'report' ? said.report : null
        const report = { ...explained.report, policy, requestId: c.env.arrival.requestId }
        c.header('Vary', 'Accept')
        if (format === 'json' && isExplanation(report)) return c.json(report, 200)
        return c.text(inForm(report, format), 200, { 'content-type': MEDIA_TYPES[format] })
      }
      if (explained.kind === 'busy')
        return refuse({
          status: 503,
          detail: `${adminLimits.explainsApart} walks from the root are under way.`,
          headers: { 'retry-after': '1' },
        })
      const { steps, last } = explained
      return refuse({
        status: 504,
        detail:
          `${formatName(name)} ${typeName(type)} was not resolved within ${deadlineMs} ms: ${steps} steps` +
          `${last === '' ? '' : `, the last question to a server was ${last}`}.`,
      })
    },
  )
}

/** The first that is asked for; `*` is JSON. */
const formatFor = (accept: string): Format =>
  accept
    .split(',')
    .flatMap(part => FORMATS.find(one => part.trim().toLowerCase().startsWith(MEDIA_TYPES[one])) ?? [])[0] ?? 'json'

/** The server is of one version with this: what it hands over is what the schema says. */
const isExplanation = (value: object): value is Explanation => 'version' in value && 'steps' in value

function inForm(value: object, format: Format): string {
  const text = JSON.stringify(value)
  const report = readReport(text)
  if ('error' in report) throw new Error(`an explanation ${report.error}`)
  switch (format) {
    case 'json':
      return text
    case 'mermaid':
      return reportMermaid(report)
    case 'svg':
      return reportSvg(report)
    default:
      return format satisfies never
  }
}
