/** Now: what arrives, what failed, and whether anything changed by more than chance. */
import { useAnswer } from '../data/answers.ts'
import type { Query } from '../data/api.ts'
import { useNewestAttempts } from '../data/attempts.ts'
import { count, interval, money, NONE, plural, points, rate, signed } from '../data/format.ts'
import { ATTEMPT_COLUMNS, AttemptTable } from '../parts/attempt-table.tsx'
import { Badge, Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { tableCsv } from '../parts/data-table.tsx'
import { Figure } from '../parts/figure.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { TrendVerdict } from '../parts/trend-verdict.tsx'
import { RateOverTime } from '../plots/rate-over-time.tsx'

/** Rows of the lists. */
const SHOWN = 8

export function NowView() {
  const given = filterQuery()
  const query = { ...given, since: given['since'] ?? '24h' }
  const report = useAnswer('report', query)
  const trends = useAnswer('trends', query)
  const costs = useAnswer('costs', query)
  const summary = report.data?.summary
  const cost = costs.data?.overall
  const range = given['since'] === undefined ? 'last 24 hours' : 'range'
  return (
    <main aria-busy={report.isBusy || trends.isBusy || costs.isBusy}>
      <Heading
        title="Now"
        filters={['agent_name', 'model_name', 'issue_type', 'since']}
        all={{ since: 'Last 24 hours' }}
      >
        {given['since'] === undefined
          ? 'The last 24 hours, as attempts arrive.'
          : 'The chosen range, as attempts arrive.'}
      </Heading>
      <div class="figures">
        <Figure
          label="Attempts"
          value={summary === undefined ? NONE : count(summary.total_attempts)}
          note={`in the ${range}`}
          explain={{ path: 'report', query, field: ['summary', 'total_attempts'] }}
        />
        <Figure
          label="Success rate"
          value={summary === undefined || summary.total_attempts === 0 ? NONE : rate(summary.overall_success_rate)}
          note={
            summary === undefined || summary.total_attempts === 0
              ? 'no attempts'
              : `95% interval ${interval(summary.success_rate_interval)}`
          }
          explain={{
            path: 'report',
            query,
            field: ['summary', 'overall_success_rate'],
            attempts: summary?.total_attempts,
          }}
        />
        <Figure
          label="Failures"
          value={summary === undefined ? NONE : count(summary.total_attempts - summary.total_successful)}
          note={
            summary === undefined
              ? ''
              : `of ${plural(summary.total_agents, 'agent')} at ${plural(summary.total_issue_types, 'issue type')}`
          }
          explain={{ path: 'report', query, field: ['summary', 'total_successful'] }}
        />
        <Figure
          label="Cost"
          value={cost?.total_cost_usd == null ? NONE : money(cost.total_cost_usd)}
          note={
            cost === undefined
              ? ''
              : cost.unpriced === 0
                ? 'all attempts are priced'
                : `${count(cost.unpriced)} without a price`
          }
          explain={{ path: 'costs', query, field: ['overall', 'total_cost_usd'] }}
        />
      </div>
      <TrendVerdict answer={trends} />
      <Card title="Rate over time" source={{ path: 'trends', query }}>
        <Loaded answer={trends} rows={6}>
          {data =>
            data.points.some(({ total_attempts }) => total_attempts > 0) ? (
              <RateOverTime label="Success rate over time" points={data.points} />
            ) : (
              <Notice>No attempts in the {range}. Choose a longer range.</Notice>
            )
          }
        </Loaded>
      </Card>
      <Changes query={given} />
      <Latest query={query} />
    </main>
  )
}

/** The later half of two days compared with the earlier half. */
function Changes({ query }: { query: Query }) {
  const asked = { ...query, since: '48h' }
  const answer = useAnswer('trends', asked)
  return (
    <Card title="What changed since yesterday" source={{ path: 'trends', query: asked }}>
      <Loaded answer={answer} rows={2}>
        {({ change, direction, earlier_half, later_half, drifted_keys }) => (
          <ul class="sentences">
            <li>
              <Badge tone={direction === 'improving' ? 'decided' : direction === 'degrading' ? 'worse' : 'open'}>
                {direction === 'improving' ? 'Better' : direction === 'degrading' ? 'Worse' : 'Cannot tell yet'}
              </Badge>
              <span>
                {change === null || earlier_half === null || later_half === null
                  ? 'There are too few attempts in the last two days to compare.'
                  : `The later half of the attempts of two days succeeds ${rate(later_half.success_rate)}, the earlier half ${rate(earlier_half.success_rate)}: ${points(change.difference)}, 95% interval ${signed(change.difference_interval.low)} to ${signed(change.difference_interval.high)}.`}
              </span>
            </li>
            {drifted_keys.slice(0, SHOWN).map(drift => (
              <li key={JSON.stringify([drift.agent_name, drift.model_name, drift.issue_type])}>
                <Badge tone={drift.direction === 'down' ? 'worse' : 'decided'}>
                  {drift.direction === 'down' ? 'Worse' : 'Better'}
                </Badge>
                <span>
                  <strong>{drift.agent_name}</strong> with {drift.model_name} at {drift.issue_type}:{' '}
                  {rate(drift.observed_rate ?? 0)} instead of {rate(drift.expected_rate ?? 0)}, for about{' '}
                  {plural(drift.began_attempts_ago ?? 0, 'attempt')}.
                </span>
              </li>
            ))}
            {drifted_keys.length > SHOWN && <li>{count(drifted_keys.length - SHOWN)} more have drifted.</li>}
          </ul>
        )}
      </Loaded>
    </Card>
  )
}

/** Without the columns that say little at a glance. */
const FAILURE_COLUMNS = ATTEMPT_COLUMNS.filter(({ title }) =>
  ['Ended', 'Agent', 'Issue type', 'Result'].includes(title),
)

function Latest({ query }: { query: Query }) {
  const { answer, attempts } = useNewestAttempts(query)
  const failures = attempts.filter(({ success }) => !success)
  const types = [...Map.groupBy(failures, ({ error_type }) => error_type ?? 'failed')].sort(
    ([, a], [, b]) => b.length - a.length,
  )
  return (
    <div class="columns">
      <Card title="Latest attempts" source={{ path: 'attempts', query }}>
        <Loaded answer={answer} rows={5}>
          {() =>
            attempts.length === 0 ? (
              <Notice>No attempt in the range.</Notice>
            ) : (
              <AttemptTable caption="Latest attempts" attempts={attempts.slice(0, SHOWN)} columns={FAILURE_COLUMNS} />
            )
          }
        </Loaded>
      </Card>
      <Card title="Latest failures" csv={tableCsv('failures', ATTEMPT_COLUMNS, failures)}>
        <Loaded answer={answer} rows={5}>
          {() =>
            failures.length === 0 ? (
              <Notice>No failure among the latest attempts.</Notice>
            ) : (
              <>
                <p class="card-body">
                  {types
                    .slice(0, 4)
                    .map(([type, own]) => `${type}: ${count(own.length)}`)
                    .join(' · ')}{' '}
                  of the latest {count(attempts.length)} attempts
                </p>
                <AttemptTable caption="Latest failures" attempts={failures.slice(0, SHOWN)} columns={FAILURE_COLUMNS} />
              </>
            )
          }
        </Loaded>
      </Card>
    </div>
  )
}
