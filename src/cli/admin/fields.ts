/** Bodies of the API, of a server that may be older or newer: what is missing, or has another form, is empty. */

export type Fields = Readonly<Record<string, unknown>>

export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? { ...value } : {})

export const itemsOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : [])

export const text = (value: unknown): string => (typeof value === 'string' ? value : String(value ?? ''))

export const count = (value: unknown): number => (typeof value === 'number' ? value : 0)

const MEBI = 2 ** 20

/** Octets as `1.5 MiB`. */
export const mebi = (octets: unknown): string => `${(count(octets) / MEBI).toFixed(1)} MiB`
