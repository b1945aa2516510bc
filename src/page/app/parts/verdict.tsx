/** The answer of a view, as a sentence above its plots. */
import type { ComponentChildren } from 'preact'
import { Badge } from './basics.tsx'

interface VerdictProps {
  badge: ComponentChildren
  children: ComponentChildren
  detail?: ComponentChildren
  /** Changes when the kind of the result changes: a screen reader speaks only then, and not at every attempt. */
  announced?: string
}

export function Verdict({ badge, children, detail, announced }: VerdictProps) {
  return (
    <section class="card verdict" aria-label="Verdict">
      <div>{badge}</div>
      <div>
        <p class="sentence">{children}</p>
        {detail !== undefined && <p class="detail">{detail}</p>}
      </div>
      <p class="hidden" aria-live="polite">
        {announced}
      </p>
    </section>
  )
}

/** In the place of a verdict that is not there: it loads, or why it cannot be had. */
export function PendingVerdict({ error }: { error: string | undefined }) {
  return (
    <Verdict badge={<Badge tone="plain">{error === undefined ? 'Loading' : 'No answer'}</Badge>}>
      {error ?? '\u00a0'}
    </Verdict>
  )
}
