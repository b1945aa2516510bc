/** Attempts as rows. */
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { duration, money, NONE, share } from '../data/format.ts'
import { Link, Time } from './basics.tsx'
import { CopyButton } from './copy.tsx'
import { type Column, DataTable } from './data-table.tsx'

export const ATTEMPT_COLUMNS: readonly Column<AgentAttempt>[] = [
  {
    title: 'Ended',
    isText: true,
    cell: ({ timestamp }) => <Time iso={timestamp} />,
    csv: ({ timestamp }) => timestamp,
  },
  {
    title: 'Agent',
    isText: true,
    cell: ({ agent_name }) => (
      <Link to="agent" query={{ agent_name }}>
        {agent_name}
      </Link>
    ),
    csv: ({ agent_name }) => agent_name,
  },
  { title: 'Model', isText: true, cell: ({ model_name }) => model_name, csv: ({ model_name }) => model_name },
  {
    title: 'Issue type',
    isText: true,
    cell: ({ issue_type }) => (
      <Link to="best" query={{ issue_type }}>
        {issue_type}
      </Link>
    ),
    csv: ({ issue_type }) => issue_type,
  },
  {
    title: 'Result',
    isText: true,
    cell: ({ success, error_type }) =>
      success ? (
        <span class="outcome-success">✓ solved</span>
      ) : (
        <span class="outcome-failure">✗ {error_type ?? 'failed'}</span>
      ),
    csv: ({ success, error_type }) => (success ? 'success' : (error_type ?? 'failure')),
  },
  {
    title: 'Stated',
    cell: ({ confidence }) => (confidence == null ? NONE : share(confidence)),
    csv: ({ confidence }) => confidence,
  },
  { title: 'Time', cell: ({ time_seconds }) => duration(time_seconds), csv: ({ time_seconds }) => time_seconds },
  {
    title: 'Cost',
    cell: attempt => {
      const cost = costOf(attempt)
      return cost === undefined ? NONE : money(cost)
    },
    csv: costOf,
  },
  {
    title: 'Trace',
    isText: true,
    cell: ({ trace_id }) =>
      trace_id === undefined ? NONE : <CopyButton text={trace_id} label={`${trace_id.slice(0, 8)}…`} />,
    csv: ({ trace_id }) => trace_id,
  },
]

function costOf({ cost_usd, computed_cost_usd }: AgentAttempt): number | undefined {
  return cost_usd ?? computed_cost_usd
}

interface AttemptTableProps {
  caption: string
  attempts: readonly AgentAttempt[]
  /** Columns without a value in any row are left out. */
  columns?: readonly Column<AgentAttempt>[]
}

export function AttemptTable({ caption, attempts, columns = ATTEMPT_COLUMNS }: AttemptTableProps) {
  const used = columns.filter(column => attempts.some(attempt => column.csv(attempt) != null))
  const seen = new Map<string, number>()
  const keys = new Map(attempts.map(attempt => [attempt, keyOf(attempt, seen)]))
  return <DataTable caption={caption} columns={used} rows={attempts} keyOf={attempt => keys.get(attempt)!} />
}

/** Equal attempts without an id are numbered. */
function keyOf(attempt: AgentAttempt, seen: Map<string, number>): string {
  const text = attempt.attempt_id ?? JSON.stringify(attempt)
  const count = (seen.get(text) ?? 0) + 1
  seen.set(text, count)
  return `${text} ${count}`
}
