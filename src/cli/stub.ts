/** `rootwalk stub`: a DNS stub as a separate process, for tests in any language, with a control API if wanted. */
import type { Output } from './output.ts'
import { QueryFile } from './query/file.ts'
import { errorText } from '../events.ts'
import { Exit, explainRefusal } from './startup-problems.ts'
import { prepareStub, type StubOrder } from './stub-setup.ts'
import { openControlApi, type ControlApi } from '../testing/control/api.ts'
import type { DnsStub } from '../testing/stub/types.ts'

export interface StubCommand extends StubOrder {
  /** Where the control API listens; null: there is none. */
  readonly control: { readonly address: string; readonly port: number } | null
  /** Names that clients of the control API may call it by. */
  readonly controlHosts: readonly string[]
  /** Say where it listens as one line of JSON on standard output. */
  readonly printPort: boolean
  /** A file for the queries. */
  readonly record: string | null
  /** End when standard input is closed: when the process that started this one has gone. */
  readonly exitWithStdin: boolean
}

/** Ends when a signal or the end of standard input asks for it; the exit code. */
export async function runStub(command: StubCommand, output: Output): Promise<number> {
  const end = new End(command.exitWithStdin)
  try {
    const prepared = await prepareStub(command)
    if (prepared.kind === 'failed') return complain(output, prepared.message, prepared.exitCode)
    try {
      return await serve(prepared.stub, command, end, output)
    } finally {
      await prepared.stub.stop()
    }
  } finally {
    end.close()
  }
}

async function serve(stub: DnsStub, command: StubCommand, end: End, output: Output): Promise<number> {
  let queries: QueryFile | null = null
  let control: ControlApi | null = null
  try {
    try {
      queries = command.record === null ? null : new QueryFile(command.record, stub)
    } catch (error) {
      return complain(output, `${command.record}: ${errorText(error)}`, Exit.BadData)
    }
    if (command.control !== null) {
      const { address, port } = command.control
      try {
        control = await openControlApi(stub, {
          address,
          port,
          hosts: command.controlHosts,
          beforeForgetting: () => queries?.flush(),
        })
      } catch (error) {
        const { text, exitCode } = explainRefusal(error, { transport: 'tcp', address, port })
        return complain(output, text.trimEnd(), exitCode)
      }
    }
    if (command.printPort)
      output.out(
        `${JSON.stringify({
          dns: stub.address,
          ...(control === null ? {} : { control: control.address }),
          pid: process.pid,
        })}\n`,
      )
    else
      output.err(
        `rootwalk stub: answers on ${stub.address}, UDP and ` +
          `TCP${control === null ? '' : `; control API at ${control.url}`}\n`,
      )
    await end.reached
    return Exit.Ok
  } finally {
    await control?.close()
    queries?.close()
  }
}

function complain(output: Output, message: string, code: number): number {
  output.err(`rootwalk stub: ${message}\n`)
  return code
}

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** What ends the command. */
class End {
  readonly reached: Promise<void>
  #reach: () => void = () => {}
  readonly #end = (): void => this.#reach()
  readonly #quiet = (): void => {}

  readonly #withStdin: boolean

  constructor(withStdin: boolean) {
    this.#withStdin = withStdin
    this.reached = new Promise(resolve => {
      this.#reach = resolve
    })
    for (const signal of ENDING) process.on(signal, this.#end)
    // A listener keeps Node from opening its inspector.
    process.on('SIGUSR1', this.#quiet)
    if (withStdin) process.stdin.on('end', this.#end).on('close', this.#end).on('error', this.#end).resume()
  }

  close(): void {
    for (const signal of ENDING) process.off(signal, this.#end)
    process.off('SIGUSR1', this.#quiet)
    if (!this.#withStdin) return
    process.stdin.off('end', this.#end).off('close', this.#end).off('error', this.#end)
    // Or an open standard input would keep the process.
    process.stdin.destroy()
  }
}
