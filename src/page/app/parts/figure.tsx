/** One number with its name. */
import type { ComponentChildren } from 'preact'
import type { Given, Query } from '../data/api.ts'
import { count, money, NONE } from '../data/format.ts'
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

interface TotalCostFigureProps {
  label: string
  /** Undefined until it is known. */
  cost: Given<'costs'>['overall'] | undefined
  query: Query
}

/** What all attempts cost together, and how many of them have no price. */
export function TotalCostFigure({ label, cost, query }: TotalCostFigureProps) {
  const priced = cost?.unpriced === 0 ? 'all attempts are priced' : `${count(cost?.unpriced ?? 0)} without a price`
  return (
    <Figure
      label={label}
      value={cost?.total_cost_usd == null ? NONE : money(cost.total_cost_usd)}
      note={cost === undefined ? '' : priced}
      explain={{ path: 'costs', query, field: ['overall', 'total_cost_usd'] }}
    />
  )
}
