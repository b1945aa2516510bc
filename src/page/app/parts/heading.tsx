/** The head of a view: its title, one sentence, and its filters. */
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { type FilterName, Filters } from './filters.tsx'

interface HeadingProps {
  title: string
  children?: ComponentChildren
  filters: readonly FilterName[]
  all?: Partial<Record<FilterName, string>>
}

export function Heading({ title, children, filters, all = {} }: HeadingProps) {
  useEffect(() => {
    document.title = `${title} · agent-performance`
  }, [title])
  return (
    <div class="heading">
      <div>
        <h1>{title}</h1>
        {children !== undefined && <p>{children}</p>}
      </div>
      <Filters names={filters} all={all} />
    </div>
  )
}
