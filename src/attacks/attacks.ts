/** All attacks, in the order of the score card. */
import { amplification } from './amplification.ts'
import { crowds } from './crowds.ts'
import { parsing } from './parsing.ts'
import { poisoning } from './poisoning.ts'
import type { Attack } from './report.ts'
import { validation } from './validation.ts'

export const attacks: readonly Attack[] = [...poisoning, ...validation, ...amplification, ...crowds, ...parsing]

export const attackNamed = (name: string): Attack | undefined => attacks.find(attack => attack.name === name)
