/**
 * The settings as JSON Schema: for editors, and for finding out what settings there are and what they take. Made from
 * `schema.ts`.
 */
import { schemaAsJson } from './schema.ts'
import type { TakesEffect } from '../raw.ts'

/** The part of JSON Schema that ours consists of. */
export interface JsonSchema {
  readonly title?: string
  readonly type?: string | undefined
  readonly description?: string | undefined
  readonly default?: unknown
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly items?: JsonSchema | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly additionalProperties?: JsonSchema | boolean | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly examples?: readonly unknown[] | undefined
  readonly 'x-takes-effect'?: TakesEffect | undefined
  readonly 'x-unit'?: string | undefined
}

/** `resolver.config.schema.json`, as an object. */
export const configJsonSchema = (): JsonSchema => jsonSchema()

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null

/** Made once, and not before somebody needs it: it takes some milliseconds of a start. */
const jsonSchema: () => JsonSchema = once(makeJsonSchema)

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function makeJsonSchema(): JsonSchema {
  const made: unknown = schemaAsJson()
  return isSchema(made) ? { title: 'Configuration of rootwalk', ...made } : {}
}

/** One setting that has a plain value. */
export interface Setting {
  readonly path: readonly string[]
  readonly schema: JsonSchema
}

/** All settings, in the order of the schema. */
export function settingsOf(schema: JsonSchema, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) =>
    member.properties === undefined ? [{ path: [...path, key], schema: member }] : settingsOf(member, [...path, key]),
  )
}

/** Where a path leads in the schema; several when there are alternatives. */
export function schemasAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema[] {
  const here = [schema, ...(schema.anyOf ?? []).flatMap(branch => schemasAt(branch, []))]
  const [step, ...rest] = path
  if (step === undefined) return here
  return here.flatMap(one => {
    const member =
      typeof step === 'number'
        ? one.items
        : (one.properties?.[step] ??
          (typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined))
    return member === undefined ? [] : schemasAt(member, rest)
  })
}
