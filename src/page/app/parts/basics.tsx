/** Small parts of all views. */
import type { ComponentChildren } from 'preact'
import { dateTime, exactTime } from '../data/format.ts'
import { hrefOf, navigate, type View } from '../data/router.ts'

type Tone = 'decided' | 'open' | 'worse' | 'plain'

const MARKS: Readonly<Record<Tone, ComponentChildren>> = {
  decided: <path d="M3 8.5l3.2 3L13 4.8" />,
  open: <circle cx="8" cy="8" r="5.5" stroke-dasharray="2.9 2.9" />,
  worse: <path d="M8 2.5v9M3.8 8L8 12.3 12.2 8" />,
  plain: <circle cx="8" cy="8" r="2.5" />,
}

/** A result: colour, word and shape say the same. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {MARKS[tone]}
      </svg>
      {children}
    </span>
  )
}

interface LinkProps {
  to: View
  query?: Readonly<Record<string, string | undefined>>
  class?: string
  current?: boolean
  children: ComponentChildren
}

/** A link to a view. It loads nothing, unless it is opened in a new tab. */
export function Link({ to, query, current, children, class: name }: LinkProps) {
  const href = hrefOf(to, query)
  function open(event: MouseEvent): void {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(href)
  }
  return (
    <a href={href} class={name} onClick={open} {...(current && { 'aria-current': 'page' as const })}>
      {children}
    </a>
  )
}

/** A local time. Its title has the offset and UTC: made when a pointer is over it, because a table has a time in each row. */
export function Time({ iso }: { iso: string }) {
  function explain({ currentTarget }: { currentTarget: HTMLElement }): void {
    currentTarget.title = exactTime(iso)
  }
  return (
    <time dateTime={iso} onPointerEnter={explain}>
      {dateTime(iso)}
    </time>
  )
}

/** An agent and its model, as the head of a row. */
export function Candidate({ agent, model }: { agent: string; model: string }) {
  return (
    <>
      <Link to="agent" query={{ agent_name: agent }} class="name">
        {agent}
      </Link>
      <span class="model">{model}</span>
    </>
  )
}

const DOTS: readonly string[] = ['insufficient', 'low', 'medium', 'high']

/** What the number of attempts can show: a word and up to three dots. */
export function EvidenceLabel({ evidence }: { evidence: string }) {
  const filled = DOTS.indexOf(evidence)
  return (
    <span class="evidence">
      {evidence}
      <svg viewBox="0 0 36 12" width="36" height="12" aria-hidden="true">
        {[0, 1, 2].map(i => (
          <circle key={i} cx={6 + 12 * i} cy="6" r="4" class={i < filled ? 'full' : 'hollow'} />
        ))}
      </svg>
    </span>
  )
}

/** Grey lines in the place of what loads. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  )
}

/** Why something is not shown. */
export function Notice({ children, isError = false }: { children: ComponentChildren; isError?: boolean }) {
  return (
    <p class={isError ? 'notice error' : 'notice'} role={isError ? 'alert' : undefined}>
      {children}
    </p>
  )
}
