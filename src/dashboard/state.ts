/** What all screens share: who is logged in, what the server says of itself, the last hour. Polled while it is seen. */
import { computed, signal } from '@preact/signals'
import {
  ask,
  type Answer,
  type Mark,
  type Now,
  onLoggedOut,
  type Principal,
  queryOf,
  type ServerEntry,
  type Status,
} from './api.ts'
import { type Columns, joined } from './model/series.ts'

/** `unknown`: not asked yet. */
export type Session =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'open'; readonly principal: Principal }

export const session = signal<Session>({ kind: 'unknown' })
export const status = signal<Status | null>(null)
export const now = signal<Now | null>(null)
export const series = signal<Columns | null>(null)
export const marks = signal<readonly Mark[]>([])
export const isAway = signal(false)
export const troubled = signal<readonly ServerEntry[]>([])

const RANK = { read: 0, operate: 1, write: 2, admin: 3 } as const
export const mayOperate = computed(
  () => session.value.kind === 'open' && RANK[session.value.principal.scope] >= RANK.operate,
)
export const mayWrite = computed(
  () => session.value.kind === 'open' && RANK[session.value.principal.scope] >= RANK.write,
)
export const mayAdmin = computed(() => session.value.kind === 'open' && session.value.principal.scope === 'admin')

const HOUR_MS = 3_600_000
const MARKS = 200
const POLL_MS = 2_000
/** What changes slowly is asked for once in so many turns. */
const SLOW_TURNS = 5

onLoggedOut(() => {
  if (session.value.kind === 'open') session.value = { kind: 'none', why: 'The session has ended.' }
})

/** Logs in with the code of the address, if there is one, or finds out who is logged in. */
export async function begin(): Promise<void> {
  const code = /^#code=(?<code>[\w-]+)$/.exec(location.hash)?.groups?.code
  if (code !== undefined) {
    // Gone from the address, and from the history, before anything else.
    history.replaceState(null, '', `${location.pathname}${location.search}#/now`)
    if (await logIn({ code })) return
  }
  const why = session.value.kind === 'none' ? session.value.why : ''
  const answer = await ask<Principal>('session')
  session.value = answer.kind === 'ok' ? { kind: 'open', principal: answer.value } : { kind: 'none', why }
}

export async function logIn(secret: { readonly code: string } | { readonly token: string }): Promise<boolean> {
  const answer = await ask<Principal>('session', { method: 'POST', body: secret })
  if (answer.kind === 'ok') {
    session.value = { kind: 'open', principal: answer.value }
    return true
  }
  const why = answer.kind === 'away' ? 'The server does not answer.' : answer.problem.detail
  session.value = { kind: 'none', why }
  return false
}

export async function logOut(): Promise<void> {
  await ask('session', { method: 'DELETE' })
  session.value = { kind: 'none', why: '' }
}

/** Asks again and again; the result ends it. */
export function poll(): () => void {
  let turn = 0
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const again = async (): Promise<void> => {
    if (document.visibilityState === 'visible') {
      if (turn % SLOW_TURNS === 0) await askSlow()
      await askNow()
      turn++
    }
    if (!isOver) timer = setTimeout(() => void again(), POLL_MS)
  }
  void again()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

async function askNow(): Promise<void> {
  const known = series.value?.at?.at(-1)
  const answer = await ask<Now>(`now?${queryOf({ after: known })}`)
  isAway.value = answer.kind === 'away'
  if (answer.kind !== 'ok') return
  const { value } = answer
  // Samples of before a restart are kept: the page has them, the server has not.
  series.value = joined(series.value, value.series, value.at - HOUR_MS)
  const fresh = value.marks.filter(mark => !marks.value.some(({ at, kind }) => at === mark.at && kind === mark.kind))
  if (fresh.length > 0) marks.value = [...marks.value, ...fresh].slice(-MARKS)
  now.value = value
}

async function askSlow(): Promise<void> {
  taken(await ask<Status>('status'), value => {
    status.value = value
  })
  await askTroubled()
}

export async function askTroubled(): Promise<void> {
  taken(await ask<{ readonly servers: readonly ServerEntry[] }>('servers?troubled=true'), ({ servers }) => {
    troubled.value = servers
  })
}

function taken<T>(answer: Answer<T>, take: (value: T) => void): void {
  if (answer.kind === 'ok') take(answer.value)
}
