/** One number with its name. */
import type { ComponentChildren } from 'preact'
import { Explain, type ExplainProps } from './explain.tsx'

interface FigureProps {
  label: string
  value: ComponentChildren
  note?: ComponentChildren
  explain?: Omit<ExplainProps, 'title'>
}

export function Figure({ label, value, note, explain }: FigureProps) {
  return (
    <div class="card">
      <div class="figure-label">
        {label} {explain !== undefined && <Explain title={label} {...explain} />}
      </div>
      <div class="figure-value">{value}</div>
      {note !== undefined && <div class="figure-note">{note}</div>}
    </div>
  )
}
