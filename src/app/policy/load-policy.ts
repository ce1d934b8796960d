/**
 * A policy loaded from its file, in whatever thread: the module is imported, and what it exports is looked at. Modules
 * that import `rootwalk/policy` get the one of this program, wherever they are.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type CheckedPolicy, checkPolicy } from '../../policy/code/check.ts'
import { placeIn } from '../../policy/code/place.ts'
import { thrownText } from '../../policy/code/run.ts'

export type LoadedPolicy =
  | { readonly kind: 'policy'; readonly policy: CheckedPolicy }
  /** `problem` begins with the file, and has line and column where they are known. */
  | { readonly kind: 'failed'; readonly problem: string }

/** `version`: another text makes Node read the file again, and keep both. */
export async function loadPolicy(file: string, version = ''): Promise<LoadedPolicy> {
  const unfit = unfitFile(file)
  if (unfit !== null) return { kind: 'failed', problem: `${file}: ${unfit}` }
  try {
    const checked = checkPolicy(defaultOf(await imported(file, version)))
    return checked.kind === 'policy'
      ? checked
      : { kind: 'failed', problem: checked.problems.map(problem => `${file}: ${problem}`).join('; ') }
  } catch (error) {
    const text = thrownText(error, file)
    if (text.startsWith(`${file}:`)) return { kind: 'failed', problem: text }
    const place = error instanceof SyntaxError ? await syntaxPlace(file) : ''
    return { kind: 'failed', problem: `${file}${place}: ${text}` }
  }
}

/** `:3:9`. Node keeps the place of such an error to itself, and prints it. */
const syntaxPlace = (file: string): Promise<string> =>
  new Promise(resolve =>
    execFile(process.execPath, ['--check', file], { timeout: CHECK_MS }, (_error, _out, printed) => {
      const place = placeIn(printed, file)
      resolve(place === null ? '' : `:${place.line}:${place.column}`)
    }),
  )

/** An empty Node.js starts in a tenth of a second; without it only the place is missing. */
const CHECK_MS = 5_000

const TYPESCRIPT = ['.ts', '.mts', '.cts']
const JAVASCRIPT = ['.js', '.mjs', '.cjs']

/** Why a file is not even tried; null: it is. */
export function unfitFile(file: string, stripsTypes: boolean = nodeStripsTypes()): string | null {
  const extension = extname(file)
  if (!existsSync(file)) return 'there is no such file'
  if (JAVASCRIPT.includes(extension)) return null
  if (!TYPESCRIPT.includes(extension)) return `expected a file that ends with .ts, .mts, .js or .mjs`
  return stripsTypes
    ? null
    : `policies in TypeScript need Node.js 22.18 or later, and this is ${process.version}: write ${file.replace(
        /ts$/,
        'js',
      )} or compile it`
}

function nodeStripsTypes(): boolean {
  const strips: unknown = Reflect.get(process.features, 'typescript')
  return strips !== undefined && strips !== false
}

const defaultOf = (module: unknown): unknown =>
  typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined

async function imported(file: string, version: string): Promise<unknown> {
  const url = pathToFileURL(file)
  if (version !== '') url.searchParams.set('v', version)
  try {
    return await import(url.href)
  } catch (error) {
    if (!isForUs(error)) throw error
    // An installation elsewhere, which Node does not look into from where the file is.
    register(`data:text/javascript,${encodeURIComponent(resolving(ownFace()))}`)
    url.searchParams.set('from', 'here')
    return await import(url.href)
  }
}

const isForUs = (error: unknown): boolean =>
  error instanceof Error && /Cannot find package 'rootwalk'|"?\.\/policy"? is not defined/.test(error.message)

/** The built one; from the source it is TypeScript as well. */
function ownFace(): string {
  const built = new URL('../../policy/code/index.js', import.meta.url)
  return existsSync(fileURLToPath(built)) ? built.href : built.href.replace(/js$/, 'ts')
}

const resolving = (face: string): string =>
  `export const resolve = (name, context, next) => name === 'rootwalk/policy'
     ? { url: ${JSON.stringify(face)}, shortCircuit: true } : next(name, context)`
