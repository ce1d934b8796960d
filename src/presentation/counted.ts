/** Numbers with their nouns, for everything that people read. */

/** `counted(1, 'record')` is `1 record`, `counted(2, 'query', 'queries')` is `2 queries`; nothing is rounded. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** `once`, `2 times`. */
export const times = (count: number): string => (count === 1 ? 'once' : counted(count, 'time'))
