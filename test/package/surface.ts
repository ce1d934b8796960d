/** What users have of the package: names that they import, commands and options that they type, settings that they write. */
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { parseAst } from 'rolldown/parseAst'
import { z } from 'zod'

const lists = z.record(z.string(), z.array(z.string()))
/** Each list by the way in, the command, or `settings`. */
export const surfaceForm = z.object({ exports: lists, commands: lists, settings: z.array(z.string()) })
export type Surface = z.infer<typeof surfaceForm>

/** The names that a TypeScript module exports, types among them, also those that it hands on. */
export function exportsOf(directory: string, path: string): string[] {
  const { body } = parseAst(readFileSync(join(directory, path), 'utf8'), { lang: 'ts' })
  const from = (source: string): string[] => exportsOf(directory, posix.join(dirname(path), source))
  const names = body.flatMap((statement): string[] => {
    if (statement.type === 'ExportAllDeclaration') return from(statement.source.value)
    if (statement.type !== 'ExportNamedDeclaration') return []
    const named = statement.specifiers.map(({ exported }) =>
      exported.type === 'Literal' ? exported.value : exported.name,
    )
    return [...named, ...declared(statement.declaration)]
  })
  return [...new Set(names)].sort()
}

type Declaration = Extract<
  ReturnType<typeof parseAst>['body'][number],
  { type: 'ExportNamedDeclaration' }
>['declaration']

function declared(declaration: Declaration): string[] {
  switch (declaration?.type) {
    case undefined:
      return []
    case 'VariableDeclaration':
      return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return declaration.id?.type === 'Identifier' ? [declaration.id.name] : []
    default:
      throw new Error(`a declaration of a kind that is not read here: ${declaration?.type}`)
  }
}

/** The commands that a help text lists. */
export const commandsIn = (help: string): string[] => [
  ...new Set([...help.matchAll(/^ {2}rootwalk ([a-z-]+)/gm)].map(([, name = '']) => name)),
]

/** The options that a help text lists: `--port` and `-p`. */
export function optionsIn(help: string): string[] {
  const heads = [...help.matchAll(/^ {2,6}((?:-\w, +)?--[a-z][\w-]*(?:, +--[a-z][\w-]*)*)/gm)]
  return [...new Set(heads.flatMap(([, head = '']) => head.split(/, +/)))].sort()
}

const propertyForm: z.ZodType<Property> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), propertyForm).optional(),
    items: propertyForm.optional(),
    anyOf: z.array(propertyForm).optional(),
  }),
)
interface Property {
  readonly properties?: Readonly<Record<string, Property>> | undefined
  readonly items?: Property | undefined
  readonly anyOf?: readonly Property[] | undefined
}

/** The keys of a JSON schema with dots between: `dnssec.validate`. */
export function settingsIn(schema: unknown): string[] {
  const keys = (property: Property, prefix: string): string[] => [
    ...Object.entries(property.properties ?? {}).flatMap(([key, value]) => [
      `${prefix}${key}`,
      ...keys(value, `${prefix}${key}.`),
    ]),
    ...(property.items === undefined ? [] : keys(property.items, prefix.replace(/\.$/, '[].'))),
    ...(property.anyOf ?? []).flatMap(one => keys(one, prefix)),
  ]
  return [...new Set(keys(propertyForm.parse(schema), ''))].sort()
}
