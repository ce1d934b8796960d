/** Small things that all screens are made of. Names and texts of others are text nodes, never markup. */
import type { ComponentChildren, VNode } from 'preact'
import type { Source } from '../model/sources.ts'

interface PanelProps {
  readonly title: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
  readonly className?: string
}

/** A section with its heading. */
export const Panel = ({ title, aside, children, className = '' }: PanelProps): VNode => (
  <section class={`panel ${className}`}>
    <div class="head">
      <h2>{title}</h2>
      {aside === undefined ? null : <div class="aside">{aside}</div>}
    </div>
    {children}
  </section>
)

/** A share from 0 to 1 as a bar; what it means stands next to it in words. */
export const Bar = ({ share, tone = 'accent' }: { readonly share: number; readonly tone?: string }): VNode => (
  <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="bar-all" width="100" height="6" />
    <rect class={`fill-${tone}`} width={Math.max(0, Math.min(100, share * 100))} height="6" />
  </svg>
)

/** The colour of a source, and its word next to it. */
export const SourceTag = ({ source, text = source }: { readonly source: Source; readonly text?: string }): VNode => (
  <span class="source">
    <span class={`dot back-${source}`} aria-hidden="true" />
    {text}
  </span>
)

export type Mood = 'good' | 'warn' | 'bad' | 'plain'

export const Tag = ({ mood, children }: { readonly mood: Mood; readonly children: ComponentChildren }): VNode => (
  <span class={`tag tag-${mood}`}>{children}</span>
)

export function securityMood(security: string | null): Mood {
  if (security === 'secure') return 'good'
  return security === 'bogus' ? 'bad' : 'plain'
}

export const Empty = ({ children }: { readonly children: ComponentChildren }): VNode => (
  <p class="empty dim">{children}</p>
)

export const Trouble = ({ text }: { readonly text: string }): VNode => (
  <p class="trouble" role="alert">
    {text}
  </p>
)

interface SparkProps {
  readonly values: readonly number[]
  readonly tone: string
}

/** The run of a number without its scale; the figure itself stands above it. */
export function Spark({ values, tone }: SparkProps): VNode {
  const top = Math.max(...values, Number.MIN_VALUE)
  const step = 100 / Math.max(1, values.length - 1)
  const path = values
    .map(
      (value, index) =>
        `${index === 0 ? 'M' : 'L'}${(index * step).toFixed(1)} ${(24 - (value / top) * 22).toFixed(1)}`,
    )
    .join('')
  return (
    <svg class="spark" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">
      {values.length < 2 ? null : <path class={`line-${tone}`} d={path} vector-effect="non-scaling-stroke" />}
    </svg>
  )
}
