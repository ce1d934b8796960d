/** Screens that are loaded when they are opened first: what is looked at most does not wait for them. */
import { signal } from '@preact/signals'
import type { ComponentType, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { Empty, Trouble } from './small.tsx'

type Loaded =
  | { readonly kind: 'not-yet' }
  /** Its file is not there: the server has another version by now, or does not answer. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'is'; readonly Screen: ComponentType }

export function lazy(load: () => Promise<ComponentType>): () => VNode {
  const loaded = signal<Loaded>({ kind: 'not-yet' })
  const start = async (): Promise<void> => {
    try {
      loaded.value = { kind: 'is', Screen: await load() }
    } catch {
      loaded.value = { kind: 'missing' }
    }
  }
  return function Lazy() {
    useEffect(() => {
      if (loaded.peek().kind !== 'is') void start()
    }, [])
    const { value } = loaded
    if (value.kind === 'is') return <value.Screen />
    if (value.kind === 'not-yet') return <Empty>Loading …</Empty>
    return (
      <>
        <Trouble text="This screen could not be loaded: the server may have another version by now." />
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </>
    )
  }
}
