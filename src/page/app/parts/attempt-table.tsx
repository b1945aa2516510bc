/** Attempts as rows. */
import { useRef } from 'preact/hooks'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { identityOf } from '../data/attempts.ts'
import { duration, NONE, share } from '../data/format.ts'
import { traceHref } from '../data/trace-viewer.ts'
import { Link, Time } from './basics.tsx'
import { moneyColumn, numberColumn, textColumn } from './columns.tsx'
import { CopyButton } from './copy.tsx'
import { type Column, DataTable } from './data-table.tsx'
import { useHold } from './hold.ts'

export const ATTEMPT_COLUMNS: readonly Column<AgentAttempt>[] = [
  textColumn(
    'Ended',
    ({ timestamp }) => timestamp,
    ({ timestamp }) => <Time iso={timestamp} />,
  ),
  textColumn(
    'Agent',
    ({ agent_name }) => agent_name,
    ({ agent_name }) => (
      <Link to="agent" query={{ agent_name }}>
        {agent_name}
      </Link>
    ),
  ),
  textColumn('Model', ({ model_name }) => model_name),
  textColumn(
    'Issue type',
    ({ issue_type }) => issue_type,
    ({ issue_type }) => (
      <Link to="best" query={{ issue_type }}>
        {issue_type}
      </Link>
    ),
  ),
  textColumn(
    'Result',
    ({ success, error_type }) => (success ? 'success' : success === undefined ? 'pending' : (error_type ?? 'failure')),
    ({ success, error_type }) =>
      success ? (
        <span class="outcome-success">✓ solved</span>
      ) : success === undefined ? (
        <span>pending</span>
      ) : (
        <span class="outcome-failure">✗ {error_type ?? 'failed'}</span>
      ),
  ),
  numberColumn('Stated', ({ confidence }) => confidence, share),
  numberColumn('Time', ({ time_seconds }) => time_seconds, duration),
  moneyColumn('Cost', ({ cost_usd, computed_cost_usd }) => cost_usd ?? computed_cost_usd),
  textColumn(
    'Trace',
    ({ trace_id }) => trace_id,
    ({ trace_id }) => (trace_id === undefined ? NONE : <Trace id={trace_id} />),
  ),
]

/** A link to the trace viewer, or the id to copy if none is set. */
function Trace({ id }: { id: string }) {
  const href = traceHref(id)
  const shown = `${id.slice(0, 8)}…`
  if (href === undefined) return <CopyButton key={id} text={id} label={shown} />
  return (
    <a href={href} target="_blank" rel="noreferrer" title={`Trace ${id}`}>
      {shown}
    </a>
  )
}

interface AttemptTableProps {
  caption: string
  attempts: readonly AgentAttempt[]
  /** Columns without a value in any row are left out. */
  columns?: readonly Column<AgentAttempt>[]
}

export function AttemptTable({ caption, attempts, columns = ATTEMPT_COLUMNS }: AttemptTableProps) {
  const used = columns.filter(column => attempts.some(attempt => column.csv(attempt) != null))
  return <DataTable caption={caption} columns={used} rows={attempts} keyOf={keyOf} />
}

/** {@link AttemptTable} of attempts that arrive. Its rows stay while the reader points at them or focuses them. */
export function LiveAttemptTable({ attempts, ...table }: AttemptTableProps) {
  const { isHeld, handlers } = useHold()
  const shown = useRef(attempts)
  if (!isHeld) shown.current = attempts
  return (
    <div {...handlers}>
      <AttemptTable {...table} attempts={shown.current} />
    </div>
  )
}

const keyOf = (attempt: AgentAttempt): string => attempt.attempt_id ?? identityOf(attempt)
