/** How block and allow lists are written. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import type { RawConfig, RawList } from '../raw.ts'
import { answerError, listDefaults, parseListAnswer, sourceError } from '../list-values.ts'
import { onReload, seconds } from './setting.ts'

const MAX_RULE_CHARACTERS = 4_096
/** A server of lists is not to be asked more often by one client; most lists change once a day. */
const LEAST_REFRESH_S = 60
const DAY_S = 86_400

const answer: z.ZodType<string | readonly string[]> = z
  .union([z.string(), z.array(z.string()).min(1)], { error: answerError })
  .refine(value => parseListAnswer(value) !== null, { error: answerError })

const source = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const message = sourceError(text)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })

const entryError = 'expected a file, a URL, or {"name": "ads", "source": "https://lists.example/ads.txt"}'

const listEntry: z.ZodType<RawList> = z.strictObject(
  {
    name: z
      .string()
      .regex(/^\w[\w.-]{0,63}$/, { error: 'expected letters, digits, ".", "-" and "_"' })
      .describe('What logs, answers and `rootwalk lists` call it.'),
    source: source.describe(
      'A file relative to this one, or a URL (https://…). Files are watched, URLs are fetched again.',
    ),
    format: z
      .enum(['auto', 'hosts', 'domains', 'wildcard', 'adblock'])
      .default(listDefaults.format)
      .describe('How lines are read. "auto": each for what it looks like.'),
    layer: z
      .enum(['own', 'allow', 'block'])
      .default(listDefaults.layer)
      .describe('Own rules come before allow lists, allow lists before block lists.'),
    match: z
      .enum(['exact', 'suffix'])
      .default(listDefaults.match)
      .describe('Whether a line that is only a name stands for what is below it as well. Lines of hosts files do not.'),
    answer: answer
      .default(listDefaults.answer)
      .describe('Instead of what is blocked: "nxdomain", "nodata", "null" (0.0.0.0 and ::), "refused", or addresses.'),
    ttl: seconds.default(listDefaults.ttl).describe('Seconds that a client may keep that answer.'),
    ede: z
      .enum(['blocked', 'censored', 'filtered'])
      .default(listDefaults.ede)
      .describe('The Extended DNS Error of it (RFC 8914): by the operator, by someone above, as the client wished.'),
    forAll: z
      .boolean()
      .default(listDefaults.forAll)
      .describe('false: for clients of views that name it under "lists" only.'),
    refreshS: z
      .int()
      .min(LEAST_REFRESH_S)
      .max(30 * DAY_S)
      .default(listDefaults.refreshS)
      .describe('Seconds after which a URL is fetched again.'),
  },
  { error: issue => (issue.code === 'invalid_type' ? entryError : undefined) },
)

export const listsSetting: z.ZodType<RawConfig['lists']> = z
  .array(z.union([source, listEntry], { error: entryError }))
  .max(defaultLimits.lists.lists - 1)
  .default([])
  .meta(
    onReload('Lists of names that are blocked or allowed, as files or URLs (docs/policy.md).', {
      example: [
        'lists/hosts.txt',
        { name: 'ads', source: 'https://lists.example/ads.txt' },
        { name: 'ours', source: 'lists/allowed.txt', layer: 'allow' },
      ],
    }),
  )

export const rulesSetting: z.ZodType<RawConfig['rules']> = z
  .array(z.string().max(MAX_RULE_CHARACTERS))
  .default([])
  .meta(
    onReload('Rules of your own, which come before all lists: as lines of a list of the layer "own".', {
      example: ['||ads.example^', '@@||cdn.example^'],
    }),
  )
