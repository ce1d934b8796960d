/** The operations of the description, as it is served: who may use them, what they take, what they may answer. */
import type { Scope } from '../../../src/admin/messages.ts'

export interface Parameter {
  readonly in: 'path' | 'query' | 'header'
  readonly name: string
}

export interface Operation {
  /** `GET /api/v1/status`. */
  readonly key: string
  readonly method: string
  /** With values for what is in braces. */
  readonly path: string
  /** As it is described. */
  readonly template: string
  readonly codes: readonly number[]
  readonly parameters: readonly Parameter[]
  readonly takesBody: boolean
  readonly needsToken: boolean
  /** What a token has to be good for; null: any is, or none is needed. */
  readonly scope: Scope | null
}

/** Of each parameter of a path, one that is there and is good. */
export const VALUES: Readonly<Record<string, string>> = {
  zone: 'office.example',
  type: 'A',
  number: '0',
  name: 'ads',
  id: 'none',
}

interface Described {
  readonly responses: object
  readonly parameters?: readonly (Parameter & { readonly $ref?: string })[]
  readonly requestBody?: object
  readonly security?: readonly { readonly token?: readonly Scope[] }[]
}

// biome-ignore lint/suspicious/noExplicitAny: the description, as it is served
export function operationsIn(described: any): readonly Operation[] {
  const followed = (one: Parameter & { readonly $ref?: string }): Parameter =>
    one.$ref === undefined ? one : described.components.parameters[one.$ref.split('/').at(-1) ?? '']
  return Object.entries<Record<string, never>>(described.paths).flatMap(([path, methods]) =>
    Object.entries<Described>(methods).map(([method, { responses, parameters = [], requestBody, security }]) => ({
      key: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => VALUES[name] ?? 'missing'),
      template: path,
      codes: Object.keys(responses).map(Number),
      parameters: parameters.map(followed),
      takesBody: requestBody !== undefined,
      needsToken: security?.every(one => Object.keys(one).length > 0) === true,
      scope: security?.flatMap(({ token = [] }) => token)[0] ?? null,
    })),
  )
}
