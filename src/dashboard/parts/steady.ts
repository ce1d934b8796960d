/**
 * Lists that are put in order again and again, and stay as they are while somebody is in them: a row that is moved in
 * the page loses the focus, and one that moves under the pointer is not the one that was aimed at.
 */
import type { RefObject } from 'preact'
import { useRef } from 'preact/hooks'
import { steady } from '../model/steady.ts'

interface Steady<E, T> {
  /** Of the element that holds the rows. */
  readonly holder: RefObject<E | null>
  readonly rows: readonly T[]
}

/** In focus, under the pointer, or with some of its text selected. */
function isInUse(element: HTMLElement): boolean {
  const selection = getSelection()
  return (
    element.contains(document.activeElement) ||
    element.matches(':hover') ||
    (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode))
  )
}

export function useSteady<E extends HTMLElement, T>(latest: readonly T[], keyOf: (row: T) => string): Steady<E, T> {
  const holder = useRef<E | null>(null)
  const shown = useRef<readonly T[]>([])
  const isHeld = holder.current !== null && isInUse(holder.current)
  shown.current = isHeld ? steady(shown.current, latest, keyOf) : latest
  return { holder, rows: shown.current }
}
