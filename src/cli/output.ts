/** Where a command writes: data to standard output, talk to standard error. */
export interface Output {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}
