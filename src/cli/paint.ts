/** Colours of a terminal. */
import type { Paint, Style } from '../render/walk.ts'

/** SGR parameters (ECMA-48 section 8.3.117). */
const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

export const paint: Paint = (style, text) => `\u001b[${SGR[style]}m${text}\u001b[0m`
